//! What a batch on its way along a direction reads and writes, and the sums over it.

use std::ops::Range;

use super::super::Station;
use super::super::shares::{column_products, column_statistics, shared, totals};
use super::super::step::{Place, Value};
use super::compile::CurvaturePlan;
use super::direction::DirectionStation;
use super::norm::Here;
use super::run::{Course, GivenAlong, Order};
use super::workspace::CurvatureWorkspace;
use crate::kernels::{Aligned, Source};

/// A batch on its way along a direction.
pub(super) struct Pass<'a> {
    pub plan: &'a CurvaturePlan,
    pub here: &'a Station<'a>,
    pub direction: &'a DirectionStation,
    pub course: Course<'a>,
    pub samples: usize,
    pub second: f64,
    pub workspace: &'a mut CurvatureWorkspace,
}

impl Pass<'_> {
    pub fn is_of_batch(&self) -> bool {
        matches!(self.course.given, GivenAlong::Batch)
    }

    /// Values that a norm's statistics are of.
    pub fn count(&self, norm: usize) -> usize {
        self.samples * self.plan.gradient.plan.norms[norm].pixels
    }

    pub fn norm(&self, norm: usize) -> Here<'_> {
        let [gamma, _] = &self.here.norms[norm];
        let statistics = &self.workspace.gradient.forward.statistics[norm];
        Here { gamma, direction: &self.direction.station.norms[norm], statistics }
    }

    /// Has `fill` write a tangent of so many numbers a sample, share by share.
    pub fn write(
        &mut self,
        to: usize,
        each: usize,
        fill: impl Fn(Range<usize>, &mut [f32], &Self) + Sync,
    ) {
        self.write_with(to, each, 0, |samples, [out, _], pass| fill(samples, out, pass));
    }

    /// The same, with sums of so many numbers a sample, zero at first, beside it.
    pub fn write_with(
        &mut self,
        to: usize,
        each: usize,
        beside: usize,
        fill: impl Fn(Range<usize>, [&mut [f32]; 2], &Self) + Sync,
    ) {
        let mut out: Aligned = std::mem::take(&mut self.workspace.tangents[to]);
        self.fill(&mut out, each, beside, fill);
        self.workspace.tangents[to] = out;
    }

    pub fn fill(
        &mut self,
        out: &mut Aligned,
        each: usize,
        beside: usize,
        fill: impl Fn(Range<usize>, [&mut [f32]; 2], &Self) + Sync,
    ) {
        let mut sums = std::mem::take(&mut self.workspace.sums);
        sums.resize(self.samples * beside, 0.0);
        let (shares, samples) = (self.workspace.gradient.forward.shares, self.samples);
        let pass = &*self;
        let work = |samples, [out, sums]: [&mut [f32]; 2]| {
            sums.fill(0.0);
            fill(samples, [out, sums], pass);
        };
        shared(shares, 0..samples, [out.of_len(samples * each), &mut sums], &work);
        self.workspace.sums = sums;
    }

    /// The sums over samples of so many numbers beside what was filled last.
    pub fn totals(&self, beside: usize) -> Vec<f64> {
        totals(self.workspace.gradient.forward.shares, &self.workspace.sums, beside)
    }

    /// The sums of x1 and x1 (x - m) where samples have one pixel.
    pub fn column_sums(&self, norm: usize, (tangent, place): (usize, Place)) -> Vec<f64> {
        let channels = self.plan.gradient.plan.norms[norm].channels;
        let (forward, all) = (&self.workspace.gradient.forward, 0..self.samples);
        let both =
            [self.tangent(tangent, channels, &all), self.plain(place, channels, &all).pixels];
        column_products(forward.shares, both, forward.affine[norm].mean())
    }

    /// The sums of (x1 - m1)² for a norm of the batch, and of the adjoint times x1 - m1, likewise.
    pub fn weighed_columns(&self, norm: usize, [tangent, adjoint]: [usize; 2]) -> Vec<f64> {
        let channels = self.plan.gradient.plan.norms[norm].channels;
        let (shares, all) = (self.workspace.gradient.forward.shares, 0..self.samples);
        let (tangent, adjoint) =
            (self.tangent(tangent, channels, &all), self.adjoint(adjoint, channels, &all));
        let mean = self.workspace.norms[norm].coefficients().tangent_mean;
        let mut sums = column_products(shares, [adjoint, tangent], mean);
        if self.course.order == Order::Second && self.is_of_batch() {
            let variance = column_statistics(shares, tangent, channels).variance;
            let squares = variance.iter().map(|variance| variance * self.samples as f64);
            sums.iter_mut().zip(squares).for_each(|(to, squares)| *to = squares);
        }
        sums
    }

    /// Some samples of a tangent of so many numbers each.
    pub fn tangent(&self, tangent: usize, each: usize, samples: &Range<usize>) -> &[f32] {
        &self.workspace.tangents[tangent][samples.start * each..samples.end * each]
    }

    pub fn adjoint(&self, buffer: usize, each: usize, samples: &Range<usize>) -> &[f32] {
        &self.workspace.gradient.gradients[buffer][samples.start * each..samples.end * each]
    }

    pub fn source(&self, value: Value, samples: Range<usize>) -> Source<'_> {
        self.workspace.gradient.forward.source(value, self.course.images, samples)
    }

    /// Activations as they stand in a place.
    pub fn plain(&self, place: Place, each: usize, samples: &Range<usize>) -> Source<'_> {
        let forward = &self.workspace.gradient.forward;
        let pixels = forward.part(place, self.course.images, each, samples);
        Source { pixels, normalise: None }
    }
}

//! One batch through the steps of a plan.

use std::ops::Range;

use super::shares::{column_statistics, shared, totals};
use super::step::{Place, Pools, Step, Value};
use super::{NormStatistics, Plan, Station, Workspace};
use crate::kernels::{
    Aligned, BatchStatistics, InstructionSet, Normalise, Source, Statistics, Target, average_pool,
    max_pool,
};

/// Where norms take their statistics from.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// The batch. Sums are taken of x - shift, with a shift near the mean for each channel of each
    /// norm, which keeps rounding errors small and is not otherwise seen.
    Batch(&'a [Vec<f32>]),
    /// These, one for each norm.
    Frozen(&'a [NormStatistics]),
}

impl Plan {
    /// The logits [n, classes] of images [n, h, w, c] at a station. What norms have seen stands in the
    /// workspace afterwards.
    pub fn run<'w>(
        &self,
        station: &Station,
        given: Given,
        images: &[f32],
        workspace: &'w mut Workspace,
    ) -> &'w [f32] {
        let samples = images.len() / self.input.len();
        let mut pass = Batch { plan: self, station, given, images, samples, workspace };
        self.steps.iter().for_each(|step| pass.step(step));
        self.logits(samples, workspace)
    }

    pub(super) fn logits<'w>(&self, samples: usize, workspace: &'w Workspace) -> &'w [f32] {
        match self.output.place {
            Place::Buffer(index) => &workspace.buffers[index][..samples * self.output.len()],
            Place::Images => &[],
        }
    }
}

/// A batch on its way.
pub(super) struct Batch<'a> {
    pub plan: &'a Plan,
    pub station: &'a Station<'a>,
    pub given: Given<'a>,
    pub images: &'a [f32],
    pub samples: usize,
    pub workspace: &'a mut Workspace,
}

impl Batch<'_> {
    pub fn step(&mut self, step: &Step) {
        let instructions = InstructionSet::detect();
        let samples = self.samples;
        match *step {
            Step::Convolve { weights, from, shortcut, to, gathers, pools } => {
                self.convolve((weights, from, shortcut), (to, pools), gathers);
            }
            Step::MaxPool { from, size, to } => {
                self.write(to, samples * from.len() / (size * size), |samples, out, batch| {
                    max_pool(instructions, batch.source(from, samples), from.shape, size, out);
                });
            }
            Step::AveragePool { from, to } => {
                let [height, width, channels] = from.shape;
                self.write(to, samples * channels, |samples, out, batch| {
                    let source = batch.source(from, samples);
                    average_pool(instructions, source, height * width, channels, out);
                });
            }
            Step::Smooth { function, from, to } => {
                let (channels, each) = (from.shape[2], from.len());
                self.write(to, samples * each, |samples, out, batch| {
                    // While a sample is in the cache.
                    for (sample, out) in samples.zip(out.chunks_exact_mut(each)) {
                        let source = batch.source(from, sample..sample + 1);
                        source.apply(instructions, channels, out);
                        function.apply(instructions, out);
                    }
                });
            }
            Step::Add { from, other, to } => {
                self.write(to, samples * from.len(), |samples, out, batch| {
                    let other = batch.part(other, from.len(), &samples);
                    max_pool(instructions, batch.source(from, samples), from.shape, 1, out);
                    out.iter_mut().zip(other).for_each(|(sum, x)| *sum += x);
                });
            }
            Step::Gather { from, norm } => self.gather(from.place, samples * from.len(), norm),
            Step::Normalise { norm, .. } => self.normalise(norm),
        }
    }

    fn convolve(
        &mut self,
        what @ (weights, ..): (usize, Value, Option<Place>),
        (to, pools): (usize, Option<Pools>),
        gathers: Option<usize>,
    ) {
        let packed = &self.station.packed[weights];
        let pooled = pools.filter(|_| packed.pools());
        let signs = pooled.map(|pools| self.signs(pools, packed.shape().outputs));
        if let Some(signs) = signs
            && self.write_outputs(what, (to, Some(&signs)), gathers)
        {
            return;
        }
        let whole = pools.map_or(to, |pools| pools.whole);
        if !self.write_outputs(what, (whole, None), gathers)
            && let Some(norm) = gathers
        {
            let channels = packed.shape().outputs;
            let len = self.samples * packed.shape().output_len();
            let values = &self.workspace.buffers[whole][..len];
            self.workspace.statistics[norm] =
                column_statistics(self.workspace.shares, values, channels);
        }
        if let Some(pools) = pools {
            self.pool(weights, pools, to);
        }
    }

    /// Writes the outputs of a convolution, only the largest or smallest of 2x2 if there are signs, and their statistics,
    /// unless they are far from the shift: then it returns false.
    fn write_outputs(
        &mut self,
        (weights, from, shortcut): (usize, Value, Option<Place>),
        (to, signs): (usize, Option<&[f32]>),
        gathers: Option<usize>,
    ) -> bool {
        let packed = &self.station.packed[weights];
        let each = packed.shape().output_len() / if signs.is_some() { 4 } else { 1 };
        let gathered = match (gathers, self.given) {
            (Some(norm), Given::Batch(shifts)) => Some((norm, shifts[norm].as_slice())),
            _ => None,
        };
        let adds = shortcut == Some(Place::Buffer(to));
        let shortcut = shortcut.filter(|_| !adds);
        let mut sums = std::mem::take(&mut self.workspace.sums);
        sums.resize(gathered.map_or(0, |(_, shift)| self.samples * 2 * shift.len()), 0.0);
        self.write_with(to, self.samples * each, &mut sums, |samples, [pixels, sums], batch| {
            let shortcut = shortcut.map(|place| batch.part(place, each, &samples));
            sums.fill(0.0);
            let statistics = gathered.map(|(_, shift)| Statistics { shift, sums });
            let target = Target { shortcut, adds, statistics, ..Target::plain(pixels) };
            let source = batch.source(from, samples);
            batch.workspace.scratches.with(|scratch| match signs {
                Some(signs) => packed.forward_pooled(source, target, signs, scratch),
                None => packed.forward(source, target, scratch),
            });
        });
        let mut are_near = true;
        if let Some((norm, shift)) = gathered {
            let pixels = self.plan.norms[norm].pixels;
            let totals = totals(self.workspace.shares, &sums, 2 * shift.len());
            let BatchStatistics { mean, variance } =
                BatchStatistics::from_totals(&totals, shift, self.samples * pixels);
            let gathered = NormStatistics { mean, variance };
            are_near = gathered.are_near(shift);
            self.workspace.statistics[norm] = gathered;
        }
        self.workspace.sums = sums;
        are_near
    }

    /// 1 for each channel whose maxima are those of its outputs, -1 where a norm makes them of the minima.
    fn signs(&self, pools: Pools, channels: usize) -> Vec<f32> {
        let sign = |&gamma: &f64| if gamma < 0.0 { -1.0 } else { 1.0 };
        pools.norm.map_or_else(
            || vec![1.0; channels],
            |norm| self.station.norms[norm][0].iter().map(sign).collect(),
        )
    }

    /// Pools the whole outputs of a convolution.
    pub fn pool(&mut self, weights: usize, pools: Pools, to: usize) {
        let shape = self.station.packed[weights].shape();
        let ([height, width], channels) = (shape.output_size(), shape.outputs);
        let (signs, zeros) = (self.signs(pools, channels), vec![0.0; channels]);
        let (mean, offset) = (zeros.as_slice(), zeros.as_slice());
        let normalise = Some(Normalise { mean, scale: &signs, offset, rectify: false });
        let each = shape.output_len();
        self.write(to, self.samples * each / 4, |samples, out, batch| {
            let pixels = batch.part(Place::Buffer(pools.whole), each, &samples);
            let source = Source { pixels, normalise };
            max_pool(InstructionSet::detect(), source, [height, width, channels], 2, out);
            for pixel in out.chunks_exact_mut(channels) {
                pixel.iter_mut().zip(&signs).for_each(|(x, sign)| *x *= sign);
            }
        });
    }

    /// Statistics of a norm whose input nobody gathered.
    fn gather(&mut self, place: Place, len: usize, norm: usize) {
        if let Given::Batch(_) = self.given {
            let values = self.part(place, len / self.samples, &(0..self.samples));
            let channels = self.plan.norms[norm].channels;
            self.workspace.statistics[norm] =
                column_statistics(self.workspace.shares, values, channels);
        }
    }

    pub fn normalise(&mut self, norm: usize) {
        let Workspace { statistics, affine, .. } = &mut *self.workspace;
        if let Given::Frozen(all) = self.given {
            statistics[norm].clone_from(&all[norm]);
        }
        let [gamma, beta] = &self.station.norms[norm];
        affine[norm].set(&statistics[norm], gamma, beta);
    }

    /// Has `fill` write `len` numbers to a buffer, which it reads at most where it writes, share by share.
    pub fn write(
        &mut self,
        to: usize,
        len: usize,
        fill: impl Fn(Range<usize>, &mut [f32], &Self) + Sync,
    ) {
        self.write_with(to, len, &mut [], |samples, [out, _], batch| fill(samples, out, batch));
    }

    /// The same, with numbers for every sample beside the buffer.
    fn write_with(
        &mut self,
        to: usize,
        len: usize,
        beside: &mut [f32],
        fill: impl Fn(Range<usize>, [&mut [f32]; 2], &Self) + Sync,
    ) {
        let mut out: Aligned = std::mem::take(&mut self.workspace.buffers[to]);
        let (shares, samples) = (self.workspace.shares, 0..self.samples);
        let work = |samples, parts: [&mut [f32]; 2]| fill(samples, parts, self);
        shared(shares, samples, [out.of_len(len), beside], &work);
        self.workspace.buffers[to] = out;
    }

    fn part(&self, place: Place, each: usize, samples: &Range<usize>) -> &[f32] {
        self.workspace.part(place, self.images, each, samples)
    }

    fn source(&self, value: Value, samples: Range<usize>) -> Source<'_> {
        self.workspace.source(value, self.images, samples)
    }
}

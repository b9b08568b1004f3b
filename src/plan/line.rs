//! A batch at the points of a line whose first layer is linear in theta: its output is a + alpha b.

use super::run::{Batch, Given};
use super::statistics::NormStatistics;
use super::step::{Place, Step, Value};
use super::{Plan, Station, Workspace};
use crate::kernels::{
    Aligned, BatchStatistics, InstructionSet, LineStatistics, Source, Target, mix,
};

/// The first step's output for one batch, a + alpha b along a line: what its points share.
#[derive(Debug, Default)]
pub(super) struct FirstStep {
    /// a and b.
    ends: [Aligned; 2],
    samples: usize,
    /// The norm of what it writes, and that one's statistics along the line.
    norm: Option<(usize, LineStatistics)>,
}

impl Plan {
    /// Computes the first step of a batch, at stations with the parameters of the line's start and with
    /// its direction, if the plan [begins linear](Plan::begins_linear); and, if norms are given the batch, the statistics
    /// of the first one along the line.
    pub fn first_step(
        &self,
        stations: &[Station; 2],
        given: Given,
        images: &[f32],
        workspace: &mut Workspace,
    ) {
        let FirstStep { mut ends, .. } = std::mem::take(&mut workspace.first);
        let samples = images.len() / self.input.len();
        let outputs = ends.each_mut().map(|end| end.of_len(samples * self.first_len()));
        for (station, out) in stations.iter().zip(outputs) {
            let (source, target) = (Source { pixels: images, normalise: None }, Target::plain(out));
            let packed = &station.packed[0];
            workspace.scratches.with(|scratch| packed.forward(source, target, scratch));
        }
        let is_of_batch = matches!(given, Given::Batch(_));
        let norm = self.norm_of_first().filter(|_| is_of_batch).map(|norm| {
            let ends = ends.each_ref().map(|end| &end[..samples * self.first_len()]);
            let channels = self.norms[norm].channels;
            (norm, LineStatistics::of(InstructionSet::detect(), ends, channels))
        });
        workspace.first = FirstStep { ends, samples, norm };
    }

    /// The norm whose statistics the first step gathers while it writes, or the second one from what that wrote.
    fn norm_of_first(&self) -> Option<usize> {
        match self.steps[..] {
            [Step::Convolve { gathers: Some(norm), .. }, ..] => Some(norm),
            [Step::Convolve { to, pools: None, .. }, Step::Gather { from, norm }, ..] => {
                (from.place == Place::Buffer(to)).then_some(norm)
            }
            _ => None,
        }
    }

    /// What the step behind the second one's norm reads, that step with nothing left to be done to it, and the steps
    /// that follow: if it is a convolution of the first step's output, which no other step reads.
    fn only_reader(&self) -> Option<(Value, Step, &[Step])> {
        let [first, Step::Gather { .. }, Step::Normalise { norm, .. }, reader, rest @ ..] =
            &self.steps[..]
        else {
            return None;
        };
        let Step::Convolve { weights, from, shortcut: None, to, gathers, pools } = *reader else {
            return None;
        };
        let place = first.writes()?;
        let is_of_norm = from.norm == Some(*norm) && self.norm_of_first() == from.norm;
        // Who reads or writes there next.
        let next = rest.iter().find(|step| step.reads(place) || step.writes() == Some(place));
        if from.place != place || !is_of_norm || next.is_some_and(|step| step.reads(place)) {
            return None;
        }
        let plain = Value { norm: None, rectify: false, ..from };
        let reader = Step::Convolve { weights, from: plain, shortcut: None, to, gathers, pools };
        Some((from, reader, rest))
    }

    /// As [`Plan::run`], at the point a + alpha b of the first step that was computed last.
    pub fn run_from<'w>(
        &self,
        alpha: f64,
        station: &Station,
        given: Given,
        workspace: &'w mut Workspace,
    ) -> &'w [f32] {
        let samples = workspace.first.samples;
        let mut pass = Batch { plan: self, station, given, images: &[], samples, workspace };
        if let Some((from, reader, rest)) = self.only_reader() {
            pass.take_norm_of_first(alpha);
            if let Some(norm) = from.norm {
                pass.normalise(norm);
            }
            pass.mix(alpha, Some(from));
            pass.step(&reader);
            rest.iter().for_each(|step| pass.step(step));
        } else if let Some((&Step::Convolve { weights, to, gathers, pools, .. }, rest)) =
            self.steps.split_first()
        {
            pass.mix(alpha, None);
            let is_known = pass.take_norm_of_first(alpha);
            if let Some(pools) = pools {
                pass.pool(weights, pools, to);
            }
            // The second step, if it is one that gathers.
            let spared = usize::from(is_known && gathers.is_none());
            rest[spared..].iter().for_each(|step| pass.step(step));
        }
        self.logits(samples, workspace)
    }
}

impl Batch<'_> {
    /// Writes the first step's whole output, past what is pending on it if that is said.
    fn mix(&mut self, alpha: f64, pending: Option<Value>) {
        let Some(&Step::Convolve { weights, to, pools, .. }) = self.plan.steps.first() else {
            return;
        };
        let to = pools.map_or(to, |pools| pools.whole);
        let (each, channels) = (self.plan.first_len(), self.plan.weights[weights].shape.outputs);
        self.write(to, self.samples * each, |samples, mixed, batch| {
            let Workspace { first, affine, .. } = &*batch.workspace;
            let ends =
                first.ends.each_ref().map(|end| &end[samples.start * each..samples.end * each]);
            let normalise = pending.and_then(|Value { norm, rectify, .. }| {
                norm.map(|norm| affine[norm].normalise(channels, rectify))
            });
            mix(InstructionSet::detect(), ends, alpha as f32, (normalise, channels), mixed);
        });
    }

    /// Takes the statistics of the first step's norm from the line's, if they are of the batch; false if not.
    fn take_norm_of_first(&mut self, alpha: f64) -> bool {
        let (Some((norm, along)), Given::Batch(_)) = (&self.workspace.first.norm, self.given)
        else {
            return false;
        };
        let BatchStatistics { mean, variance } = along.at(alpha);
        self.workspace.statistics[*norm] = NormStatistics { mean, variance };
        true
    }
}

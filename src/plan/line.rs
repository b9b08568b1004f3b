//! A batch at the points of a line whose first layer is linear in theta: its output is a + alpha b.

use super::run::{Batch, Given};
use super::statistics::NormStatistics;
use super::step::{Place, Step};
use super::{Plan, Station, Workspace};
use crate::kernels::{Aligned, BatchStatistics, InstructionSet, LineStatistics, Source, Target};

/// The first step's output for one batch, a + alpha b along a line: what its points share.
#[derive(Debug, Default)]
pub(super) struct FirstStep {
    /// a and b.
    ends: [Aligned; 2],
    samples: usize,
    /// The norm that the second step gathers statistics for, and these along the line.
    norm: Option<(usize, LineStatistics)>,
}

impl Plan {
    /// Computes the first step of a batch, at stations with the parameters of the line's start and with
    /// its direction, if the plan [begins linear](Plan::begins_linear).
    pub fn first_step(&self, stations: &[Station; 2], images: &[f32], workspace: &mut Workspace) {
        let FirstStep { mut ends, .. } = std::mem::take(&mut workspace.first);
        let samples = images.len() / self.input.len();
        let outputs = ends.each_mut().map(|end| end.of_len(samples * self.first_len()));
        for (station, out) in stations.iter().zip(outputs) {
            let (source, target) = (Source { pixels: images, normalise: None }, Target::plain(out));
            let packed = &station.packed[0];
            workspace.scratches.with(|scratch| packed.forward(source, target, scratch));
        }
        let norm = self.second_norm().map(|norm| {
            let ends = ends.each_ref().map(|end| &end[..samples * self.first_len()]);
            let channels = self.norms[norm].channels;
            (norm, LineStatistics::of(InstructionSet::detect(), ends, channels))
        });
        workspace.first = FirstStep { ends, samples, norm };
    }

    /// The norm whose statistics the second step gathers from what the first one wrote.
    fn second_norm(&self) -> Option<usize> {
        match self.steps[..] {
            [Step::Convolve { to, .. }, Step::Gather { from, norm }, ..] => {
                (from.place == Place::Buffer(to)).then_some(norm)
            }
            _ => None,
        }
    }

    /// As [`Plan::run`], at the point a + alpha b of the first step that was computed last.
    pub fn run_from<'w>(
        &self,
        alpha: f64,
        station: &Station,
        given: Given,
        workspace: &'w mut Workspace,
    ) -> &'w [f32] {
        let (samples, each) = (workspace.first.samples, self.first_len());
        let mut pass = Batch { plan: self, station, given, images: &[], samples, workspace };
        if let Some((&Step::Convolve { to, gathers, .. }, rest)) = self.steps.split_first() {
            pass.write(to, samples * each, |samples, mixed, batch| {
                let [a, b] =
                    batch.workspace.first.ends.each_ref().map(|end| &end[samples.start * each..]);
                let ends = a.iter().zip(b);
                mixed.iter_mut().zip(ends).for_each(|(y, (a, b))| *y = a + alpha as f32 * b);
            });
            if let Some(norm) = gathers {
                pass.gather(Place::Buffer(to), samples * each, norm);
            }
            let known = usize::from(pass.knows_second_norm(alpha));
            rest[known..].iter().for_each(|step| pass.step(step));
        }
        self.logits(samples, workspace)
    }
}

impl Batch<'_> {
    /// Takes the second step's statistics from the line's, if they are of the batch.
    fn knows_second_norm(&mut self, alpha: f64) -> bool {
        let (Some((norm, along)), Given::Batch(_)) = (&self.workspace.first.norm, self.given)
        else {
            return false;
        };
        let BatchStatistics { mean, variance } = along.at(alpha);
        self.workspace.statistics[*norm] = NormStatistics { mean, variance };
        true
    }
}

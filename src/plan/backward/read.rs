//! The gradient as one vector.

use rayon::prelude::*;

use super::compile::{GradientPlan, Origin};
use super::workspace::GradientWorkspace;
use crate::kernels::WeightGradient;
use crate::network::Layout;
use crate::precision::Number;

/// Numbers that a thread writes at a time, about.
const PART: usize = 1 << 14;

impl GradientPlan {
    /// Writes a multiple of the last batch's gradient with respect to theta.
    pub fn read<T: Number>(
        &self,
        workspace: &GradientWorkspace,
        layout: &Layout,
        factor: f64,
        gradient: &mut [T],
    ) {
        let GradientWorkspace { weights, biases, norms, samples, .. } = workspace;
        self.write(workspace, layout, gradient, |origin, first, to| match origin {
            Origin::Weights(index) => weights[index].read(*samples, factor, first, to),
            Origin::Bias(index) => scale(&biases[index][first..], factor, to),
            Origin::Gamma(index) => scale(&norms[index].gamma[first..], factor, to),
            Origin::Beta(index) => scale(&norms[index].beta[first..], factor, to),
        });
    }

    /// Has `read` write numbers for theta, some of a parameter at a time, from its so-manieth row on; on all
    /// threads that share a batch.
    pub(in super::super) fn write<T: Number>(
        &self,
        workspace: &GradientWorkspace,
        layout: &Layout,
        numbers: &mut [T],
        read: impl Fn(Origin, usize, &mut [T]) + Sync,
    ) {
        let mut rest = numbers;
        let mut parts = Vec::new();
        for (entry, &origin) in layout.parameters.iter().zip(&self.origins) {
            let (own, others) = rest.split_at_mut(entry.len());
            rest = others;
            let row = self.row_len(origin);
            let rows = PART.div_ceil(row).next_multiple_of(WeightGradient::ROWS);
            let own = own.chunks_mut(rows * row).enumerate();
            parts.extend(own.map(|(part, to)| (origin, part * rows, to)));
        }
        let read = |(origin, first, to): (Origin, usize, &mut [T])| read(origin, first, to);
        if workspace.forward.shares > 1 {
            parts.into_par_iter().for_each(read);
        } else {
            parts.into_iter().for_each(read);
        }
    }

    /// Numbers that are not read apart.
    fn row_len(&self, origin: Origin) -> usize {
        match origin {
            Origin::Weights(index) => self.plan.weights[index].shape.outputs,
            Origin::Bias(_) | Origin::Gamma(_) | Origin::Beta(_) => 1,
        }
    }
}

/// Writes a multiple.
pub(in super::super) fn scale<T: Number>(values: &[f64], factor: f64, to: &mut [T]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to = T::nearest(factor * value));
}

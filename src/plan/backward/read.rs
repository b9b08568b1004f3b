//! The gradient as one vector.

use rayon::prelude::*;

use super::compile::{GradientPlan, Origin};
use super::workspace::GradientWorkspace;
use crate::network::Layout;

impl GradientPlan {
    /// Writes a multiple of the last batch's gradient with respect to theta.
    pub fn read(
        &self,
        workspace: &GradientWorkspace,
        layout: &Layout,
        factor: f64,
        gradient: &mut [f64],
    ) {
        let mut rest = gradient;
        let mut entries = Vec::new();
        for (entry, &origin) in layout.parameters.iter().zip(&self.origins) {
            let (own, others) = rest.split_at_mut(entry.len());
            rest = others;
            entries.push((own, origin));
        }
        let GradientWorkspace { weights, biases, norms, samples, .. } = workspace;
        let read = |(to, origin): (&mut [f64], Origin)| match origin {
            Origin::Weights(index) => weights[index].read(*samples, factor, to),
            Origin::Bias(index) => scale(&biases[index], factor, to),
            Origin::Gamma(index) => scale(&norms[index].gamma, factor, to),
            Origin::Beta(index) => scale(&norms[index].beta, factor, to),
        };
        if workspace.forward.shares > 1 {
            entries.into_par_iter().for_each(read);
        } else {
            entries.into_iter().for_each(read);
        }
    }
}

fn scale(values: &[f64], factor: f64, to: &mut [f64]) {
    to.iter_mut().zip(values).for_each(|(to, value)| *to = factor * value);
}

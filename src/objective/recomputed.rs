//! How derivatives pass through statistics that are recomputed over the training set.
//!
//! With such statistics S the loss of a unit depends on theta through the average over all units too:
//! L(theta) = mean_b l_b(theta, S(theta)), S = mean_b s_b. A gradient then takes three passes: S, the
//! gradient with S held fixed together with the cotangent of S, and the gradient of the statistics
//! under that cotangent. For H v, S and the cotangent have a part for the derivative along v as well.

use burn::tensor::Tensor;

use super::expansion::{Expansion, Leaves};
use super::gradient::Running;
use super::presentation::Presentation;
use super::statistics::{Observed, observe, observed};
use super::transfer::tensor as vector;
use super::{Classification, Loss, ObjectiveError, Point};
use crate::network::{Normalisation, Pass};
use crate::precision::Precision;
use crate::taylor::Series;

impl Classification {
    /// Theta, with a direction if one is given, and the statistics that a loss gives to batch norm.
    pub(super) fn expansion(
        &self,
        at: &Point,
        direction: Option<&[f64]>,
        of: Loss,
        precision: Precision,
    ) -> Result<Expansion, ObjectiveError> {
        let theta = self.split(&at.theta, precision);
        let direction = direction.map(|v| self.split(v, precision));
        let mut expansion = Expansion { theta, direction, statistics: None, precision };
        let series = expansion.series(&expansion.theta);
        let fixed = vec![&[][..]; expansion.order()];
        let order = expansion.order();
        expansion.statistics = self.given_statistics(of, at, &series, &fixed, order, precision)?;
        Ok(expansion)
    }

    /// The gradient of cotangent'S with respect to theta, one unit's part, and what the unit does to
    /// running statistics.
    pub(super) fn through_statistics(
        &self,
        expansion: &Expansion,
        unit: &[u32],
        cotangent: &[f64],
    ) -> Result<(Vec<f64>, Running), ObjectiveError> {
        let leaves = Leaves::new(expansion, self);
        let series = expansion.series(&leaves.theta);
        let mut pass = Pass::new(&series, Normalisation::Batch);
        let images = self.images(unit, expansion.precision, Presentation::Plain);
        self.network.logits(Series::constant(Tensor::from_inner(images)), &mut pass);
        let mut rest = cotangent;
        let term = |Observed { tensor, factor, channels }| {
            let (own, others) = rest.split_at_checked(channels)?;
            rest = others;
            let own: Vec<f64> = own.iter().map(|c| c * factor * self.weight(unit)).collect();
            let own = vector(&own, &self.device, expansion.precision);
            Some((tensor? * Tensor::from_inner(own)).sum())
        };
        let order = expansion.order();
        // Reverse mode wants to see theta, also where no statistics depend on it.
        let nothing = leaves.theta.first().map(|leaf| (leaf.clone() * 0.0).sum());
        let terms =
            nothing.into_iter().chain(observe(&pass, order, order).into_iter().filter_map(term));
        let mut gradients = terms.reduce(Tensor::add).map(|scalar| scalar.backward());
        let running = Running::seen(observed(&pass, 0, 0)?);
        Ok((leaves.gradient(gradients.as_mut(), 1.0)?, running))
    }
}

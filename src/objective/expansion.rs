//! Theta, alone or with a direction, and given statistics, where reverse mode sees them.

use burn::tensor::{Gradients, Tensor};

use super::statistics::paired;
use super::transfer::add_all;
use super::{Classification, ObjectiveError};
use crate::network::Statistics;
use crate::precision::Precision;
use crate::taylor::Series;

/// Theta or theta + e v, and the statistics that batch norm is given: constants of all units.
pub(super) struct Expansion {
    pub theta: Vec<Tensor<1>>,
    /// v; none for theta alone.
    pub direction: Option<Vec<Tensor<1>>>,
    /// Flat coefficients of the statistics; none where the batch gives them.
    pub statistics: Option<Vec<f64>>,
    pub precision: Precision,
}

impl Expansion {
    /// The number of directions, and the order of the series along them.
    pub fn order(&self) -> usize {
        self.direction.is_some().into()
    }

    /// Theta as series, entry by entry of the layout.
    pub fn series(&self, theta: &[Tensor<1>]) -> Vec<Series<1>> {
        let entries = theta.iter().cloned().enumerate();
        let series = |(entry, value): (usize, Tensor<1>)| match &self.direction {
            None => Series::constant(value),
            Some(v) => {
                let v: &Tensor<1> = &v[entry];
                // Beside a tracked value its direction must be one that reverse mode could see.
                let v =
                    if value.is_require_grad() { Tensor::from_inner(v.clone()) } else { v.clone() };
                Series::line(value, v, 1)
            }
        };
        entries.map(series).collect()
    }
}

/// What reverse mode differentiates with respect to, for one unit.
pub(super) struct Leaves {
    pub theta: Vec<Tensor<1>>,
    /// Rows of c_0 of all norms' statistics and, where there are as many again, of c_1.
    statistics: Vec<Tensor<1>>,
}

impl Leaves {
    /// Fresh leaves at a place.
    pub fn new(expansion: &Expansion, objective: &Classification) -> Self {
        let flat = expansion.statistics.as_deref().unwrap_or_default();
        let slots = flat.chunks(objective.network.layout.buffer_dimension().max(1));
        let rows = slots.flat_map(|slot| objective.statistics_rows(slot, expansion.precision));
        Self {
            theta: expansion.theta.iter().map(leaf).collect(),
            statistics: rows.map(|row| leaf(&row.flatten(0, 3))).collect(),
        }
    }

    /// The given statistics as the network takes them; none where the batch gives them.
    pub fn given(&self, buffers: usize) -> Option<Vec<Statistics>> {
        let shaped = |tensor: &Tensor<1>| tensor.clone().reshape([1, 1, 1, tensor.dims()[0]]);
        let series = |row: usize| {
            let value = shaped(&self.statistics[row]);
            match self.statistics.get(buffers + row) {
                Some(derivative) => Series::line(value, shaped(derivative), 1),
                None => Series::constant(value),
            }
        };
        (!self.statistics.is_empty()).then(|| paired((0..buffers).map(series)))
    }

    /// The gradient with respect to all leaves times a factor, theta's first; zero where nothing
    /// depends on a leaf.
    pub fn gradient(
        &self,
        mut gradients: Option<&mut Gradients>,
        factor: f64,
    ) -> Result<Vec<f64>, ObjectiveError> {
        // Taken out, not copied.
        let gradient = |leaf: &Tensor<1>| {
            let gradient = gradients.as_mut().and_then(|gradients| leaf.grad_remove(gradients));
            gradient.unwrap_or_else(|| leaf.zeros_like().inner())
        };
        let gradients = self.theta.iter().chain(&self.statistics).map(gradient).collect();
        let mut flat = Vec::new();
        add_all(&mut flat, factor, gradients)?;
        Ok(flat)
    }
}

fn leaf(tensor: &Tensor<1>) -> Tensor<1> {
    Tensor::from_inner(tensor.clone()).require_grad()
}

//! Multiplications that a pass needs, so that times can be set beside the machine's peak.

use super::pass::POINTS;
use super::{BenchError, BenchNetwork, Pass};
use crate::plan::Plan;

/// Products of a weight with a number, for one sample (and for `line`, one point).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Multiplications {
    /// Those that touch real pixels, where the definition of the pass leaves none out.
    pub needed: f64,
    /// The same, padding included.
    pub nominal: f64,
}

impl Multiplications {
    /// Of a pass, by how often each layer's products occur in it.
    ///
    /// | pass | first layer | others |
    /// |---|---|---|
    /// | `line`, a point | 2 / K: its output is a + alpha b | 1 |
    /// | `sgd_step` | 2: W x, and the gradient of W | 3: the gradient of x too |
    /// | `ghg` | 3: V x besides | 6: V x, W x', V x' besides |
    /// | `hv` | 3: W x, V x, and the gradient of W | 8: W x, V x, W x'; three of x, two of W |
    ///
    /// Kernels compute fewer for `ghg`, whose V is a gradient: those of V x and V x' by its factors
    /// ([`BatchGradient`](crate::kernels::BatchGradient)), 78 % of all for the MLP.
    pub fn of(network: BenchNetwork, pass: Pass) -> Result<Self, BenchError> {
        let (objective, _) = network.objective(1)?;
        let shapes = objective.plan().map(Plan::shapes).into_iter().flatten();
        let mut total = Self { needed: 0.0, nominal: 0.0 };
        for (layer, shape) in shapes.enumerate() {
            let times = times(pass, layer == 0);
            total.needed += times * shape.needed_multiplications() as f64;
            total.nominal += times * shape.nominal_multiplications() as f64;
        }
        Ok(total)
    }
}

fn times(pass: Pass, is_first: bool) -> f64 {
    match (pass, is_first) {
        (Pass::Line, true) => 2.0 / POINTS as f64,
        (Pass::Line, false) => 1.0,
        (Pass::SgdStep, true) => 2.0,
        (Pass::SgdStep, false) | (Pass::Ghg | Pass::Hv, true) => 3.0,
        (Pass::Ghg, false) => 6.0,
        (Pass::Hv, false) => 8.0,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// 784-500-350-10: 392,000 products in the first layer, 178,500 in the others.
    #[test]
    fn products_of_the_mlp() {
        let of = |pass| Multiplications::of(BenchNetwork::Mlp, pass).unwrap().needed;
        assert_eq!(of(Pass::Line), 0.2 * 392_000.0 + 178_500.0);
        assert_eq!(of(Pass::SgdStep), 2.0 * 392_000.0 + 3.0 * 178_500.0);
        assert_eq!(of(Pass::Hv), 3.0 * 392_000.0 + 8.0 * 178_500.0);
    }

    /// VGG-11 is known for 153 million products on 32x32 pixels; a quarter of them touch padding.
    #[test]
    fn products_of_vgg11() {
        let Multiplications { needed, nominal } =
            Multiplications::of(BenchNetwork::Vgg11, Pass::SgdStep).unwrap();
        let first = (32 * 32 * 27 * 64) as f64;
        let all = (nominal + first) / 3.0;
        assert!((152e6..154e6).contains(&all), "{all}");
        assert!((0.74..0.77).contains(&(needed / nominal)), "{needed} of {nominal}");
    }
}

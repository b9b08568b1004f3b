//! Drawing theta_0.

use super::{Entry, Initial};
use crate::random::Stream;

/// Draws every entry from its distribution; entry i from its own stream of the seed.
pub fn initialise(entries: &[Entry], seed: u64) -> Vec<f64> {
    entries.iter().enumerate().flat_map(|(index, entry)| draw(entry, seed, index)).collect()
}

fn draw(entry: &Entry, seed: u64, index: usize) -> Vec<f64> {
    let mut stream = Stream::initialisation(seed, index);
    let next = || match entry.initial {
        Initial::Constant(value) => value,
        Initial::Normal { std } => std * stream.normal(),
        Initial::Uniform { bound } => bound * (2.0 * stream.unit() - 1.0),
    };
    std::iter::repeat_with(next).take(entry.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Shape, ShapeError, mlp};

    #[test]
    fn linear_layers_are_uniform_and_norms_one_and_zero() -> Result<(), ShapeError> {
        let network = mlp(Shape::flat(100), &[200], 10, true)?;
        let theta = initialise(&network.layout.parameters, 7);
        let of = |i: usize| &theta[network.layout.parameters[i].range()];
        let variance = of(0).iter().map(|w| w * w).sum::<f64>() / of(0).len() as f64;
        assert!((variance * 300.0 - 1.0).abs() < 0.02, "a uniform's variance is bound²/3");
        assert!(of(0).iter().all(|w| w.abs() <= 0.1));
        assert!(of(2).iter().all(|&w| w == 1.0) && of(3).iter().all(|&w| w == 0.0));
        assert_ne!(theta, initialise(&network.layout.parameters, 8));
        Ok(())
    }
}

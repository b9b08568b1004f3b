//! Sums over long vectors: fast, deterministic, and accurate by blocks.

/// Entries that one running sum covers; block sums are added separately, so that the rounding
/// error grows with the block and the number of blocks, not with the length.
const BLOCK: usize = 4096;
/// Independent running sums within a block, which lets the compiler use vector instructions.
const LANES: usize = 8;

/// a·b. Error at most about (BLOCK / LANES + len / BLOCK) rounding units of sum |a_i b_i|.
///
/// ```
/// assert_eq!(losswalk::linalg::dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
/// ```
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum_of_products(a, b, |a, b| a * b)
}

/// ‖a‖, the Euclidean norm.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// ‖a - b‖.
pub fn difference_norm(a: &[f64], b: &[f64]) -> f64 {
    sum_of_products(a, b, |a, b| (a - b) * (a - b)).sqrt()
}

/// y += a x.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    debug_assert_eq!(x.len(), y.len());
    for (x, y) in x.iter().zip(y) {
        *y += a * x;
    }
}

/// x *= a.
pub fn scale(a: f64, x: &mut [f64]) {
    for x in x {
        *x *= a;
    }
}

/// What makes a vector of this norm a unit vector; none if the norm is zero or not finite.
pub fn normaliser(norm: f64) -> Option<f64> {
    (norm != 0.0 && norm.is_finite()).then(|| 1.0 / norm)
}

/// The norm, and the vector divided by it unless that is zero or not finite.
pub fn unit(mut vector: Vec<f64>) -> (f64, Option<Vec<f64>>) {
    let length = norm(&vector);
    let unit = normaliser(length).map(|factor| {
        scale(factor, &mut vector);
        vector
    });
    (length, unit)
}

fn sum_of_products(a: &[f64], b: &[f64], product: impl Fn(f64, f64) -> f64) -> f64 {
    debug_assert_eq!(a.len(), b.len());
    let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
    blocks.map(|(a, b)| block_sum(a, b, &product)).sum()
}

fn block_sum(a: &[f64], b: &[f64], product: impl Fn(f64, f64) -> f64) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += product(a[lane], b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| product(*a, *b)).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_plain_sum(values in prop::collection::vec(-1.0f64..1.0, 0..10_000)) {
            let plain: f64 = values.iter().map(|value| value * value).sum();
            prop_assert!((dot(&values, &values) - plain).abs() <= 1e-12 * plain);
            prop_assert_eq!(difference_norm(&values, &values), 0.0);
        }
    }
}

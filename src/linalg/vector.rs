//! Sums over long vectors: fast, deterministic, and accurate by blocks, which threads share.

use rayon::prelude::*;

/// Entries that one running sum covers; block sums are added separately, so that the rounding
/// error grows with the block and the number of blocks, not with the length.
const BLOCK: usize = 4096;
/// Independent running sums within a block, which lets the compiler use vector instructions.
const LANES: usize = 8;
/// Entries from which on threads share a vector; starting them for less would take longer.
const SHARED: usize = 1 << 16;

/// a·b. Error at most about (BLOCK / LANES + len / BLOCK) rounding units of sum |a_i b_i|.
///
/// ```
/// assert_eq!(losswalk::linalg::dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
/// ```
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    sums(a, b, |a, b| [a * b])[0]
}

/// a·a, a·b and b·b in one pass, with the bits of [`dot`].
pub fn products(a: &[f64], b: &[f64]) -> [f64; 3] {
    sums(a, b, |a, b| [a * a, a * b, b * b])
}

/// ‖a‖, the Euclidean norm.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// ‖a - b‖.
pub fn difference_norm(a: &[f64], b: &[f64]) -> f64 {
    sums(a, b, |a, b| [(a - b) * (a - b)])[0].sqrt()
}

/// a - b.
pub fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut difference = Vec::new();
    difference_into(a, b, &mut difference);
    difference
}

/// a - b, in memory that is there.
pub fn difference_into(a: &[f64], b: &[f64], difference: &mut Vec<f64>) {
    let pairs = a.par_iter().zip(b).with_min_len(SHARED / 2);
    pairs.map(|(a, b)| a - b).collect_into_vec(difference);
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

/// Sums of N products over all entries; blocks are added in order, whoever has computed them.
fn sums<const N: usize>(
    a: &[f64],
    b: &[f64],
    products: impl Fn(f64, f64) -> [f64; N] + Sync,
) -> [f64; N] {
    debug_assert_eq!(a.len(), b.len());
    let add = |mut sums: [f64; N], block: [f64; N]| {
        sums.iter_mut().zip(block).for_each(|(sum, block)| *sum += block);
        sums
    };
    if a.len() < SHARED {
        let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
        return blocks.map(|(a, b)| block_sums(a, b, &products)).fold([0.0; N], add);
    }
    let blocks = a.par_chunks(BLOCK).zip(b.par_chunks(BLOCK));
    let blocks: Vec<_> = blocks.map(|(a, b)| block_sums(a, b, &products)).collect();
    blocks.into_iter().fold([0.0; N], add)
}

fn block_sums<const N: usize>(
    a: &[f64],
    b: &[f64],
    products: impl Fn(f64, f64) -> [f64; N],
) -> [f64; N] {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [[0.0; LANES]; N];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            let products = products(a[lane], b[lane]);
            lanes.iter_mut().zip(products).for_each(|(sums, product)| sums[lane] += product);
        }
    }
    let mut rest = [0.0; N];
    for (a, b) in a_rest.iter().zip(b_rest) {
        rest.iter_mut().zip(products(*a, *b)).for_each(|(sum, product)| *sum += product);
    }
    std::array::from_fn(|i| lanes[i].iter().sum::<f64>() + rest[i])
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

    #[test]
    fn threads_share_long_vectors_and_leave_their_bits() {
        let [a, b] = [1.0, 0.3].map(|step| {
            (0..3 * SHARED + 17).map(|i| (step * i as f64).sin()).collect::<Vec<f64>>()
        });
        let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
        let alone = blocks.fold(0.0, |sum, (a, b)| sum + block_sums(a, b, |a, b| [a * b])[0]);
        assert_eq!(dot(&a, &b), alone);
        assert_eq!(products(&a, &b), [dot(&a, &a), alone, dot(&b, &b)]);
        assert!(difference(&a, &b).iter().zip(a.iter().zip(&b)).all(|(d, (a, b))| *d == a - b));
    }
}

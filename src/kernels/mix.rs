//! Values at a point of a line, from those that are linear along it.

use super::simd::{InstructionSet, Kernel, Lanes};
use super::source::{Normalise, Normaliser};
use super::split::bands;

/// Writes a + alpha b, values [n, channels], normalised and rectified.
pub fn mix(
    instructions: InstructionSet,
    [a, b]: [&[f32]; 2],
    alpha: f32,
    (normalise, channels): (Option<Normalise<'_>>, usize),
    to: &mut [f32],
) {
    assert_eq!([a.len(), b.len()], [to.len(); 2], "values along a line");
    assert!(to.len().is_multiple_of(channels), "{} values of {channels} channels", to.len());
    instructions.run(Mix { a, b, alpha, normalise, channels, to });
}

struct Mix<'a> {
    a: &'a [f32],
    b: &'a [f32],
    alpha: f32,
    normalise: Option<Normalise<'a>>,
    channels: usize,
    to: &'a mut [f32],
}

impl Kernel for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { a, b, alpha, normalise, channels, to } = self;
        let alpha = lanes.splat(alpha);
        for band in bands(0..to.len() / channels, channels) {
            for start in (0..channels).step_by(L::WIDTH) {
                let width = L::WIDTH.min(channels - start);
                let normaliser = Normaliser::of(lanes, normalise, start, width);
                for row in band.clone() {
                    let place = row * channels + start..row * channels + start + width;
                    let [a, b] =
                        [lanes.load_part(&a[place.clone()]), lanes.load_part(&b[place.clone()])];
                    let mut value = lanes.add(a, lanes.mul(alpha, b));
                    if let Some(normaliser) = normaliser {
                        value = normaliser.apply(lanes, value);
                    }
                    lanes.store_part(&mut to[place], value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InstructionSet, Normalise, mix};

    /// The same operations, one number at a time.
    #[test]
    fn values_are_mixed_and_normalised() {
        let (rows, channels, alpha) = (9, 37, 0.3f32);
        let value = |seed: usize, i: usize| ((i * seed + i / 5) % 61) as f32 / 7.0 - 4.0;
        let of = |seed, len| (0..len).map(|i| value(seed, i)).collect::<Vec<f32>>();
        let [a, b] = [11, 29].map(|seed| of(seed, rows * channels));
        let [mean, scale, offset] = [3, 5, 7].map(|seed| of(seed, channels));
        let normalise =
            |rectify| Normalise { mean: &mean, scale: &scale, offset: &offset, rectify };
        for instructions in InstructionSet::available() {
            for all in [None, Some(normalise(false)), Some(normalise(true))] {
                let mut found = vec![f32::NAN; rows * channels];
                mix(instructions, [&a, &b], alpha, (all, channels), &mut found);
                for (i, found) in found.into_iter().enumerate() {
                    let (mixed, c) = (f64::from(a[i] + alpha * b[i]), i % channels);
                    let expected = all.map_or(mixed, |all| {
                        let [m, s, o] = [mean[c], scale[c], offset[c]].map(f64::from);
                        let y = (mixed - m) * s + o;
                        if all.rectify { y.max(0.0) } else { y }
                    });
                    assert!((f64::from(found) - expected).abs() < 1e-5, "{found} for {expected}");
                }
            }
        }
    }
}

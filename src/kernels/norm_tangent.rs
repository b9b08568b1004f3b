//! The tangent of batch norm and rectifier: how what they write moves along a direction.

use super::InstructionSet;
use super::simd::{Kernel, Lanes};
use super::source::{Normaliser, Source};
use super::split::bands;

/// a (x1 - m1) + b (x - m) + c, channel by channel: what batch norm makes of a tangent x1 at images x.
#[derive(Debug, Clone, Copy)]
pub struct TangentCoefficients<'a> {
    /// m, taken off the images.
    pub mean: &'a [f32],
    /// m1, taken off the tangent.
    pub tangent_mean: &'a [f32],
    /// a.
    pub tangent: &'a [f32],
    /// b.
    pub image: &'a [f32],
    /// c.
    pub constant: &'a [f32],
}

/// The adjoint of what a norm writes, and where its products with the tangent are summed.
#[derive(Debug)]
pub struct Weighed<'a> {
    /// As the images.
    pub adjoint: &'a [f32],
    /// [n, 2, channels], written: the sums of (x1 - m1)² and of the adjoint times x1 - m1.
    pub sums: &'a mut [f32],
}

/// Writes the tangent of images of so many pixels as `source` reads them: past the norm that has these
/// coefficients, and zero where the rectifier gives zero.
pub fn norm_tangent(
    instructions: InstructionSet,
    coefficients: TangentCoefficients<'_>,
    (source, pixels): (Source<'_>, usize),
    tangent: &[f32],
    weighed: Option<Weighed<'_>>,
    to: &mut [f32],
) {
    assert_eq!([tangent.len(), to.len()], [source.pixels.len(); 2], "tangents of images");
    instructions.run(NormTangent { coefficients, source, pixels, tangent, weighed, to });
}

struct NormTangent<'a> {
    coefficients: TangentCoefficients<'a>,
    source: Source<'a>,
    pixels: usize,
    tangent: &'a [f32],
    weighed: Option<Weighed<'a>>,
    to: &'a mut [f32],
}

impl Kernel for NormTangent<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { coefficients, source, pixels, tangent, mut weighed, to } = self;
        let TangentCoefficients { mean, tangent_mean, tangent: factor, image, constant } =
            coefficients;
        let channels = mean.len();
        let normalise = source.normalise.filter(|all| all.rectify);
        let zero = lanes.splat(0.0);
        if let Some(Weighed { sums, .. }) = &mut weighed {
            sums.fill(0.0);
        }
        for sample in 0..source.pixels.len() / (pixels * channels) {
            for band in bands(sample * pixels..(sample + 1) * pixels, channels) {
                for start in (0..channels).step_by(L::WIDTH) {
                    let end = channels.min(start + L::WIDTH);
                    let mean = lanes.load_part(&mean[start..end]);
                    let tangent_mean = lanes.load_part(&tangent_mean[start..end]);
                    let a = lanes.load_part(&factor[start..end]);
                    let b = lanes.load_part(&image[start..end]);
                    let c = lanes.load_part(&constant[start..end]);
                    let rectifier = Normaliser::of(lanes, normalise, start, end - start);
                    let (mut squares, mut products) = (zero, zero);
                    for pixel in band.clone() {
                        let place = pixel * channels + start..pixel * channels + end;
                        let x = lanes.load_part(&source.pixels[place.clone()]);
                        let tangent = lanes.load_part(&tangent[place.clone()]);
                        let centred = lanes.sub(tangent, tangent_mean);
                        let mut value = lanes.mul_add(b, lanes.sub(x, mean), c);
                        value = lanes.mul_add(a, centred, value);
                        if let Some(rectifier) = rectifier {
                            value = lanes.keep_greater(rectifier.apply(lanes, x), zero, value);
                        }
                        if let Some(Weighed { adjoint, .. }) = &weighed {
                            let adjoint = lanes.load_part(&adjoint[place.clone()]);
                            squares = lanes.mul_add(centred, centred, squares);
                            products = lanes.mul_add(adjoint, centred, products);
                        }
                        lanes.store_part(&mut to[place], value);
                    }
                    if let Some(Weighed { sums, .. }) = &mut weighed {
                        let sums = &mut sums[2 * sample * channels..][..2 * channels];
                        add(lanes, squares, &mut sums[start..end]);
                        add(lanes, products, &mut sums[channels + start..channels + end]);
                    }
                }
            }
        }
    }
}

/// Adds some lanes.
#[inline(always)]
fn add<L: Lanes>(lanes: L, value: L::Vector, to: &mut [f32]) {
    let sum = lanes.add(lanes.load_part(to), value);
    lanes.store_part(to, sum);
}

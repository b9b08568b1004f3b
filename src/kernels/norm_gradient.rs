//! The gradient with respect to what batch norm reads, from that with respect to what it writes.

use super::InstructionSet;
use super::simd::{Kernel, Lanes};
use super::split::bands;

/// a g + b (x - mean) + c, channel by channel: what batch norm makes of a gradient g at images x.
#[derive(Debug, Clone, Copy)]
pub struct NormCoefficients<'a> {
    /// Taken off the images.
    pub mean: &'a [f32],
    /// a.
    pub gradient: &'a [f32],
    /// b.
    pub image: &'a [f32],
    /// c.
    pub constant: &'a [f32],
}

/// Replaces gradients [n, channels], or those in `from` if they are to stay, by those with respect to
/// `images`, plus `other` if it is given.
pub fn norm_gradient(
    instructions: InstructionSet,
    coefficients: NormCoefficients<'_>,
    images: &[f32],
    [from, other]: [Option<&[f32]>; 2],
    gradient: &mut [f32],
) {
    assert_eq!(images.len(), gradient.len(), "gradients of images");
    for others in [from, other] {
        assert_eq!(others.map_or(images.len(), <[f32]>::len), images.len(), "other gradients");
    }
    instructions.run(NormGradient { coefficients, images, from, other, gradient });
}

struct NormGradient<'a> {
    coefficients: NormCoefficients<'a>,
    images: &'a [f32],
    from: Option<&'a [f32]>,
    other: Option<&'a [f32]>,
    gradient: &'a mut [f32],
}

impl Kernel for NormGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { coefficients: NormCoefficients { mean, gradient, image, constant }, .. } = self;
        let channels = mean.len();
        let pixels = self.images.len() / channels;
        for band in bands(0..pixels, channels) {
            for start in (0..channels).step_by(L::WIDTH) {
                let end = channels.min(start + L::WIDTH);
                let mean = lanes.load_part(&mean[start..end]);
                let a = lanes.load_part(&gradient[start..end]);
                let b = lanes.load_part(&image[start..end]);
                let c = lanes.load_part(&constant[start..end]);
                for pixel in band.clone() {
                    let place = pixel * channels + start..pixel * channels + end;
                    let x = lanes.load_part(&self.images[place.clone()]);
                    let mut value = lanes.mul_add(b, lanes.sub(x, mean), c);
                    let gradient = match self.from {
                        Some(from) => lanes.load_part(&from[place.clone()]),
                        None => lanes.load_part(&self.gradient[place.clone()]),
                    };
                    value = lanes.mul_add(a, gradient, value);
                    if let Some(other) = self.other {
                        value = lanes.add(value, lanes.load_part(&other[place.clone()]));
                    }
                    lanes.store_part(&mut self.gradient[place], value);
                }
            }
        }
    }
}

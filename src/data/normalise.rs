//! From a pixel's byte to the number that a network sees.
//!
//! A byte has 256 values, so each channel's normalisation is a table of 256 numbers. It is computed
//! in f64 and rounded once, so that f32 and f64 batches differ by that rounding only.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Pixel p of channel c becomes `(p / scale - mean[c]) / std[c]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelNormalisation {
    /// The byte that stands for 1: 255 for usual images.
    pub scale: f64,
    /// Subtracted from the scaled pixel; one entry a channel.
    pub mean: Cow<'static, [f64]>,
    /// Divides what is left; one entry a channel.
    pub std: Cow<'static, [f64]>,
}

impl PixelNormalisation {
    /// (x - 0.5) / 1 for every channel of usual images.
    pub(super) fn centred(channels: usize) -> Self {
        Self { scale: 255.0, mean: vec![0.5; channels].into(), std: vec![1.0; channels].into() }
    }
}

impl fmt::Display for PixelNormalisation {
    /// As a formula: `(x - 0.5) / 1, x = byte / 255`. Equal channels are written as one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mean, std) = (channels(&self.mean), channels(&self.std));
        write!(f, "(x - {mean}) / {std}, x = byte / {}", self.scale)
    }
}

/// One number, or one for each channel in brackets.
fn channels(values: &[f64]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        _ => {
            let numbers: Vec<String> = values.iter().map(f64::to_string).collect();
            format!("({})", numbers.join(", "))
        }
    }
}

/// A type that normalised pixels are gathered in: `f32` or `f64`.
pub trait Pixel: Copy + Default {
    /// This type's tables, one a channel. An implementation detail.
    #[doc(hidden)]
    fn tables(tables: &Tables) -> &[[Self; 256]];
}

impl Pixel for f32 {
    fn tables(tables: &Tables) -> &[[Self; 256]] {
        &tables.f32
    }
}

impl Pixel for f64 {
    fn tables(tables: &Tables) -> &[[Self; 256]] {
        &tables.f64
    }
}

/// The normalised value of every byte in every channel.
#[derive(Clone)]
pub struct Tables {
    f32: Vec<[f32; 256]>,
    f64: Vec<[f64; 256]>,
}

impl Tables {
    /// Tabulates `normalisation`, one table for each entry of its mean and std.
    pub(super) fn new(normalisation: &PixelNormalisation) -> Self {
        let scale = normalisation.scale;
        let channels = normalisation.mean.iter().zip(normalisation.std.iter());
        let f64: Vec<[f64; 256]> = channels
            .map(|(mean, std)| std::array::from_fn(|byte| (byte as f64 / scale - mean) / std))
            .collect();
        let f32 = f64.iter().map(|table| table.map(|value| value as f32)).collect();
        Self { f32, f64 }
    }

    /// Normalises `bytes`, whole channels-last pixels, into `out` of the same length.
    #[inline]
    pub(super) fn apply<P: Pixel>(&self, bytes: &[u8], out: &mut [P]) {
        match P::tables(self) {
            [grey] => look_up(bytes, out, grey),
            [red, green, blue] => look_up_interleaved(bytes, out, [red, green, blue]),
            tables => {
                let (pixels, outs) = (bytes.chunks(tables.len()), out.chunks_mut(tables.len()));
                for (pixel, out) in pixels.zip(outs) {
                    for ((byte, out), table) in pixel.iter().zip(out).zip(tables) {
                        *out = table[usize::from(*byte)];
                    }
                }
            }
        }
    }
}

#[inline]
fn look_up<P: Copy>(bytes: &[u8], out: &mut [P], table: &[P; 256]) {
    for (out, byte) in out.iter_mut().zip(bytes) {
        *out = table[usize::from(*byte)];
    }
}

/// [`look_up`] for a channel count that the compiler knows and unrolls.
#[inline]
fn look_up_interleaved<P: Copy, const C: usize>(
    bytes: &[u8],
    out: &mut [P],
    tables: [&[P; 256]; C],
) {
    let (pixels, outs) = (bytes.as_chunks::<C>().0, out.as_chunks_mut::<C>().0);
    for (pixel, out) in pixels.iter().zip(outs) {
        for channel in 0..C {
            out[channel] = tables[channel][usize::from(pixel[channel])];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalisation(channels: usize) -> PixelNormalisation {
        let mean = (0..channels).map(|c| 0.4 + 0.01 * c as f64).collect();
        let std = (0..channels).map(|c| 0.2 + 0.03 * c as f64).collect();
        PixelNormalisation { scale: 255.0, mean, std }
    }

    #[test]
    fn a_normalisation_is_written_as_a_formula() {
        let grey = PixelNormalisation { scale: 16.0, ..PixelNormalisation::centred(3) };
        assert_eq!(grey.to_string(), "(x - 0.5) / 1, x = byte / 16");
        let (mean, std) = (vec![0.4, 0.45].into(), vec![0.2, 0.25].into());
        let colour = PixelNormalisation { scale: 255.0, mean, std }.to_string();
        assert_eq!(colour, "(x - (0.4, 0.45)) / (0.2, 0.25), x = byte / 255");
    }

    #[test]
    fn tables_agree_with_the_formula_for_every_byte_and_channel_count() {
        for channels in 1..=4 {
            let norm = normalisation(channels);
            let bytes: Vec<u8> = (0..256 * channels).map(|i| (i * 7 % 256) as u8).collect();
            let mut wide = vec![0.0f64; bytes.len()];
            let mut narrow = vec![0.0f32; bytes.len()];
            Tables::new(&norm).apply(&bytes, &mut wide);
            Tables::new(&norm).apply(&bytes, &mut narrow);
            for (i, byte) in bytes.iter().enumerate() {
                let (mean, std) = (norm.mean[i % channels], norm.std[i % channels]);
                let expected = (f64::from(*byte) / 255.0 - mean) / std;
                assert_eq!(wide[i], expected);
                assert_eq!(narrow[i], expected as f32);
            }
        }
    }
}

//! Splitting a length into nearly equal parts.

use std::ops::Range;

/// Numbers of a band, about: 1 KB.
const BAND: usize = 256;

/// Parts of at most `most`, as few as possible, whose sizes differ by at most one.
#[inline(always)]
pub(super) fn parts(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let count = len.div_ceil(most);
    // A division takes as long as some of the tiles that are cut here.
    let (size, longer) = if count > 1 { (len / count, len % count) } else { (len, 0) };
    let start = move |i: usize| i * size + i.min(longer);
    (0..count).map(move |i| start(i)..start(i + 1))
}

/// Parts of `most`, and what is left.
#[inline(always)]
pub(super) fn whole_parts(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    (0..len).step_by(most).map(move |start| start..len.min(start + most))
}

/// Pixels side by side whose channels are all read, a vector at a time, before other pixels are: of a whole batch
/// at once, images would come from memory again for each vector.
#[inline(always)]
pub(super) fn bands(pixels: Range<usize>, channels: usize) -> impl Iterator<Item = Range<usize>> {
    let bands = whole_parts(pixels.len(), (BAND / channels).max(4));
    bands.map(move |band| pixels.start + band.start..pixels.start + band.end)
}

#[cfg(test)]
mod tests {
    use super::{bands, parts};

    #[test]
    fn parts_are_few_and_nearly_equal() {
        for (len, most) in (0..100).flat_map(|len| (1..20).map(move |most| (len, most))) {
            let all: Vec<_> = parts(len, most).collect();
            assert_eq!(all.len(), len.div_ceil(most));
            assert!(all.iter().cloned().flatten().eq(0..len), "{len} by {most}: {all:?}");
            let sizes = || all.iter().map(|part| part.len());
            let [longest, shortest] = [sizes().max(), sizes().min()].map(Option::unwrap_or_default);
            assert!(longest <= most && longest - shortest <= 1, "{len} by {most}: {all:?}");
        }
    }

    #[test]
    fn bands_hold_every_pixel_once() {
        for channels in [1, 16, 64, 300] {
            assert!(bands(3..1000, channels).flatten().eq(3..1000), "{channels} channels");
        }
    }
}

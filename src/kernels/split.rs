//! Splitting a length into nearly equal parts.

use std::ops::Range;

/// Numbers of such pixels: 1 KB.
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

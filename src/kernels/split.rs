//! Splitting a length into nearly equal parts.

use std::ops::Range;

/// Parts of at most `most`, as few as possible, whose sizes differ by at most one.
#[inline(always)]
pub(super) fn parts(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = len.div_ceil(most);
    (0..count).map(move |i| i * len / count..(i + 1) * len / count)
}

//! Splitting a length into nearly equal parts.

use std::ops::Range;

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

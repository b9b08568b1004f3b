//! Numbers that start at a cache line.

#![expect(unsafe_code, reason = "cache lines are seen as the numbers in them")]

use std::ops::{Deref, DerefMut};

/// Numbers of a cache line.
pub(super) const LINE: usize = 16;

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A vector of f32 aligned to 64 bytes. It grows, and never shrinks its memory.
#[derive(Debug, Clone, Default)]
pub struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { lines: vec![Line([0.0; LINE]); len.div_ceil(LINE)], len }
    }

    /// The first `len` numbers, whatever they were; allocates only if there never were as many.
    pub fn of_len(&mut self, len: usize) -> &mut [f32] {
        if self.lines.len() * LINE < len {
            self.lines.resize(len.div_ceil(LINE), Line([0.0; LINE]));
        }
        self.len = len;
        self
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let numbers = self.lines.as_ptr().cast();
        // SAFETY: a `Line` is 16 f32 without padding, and `len` is at most 16 a line.
        unsafe { std::slice::from_raw_parts(numbers, self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        let numbers = self.lines.as_mut_ptr().cast();
        // SAFETY: as above, and the lines are borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(numbers, self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::Aligned;

    #[test]
    fn starts_at_a_cache_line_and_keeps_its_memory() {
        let mut numbers = Aligned::zeros(3);
        numbers.copy_from_slice(&[1.0, 2.0, 3.0]);
        assert_eq!(numbers.of_len(40).len(), 40);
        assert_eq!(numbers[..4], [1.0, 2.0, 3.0, 0.0]);
        assert_eq!(numbers.as_ptr() as usize % 64, 0);
        numbers.of_len(2);
        assert_eq!(numbers.of_len(40)[2], 3.0);
    }
}

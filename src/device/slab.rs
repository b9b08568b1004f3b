//! Several buffers in one piece of memory, which comes back to the host at once.

use cubecl::bytes::Bytes;
use cubecl::prelude::{Client, CubeElement};
use cubecl::server::Handle;

use super::Buffer;

/// Buffers begin at multiples of so many fours: 256 bytes, as far as any device has to align them.
const ALIGNED: usize = 16;

/// Fours that a buffer of so many takes.
fn room(len: usize) -> usize {
    len.max(1).next_multiple_of(ALIGNED)
}

/// Several buffers in one piece of memory.
#[derive(Debug, Clone)]
pub(crate) struct Slab {
    handle: Handle,
    parts: Vec<Buffer>,
    /// Where each begins, in fours.
    starts: Vec<usize>,
}

impl Slab {
    /// Memory for buffers of so many fours, of any content.
    pub fn new(client: &Client, lens: &[usize]) -> Self {
        let starts: Vec<usize> = Self::starts_of(lens).collect();
        let end = |index: usize| starts[index] + room(lens[index]);
        let all = lens.len().checked_sub(1).map_or(ALIGNED, end);
        let handle = client.empty(16 * all);
        let part = |(index, &len): (usize, &usize)| {
            let part = handle.clone().offset_start(16 * starts[index] as u64);
            Buffer { handle: part.offset_end(16 * (all - end(index)) as u64), len }
        };
        let parts = lens.iter().enumerate().map(part).collect();
        Self { handle, parts, starts }
    }

    /// Where buffers of so many fours begin.
    pub fn starts_of(lens: &[usize]) -> impl Iterator<Item = usize> {
        lens.iter().scan(0, |start, &len| {
            let own = *start;
            *start += room(len);
            Some(own)
        })
    }

    /// One of the buffers.
    pub fn part(&self, index: usize) -> Buffer {
        self.parts[index].clone()
    }

    /// Where each begins, in fours.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// All of it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// All of it, as fours.
    pub fn whole(&self) -> Buffer {
        let last = self.starts.last().zip(self.parts.last());
        let len = last.map_or(0, |(start, part)| start + part.len);
        Buffer { handle: self.handle.clone(), len }
    }

    /// The numbers of one of the buffers, from those of all.
    pub fn numbers<'a>(&self, all: &'a Bytes, index: usize) -> &'a [f32] {
        &f32::from_bytes(all)[4 * self.starts[index]..][..4 * self.parts[index].len]
    }
}

//! What a group has been asked for, on its way to the host.

use std::pin::Pin;

use cubecl::bytes::Bytes;
use cubecl::future::block_on;
use cubecl::prelude::CubeElement;
use cubecl::server::ServerError;
use rayon::prelude::*;

use super::Group;

/// What a group has been asked for, on its way to the host.
pub(crate) struct Launched<'a> {
    pub(super) arriving: Pin<Box<dyn Future<Output = Result<Vec<Bytes>, ServerError>> + Send + 'a>>,
    /// The tables of a point's result: where each begins, and numbers of a row that count.
    pub(super) tables: Vec<[usize; 2]>,
    /// Rows of each batch.
    pub(super) rows: usize,
    pub(super) group: Group,
}

impl Launched<'_> {
    /// Waits for it: the numbers of each batch of the group at one point after the other. A batch's
    /// statistics are means and variances, norm by norm.
    pub fn read(self) -> Result<Vec<f64>, String> {
        let Self { arriving, tables, rows, group } = self;
        let bytes = block_on(arriving).map_err(|error| error.to_string())?;
        let results: Vec<&[f32]> = bytes.iter().map(|bytes| f32::from_bytes(bytes)).collect();
        let of_batch = rows * tables.iter().map(|[_, width]| width).sum::<usize>();
        let mut numbers = vec![0.0; results.len() * group.batches * of_batch];
        let batches = numbers.par_chunks_mut(of_batch.max(1)).enumerate();
        batches.for_each(|(index, mut numbers)| {
            let (point, batch) = (index / group.batches, index % group.batches);
            for &[start, width] in &tables {
                let padded = width.next_multiple_of(4);
                let from = &results[point][start + batch * rows * padded..];
                let (to, rest) = numbers.split_at_mut(rows * width);
                for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(padded)) {
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from.into());
                }
                numbers = rest;
            }
        });
        Ok(numbers)
    }
}

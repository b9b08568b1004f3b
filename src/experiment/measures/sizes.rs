//! `batch_sizes` of a measurement.

use crate::experiment::Train;
use crate::experiment::reader::Section;

/// Reads `batch_sizes`; without a list, that of training.
pub(super) fn read_sizes(section: &mut Section, sizes: &mut Vec<usize>, train: &Train) {
    *sizes = vec![train.batch_size];
    let valid = |sizes: &Vec<usize>| {
        !sizes.is_empty() && !sizes.contains(&0) && sizes.windows(2).all(|pair| pair[0] < pair[1])
    };
    let remedy = "must be a list of sizes of at least 1, ascending, for example [100, 1000]";
    section.read_valid("batch_sizes", sizes, valid, remedy);
}

//! `include_weight_decay` of a measurement of curvature.

use crate::experiment::reader::Section;
use crate::experiment::{Optimizer, Train};

/// Reads `include_weight_decay`, which needs a weight decay that is a part of the loss.
pub(super) fn read_weight_decay(section: &mut Section, is_included: &mut bool, train: &Train) {
    let is_decoupled = matches!(train.optimizer, Optimizer::AdamW(_));
    let remedy = "adamw shrinks theta beside its steps, so its weight decay is no part of a loss: \
                  leave this out";
    section.read_valid(
        "include_weight_decay",
        is_included,
        |&read| !(read && is_decoupled),
        remedy,
    );
}

//! What the terminal is told of curvature: the last measured point of each kind, with its errors.

use crate::run::{CovarianceRecord, SpectrumRecord};

use super::alignment_group::AlignmentGroup;
use super::figures::{epoch_name, largest_eigenvalue};
use super::run_data::RunData;
use super::spread::{significant, with_error};

/// Rows for what the run has measured of curvature; none for a run without.
pub(super) fn of_curvature(run: &RunData) -> Vec<(&'static str, String)> {
    let mut rows = alignments(run);
    rows.extend(run.spectra.last().map(|spectrum| ("largest eigenvalue", eigenvalue(spectrum))));
    rows.extend(covariance(&run.covariances).map(|text| ("gradient covariance", text)));
    rows
}

/// One row a batch size.
fn alignments(run: &RunData) -> Vec<(&'static str, String)> {
    let last = run.alignments.last().map(|record| record.step);
    let groups = AlignmentGroup::all(&run.alignments).filter(|group| Some(group.step) == last);
    let row = |group: AlignmentGroup<'_>| {
        let spread = group.spread(|record| record.alignment);
        let mean = spread.map_or("unknown".to_owned(), |spread| spread.to_string());
        let count = spread.map_or(0, |spread| spread.count);
        let (plural, epoch) = (if count == 1 { "" } else { "es" }, epoch_name(group.epoch));
        let text = format!("{mean} over {count} batch{plural} of {} ({epoch})", group.batch_size);
        ("alignment", text)
    };
    groups.map(row).collect()
}

fn eigenvalue(spectrum: &SpectrumRecord) -> String {
    let stability = spectrum.learning_rate_times_lambda_max;
    let stability = stability.map(|value| {
        format!(", eta lambda_max = {} where 2 is the edge of stability", significant(value))
    });
    format!(
        "{}{} ({})",
        largest_eigenvalue(spectrum),
        stability.unwrap_or_default(),
        epoch_name(spectrum.epoch)
    )
}

/// Measured over predicted trace for every batch size of the last point.
fn covariance(records: &[CovarianceRecord]) -> Option<String> {
    let last = records.last()?;
    let ratio = |record: &CovarianceRecord| {
        let ratio = match (record.ratio?, record.ratio_error) {
            (ratio, Some(error)) => with_error(ratio, error),
            (ratio, None) => significant(ratio),
        };
        Some(format!("{ratio} (B = {})", record.batch_size))
    };
    let ratios = records.iter().filter(|record| record.step == last.step).filter_map(ratio);
    let ratios = ratios.collect::<Vec<_>>().join(", ");
    let epoch = epoch_name(last.epoch);
    (!ratios.is_empty()).then(|| format!("{ratios} times equation 3's ({epoch})"))
}

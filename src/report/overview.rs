//! The numbers of a run for programs: `losswalk run --json` and `losswalk show --json`.

use std::path::PathBuf;

use serde::Serialize;

use super::ReportError;
use super::run_data::RunData;
use super::summary::{highest_barrier, mean_cosine};
use crate::run::{RunFolder, Standing};

/// A run in a few numbers. What was not measured is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// Updates along which the loss was measured.
    pub measured_updates: u64,
    /// Those of them with a verdict on barriers.
    pub decided_updates: u64,
    /// Those of them that crossed one.
    pub barriers: u64,
    /// The height of the highest barrier above the higher end of its update, as a share of the loss
    /// there.
    pub highest_barrier: Option<f64>,
    /// The mean cosine of consecutive gradients over the last epoch, or over the last steps of a run of
    /// one epoch.
    pub mean_cosine: Option<f64>,
    /// The distance from the initialisation.
    pub distance: Option<f64>,
    /// The length of the path to there.
    pub path_length: Option<f64>,
    /// The page; null if there is none.
    pub report: Option<PathBuf>,
}

/// Reads a run and says its numbers.
///
/// # Errors
/// If the run cannot be read or has no step.
pub fn overview(folder: &RunFolder) -> Result<Overview, ReportError> {
    let run = RunData::load(folder)?;
    let verdicts = || run.lines.iter().filter_map(|line| line.verdict.barrier);
    let last = run.steps.iter().rev().find(|step| step.distance.is_some());
    Ok(Overview {
        standing: folder.standing()?,
        measured_updates: run.lines.len() as u64,
        decided_updates: verdicts().count() as u64,
        barriers: verdicts().filter(|&is_crossed| is_crossed).count() as u64,
        highest_barrier: highest_barrier(&run.lines).map(|(share, _, _)| share),
        mean_cosine: mean_cosine(&run.steps).0,
        distance: last.and_then(|step| step.distance),
        path_length: last.and_then(|step| step.path_length),
        report: Some(folder.report()).filter(|page| page.is_file()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn the_numbers_are_those_of_the_records() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let folder = Fixture::new("a", 30, 20).with_scores().write(dir.path())?;
        let found = overview(&folder)?;
        assert_eq!((found.measured_updates, found.decided_updates, found.barriers), (20, 20, 6));
        assert_eq!((found.standing.steps, found.standing.loss), (30, Some(0.5)));
        assert_eq!((found.mean_cosine, found.report.clone()), (Some(-0.25), None));
        let json = serde_json::to_value(&found)?;
        assert_eq!((&json["status"], &json["barriers"]), (&"done".into(), &6.into()));
        Ok(())
    }
}

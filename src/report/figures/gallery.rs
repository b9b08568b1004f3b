//! All figures and tables, in the order of the page.

use crate::report::csv::Csv;
use crate::report::figure::Figure;
use crate::report::run_data::RunData;

use super::{
    alignment, barriers, cosine, covariance, decomposition, density, distance, heights, prediction,
    spectrum, training_loss, walk,
};

/// Every figure; the walk is one figure a run, the others compare the runs. Those of
/// curvature are there if a run has measured it.
pub(in crate::report) fn figures(runs: &[RunData]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = (0..runs.len()).map(|i| walk::figure(runs, i)).collect();
    figures.extend([
        barriers::figure(runs),
        heights::figure(runs),
        cosine::figure(runs),
        distance::figure(runs),
        training_loss::figure(runs),
    ]);
    figures.extend(
        [
            alignment::figure(runs),
            decomposition::figure(runs),
            covariance::figure(runs),
            spectrum::figure(runs),
            density::figure(runs),
            prediction::figure(runs),
        ]
        .into_iter()
        .flatten(),
    );
    figures
}

/// The numbers of every figure that is there.
pub(in crate::report) fn tables(runs: &[RunData]) -> Vec<Csv> {
    let mut tables = vec![
        walk::csv(runs),
        barriers::csv(runs),
        heights::csv(runs),
        cosine::csv(runs),
        distance::csv(runs),
        training_loss::csv(runs),
    ];
    tables.extend(
        [
            alignment::csv(runs),
            decomposition::csv(runs),
            covariance::csv(runs),
            spectrum::csv(runs),
            density::csv(runs),
            prediction::csv(runs),
        ]
        .into_iter()
        .flatten(),
    );
    tables
}

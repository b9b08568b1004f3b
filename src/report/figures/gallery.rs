//! All figures and tables, in the order of the page.

use crate::report::csv::Csv;
use crate::report::figure::Figure;
use crate::report::run_data::RunData;

use super::{barriers, cosine, distance, heights, training_loss, walk};

/// Every figure; the walk is one figure a run, the others compare the runs.
pub(in crate::report) fn figures(runs: &[RunData]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = (0..runs.len()).map(|i| walk::figure(runs, i)).collect();
    figures.extend([
        barriers::figure(runs),
        heights::figure(runs),
        cosine::figure(runs),
        distance::figure(runs),
        training_loss::figure(runs),
    ]);
    figures
}

/// The numbers of every figure.
pub(in crate::report) fn tables(runs: &[RunData]) -> Vec<Csv> {
    vec![
        walk::csv(runs),
        barriers::csv(runs),
        heights::csv(runs),
        cosine::csv(runs),
        distance::csv(runs),
        training_loss::csv(runs),
    ]
}

//! All figures and tables, in the order of the page.

use crate::report::ReportError;
use crate::report::csv::Csv;
use crate::report::figure::Figure;
use crate::report::run_data::RunData;

use super::{
    alignment, barriers, cosine, covariance, decomposition, density, distance, epochs, heights,
    prediction, spectrum, training_loss, walk,
};

/// A figure, and the same numbers as a table.
type Drawn<F, C> = (fn(&[RunData]) -> F, fn(&[RunData]) -> Result<C, ReportError>);

/// Those of every report.
const ALWAYS: [Drawn<Figure, Csv>; 5] = [
    (barriers::figure, barriers::csv),
    (heights::figure, heights::csv),
    (cosine::figure, cosine::csv),
    (distance::figure, distance::csv),
    (training_loss::figure, training_loss::csv),
];

/// Those that are there if a run has measured what they show.
const IF_MEASURED: [Drawn<Option<Figure>, Option<Csv>>; 7] = [
    (epochs::figure, epochs::csv),
    (alignment::figure, alignment::csv),
    (decomposition::figure, decomposition::csv),
    (covariance::figure, covariance::csv),
    (spectrum::figure, spectrum::csv),
    (density::figure, density::csv),
    (prediction::figure, prediction::csv),
];

/// Every figure; the walk is one figure a run, the others compare the runs.
pub(in crate::report) fn figures(runs: &[RunData]) -> impl Iterator<Item = Figure> {
    let walks = (0..runs.len()).map(|i| walk::figure(runs, i));
    let always = ALWAYS.iter().map(|(figure, _)| figure(runs));
    let measured = IF_MEASURED.iter().filter_map(|(figure, _)| figure(runs));
    walks.chain(always).chain(measured)
}

/// The numbers of every figure that is there.
pub(in crate::report) fn tables(runs: &[RunData]) -> Result<Vec<Csv>, ReportError> {
    let always = ALWAYS.iter().map(|(_, csv)| csv(runs));
    let measured = IF_MEASURED.iter().filter_map(|(_, csv)| csv(runs).transpose());
    std::iter::once(walk::csv(runs)).chain(always).chain(measured).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Axis;
    use crate::report::fixture::{Fixture, TestError};

    /// The page has one switch for an axis of all panels and turns each to its other spacing.
    #[test]
    fn panels_with_a_switch_have_equal_spacing() -> Result<(), TestError> {
        let runs = [Fixture::new("a", 30, 20).with_curvature().with_scores().load()?];
        let figures: Vec<Figure> = figures(&runs).collect();
        assert_eq!(figures.len(), 13);
        let agree = |axes: Vec<&Axis>| {
            let is_switched = axes.iter().any(|axis| axis.switch);
            !is_switched || axes.iter().all(|axis| axis.spacing == axes[0].spacing)
        };
        for figure in figures.iter().filter(|figure| !figure.panels.is_empty()) {
            assert!(agree(figure.panels.iter().map(|panel| &panel.x).collect()), "{}", figure.id);
            assert!(agree(figure.panels.iter().map(|panel| &panel.y).collect()), "{}", figure.id);
        }
        Ok(())
    }
}

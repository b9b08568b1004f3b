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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Axis;
    use crate::report::fixture::{Fixture, TestError};

    /// The page has one switch for an axis of all panels and turns each to its other spacing.
    #[test]
    fn panels_with_a_switch_have_equal_spacing() -> Result<(), TestError> {
        let figures = figures(&[Fixture::new("a", 30, 20).with_curvature().load()?]);
        assert_eq!(figures.len(), 12);
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

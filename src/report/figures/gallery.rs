//! All figures and tables, in the order of the page.

use crate::report::ReportError;
use crate::report::csv::Csv;
use crate::report::figure::Figure;
use crate::report::run_data::RunData;

use super::equal_axes::with_equal_axes;
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
    let walks = with_equal_axes((0..runs.len()).map(|i| walk::figure(runs, i)).collect());
    let always = ALWAYS.iter().map(|(figure, _)| figure(runs));
    let measured = IF_MEASURED.iter().filter_map(|(figure, _)| figure(runs));
    walks.into_iter().chain(always).chain(measured)
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
    use crate::report::scale::{x_range, y_range};

    #[test]
    fn walks_beside_each_other_have_equal_axes() -> Result<(), TestError> {
        let walk = |name: &str, higher: f64, bounces: u64| {
            let mut run = Fixture::new(name, 60, 60);
            for (i, step) in run.steps.iter_mut().enumerate() {
                (step.epoch, step.iteration) = (1, i as u64);
                step.cosine = Some(if step.iteration >= bounces { -0.1 * higher } else { 0.5 });
            }
            for line in &mut run.lines {
                (line.epoch, line.iteration) = (1, line.step);
                let floor = &mut line.verdict.floor_loss;
                for loss in line.losses.iter_mut().chain([floor]) {
                    *loss = loss.map(|loss| loss + higher);
                }
            }
            run.load()
        };
        let runs = [walk("a", 1.0, 0)?, walk("b", 3.0, 20)?];
        let own: Vec<(f64, f64)> = (0..2)
            .map(|i| walk::figure(&runs, i).panels.swap_remove(0))
            .map(|panel| y_range(&panel, x_range(&panel)))
            .collect();
        let figures: Vec<Figure> = figures(&runs).take(2).collect();
        let [a, b] = &figures[..] else { return Err("two walks".into()) };
        // The highest losses are those of b, the lowest ones of a.
        let y = (own[0].0.min(own[1].0), own[0].1.max(own[1].1));
        assert!(y != own[0] && y != own[1]);
        for panel in [&a.panels[0], &b.panels[0]] {
            assert_eq!((panel.x.view, panel.y.view), (Some((20.0, 60.0)), Some(y)));
            assert_eq!(y_range(panel, (20.0, 60.0)), y);
            assert_ne!(y_range(panel, (30.0, 40.0)), y, "what is looked into has its own");
        }
        assert_eq!(a.panels[1].y.view, b.panels[1].y.view);
        Ok(())
    }

    #[test]
    fn along_a_path_figures_have_the_names_of_its_checkpoints() -> Result<(), TestError> {
        let path = |last: &str| {
            let mut run = Fixture::new(last, 2, 2);
            run.manifest.checkpoints = ["a.pt", "b.safetensors", last].map(str::to_owned).to_vec();
            run.load()
        };
        let (one, other) = (path("c.pt")?, path("d.pt")?);
        let named = |runs: &[RunData]| -> Vec<String> {
            let figures: Vec<Figure> = figures(runs).collect();
            let named = |panel: &crate::report::figure::Panel| panel.x.names == ["a", "b", "c"];
            let is_named = |figure: &&Figure| figure.panels.iter().any(named);
            figures.iter().filter(is_named).map(|figure| figure.id.clone()).collect()
        };
        assert_eq!(
            named(std::slice::from_ref(&one)),
            ["walk", "cosine", "distance", "training-loss"]
        );
        let of_path = std::slice::from_ref(&one);
        let distance =
            figures(of_path).find(|figure| figure.id == "distance").ok_or("no figure")?;
        assert_eq!(distance.title, "Distance from the first checkpoint");
        // Of paths with other checkpoints, updates are counted.
        assert_eq!(named(&[one, other]), ["walk-1"]);
        Ok(())
    }

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

//! The density of all eigenvalues of the Hessian, from random probes.

use crate::linalg::{Quadrature, density};
use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing, Style};
use crate::report::run_data::RunData;
use crate::run::{DensityRule, SpectrumRecord};

use super::epoch_line::{EpochLine, epoch_lines, note_on_omission};

/// Points that a density is drawn at.
const POINTS: usize = 400;
/// Widths of the smoothing that are drawn beyond the outermost nodes.
const MARGIN: f64 = 3.0;

/// A smoothed density for each measured epoch with probes; `None` if there is none.
pub(super) fn figure(runs: &[RunData]) -> Option<Figure> {
    let lines = epoch_lines(runs, epochs);
    if lines.is_empty() {
        return None;
    }
    let panel = Panel {
        title: String::new(),
        in_image: true,
        x: Axis { zero: true, ..Axis::new("eigenvalue", "eigenvalue of the Hessian") },
        y: Axis {
            spacing: Spacing::Log,
            switch: true,
            ..Axis::new("density", "density of eigenvalues")
        },
        series: lines.iter().map(series).collect(),
    };
    let mut notes = vec![SMOOTHING.to_owned()];
    notes.extend(note_on_omission(runs, epochs));
    let figure = Figure {
        id: "density".to_owned(),
        title: "Density of the spectrum".to_owned(),
        what: "How the eigenvalues of the Hessian of the training loss are distributed, estimated from \
               random probes by stochastic Lanczos quadrature."
            .to_owned(),
        look_for: "Almost all eigenvalues lie close to zero: the loss is flat in almost every direction. \
                   What sticks out to the right are the few sharp directions, to the left those of \
                   negative curvature."
            .to_owned(),
        notes,
        columns: 1,
        choice: None,
        panels: vec![panel],
    };
    Some(figure.without_empty("No density is finite."))
}

/// What a reader must know of the smoothing.
const SMOOTHING: &str = "Each density is smoothed by a Gaussian as wide as its probes resolve: the range \
                         of eigenvalues over the number of nodes. It ends where less than a tenth of a \
                         single eigenvalue is left.";

/// The densities as drawn.
pub(super) fn csv(runs: &[RunData]) -> Result<Option<Csv>, ReportError> {
    let rows = runs.iter().flat_map(|run| {
        with_probes(run).flat_map(move |spectrum| {
            let curve = smooth(spectrum, run.manifest.parameter_count).into_iter();
            curve.map(move |(x, y)| (&run.label, spectrum.step, spectrum.epoch, x, cell(Some(y))))
        })
    });
    let is_measured = runs.iter().any(|run| with_probes(run).next().is_some());
    let columns = "run,step,epoch,eigenvalue,density";
    is_measured.then(|| Csv::new("density", columns, rows)).transpose()
}

fn with_probes(run: &RunData) -> impl Iterator<Item = &SpectrumRecord> {
    run.spectra.iter().filter(|spectrum| !spectrum.density.is_empty())
}

fn epochs(run: &RunData) -> Vec<u64> {
    with_probes(run).map(|spectrum| spectrum.epoch).collect()
}

fn series(line: &EpochLine<'_>) -> Series {
    let dimension = line.run.manifest.parameter_count;
    let spectrum = with_probes(line.run).find(|spectrum| spectrum.epoch == line.epoch);
    let points = spectrum.map_or(Vec::new(), |spectrum| smooth(spectrum, dimension));
    Series::new(&line.name, Style::Line, line.color, points)
}

/// Eigenvalues and their smoothed density, down to a tenth of what a single one of `dimension` would
/// be; gaps below.
fn smooth(spectrum: &SpectrumRecord, dimension: usize) -> Vec<(f64, f64)> {
    let rule = |rule: &DensityRule| Quadrature {
        nodes: rule.nodes.clone(),
        weights: rule.weights.clone(),
        dimension,
    };
    let rules: Vec<Quadrature> = spectrum.density.iter().map(rule).collect();
    let nodes = || rules.iter().flat_map(|rule| &rule.nodes).copied();
    let low = nodes().fold(f64::INFINITY, f64::min);
    let high = nodes().fold(f64::NEG_INFINITY, f64::max);
    let most = rules.iter().map(|rule| rule.nodes.len()).max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    let width = if high > low { (high - low) / most as f64 } else { high.abs().max(1.0) / 100.0 };
    let (start, span) = (low - MARGIN * width, high - low + 2.0 * MARGIN * width);
    let place = |i: usize| start + span * i as f64 / (POINTS - 1) as f64;
    let grid: Vec<f64> = (0..POINTS).map(place).collect();
    let single = 1.0 / (dimension as f64 * width * std::f64::consts::TAU.sqrt());
    let shown = |y: f64| if y > single / 10.0 { y } else { f64::NAN };
    let densities = density(&rules, width, &grid);
    grid.iter().copied().zip(densities.into_iter().map(shown)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::spectrum;

    #[test]
    fn a_density_integrates_to_one_and_ends_in_gaps() {
        let mut spectrum = spectrum(0);
        // Twenty nodes, so that the smoothing is narrow against the distance of 10 from 0.
        let nodes = [vec![10.0], vec![0.0; 18], vec![-1.0]].concat();
        let weights = [vec![0.01], vec![0.98 / 18.0; 18], vec![0.01]].concat();
        spectrum.density = vec![DensityRule { nodes, weights }];
        let points = smooth(&spectrum, 100);
        let spacing = points[1].0 - points[0].0;
        let shown = || points.iter().filter(|(_, y)| y.is_finite());
        let integral: f64 = shown().map(|(_, y)| y * spacing).sum();
        assert!((integral - 1.0).abs() < 1e-2, "{integral}");
        // A single eigenvalue of a hundred is shown, and nothing between it and the others.
        assert!(shown().any(|(x, _)| (x - 10.0).abs() < spacing));
        assert!(!shown().any(|(x, _)| (4.0..7.0).contains(x)));
        assert!(points[0].1.is_nan() && points.len() == POINTS);
    }
}

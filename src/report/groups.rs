//! Figures that compare runs by what differs: those that differ in the seed alone are one group, with one
//! colour, one entry of the legend, and their mean within its interval.

use std::collections::BTreeMap;

use super::differences::{SEED, Setting, differences, label};
use super::figure::{Axis, Figure, Panel, Series, Style};
use super::figures::of_run;
use super::repeats::{are_repeats, mean_and_margin, mean_name};
use super::run_data::RunData;
use crate::choice::choice;

choice! {
    /// What the updates of a run are counted in along an axis.
    Along {
        /// Updates.
        Updates = "updates",
        /// Epochs, so that runs with batches of other sizes have seen as many samples.
        Epochs = "epochs",
    }
}

/// The figures whose every series is of a run, by the name in front of it.
const GROUPED: [&str; 6] = ["barriers", "heights", "cosine", "distance", "training-loss", "epochs"];

/// Runs that differ in the seed alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// What it is called: as its run if it has only one.
    pub label: String,
    /// Indices of its runs.
    pub runs: Vec<usize>,
}

/// The groups, in the order of their first runs.
pub(super) fn groups(runs: &[RunData]) -> Vec<Group> {
    let settings: Vec<_> = runs.iter().map(|run| &run.settings).collect();
    let mut found: Vec<(Vec<Setting>, Group)> = Vec::new();
    for (index, mut settings) in differences(&settings).into_iter().enumerate() {
        settings.retain(|setting| setting.key != SEED);
        let run = &runs[index];
        let same = found.iter_mut().find(|(known, group)| {
            // Without settings, nobody knows what differs.
            *known == settings
                && !run.settings.is_empty()
                && runs[group.runs[0]].manifest.name == run.manifest.name
        });
        match same {
            Some((_, group)) => group.runs.push(index),
            None => found.push((settings, Group { label: run.label.clone(), runs: vec![index] })),
        }
    }
    let named = |(settings, group): (Vec<Setting>, Group)| match group.runs.len() {
        1 => group,
        _ if settings.is_empty() => {
            Group { label: runs[group.runs[0]].manifest.name.clone(), ..group }
        }
        _ => Group { label: label(&settings), ..group },
    };
    found.into_iter().map(named).collect()
}

/// A figure with a series for each group where it had one for each run, and its updates counted as asked.
pub(super) fn by_group(mut figure: Figure, runs: &[RunData], along: Along) -> Figure {
    if runs.len() < 2 && along == Along::Updates || !GROUPED.contains(&figure.id.as_str()) {
        return figure;
    }
    if along == Along::Epochs {
        figure.panels.iter_mut().for_each(|panel| count_epochs(panel, runs));
    }
    let groups = groups(runs);
    if groups.iter().any(|group| group.runs.len() > 1) {
        let has_means = |series: &Series| are_repeats(runs) && series.name == mean_name(runs);
        let mut is_mean = false;
        for panel in &mut figure.panels {
            if !panel.series.iter().any(has_means) {
                is_mean |= join(panel, runs, &groups);
            }
        }
        if is_mean {
            figure.notes.push(NOTE.to_owned());
        }
    }
    figure
}

const NOTE: &str = "Of runs that differ in the seed alone, the line is the mean over seeds; the band \
                    around it, or the bars, are its 95 % interval (Student's t).";

/// Places on the axis of updates become epochs. What is of no run, such as a fit, has no such place.
fn count_epochs(panel: &mut Panel, runs: &[RunData]) {
    let per_epoch: Option<Vec<f64>> = runs.iter().map(RunData::steps_per_epoch).collect();
    let (true, Some(per_epoch)) = (panel.x.name.starts_with("update"), per_epoch) else { return };
    panel.x = Axis {
        whole: false,
        name: "epochs".to_owned(),
        label: "epochs (updates over those of an epoch)".to_owned(),
        ..panel.x.clone()
    };
    panel.series.retain_mut(|series| {
        let Some((run, _)) = of_run(runs, &series.name).or((runs.len() == 1).then_some((0, "")))
        else {
            return false;
        };
        series.x.iter_mut().for_each(|x| *x /= per_epoch[run]);
        true
    });
}

/// Joins the series of each group. True if one of them is a mean now.
fn join(panel: &mut Panel, runs: &[RunData], groups: &[Group]) -> bool {
    let mut joined: Vec<((usize, String, Style), Vec<Series>)> = Vec::new();
    let mut others = Vec::new();
    for series in std::mem::take(&mut panel.series) {
        let Some((run, what)) = of_run(runs, &series.name) else {
            others.push(series);
            continue;
        };
        let group = groups.iter().position(|group| group.runs.contains(&run)).unwrap_or(0);
        let key = (group, what.to_owned(), series.style);
        match joined.iter_mut().find(|(known, _)| *known == key) {
            Some((_, list)) => list.push(series),
            None => joined.push((key, vec![series])),
        }
    }
    let mut is_mean = false;
    for ((group, what, style), series) in joined {
        let name = if what.is_empty() {
            groups[group].label.clone()
        } else {
            format!("{}: {what}", groups[group].label)
        };
        let several = groups[group].runs.len() > 1;
        let is_averaged = several
            && !matches!(
                style,
                Style::Dots | Style::Rings | Style::PaleDots | Style::Triangles | Style::Whiskers
            );
        is_mean |= is_averaged && style != Style::PaleLine;
        if is_averaged {
            panel.series.extend(mean(&name, (style, group), &series));
        } else {
            panel.series.extend(series.into_iter().map(|series| Series {
                name: name.clone(),
                color: group,
                ..series
            }));
        }
    }
    panel.series.extend(others);
    is_mean
}

/// The mean of some series at each place and, unless it is pale itself, its interval.
fn mean(name: &str, (style, color): (Style, usize), all: &[Series]) -> Vec<Series> {
    // Places are not negative, so their bits are in their order.
    let mut places: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (x, y) in all.iter().flat_map(Series::points).filter(|(x, _)| x.is_finite()) {
        places.entry(x.to_bits()).or_default().push(y);
    }
    let mut points: Vec<(f64, f64, f64)> = Vec::new();
    for (x, values) in places {
        let x = f64::from_bits(x);
        let has_gap = values.iter().any(|value| !value.is_finite());
        let (mean, margin) = mean_and_margin(values);
        points.push((x, mean, margin.unwrap_or(f64::NAN)));
        points.extend(has_gap.then_some((x, f64::NAN, f64::NAN)));
    }
    let line = points.iter().map(|&(x, mean, _)| (x, mean)).collect();
    let mut series = vec![Series::new(name, style, color, line)];
    match style {
        Style::PaleLine => {}
        Style::Bars => {
            let bar = |&(x, mean, margin): &(f64, f64, f64)| {
                [(x, mean - margin), (x, mean + margin), (x, f64::NAN)]
            };
            let bars = points.iter().flat_map(bar).collect();
            series.push(Series::new(name, Style::Whiskers, color, bars));
        }
        _ => {
            let bounds =
                |&(x, mean, margin): &(f64, f64, f64)| [(x, mean - margin), (x, mean + margin)];
            let band = points.iter().flat_map(bounds).collect();
            series.push(Series::new(name, Style::Band, color, band));
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::figures;
    use crate::report::fixture::{Fixture, TestError};

    /// Two seeds with batches of 100, and one with batches of 500; losses after epochs are 0, 1 and 5
    /// higher.
    fn sweep() -> Result<Vec<RunData>, TestError> {
        let runs = [
            ("[train]\nseed = 1\nbatch_size = 100\nepochs = 3", "B = 100, seed 1", 0.0),
            ("[train]\nseed = 2\nbatch_size = 100\nepochs = 3", "B = 100, seed 2", 1.0),
            ("[train]\nseed = 1\nbatch_size = 500\nepochs = 3", "B = 500, seed 1", 5.0),
        ];
        let run = |(experiment, label, higher): (&'static str, &str, f64)| {
            let mut fixture = Fixture { experiment, ..Fixture::new("a", 30, 20).with_scores() };
            fixture
                .epochs
                .iter_mut()
                .for_each(|epoch| epoch.loss = epoch.loss.map(|loss| loss + higher));
            let mut run = fixture.load()?;
            run.label = label.to_owned();
            Ok(run)
        };
        runs.into_iter().map(run).collect()
    }

    fn drawn(runs: &[RunData], id: &str, along: Along) -> Result<Figure, TestError> {
        let figure = figures(runs).find(|figure| figure.id == id).ok_or("no such figure")?;
        Ok(by_group(figure, runs, along))
    }

    fn looks(panel: &Panel) -> Vec<(&str, Style, usize)> {
        panel
            .series
            .iter()
            .map(|series| (series.name.as_str(), series.style, series.color))
            .collect()
    }

    #[test]
    fn seeds_are_one_group_with_a_mean_and_its_interval() -> Result<(), TestError> {
        let runs = sweep()?;
        let labels: Vec<_> =
            groups(&runs).into_iter().map(|group| (group.label, group.runs)).collect();
        assert_eq!(
            labels,
            [("B = 100".to_owned(), vec![0, 1]), ("B = 500, seed 1".to_owned(), vec![2])]
        );
        let figure = drawn(&runs, "epochs", Along::Updates)?;
        let panel = &figure.panels[0];
        let training = "B = 100: training set";
        assert_eq!(
            looks(panel)[..2],
            [(training, Style::DottedLine, 0), (training, Style::Band, 0)]
        );
        assert!(looks(panel).contains(&("B = 500, seed 1: training set", Style::DottedLine, 1)));
        let [mean, band] = &panel.series[..2] else { return Err("no band".into()) };
        // 2 and 3 of two seeds: 2.5 ± t s / √2 with t = 12.7062 and s² = 1/2.
        assert_eq!(mean.y[0], 2.5);
        assert!(
            (band.y[1] - 2.5 - 12.7062 * 0.5).abs() < 1e-3
                && (band.y[0] + band.y[1] - 5.0).abs() < 1e-9
        );
        assert!(figure.notes.iter().any(|note| note.contains("95 % interval")));
        Ok(())
    }

    #[test]
    fn counts_are_bars_with_whiskers_and_heights_stay_points() -> Result<(), TestError> {
        let runs = sweep()?;
        let barriers = drawn(&runs, "barriers", Along::Updates)?;
        assert_eq!(
            looks(&barriers.panels[0]),
            [
                ("B = 100", Style::Bars, 0),
                ("B = 100", Style::Whiskers, 0),
                ("B = 500, seed 1", Style::Bars, 1),
            ]
        );
        let heights = drawn(&runs, "heights", Along::Updates)?;
        let names: std::collections::BTreeSet<_> =
            looks(&heights.panels[0]).into_iter().map(|look| look.0).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        Ok(())
    }

    #[test]
    fn updates_may_be_counted_in_epochs() -> Result<(), TestError> {
        let runs = sweep()?;
        let panel = &drawn(&runs, "distance", Along::Epochs)?.panels[0];
        assert_eq!((panel.x.name.as_str(), panel.series[0].x[9]), ("epochs", 1.0));
        let one = &drawn(&runs[..1], "cosine", Along::Epochs)?.panels[0];
        assert_eq!(one.series[0].x[10], 1.0);
        Ok(())
    }
}

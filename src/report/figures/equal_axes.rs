//! Figures of several runs side by side show the same range of y in panels of the same epoch.

use std::collections::BTreeMap;

use crate::report::figure::{Figure, Panel};
use crate::report::scale::{x_range, y_range};

/// The title of the first panel of a choice, and the place of a panel in it.
type Key = (String, usize);

/// Gives panels that correspond the range of y that holds what any of them shows at first.
pub(super) fn with_equal_axes(mut figures: Vec<Figure>) -> Vec<Figure> {
    if figures.len() < 2 {
        return figures;
    }
    let mut views: BTreeMap<Key, (f64, f64)> = BTreeMap::new();
    for (panel, key) in figures.iter().flat_map(|figure| figure.panels.iter().zip(keys(figure))) {
        let (low, high) = y_range(panel, x_range(panel));
        let is_empty = panel.series.is_empty();
        let view = views.entry(key).or_insert((low, high));
        if !is_empty {
            *view = (view.0.min(low), view.1.max(high));
        }
    }
    for figure in &mut figures {
        let keys = keys(figure);
        for (panel, key) in figure.panels.iter_mut().zip(keys) {
            panel.y.view = views.get(&key).copied();
        }
    }
    figures
}

fn keys(figure: &Figure) -> Vec<Key> {
    let choices = figure.panels.chunks(figure.choice.as_ref().map_or(1, |choice| choice.panels));
    let key = |panels: &[Panel]| {
        let title = panels[0].title.clone();
        (0..panels.len()).map(move |place| (title.clone(), place)).collect::<Vec<Key>>()
    };
    choices.flat_map(key).collect()
}

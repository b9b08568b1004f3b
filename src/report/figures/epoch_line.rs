//! Figures with one line, or one panel, for every measured epoch: which epochs, their names, colours.

use crate::report::run_data::RunData;

use super::by_step::named;

/// Epochs that an image shows of a single run.
const MOST_EPOCHS: usize = 6;
/// Colours of lines; the last one of the palette is kept for references.
const COLORS: usize = 7;
/// Lines stand this factor apart, and all of them together within the larger one.
const APART: (f64, f64) = (1.05, 1.25);

/// One measured epoch of one run.
#[derive(Debug, Clone)]
pub(super) struct EpochLine<'a> {
    pub run: &'a RunData,
    pub epoch: u64,
    pub name: String,
    pub color: usize,
    /// By how much it stands right of its place on a logarithmic axis, as a factor, so that the error
    /// bars of several lines do not lie upon each other.
    pub shift: f64,
}

/// The lines of a figure from the measured epochs of each run, in order and perhaps repeated.
pub(super) fn epoch_lines<'a>(
    runs: &'a [RunData],
    measured: impl Fn(&'a RunData) -> Vec<u64>,
) -> Vec<EpochLine<'a>> {
    let mut places = Vec::new();
    for run in runs {
        let epochs = distinct(measured(run));
        let shown = evenly_chosen(epochs.len(), most_epochs(runs)).into_iter().map(|i| epochs[i]);
        places.extend(shown.map(|epoch| (run, epoch)));
    }
    let gaps = places.len().max(2) as f64 - 1.0;
    let apart = APART.0.min(APART.1.powf(1.0 / gaps));
    let middle = (places.len() as f64 - 1.0) / 2.0;
    let line = |(i, (run, epoch)): (usize, (&'a RunData, u64))| EpochLine {
        run,
        epoch,
        name: named(runs, run, &epoch_name(epoch)),
        color: i % COLORS,
        shift: apart.powf(i as f64 - middle),
    };
    places.into_iter().enumerate().map(line).collect()
}

/// A note where some run has more epochs than a figure shows.
pub(super) fn note_on_omission<'a>(
    runs: &'a [RunData],
    measured: impl Fn(&'a RunData) -> Vec<u64>,
) -> Option<String> {
    let most = most_epochs(runs);
    let is_long = |run| distinct(measured(run)).len() > most;
    let note =
        || format!("The figure shows {most} of the measured epochs of a run, its table all.");
    runs.iter().any(is_long).then(note)
}

/// As many as leave every line a colour of its own.
fn most_epochs(runs: &[RunData]) -> usize {
    (COLORS / runs.len().max(1)).clamp(1, MOST_EPOCHS)
}

/// What the state after so many epochs is called.
pub(in crate::report) fn epoch_name(epoch: u64) -> String {
    if epoch == 0 { "initialisation".to_owned() } else { format!("after epoch {epoch}") }
}

fn distinct(mut epochs: Vec<u64>) -> Vec<u64> {
    epochs.dedup();
    epochs
}

/// The epochs of a single run that an image shows.
pub(super) fn chosen_for_image(count: usize) -> Vec<usize> {
    evenly_chosen(count, MOST_EPOCHS)
}

/// All of up to `most` epochs, else the first two and more up to the last; with less room the first
/// and the last, or the last.
fn evenly_chosen(count: usize, most: usize) -> Vec<usize> {
    match most {
        _ if count <= most => (0..count).collect(),
        0 | 1 => vec![count - 1],
        2 => vec![0, count - 1],
        _ => {
            let more = most - 2;
            let spread = (1..=more).map(|i| 1 + (i * (count - 2)).div_ceil(more));
            [0, 1].into_iter().chain(spread).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_has_the_first_two_epochs_and_the_last() {
        assert_eq!(chosen_for_image(3), [0, 1, 2]);
        assert_eq!(chosen_for_image(7), [0, 1, 3, 4, 5, 6]);
        assert_eq!(chosen_for_image(40), [0, 1, 11, 20, 30, 39]);
    }

    #[test]
    fn the_last_epoch_is_chosen_however_little_room_there_is() {
        assert_eq!(
            [1, 2, 3].map(|most| evenly_chosen(9, most)),
            [vec![8], vec![0, 8], vec![0, 1, 8]]
        );
    }
}

//! The five numbers at the head of the page: loss, barriers, the highest of them, cosine and distance.

use maud::{Markup, html};

use super::run_data::RunData;
use super::summary::{highest_barrier, mean_cosine};
use super::table::Table;
use super::ticks::number;

/// One of the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Number {
    name: &'static str,
    value: String,
    /// What it is a number of.
    note: String,
}

/// The numbers of one run large, those of several as a table.
pub(super) fn headline(runs: &[RunData]) -> Markup {
    match runs {
        [run] => large(&numbers(run)),
        _ => table(runs).html(),
    }
}

fn large(numbers: &[Number]) -> Markup {
    html! {
        dl.headline {
            @for Number { name, value, note } in numbers {
                div { dt { (name) } dd { (value) small { (note) } } }
            }
        }
    }
}

fn table(runs: &[RunData]) -> Table {
    let names =
        runs.first().map(numbers).into_iter().flatten().map(|number| number.name.to_owned());
    let mut table = Table::new("At a glance", "run", names);
    for run in runs {
        let cells = numbers(run).into_iter().map(|number| number.value);
        table.row(&run.label, cells);
    }
    table
}

fn numbers(run: &RunData) -> [Number; 5] {
    [loss(run), barriers(run), highest(run), cosine(run), distance(run)]
}

fn loss(run: &RunData) -> Number {
    let first = run.lines.iter().find_map(|line| Some((line.step, (*line.losses.first()?)?)));
    let last =
        run.lines.iter().rev().find_map(|line| Some((line.step + 1, (*line.losses.last()?)?)));
    let (value, note) = match first.zip(last) {
        Some(((start, first), (end, last))) => (
            format!("{} → {}", rounded(first), rounded(last)),
            format!("on the training set, after {start} and {end} updates"),
        ),
        None => unknown("not measured"),
    };
    Number { name: "full training loss", value, note }
}

fn barriers(run: &RunData) -> Number {
    let decided = || run.lines.iter().filter_map(|line| line.verdict.barrier);
    let (value, note) = match decided().count() {
        0 => unknown("no update was measured"),
        count => (
            format!("{} of {count}", decided().filter(|&is_barrier| is_barrier).count()),
            "measured updates".to_owned(),
        ),
    };
    Number { name: "barriers crossed", value, note }
}

fn highest(run: &RunData) -> Number {
    let (value, note) = match highest_barrier(&run.lines) {
        Some((share, _, step)) => {
            (format!("{} %", rounded(100.0 * share)), format!("of the loss there, step {step}"))
        }
        None => unknown("no barrier was crossed"),
    };
    Number { name: "highest barrier", value, note }
}

fn cosine(run: &RunData) -> Number {
    let (mean, span) = mean_cosine(&run.steps);
    let (value, note) = match mean {
        Some(mean) => (number(mean, 3), format!("between consecutive gradients, {span}")),
        None => unknown("no cosine is recorded"),
    };
    Number { name: "mean cosine", value, note }
}

fn distance(run: &RunData) -> Number {
    let last = run.steps.iter().rev().find_map(|step| Some((step.distance?, step.path_length)));
    let (value, note) = match last {
        Some((distance, path)) => {
            let path = path.map(|path| format!(", along a path of {}", rounded(path)));
            (rounded(distance), format!("from {}{}", run.start(), path.unwrap_or_default()))
        }
        None => unknown("not recorded"),
    };
    Number { name: "distance", value, note }
}

/// Three significant digits; an exponent where the number is very small or large.
fn rounded(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.1e}");
    }
    let digits = 2 - size.max(1e-3).log10().floor() as i32;
    let text = number(value, usize::try_from(digits).unwrap_or(0));
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn unknown(why: &str) -> (String, String) {
    ("–".to_owned(), why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    fn values(fixture: &Fixture) -> Result<[String; 5], TestError> {
        Ok(numbers(&fixture.load()?).map(|number| number.value))
    }

    #[test]
    fn the_numbers_are_those_of_the_records() -> Result<(), TestError> {
        // Barriers at steps 2, 5, ..., 17; the highest share of the loss is the last one's, 0.25 / (2/18).
        let values = values(&Fixture::new("a", 30, 20))?;
        assert_eq!(values, ["2 → 0.0952", "6 of 20", "225 %", "−0.250", "1.35"]);
        let [loss, _, highest, ..] = numbers(&Fixture::new("a", 30, 20).load()?);
        assert_eq!(loss.note, "on the training set, after 0 and 20 updates");
        assert_eq!(highest.note, "of the loss there, step 17");
        Ok(())
    }

    #[test]
    fn what_is_not_known_is_a_dash_with_its_reason() -> Result<(), TestError> {
        let mut fixture = Fixture::new("a", 1, 0);
        fixture.steps[0].distance = None;
        assert_eq!(values(&fixture)?, ["–"; 5]);
        let html = headline(&[fixture.load()?]).into_string();
        assert!(html.contains("no update was measured") && html.contains("no cosine is recorded"));
        Ok(())
    }
}

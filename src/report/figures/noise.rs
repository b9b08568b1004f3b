//! How many of the barriers that the authors' evaluation counts are noise of that evaluation.

use std::collections::BTreeMap;

use crate::objective::Protocol;
use crate::report::run_data::RunData;
use crate::report::table::Table;

/// Every run measured as the authors' code does, beside one that walked the same path and was
/// measured on one fixed function.
pub(in crate::report) fn table(runs: &[RunData]) -> Option<Table> {
    let of = |wanted| {
        let uses = move |run: &&RunData| run.lines.first().is_some_and(|l| l.protocol == wanted);
        runs.iter().filter(uses)
    };
    let heads = ["updates", "counted by authors", "counted by fixed", "in both", "noise"];
    let mut table = Table::new(
        "Barriers that are noise of the evaluation",
        "authors / fixed",
        heads.map(str::to_owned),
    );
    let mut is_empty = true;
    for authors in of(Protocol::Authors) {
        for fixed in of(Protocol::Fixed).filter(|fixed| fixed.steps == authors.steps) {
            table.row(&format!("{} / {}", authors.label, fixed.label), cells(authors, fixed));
            is_empty = false;
        }
    }
    table.note = "Both runs took the same steps. The authors' code presents freshly shuffled batches \
                  and freshly augmented images at every point, so neighbouring points of one update \
                  are losses of different functions; what it counts and the fixed evaluation does not \
                  is noise."
        .to_owned();
    (!is_empty).then_some(table)
}

fn cells(authors: &RunData, fixed: &RunData) -> [String; 5] {
    let verdicts: BTreeMap<u64, bool> =
        fixed.lines.iter().filter_map(|line| Some((line.step, line.verdict.barrier?))).collect();
    let pairs: Vec<(bool, bool)> = authors
        .lines
        .iter()
        .filter_map(|line| Some((line.verdict.barrier?, *verdicts.get(&line.step)?)))
        .collect();
    let count = |is_counted: fn(&(bool, bool)) -> bool| {
        pairs.iter().filter(|pair| is_counted(pair)).count().to_string()
    };
    [
        pairs.len().to_string(),
        count(|(authors, _)| *authors),
        count(|(_, fixed)| *fixed),
        count(|(authors, fixed)| *authors && *fixed),
        count(|(authors, fixed)| *authors && !fixed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn barriers_of_one_evaluation_only_are_counted_as_noise() -> Result<(), TestError> {
        let folder = tempfile::tempdir()?;
        // The fixture has a barrier at every third step: 2, 5, 8, 11.
        let fixed = Fixture::new("fixed", 12, 12);
        let mut authors = Fixture::new("authors", 12, 12);
        for line in &mut authors.lines {
            line.protocol = Protocol::Authors;
            line.verdict.barrier = Some(line.step % 2 == 0);
        }
        let runs = [
            RunData::load(&authors.write(&folder.path().join("authors"))?)?,
            RunData::load(&fixed.write(&folder.path().join("fixed"))?)?,
        ];
        assert_eq!(table(&runs[..1]), None);
        assert_eq!(cells(&runs[0], &runs[1]), ["12", "6", "4", "2", "4"]);
        assert!(table(&runs).is_some());
        Ok(())
    }
}

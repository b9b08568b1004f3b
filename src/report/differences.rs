//! The settings in which runs differ, and what they are called after them.

use serde::Serialize;
use toml::{Table, Value};

/// A setting of a run that others have not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Setting {
    /// Dotted key.
    pub key: String,
    /// Its value as text; empty for a run that has no such key.
    pub value: String,
}

/// The key of the seed.
pub(super) const SEED: &str = "train.seed";
/// The batch size of training, which others have by default.
const BATCH_SIZE: &str = "train.batch_size";

/// Settings that decide which others there are.
const CHOICES: [&str; 3] = ["arch", "optimizer", "kind"];

/// For each run, its settings that are not those of every other: the key of `run.toml` and its value.
/// Names are no settings, and what merely follows the batch size of training is left out.
pub fn differences(runs: &[&Table]) -> Vec<Vec<Setting>> {
    let flat: Vec<Vec<(String, String)>> =
        runs.iter().map(|settings| flattened(settings)).collect();
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in flat.iter().flatten() {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    // Training first, the seed last.
    keys.sort_by_key(|key| match *key {
        SEED => 2,
        key => u8::from(!key.starts_with("train.")),
    });
    let column = |key: &str| -> Vec<&str> {
        let value = |run: &Vec<(String, String)>| -> Option<usize> {
            run.iter().position(|(known, _)| known == key)
        };
        flat.iter().map(|run| value(run).map_or("", |index| run[index].1.as_str())).collect()
    };
    let batch_sizes = column(BATCH_SIZE);
    let follows = |key: &str, values: &[&str]| {
        let bare = values.iter().map(|value| value.trim_matches(['[', ']']));
        key != BATCH_SIZE && bare.eq(batch_sizes.iter().copied())
    };
    let columns = keys.into_iter().map(|key| (key, column(key)));
    let differing: Vec<_> = columns
        .filter(|(key, values)| {
            values.iter().any(|value| *value != values[0]) && !follows(key, values)
        })
        .collect();
    // Another optimiser or measurement has other settings: its name says it.
    let is_settled = |key: &str, values: &[&str]| {
        let parent = key.rsplit_once('.').map_or("", |(parent, _)| parent);
        let is_choice =
            |other: &str| CHOICES.iter().any(|name| other == format!("{parent}.{name}"));
        let is_chosen = differing.iter().any(|(other, _)| is_choice(other));
        !is_choice(key) && is_chosen && values.contains(&"")
    };
    let differing = differing.iter().filter(|(key, values)| !is_settled(key, values));
    let mut found = vec![Vec::new(); runs.len()];
    for (key, values) in differing {
        for (run, value) in found.iter_mut().zip(values) {
            run.push(Setting { key: (*key).to_owned(), value: (*value).to_owned() });
        }
    }
    found
}

/// What a run is called after its settings: "B = 500, seed 3". Empty without any.
pub fn label(settings: &[Setting]) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let name = |key: &str| {
        let alike = settings.iter().filter(|other| last(&other.key) == last(key)).count();
        if alike > 1 { key.to_owned() } else { last(key).replace('_', " ") }
    };
    let part = |Setting { key, value }: &Setting| match (key.as_str(), value.as_str()) {
        (key, value) if CHOICES.contains(&last(key).as_str()) => value.to_owned(),
        (_, "") => format!("no {}", name(key)),
        (SEED, value) => format!("seed {value}"),
        (BATCH_SIZE, value) => format!("B = {value}"),
        ("train.learning_rate", value) => format!("η = {value}"),
        (key, value) => format!("{} = {value}", name(key)),
    };
    let parts = settings.iter().map(part).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

/// Dotted keys with the texts of their values, but for names.
fn flattened(settings: &Table) -> Vec<(String, String)> {
    fn add(key: String, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Table(table) => {
                table.iter().for_each(|(inner, value)| add(format!("{key}.{inner}"), value, found));
            }
            Value::Array(items) if items.iter().any(Value::is_table) => {
                let items = items.iter().enumerate();
                items.for_each(|(index, item)| add(format!("{key}[{index}]"), item, found));
            }
            Value::String(text) => found.push((key, text.clone())),
            value => found.push((key, value.to_string())),
        }
    }
    let mut found = Vec::new();
    for (key, value) in settings.iter().filter(|(key, _)| *key != "name") {
        add(key.clone(), value, &mut found);
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn labels(texts: &[&str]) -> Vec<String> {
        let tables: Vec<Table> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let tables: Vec<&Table> = tables.iter().collect();
        differences(&tables).iter().map(|settings| label(settings)).collect()
    }

    #[test]
    fn runs_are_called_after_what_differs() {
        let run = |batch: u32, seed: u32| {
            format!(
                "name = 'a{batch}'\ntrain = {{ batch_size = {batch}, seed = {seed}, epochs = 2 }}\n\
                 evaluation.batch_size = {batch}\nmeasure = [{{ batch_sizes = [{batch}] }}]\n"
            )
        };
        let (one, two, three) = (run(100, 1), run(500, 1), run(500, 2));
        assert_eq!(labels(&[&one, &two]), ["B = 100", "B = 500"]);
        assert_eq!(labels(&[&one, &two, &three])[2], "B = 500, seed 2");
        assert_eq!(labels(&[&two, &three]), ["seed 1", "seed 2"]);
        assert_eq!(labels(&[&one, &one]), ["", ""]);
    }

    #[test]
    fn keys_are_as_long_as_they_must_be() {
        let found = labels(&[
            "train = { learning_rate = 0.1, momentum = 0.9 }\nmeasure = [{ points = 4 }]",
            "train = { learning_rate = 0.2 }\nmeasure = [{ points = 5 }]",
        ]);
        assert_eq!(found[0], "η = 0.1, momentum = 0.9, points = 4");
        assert_eq!(found[1], "η = 0.2, no momentum, points = 5");
        let found = labels(&[
            "train = { optimizer = 'sgd', momentum = 0.9 }\nmeasure = [{ kind = 'line', points = 4 }]",
            "train = { optimizer = 'adam', beta1 = 0.9 }\nmeasure = [{ kind = 'line', points = 4 }, \
             { kind = 'spectrum', top = 5 }]",
        ]);
        assert_eq!(found, ["sgd", "adam, spectrum"]);
        let found = labels(&["a.epochs = 1\nb.epochs = 1", "a.epochs = 2\nb.epochs = 2"]);
        assert_eq!(found[1], "a.epochs = 2, b.epochs = 2");
    }
}

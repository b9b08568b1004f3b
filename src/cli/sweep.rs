//! Several runs from one experiment: `--sweep KEY=V1,V2` and `--seeds`.

use std::collections::BTreeSet;
use std::str::FromStr;

use toml::{Table, Value};

use super::arguments::RunArgs;
use crate::experiment::{self, Experiment};

/// The seeds of `--seeds`.
#[derive(Debug, Clone)]
pub(super) struct Seeds(pub Vec<u64>);

impl FromStr for Seeds {
    type Err = &'static str;

    /// "5" is the first five, "1,2,3" and "7," are lists.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const REMEDY: &str = "write how many (5), or a list of different ones (1,2,3)";
        let whole = |text: &str| text.trim().parse::<u64>().map_err(|_| REMEDY);
        let seeds: Vec<u64> = match text.split_once(',') {
            None => (1..=whole(text)?.min(MOST_RUNS as u64 + 1)).collect(),
            Some(_) => {
                text.trim_end_matches(',').split(',').map(whole).collect::<Result<_, _>>()?
            }
        };
        let distinct: BTreeSet<_> = seeds.iter().collect();
        let is_fine = !seeds.is_empty() && distinct.len() == seeds.len();
        is_fine.then(|| Self(seeds.clone())).ok_or(REMEDY)
    }
}

/// One run of several.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variant {
    /// Name of its folder within that of all: what it has and others have not.
    pub folder: String,
    pub experiment: Experiment,
}

/// A `--sweep` that cannot be.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepError {
    #[error(
        "--sweep {argument}: write KEY=VALUE,VALUE with different values, such as train.batch_size=100,500"
    )]
    Argument { argument: String },
    #[error("--sweep: two runs would be called {folder}; sweep over values with different names")]
    SameFolder { folder: String },
    #[error("--sweep: these are {count} runs; {MOST_RUNS} are the most at a time")]
    TooMany { count: usize },
}

/// The most runs of one command.
const MOST_RUNS: usize = 10_000;

/// A key and the texts of its values, as `--set` takes them.
struct Sweep {
    key: String,
    values: Vec<Value>,
}

impl Sweep {
    fn parse(argument: &str) -> Result<Self, SweepError> {
        let wrong = || SweepError::Argument { argument: argument.to_owned() };
        let (key, text) = argument.split_once('=').ok_or_else(wrong)?;
        let parsed = format!("values = [{text}]").parse::<Table>().ok();
        let values = match parsed.and_then(|mut table| table.remove("values")) {
            Some(Value::Array(values)) => values,
            // Names need no quotes.
            _ => text.split(',').map(|name| Value::from(name.trim())).collect(),
        };
        let texts: BTreeSet<_> = values.iter().map(Value::to_string).collect();
        if key.is_empty() || values.is_empty() || texts.len() < values.len() {
            return Err(wrong());
        }
        Ok(Self { key: key.to_owned(), values })
    }
}

impl Variant {
    /// True if the runs differ in their seeds, if at all.
    pub(super) fn differs_in_seed(&self, other: &Self) -> bool {
        self.experiment.with_seed(0) == other.experiment.with_seed(0)
    }
}

/// Every run that the arguments ask for: the product of all sweeps, and each for every seed. A single
/// run has no name of a folder.
pub(super) fn variants(arguments: &RunArgs) -> anyhow::Result<Vec<Variant>> {
    let sweeps = arguments.sweep.iter().map(|argument| Sweep::parse(argument));
    let sweeps = sweeps.collect::<Result<Vec<Sweep>, _>>()?;
    let mut variants = Vec::new();
    for chosen in product(&sweeps)? {
        let set = chosen.iter().map(|(sweep, value)| format!("{}={value}", sweep.key));
        let overrides: Vec<String> = arguments.overrides.iter().cloned().chain(set).collect();
        let experiment = experiment::load(&arguments.experiment, &overrides)?;
        let seeds = arguments.seeds.as_ref().map_or(&experiment.seeds, |seeds| &seeds.0);
        let parts = chosen.iter().map(|(sweep, value)| part(short(&sweep.key, &sweeps), value));
        let parts: Vec<String> = parts.collect();
        variants.extend(seeds.iter().map(|&seed| Variant {
            folder: [&parts[..], &[format!("seed-{seed}")]].concat().join("-"),
            experiment: experiment.with_seed(seed),
        }));
        if seeds.is_empty() {
            variants.push(Variant { folder: parts.join("-"), experiment });
        }
    }
    let mut folders = BTreeSet::new();
    match variants.iter().find(|variant| !folders.insert(&variant.folder)) {
        Some(twice) => Err(SweepError::SameFolder { folder: twice.folder.clone() }.into()),
        None => Ok(variants),
    }
}

/// Every combination of a value of each sweep; one of none without sweeps.
fn product(sweeps: &[Sweep]) -> Result<Vec<Vec<(&Sweep, &Value)>>, SweepError> {
    let count = sweeps.iter().map(|sweep| sweep.values.len()).fold(1, usize::saturating_mul);
    if count > MOST_RUNS {
        return Err(SweepError::TooMany { count });
    }
    Ok(sweeps.iter().fold(vec![Vec::new()], |combinations, sweep| {
        let longer = |chosen: Vec<_>| {
            let with = |value| [&chosen[..], &[(sweep, value)]].concat();
            sweep.values.iter().map(with).collect::<Vec<_>>()
        };
        combinations.into_iter().flat_map(longer).collect()
    }))
}

/// The last part of a key, or all of it where another key ends alike.
fn short<'a>(key: &'a str, sweeps: &[Sweep]) -> &'a str {
    let last = |key: &'a str| key.rsplit('.').next().unwrap_or(key);
    let alike = sweeps.iter().filter(|other| other.key.rsplit('.').next() == Some(last(key)));
    if alike.count() > 1 { key } else { last(key) }
}

/// A setting as a part of a folder's name.
fn part(key: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' };
    let text: String = text.chars().map(plain).collect();
    let words: Vec<&str> = text.split('_').filter(|word| !word.is_empty()).collect();
    format!("{key}-{}", words.join("_"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_number_or_a_list() {
        let seeds = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.0);
        assert_eq!(seeds("3").unwrap(), [1, 2, 3]);
        assert_eq!(seeds("4,9").unwrap(), [4, 9]);
        assert_eq!(seeds("7,").unwrap(), [7]);
        for wrong in ["0", "", ",", "1,1", "x", "1,,2", "-3"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_toml_or_names_and_make_folders() {
        let parts = |argument: &str| -> Vec<String> {
            let sweep = Sweep::parse(argument).unwrap();
            let sweeps = [sweep];
            sweeps[0]
                .values
                .iter()
                .map(|value| part(short(&sweeps[0].key, &sweeps), value))
                .collect()
        };
        assert_eq!(parts("train.batch_size=100,500"), ["batch_size-100", "batch_size-500"]);
        assert_eq!(parts("train.optimizer=sgd, adam"), ["optimizer-sgd", "optimizer-adam"]);
        assert_eq!(parts("model.hidden=[],[500, 350]"), ["hidden-", "hidden-500_350"]);
        assert_eq!(
            parts("train.learning_rate=0.1,1e-3"),
            ["learning_rate-0.1", "learning_rate-0.001"]
        );
        for wrong in ["train.epochs", "=1,2", "a=", "a=1,1"] {
            assert!(Sweep::parse(wrong).is_err(), "{wrong}");
        }
        let both = ["train.batch_size=1,2", "evaluation.batch_size=1,2"];
        let both = both.map(|argument| Sweep::parse(argument).unwrap());
        assert_eq!(short(&both[0].key, &both), "train.batch_size");
    }
}

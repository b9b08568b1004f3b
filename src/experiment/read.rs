//! From TOML to an [`Experiment`]: defaults filled in, every mistake reported at once.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value as Json, json};
use toml::{Table, Value};

use super::layer_list::read_layers;
use super::measures::read_measure;
use super::reader::{FromToml, Notes, Problem, Section, suggesting};
use super::train::read_train;
use super::{Arch, Data, Evaluation, Experiment, LineSchedule, Measure, Sampling};
use crate::data::{self, Augment, DatasetEntry};
use crate::network::{Head, Model};
use crate::objective::{BatchNormPolicy, Protocol};

/// Why an experiment cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The file cannot be read.
    #[error("{}: cannot read the experiment: {error}{}", path.display(), first_experiment(error))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{file}: not valid TOML: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// The parser's message, with line and column.
        message: String,
    },
    /// A `--set` that is not KEY=VALUE, or whose key is no table.
    #[error("--set {argument}: {problem}")]
    Set {
        /// The argument as given.
        argument: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Values that cannot be.
    #[error("{file}: {} {} in the experiment:{}", problems.len(), if problems.len() == 1 { "mistake" } else { "mistakes" }, listed(problems))]
    Invalid {
        /// The file.
        file: String,
        /// Every problem, in the order of the file's sections.
        problems: Vec<Problem>,
    },
}

fn first_experiment(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "; `losswalk init` writes a first one",
        _ => "",
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// Reads an experiment file and applies `--set` overrides (`KEY=VALUE`, dotted keys).
pub fn load(path: &Path, overrides: &[String]) -> Result<Experiment, ExperimentError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ExperimentError::Unreadable { path: path.to_owned(), error })?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    parse(&text, &path.display().to_string(), &stem, overrides)
}

/// Reads an experiment; `file` is its name in messages, `name` the run's unless the text has one.
pub fn parse(
    text: &str,
    file: &str,
    name: &str,
    overrides: &[String],
) -> Result<Experiment, ExperimentError> {
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        ExperimentError::Syntax { file: file.to_owned(), message: error.to_string() }
    })?;
    overrides.iter().try_for_each(|argument| set(&mut table, argument))?;
    let mut notes = Notes::default();
    let experiment = experiment(table, name, &mut notes);
    let problems = notes.problems;
    if problems.is_empty() {
        Ok(experiment)
    } else {
        Err(ExperimentError::Invalid { file: file.to_owned(), problems })
    }
}

/// Applies one `KEY=VALUE`; a value that is not TOML is taken as text.
fn set(table: &mut Table, argument: &str) -> Result<(), ExperimentError> {
    let fail = |problem| ExperimentError::Set { argument: argument.to_owned(), problem };
    let (key, text) = argument.split_once('=').ok_or_else(|| fail("write KEY=VALUE"))?;
    let parsed = format!("value = {text}").parse::<Table>().ok();
    let value = parsed.and_then(|mut table| table.remove("value"));
    let value = value.unwrap_or_else(|| Value::String(text.to_owned()));
    let (parents, last) = match key.rsplit_once('.') {
        Some((parents, last)) => (parents.split('.').collect(), last),
        None => (Vec::new(), key),
    };
    let mut current = table;
    for parent in parents {
        current = child(current, parent)
            .ok_or_else(|| fail("a part of this key names a value, not a section"))?;
    }
    current.insert(last.to_owned(), value);
    Ok(())
}

/// The table under a key, made if missing; `measure` means its first entry.
fn child<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Table> {
    match table.entry(key).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(table) => Some(table),
        Value::Array(entries) => entries.first_mut()?.as_table_mut(),
        _ => None,
    }
}

pub(super) fn experiment(table: Table, name: &str, notes: &mut Notes) -> Experiment {
    let mut top = Section::new("", table, notes);
    let name = top.optional("name").unwrap_or_else(|| name.to_owned());
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        top.problem("name", Some(&name.clone().into()), "must be usable as a folder's name");
    }
    let mut seeds = Vec::new();
    let are_distinct = |seeds: &Vec<u64>| {
        seeds.iter().enumerate().all(|(index, seed)| !seeds[..index].contains(seed))
    };
    top.read_valid("seeds", &mut seeds, are_distinct, "must be a list of different seeds");
    let of_section = |key| json!({ "$ref": format!("#/definitions/{key}") });
    let mut section = |key| match top.take(key, of_section(key)) {
        Some(Value::Table(table)) => table,
        None => Table::new(),
        Some(value) => {
            top.problem(key, Some(&value), &format!("must be a section, [{key}]"));
            Table::new()
        }
    };
    let (data, model) = (section("data"), section("model"));
    let (train, evaluation) = (section("train"), section("evaluation"));
    let measures = json!({ "type": "array", "items": of_section("measure") });
    let measure = match top.take("measure", measures) {
        Some(Value::Array(entries)) => entries,
        None => Vec::new(),
        Some(value) => {
            top.problem("measure", Some(&value), "must be written [[measure]]");
            Vec::new()
        }
    };
    top.finish();
    let data = read_data(Section::new("data", data, notes));
    let model = read_model(Section::new("model", model, notes));
    let train = read_train(Section::new("train", train, notes));
    let is_full = train.sampling == Sampling::Full;
    if is_full && data.augment != Augment::None {
        let remedy = "the full gradient is that of the measured loss, which has no augmentation: \
                      remove it, or reshuffle with the full set as one batch";
        let (key, value) = ("data.augment".to_owned(), Some("\"crop-flip\"".to_owned()));
        notes.problems.push(Problem { key, value, remedy: remedy.to_owned() });
    }
    let evaluation = Section::new("evaluation", evaluation, notes);
    let evaluation = read_evaluation(evaluation, train.batch_size);
    let moves_statistics = evaluation.batch_norm == BatchNormPolicy::Running;
    if is_full && moves_statistics && model.has_batch_norm() {
        let remedy = "the full gradient is that of the measured loss, but running statistics are no \
                      function of theta, so there is none: choose \"batch\" or \"recomputed\", or \
                      reshuffle with the full set as one batch";
        let (key, value) = ("evaluation.batch_norm".to_owned(), Some("\"running\"".to_owned()));
        notes.problems.push(Problem { key, value, remedy: remedy.to_owned() });
    }
    let entries = measure.into_iter().enumerate();
    let measure: Vec<_> =
        entries.map(|(index, entry)| read_measure(index, entry, &train, notes)).collect();
    let is_certified =
        |measure: &Measure| matches!(measure, Measure::Line(LineSchedule { rule: Some(_), .. }));
    if evaluation.protocol == Protocol::Authors && measure.iter().any(is_certified) {
        let remedy = "gives every point batches of its own, which cannot be compared one by one: \
                      choose \"fixed\", or mode = \"exact\"";
        let (key, value) = ("evaluation.protocol".to_owned(), Some("\"authors\"".to_owned()));
        notes.problems.push(Problem { key, value, remedy: remedy.to_owned() });
    }
    Experiment { name, seeds, data, model, measure, train, evaluation }
}

/// The name of a data set in the catalogue.
#[derive(Serialize)]
struct KnownData(String);

impl FromToml for KnownData {
    fn wanted() -> String {
        format!("must be one of: {}", data::names().join(", "))
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let name = value.as_str().filter(|name| data::find(name).is_ok())?;
        Some(Self(name.to_owned()))
    }

    fn schema() -> Json {
        json!({ "enum": data::names() })
    }

    fn remedy(found: &Value) -> String {
        suggesting(found.as_str().unwrap_or_default(), data::names(), &Self::wanted())
    }
}

fn read_data(mut section: Section) -> Data {
    let name = section.known("name", &KnownData::wanted()).unwrap_or(KnownData(String::new()));
    let entry = data::find(&name.0).ok();
    let mut data = Data::named(name.0);
    match (entry, section.optional::<PathBuf>("root")) {
        (Some(DatasetEntry::BuiltIn(_)), Some(root)) => {
            let value = root.display().to_string().into();
            section.problem("root", Some(&value), "this set is built in: leave root out");
        }
        (Some(DatasetEntry::Own(_)), None) => {
            section.problem("root", None, "is missing; this set is your own: name its folder");
        }
        (_, None) => {}
        (_, root) => data.root = root,
    }
    let some = |count: &Option<usize>| *count != Some(0);
    section.read_valid("train_samples", &mut data.train_samples, some, "must be at least 1");
    section.read("pad", &mut data.pad);
    section.read_valid("channels", &mut data.channels, some, "must be at least 1");
    read_channels(&mut section, "mean", &mut data.mean, |value| value.is_finite(), "finite");
    let positive = |value: f64| value.is_finite() && value > 0.0;
    read_channels(&mut section, "std", &mut data.std, positive, "above 0");
    section.read("augment", &mut data.augment);
    section.finish();
    data
}

/// A list of numbers, one a channel.
fn read_channels(
    section: &mut Section,
    key: &'static str,
    setting: &mut Option<Vec<f64>>,
    valid: impl Fn(f64) -> bool,
    demand: &str,
) {
    let valid = |values: &Option<Vec<f64>>| {
        let values = values.as_deref().unwrap_or_default();
        !values.is_empty() && values.iter().all(|&value| valid(value))
    };
    let remedy = format!("must be one number {demand} for each channel");
    section.read_valid(key, setting, valid, &remedy);
}

fn read_model(mut section: Section) -> Model {
    let arch = section.known_choice("arch").unwrap_or(Arch::Mlp);
    // A list of layers says itself where its norms are.
    let batch_norm = arch == Arch::Layers || section.optional("batch_norm").unwrap_or(true);
    let model = match arch {
        Arch::Mlp => {
            let hidden: Vec<usize> = section.optional("hidden").unwrap_or_else(|| vec![500, 350]);
            if hidden.contains(&0) {
                section.problem("hidden", None, "every width must be at least 1");
            }
            Model::Mlp { hidden, batch_norm }
        }
        Arch::Vgg11 => {
            let positive = |&width: &f64| width.is_finite() && width > 0.0;
            let width =
                section.checked("width", 1.0, positive, "must be above 0, for example 0.25");
            let head = section.optional("head").unwrap_or(Head::Equal);
            Model::Vgg11 { width, head, batch_norm }
        }
        Arch::Resnet => Model::Resnet { depth: section.positive("depth", 56), batch_norm },
        Arch::WideResnet => {
            let (depth, widen) = (section.positive("depth", 28), section.positive("widen", 10));
            Model::WideResnet { depth, widen, batch_norm }
        }
        Arch::Layers => Model::Layers { layers: read_layers(&mut section) },
    };
    section.finish();
    model
}

/// Without a batch size of its own, the loss is measured in batches of training's.
fn read_evaluation(mut section: Section, train_batch_size: usize) -> Evaluation {
    let mut evaluation =
        Evaluation { batch_size: train_batch_size.max(1), ..Evaluation::default() };
    section.read_positive("batch_size", &mut evaluation.batch_size);
    section.read("batch_norm", &mut evaluation.batch_norm);
    section.read("winograd", &mut evaluation.winograd);
    section.read("protocol", &mut evaluation.protocol);
    section.read("precision", &mut evaluation.precision);
    section.read("test", &mut evaluation.test);
    section.finish();
    evaluation
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\n";

    #[test]
    fn what_is_written_out_reads_back_as_the_same_experiment() -> Result<(), anyhow::Error> {
        let text = format!(
            "{MINIMAL}[[measure]]\nkind = 'line'\nepochs = [1]\niterations = 7\nreach = 3.0\n\
             second_order = true\n[[measure]]\nkind = 'alignment'\nepochs = [0, 1]\n\
             batch_sizes = [10, 20]\n[[measure]]\nkind = 'covariance'\nprobes = 7\n\
             [[measure]]\nkind = 'spectrum'\ntop = 3\nprobes = 2\ninclude_weight_decay = true\n"
        );
        let first = parse(&text, "a.toml", "a", &[])?;
        let second = parse(&toml::to_string(&first)?, "run.toml", "b", &[])?;
        assert_eq!(first, second);
        assert_eq!((first.train.batch_size, first.evaluation.batch_size), (100, 100));
        Ok(())
    }

    #[test]
    fn every_mistake_is_reported_with_key_value_and_remedy() {
        let text = "nmae = 'x'\n[data]\nname = 'imagenet'\n[model]\narch = 'vit'\n[train]\n\
                    learning_rate = -1\nbatch_size = 0\nepochs = 2\nmomentum = 'big'\n\
                    [[measure]]\nkind = 'lien'\nepochs = [3]\npoints = 1\nreach = 1.0\n\
                    [[measure]]\nkind = 'spectrum'\nepochs = [3]\ntolerance = 0.0\ntop = 0\n\
                    [[measure]]\nkind = 'alignment'\nbatch_sizes = [5, 5]\n\
                    [[measure]]\nkind = 'covariance'\nbatches = 1\npoints = 3\n";
        let message = parse(text, "bad.toml", "bad", &[]).err().map(|error| error.to_string());
        let message = message.unwrap_or_default();
        for part in [
            "bad.toml: 16 mistakes",
            "nmae = \"x\": unknown key; did you mean name? valid here: name, seeds, data",
            "data.name = \"imagenet\": must be one of: digits",
            "model.arch = \"vit\": must be one of: mlp, vgg11",
            "train.learning_rate = -1: must be a finite number above 0",
            "train.batch_size = 0: must be at least 1",
            "train.momentum = \"big\": must be a number",
            "measure[0].kind = \"lien\": did you mean line? must be one of: line, alignment",
            "measure[0].epochs = [3]: epochs run from 1 to train.epochs = 2",
            "measure[0].points = 1: must be at least 2",
            "measure[0].reach = 1.0: must be above 1",
            "measure[1].epochs = [3]: epochs run from 0 to train.epochs = 2",
            "measure[1].tolerance = 0.0: must be between",
            "measure[1].top = 0: must be at least 1",
            "measure[2].batch_sizes = [5, 5]: must be a list of sizes",
            "measure[3].batches = 1: must be at least 2",
            "measure[3].points = 3: unknown key; valid here: kind, epochs, batch_sizes",
        ] {
            assert!(message.contains(part), "{part}\nnot in\n{message}");
        }
    }

    #[test]
    fn a_normalisation_that_cannot_be_is_refused() {
        let overrides = |pair: [&str; 2]| pair.map(str::to_owned);
        let fine = parse(MINIMAL, "a", "a", &overrides(["data.mean=[0.5]", "data.std=[1]"]));
        assert_eq!(
            fine.map(|a| (a.data.mean, a.data.std)).ok(),
            Some((Some(vec![0.5]), Some(vec![1.0])))
        );
        for pair in [
            ["data.mean=[nan]", "data.std=[0]"],
            ["data.mean=[]", "data.std=[-1.0]"],
            ["data.mean=[inf]", "data.std=[1, inf]"],
            ["data.mean=0.5", "data.std=['1']"],
        ] {
            let message = parse(MINIMAL, "a", "a", &overrides(pair)).err().map(|e| e.to_string());
            let message = message.unwrap_or_default();
            assert!(
                message.contains("data.mean = ") && message.contains("data.std = "),
                "{message}"
            );
        }
    }

    #[test]
    fn set_overrides_dotted_keys_and_takes_plain_text() -> Result<(), anyhow::Error> {
        let overrides = ["train.epochs=3", "name=other", "model.hidden=[]"].map(str::to_owned);
        let experiment = parse(MINIMAL, "a.toml", "a", &overrides)?;
        assert_eq!((experiment.train.epochs, experiment.name.as_str()), (3, "other"));
        assert_eq!(experiment.model, Model::Mlp { hidden: Vec::new(), batch_norm: true });
        assert!(parse(MINIMAL, "a.toml", "a", &["data.name.x=1".to_owned()]).is_err());
        Ok(())
    }
}

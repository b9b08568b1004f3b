//! What ran and where the time went, as tables with a run a column.

use maud::{Markup, html};
use toml::Value;

use crate::data::PixelNormalisation;
use crate::objective::BatchNormPolicy;
use crate::run::{Machine, Status, TimingRecord};

use super::run_data::RunData;
use super::table::Table;
use super::ticks::number;

/// Seconds of a run, by what they were spent on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Time {
    pub train_seconds: f64,
    pub line_seconds: f64,
    pub curvature_seconds: f64,
    pub scores_seconds: f64,
    pub other_seconds: f64,
    /// Samples times points of the line measurement.
    pub sample_points: u64,
}

impl Time {
    /// The sum over all spans of a run.
    pub fn of(timings: &[TimingRecord]) -> Self {
        timings.iter().fold(Self::default(), |sum, span| Self {
            train_seconds: sum.train_seconds + span.train_seconds,
            line_seconds: sum.line_seconds + span.line_seconds,
            curvature_seconds: sum.curvature_seconds + span.curvature_seconds,
            scores_seconds: sum.scores_seconds + span.scores_seconds,
            other_seconds: sum.other_seconds + span.other_seconds,
            sample_points: sum.sample_points + span.sample_points,
        })
    }

    /// Everything together.
    pub fn seconds(&self) -> f64 {
        let measured = self.line_seconds + self.curvature_seconds + self.scores_seconds;
        self.train_seconds + measured + self.other_seconds
    }

    /// Samples times points a second of line measurement; `None` if nothing was measured.
    pub fn sample_points_per_second(&self) -> Option<f64> {
        (self.line_seconds > 0.0).then(|| self.sample_points as f64 / self.line_seconds)
    }
}

/// A row's name and the text of a run.
type Fact<'a> = (&'a str, &'a dyn Fn(&RunData) -> String);

/// What ran: data, network, optimiser, machine, status.
pub(super) fn facts(runs: &[RunData]) -> Table {
    let mut table = Table::new("What ran", "", runs.iter().map(|run| run.label.clone()));
    let facts: [Fact<'_>; 24] = [
        ("status", &status),
        ("started", &|run| run.manifest.started.as_deref().map_or_else(dash, date)),
        ("took", &|run| run.manifest.seconds.map_or_else(dash, duration)),
        ("command", &command),
        ("data set", &|run| run.manifest.data.clone()),
        ("pixels as the network sees them", &|run| {
            run.manifest.normalisation.as_ref().map_or_else(dash, PixelNormalisation::to_string)
        }),
        ("network", &|run| choice(run, "model", "arch", &[])),
        ("optimiser", &|run| choice(run, "train", "optimizer", &BESIDE_THE_OPTIMISER)),
        ("training samples N", &|run| whole(run.manifest.samples)),
        ("parameters", &|run| whole(run.manifest.parameter_count as u64)),
        ("learning rate η", &|run| range(run, |step| step.learning_rate)),
        ("batch size", &batch_size),
        ("epochs", &epochs),
        ("steps", &steps),
        ("measured updates", &|run| whole(run.lines.len() as u64)),
        ("protocol of the evaluation", &|run| choice(run, "evaluation", "protocol", &ALL)),
        ("batch norm while measuring", &|run| batch_norm(run).to_owned()),
        ("error of the loss in f32", &evaluation_error),
        ("seed", &|run| run.manifest.seed.to_string()),
        ("device", &device),
        ("host", &|run| machine(run, |machine| &machine.host)),
        ("CPU", &|run| machine(run, |machine| &machine.cpu)),
        ("instructions of the kernels", &|run| run.manifest.kernels.clone().unwrap_or_else(dash)),
        ("losswalk", &version),
    ];
    for (name, fact) in facts {
        table.row(name, runs.iter().map(fact));
    }
    for (name, epochs) in CURVATURE {
        let epochs: Vec<Vec<u64>> = runs.iter().map(epochs).collect();
        if epochs.iter().any(|epochs| !epochs.is_empty()) {
            table.row(name, epochs.into_iter().map(list));
        }
    }
    table
}

/// Settings of training that have a row of their own, or change no iterate.
const BESIDE_THE_OPTIMISER: [&str; 7] =
    ["learning_rate", "batch_size", "epochs", "seed", "chunk", "precision", "save_iterates"];

/// Stands for every setting, where one alone is told.
const ALL: [&str; 1] = ["*"];

/// What stands for a value that a run does not have.
fn dash() -> String {
    "–".to_owned()
}

/// An RFC 3339 time for people.
fn date(time: &str) -> String {
    time.replace('T', " ").replace('Z', " UTC")
}

/// The command as a shell would take it.
fn command(run: &RunData) -> String {
    let quoted = run.manifest.arguments.iter().map(|argument| {
        let is_plain = |c: char| c.is_alphanumeric() || "-_=./:,+@%".contains(c);
        if !argument.is_empty() && argument.chars().all(is_plain) {
            argument.clone()
        } else {
            format!("'{}'", argument.replace('\'', r"'\''"))
        }
    });
    Some(quoted.collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty()).unwrap_or_else(dash)
}

fn machine(run: &RunData, part: impl Fn(&Machine) -> &Option<String>) -> String {
    run.manifest.machine.as_ref().and_then(|machine| part(machine).clone()).unwrap_or_else(dash)
}

/// What an experiment chose, with the other settings of its section but those of `left_out`; a dash for
/// a run without an experiment.
fn choice(run: &RunData, section: &str, key: &str, left_out: &[&str]) -> String {
    let settings = run.settings.get(section).and_then(Value::as_table);
    let Some((settings, chosen)) = settings.and_then(|table| Some((table, table.get(key)?))) else {
        return dash();
    };
    let is_told = |name: &str| name != key && left_out != ALL && !left_out.contains(&name);
    let others = settings.iter().filter(|(name, _)| is_told(name));
    let others = others.map(|(name, value)| format!(", {name} {}", setting(value)));
    setting(chosen) + &others.collect::<String>()
}

/// The epochs, and the steps at which a run was to end before it was given more.
fn epochs(run: &RunData) -> String {
    let ends = run.manifest.extensions.iter().map(|earlier| whole(earlier.total_steps));
    let ends: Vec<_> = ends.collect();
    let epochs = choice(run, "train", "epochs", &ALL);
    if ends.is_empty() {
        epochs
    } else {
        format!("{epochs}, first to step {}", ends.join(", then "))
    }
}

/// A value in words; of a list of tables, such as layers, how many there are.
fn setting(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().any(Value::is_table) => items.len().to_string(),
        Value::Table(table) => {
            let named = table.iter().map(|(name, value)| format!("{name} {}", setting(value)));
            format!("({})", named.collect::<Vec<_>>().join(", "))
        }
        _ => value.to_string(),
    }
}

/// A row's name and the measured epochs of a run, perhaps repeated.
type Epochs = (&'static str, fn(&RunData) -> Vec<u64>);

/// Rows that are there if a run has measured curvature.
const CURVATURE: [Epochs; 3] = [
    ("alignment after epochs", |run| run.alignments.iter().map(|record| record.epoch).collect()),
    ("covariance after epochs", |run| run.covariances.iter().map(|record| record.epoch).collect()),
    ("spectrum after epochs", |run| run.spectra.iter().map(|record| record.epoch).collect()),
];

/// Ascending numbers, each once, with commas.
fn list(mut epochs: Vec<u64>) -> String {
    epochs.dedup();
    if epochs.is_empty() {
        return "–".to_owned();
    }
    epochs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// The experiments with every default, to unfold; nothing where no run has one.
pub(super) fn experiments(runs: &[RunData]) -> Markup {
    html! {
        @for run in runs.iter().filter(|run| !run.experiment.is_empty()) {
            details.experiment {
                summary { "run.toml of " (run.label) }
                pre { code { (run.experiment) } }
            }
        }
    }
}

/// Where the time went; `None` without timings.
pub(super) fn times(runs: &[RunData]) -> Option<Table> {
    if runs.iter().all(|run| run.timings.is_empty()) {
        return None;
    }
    let mut table = Table::new("Where the time went", "", runs.iter().map(|run| run.label.clone()));
    let times: Vec<Time> = runs.iter().map(|run| Time::of(&run.timings)).collect();
    let mut part = |name: &str, seconds: fn(&Time) -> f64| {
        table.row(name, times.iter().map(|time| share(seconds(time), time.seconds())));
    };
    part("loss along updates", |time| time.line_seconds);
    if times.iter().any(|time| time.curvature_seconds > 0.0) {
        part("curvature", |time| time.curvature_seconds);
    }
    if times.iter().any(|time| time.scores_seconds > 0.0) {
        part("loss and accuracy after epochs", |time| time.scores_seconds);
    }
    part("gradients and updates", |time| time.train_seconds);
    part("anything else", |time| time.other_seconds);
    part("together", Time::seconds);
    let speed = |time: &Time| {
        time.sample_points_per_second().map_or("–".to_owned(), |speed| number(speed, 0))
    };
    table.row("samples × points per second", times.iter().map(speed));
    Some(table)
}

/// How a run ended, for people.
pub(super) fn status(run: &RunData) -> String {
    let status = match run.manifest.status {
        Status::Running => "running, or killed",
        Status::Done => "done",
        Status::Diverged => "diverged",
        Status::Interrupted => "interrupted",
    };
    status.to_owned()
}

/// Seconds as a person would say them.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn share(seconds: f64, total: f64) -> String {
    let percent = if total > 0.0 { 100.0 * seconds / total } else { 0.0 };
    format!("{} ({percent:.1} %)", duration(seconds))
}

fn whole(count: u64) -> String {
    number(count as f64, 0)
}

fn steps(run: &RunData) -> String {
    let (recorded, total) = (run.steps.len() as u64, run.manifest.total_steps);
    if recorded == total {
        whole(total)
    } else {
        format!("{} of {}", whole(recorded), whole(total))
    }
}

/// A value of the steps, or its range where it changed.
fn range(run: &RunData, value: impl Fn(&crate::run::StepRecord) -> Option<f64>) -> String {
    let values = || run.steps.iter().filter_map(&value);
    let Some(low) = values().reduce(f64::min) else { return dash() };
    let high = values().fold(low, f64::max);
    if low == high { low.to_string() } else { format!("{low} to {high}") }
}

/// The last batch of an epoch may be smaller.
fn batch_size(run: &RunData) -> String {
    let sizes = || run.steps.iter().filter_map(|step| step.batch_size);
    match (sizes().min(), sizes().max()) {
        (Some(least), Some(most)) if least < most => {
            format!("{most}, at the end of an epoch {least}")
        }
        (_, most) => most.map_or_else(dash, |size| size.to_string()),
    }
}

fn batch_norm(run: &RunData) -> &'static str {
    match run.lines.first().map(|line| line.batch_norm) {
        None => "nothing was measured",
        Some(None) => "no batch norm",
        Some(Some(BatchNormPolicy::Batch)) => "statistics of each evaluation batch",
        Some(Some(BatchNormPolicy::Recomputed)) => "statistics recomputed over the training set",
        Some(Some(BatchNormPolicy::Running)) => "running statistics",
    }
}

/// Relative, at the initialisation, and the largest that was measured along an update.
fn evaluation_error(run: &RunData) -> String {
    let Some(first) = run.manifest.evaluation_error else { return "measured in f64".to_owned() };
    let along = run.manifest.line_errors.iter().map(|along| along.error).reduce(f64::max);
    let along = along.map(|along| format!(" at first, up to {along:.1e} along updates"));
    format!("{first:.1e} of the loss{}", along.unwrap_or_default())
}

fn device(run: &RunData) -> String {
    let threads = run.manifest.threads;
    let plural = if threads == 1 { "" } else { "s" };
    let ranks = match run.manifest.ranks {
        1 => String::new(),
        ranks => format!("{ranks} ranks of "),
    };
    format!("{}, {ranks}{threads} thread{plural}", run.manifest.device)
}

fn version(run: &RunData) -> String {
    let commit = run.manifest.commit.as_deref().map(|commit| format!(" ({:.10})", commit));
    format!("{}{}", run.manifest.version, commit.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    /// The cells of a row of [`facts`].
    fn cells(runs: &[RunData], name: &str) -> Result<String, TestError> {
        let html = facts(runs).html().into_string();
        let (_, row) = html.split_once(&format!(">{name}</th>")).ok_or("no such row")?;
        Ok(row.split("</tr>").next().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_comparison_tells_networks_and_optimisers_apart() -> Result<(), TestError> {
        let experiments = [
            "[model]\narch = 'mlp'\nhidden = [500, 350]\n\
             [train]\noptimizer = 'sgd'\nmomentum = 0.9\nepochs = 2\n",
            "[model]\narch = 'layers'\nlayers = [{ kind = 'linear' }, { kind = 'relu' }]\n\
             [train]\noptimizer = 'adam'\nsampling = 'full'\nepochs = 3\n\
             schedule = { kind = 'step', every = 7 }\n",
            "",
        ];
        let run = |experiment| Fixture { experiment, ..Fixture::new("a", 30, 0) }.load();
        let runs = experiments.into_iter().map(run).collect::<Result<Vec<_>, _>>()?;
        let optimisers = "<td>sgd, momentum 0.9</td>\
                          <td>adam, sampling full, schedule (every 7, kind step)</td><td>–</td>";
        assert_eq!(cells(&runs, "optimiser")?, optimisers);
        let networks = "<td>mlp, hidden [500, 350]</td><td>layers, layers 2</td><td>–</td>";
        assert_eq!(cells(&runs, "network")?, networks);
        Ok(())
    }

    #[test]
    fn a_smaller_batch_ends_an_epoch() -> Result<(), TestError> {
        let mut fixture = Fixture::new("a", 30, 0);
        for (step, size) in fixture.steps.iter_mut().zip([20, 20, 17].into_iter().cycle()) {
            step.batch_size = Some(size);
        }
        let smaller = fixture.load()?;
        for step in &mut fixture.steps {
            step.batch_size = Some(20);
        }
        let cells = cells(&[smaller, fixture.load()?], "batch size")?;
        assert_eq!(cells, "<td>20, at the end of an epoch 17</td><td>20</td>");
        Ok(())
    }

    #[test]
    fn what_ran_says_when_where_and_by_which_command() -> Result<(), TestError> {
        let experiment = "[train]\noptimizer = 'sgd'\nepochs = 3\nmomentum = 0.9\n\
                          weight_decay = 0.1\n[evaluation]\nprotocol = 'authors'\n";
        let mut fixture = Fixture { experiment, ..Fixture::new("a", 30, 0) };
        let manifest = &mut fixture.manifest;
        manifest.started = Some("2026-11-25T04:31:35Z".to_owned());
        manifest.seconds = Some(90.0);
        manifest.arguments = ["losswalk", "run", "a b.toml", "it's"].map(str::to_owned).to_vec();
        manifest.machine = Some(Machine { host: Some("bear".to_owned()), cpu: None });
        let (mean, std) = (vec![0.25].into(), vec![0.5].into());
        manifest.normalisation = Some(PixelNormalisation { scale: 255.0, mean, std });
        let runs = [fixture.load()?];
        for (name, expected) in [
            ("started", "2026-11-25 04:31:35 UTC"),
            ("took", "90.0 s"),
            ("command", r"losswalk run 'a b.toml' 'it'\''s'"),
            ("pixels as the network sees them", "(x - 0.25) / 0.5, x = byte / 255"),
            ("optimiser", "sgd, momentum 0.9, weight_decay 0.1"),
            ("epochs", "3"),
            ("protocol of the evaluation", "authors"),
            ("host", "bear"),
            ("CPU", "–"),
        ] {
            assert_eq!(cells(&runs, name)?, format!("<td>{expected}</td>"), "{name}");
        }
        let page = experiments(&runs).into_string();
        assert!(page.contains("<details") && page.contains("weight_decay = 0.1"), "{page}");
        Ok(())
    }

    #[test]
    fn durations_are_readable() {
        let texts = [0.25, 59.0, 600.0, 9000.0].map(duration);
        assert_eq!(texts, ["0.25 s", "59.0 s", "10.0 min", "2.5 h"]);
    }

    #[test]
    fn no_time_at_all_is_no_speed() {
        assert_eq!(Time::of(&[]).sample_points_per_second(), None);
        assert_eq!(share(0.0, 0.0), "0.00 s (0.0 %)");
    }
}

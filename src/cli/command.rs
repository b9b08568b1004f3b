//! The commands, their help, and who does what each says.

use std::env;

use anyhow::Context;
use clap::{Parser, Subcommand};

use super::arguments::{
    BenchArgs, ExportArgs, LineArgs, PathArgs, ReportArgs, RunArgs, VerifyArgs, WatchArgs,
};
use super::init::{self, InitArgs};
use super::list::{self, ListArgs, ShowArgs};
use super::shell::{self, CompletionsArgs, ManArgs};
use super::signals::Signals;
use super::{Exit, bench, data, export, line, path, report, run, verify, watch};
use crate::kernels::InstructionSet;
use crate::objective::Crew;
use crate::ranks::{Job, serve};

/// What names the instructions of the CPU's kernels.
const INSTRUCTIONS: &str = "LOSSWALK_INSTRUCTIONS";

/// Measure the loss of the full training set along the path of SGD.
///
/// losswalk trains a network and records, for every update theta_t -> theta_{t+1}, the loss at
/// interpolated points, the barriers crossed, the valley floor, the cosine of consecutive gradients
/// and the distance from initialisation.
///
/// Start with `losswalk init`, which writes a first experiment, and `losswalk run first-walk.toml`.
///
/// LOSSWALK_INSTRUCTIONS=avx512, avx2 or portable has the CPU's kernels run on these instructions in
/// place of the best that there are: to compare their speed and, between the first two, equal bytes.
///
/// Exit codes: 0 done; 2 a mistake in arguments, experiment or data; 3 training diverged;
/// 4 certified decisions contradicted (verify);
/// 130 interrupted (a run continues with --resume); 1 anything else.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first experiment, which works at once and takes some seconds.
    Init(InitArgs),
    /// Run an experiment: train, measure, record, and write the report.
    ///
    /// The run folder then holds run.toml (the experiment with every default), manifest.json,
    /// steps.jsonl (one line a step), line.jsonl (one line a measured step), checkpoints, figures and
    /// report.html. A run that was stopped, even by kill -9 or a full disk, goes on with --resume and
    /// ends with the same bytes.
    Run(RunArgs),
    /// List the runs in a folder: how far they are, what they found and in which settings they differ.
    List(ListArgs),
    /// Show one run: its numbers and its experiment.
    Show(ShowArgs),
    /// Draw figures and one self-contained report.html from the records of one run or several.
    Report(ReportArgs),
    /// Serve the page of a run to a browser, updated as records arrive.
    ///
    /// Prints the address and serves it until Ctrl-C: the page of the report, with the progress and the
    /// time left in its title. It works while a run goes on, before its first record, and when it is
    /// done. Only this machine can reach it, and only who has the whole address can read it; for a
    /// machine far away, ssh -L 8000:localhost:8000 forwards --port 8000.
    Watch(WatchArgs),
    /// Write the records of a run as typed tables, for polars, pandas, DuckDB, R or TensorBoard.
    ///
    /// Parquet and CSV: a file for each kind of record, with the values of the .jsonl files bit for bit;
    /// lists stay lists in Parquet and are JSON in CSV. TensorBoard: one file of events with every
    /// scalar, in single precision. docs/records.md says what the columns mean.
    Export(ExportArgs),
    /// Measure the loss on the straight line between any two parameter files.
    ///
    /// The files may be safetensors or anything that torch.save writes: state dicts, nested or with
    /// prefixed names, and pickled modules. No pickle is ever executed.
    Line(LineArgs),
    /// Measure losses, distances and cosines of updates along parameter files that were saved in turn.
    ///
    /// For each segment between consecutive files: the loss at its end, the height of the barrier (the
    /// highest interior loss less the higher end), the valley floor and the alpha of it, the norm of
    /// the update, the cosine of the angle to the update before, the distance from the first file, and
    /// the length of the path. The cosine of updates is that of gradients for plain SGD only.
    ///
    /// With --out the path is a run: its folder has the records and the report of a walk. Without --model
    /// and --run nothing is measured: the network is inferred from the last file, as far as names and
    /// shapes decide it, and printed as an experiment to check, to save and to name with --model.
    Path(PathArgs),
    /// Check certified decisions of a run against exact ones.
    ///
    /// Draws updates at random, decides them exactly and prints the agreement, with a confidence
    /// interval of the error rate. Their parameters are read where the run saved them
    /// (train.save_iterates = true); otherwise the walk is taken again from its start. Exit code 4 if
    /// the stated error is contradicted: were it true, so many disagreements would come less than once
    /// in 1000 times.
    Verify(VerifyArgs),
    /// Measure how fast this machine is: losses along a line, training steps and curvature of the
    /// paper's networks, beside its peak of floating-point operations.
    ///
    /// Takes some minutes; fewer --rounds, networks or passes take less. Results are medians over
    /// rounds in which the passes take turns.
    Bench(BenchArgs),
    /// List, download and check data sets.
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Print a script that completes commands and options in a shell.
    ///
    /// For bash: losswalk completions bash > ~/.local/share/bash-completion/completions/losswalk
    Completions(CompletionsArgs),
    /// Write manual pages, one for each command, into a folder.
    Man(ManArgs),
    /// Print the JSON Schema of experiments, with which an editor completes and checks them.
    ///
    /// Save it as losswalk.schema.json and begin an experiment with the line
    /// #:schema ./losswalk.schema.json (taplo, Even Better TOML).
    Schema,
}

impl Cli {
    /// Reads the command line.
    ///
    /// # Errors
    /// Arguments that are no command or do not go together, and what was asked for by `--help`.
    pub fn read() -> Result<Self, clap::Error> {
        let cli = Self::try_parse()?;
        if let Command::Path(arguments) = &cli.command {
            arguments.check()?;
        }
        Ok(cli)
    }

    /// Does what the command says. Of several ranks the leading one does; the others serve its calls.
    pub fn run(self) -> anyhow::Result<Exit> {
        if let Some(name) = env::var_os(INSTRUCTIONS).filter(|name| !name.is_empty()) {
            InstructionSet::choose(&name.to_string_lossy()).context(INSTRUCTIONS)?;
        }
        let job = Job::join()?;
        let signals = Signals::listen(job.follows().is_none())?;
        if let Some(crew) = job.follows() {
            return self.command.follow(&job, crew, &signals).inspect_err(|error| {
                let (rank, host) = (crew.ranks().own(), crew.ranks().host());
                eprintln!("error: rank {rank} on {host}: {error:#}");
                crew.ranks().abort();
            });
        }
        let exit = self.command.lead(&job, &signals)?;
        if let Some(exchange) = job.exchange().filter(|exchange| exchange.bytes > 0) {
            eprintln!("{exchange}");
        }
        Ok(exit)
    }
}

impl Command {
    /// Does it all, or what other ranks do not.
    fn lead(self, job: &Job, signals: &Signals) -> anyhow::Result<Exit> {
        match self {
            Self::Init(arguments) => init::run(arguments),
            Self::Completions(arguments) => shell::completions(arguments),
            Self::Man(arguments) => shell::man(arguments),
            Self::Schema => shell::schema(),
            Self::List(arguments) => list::list(arguments),
            Self::Show(arguments) => list::show_run(arguments),
            Self::Run(arguments) => run::run(arguments, job, signals),
            Self::Report(arguments) => report::run(arguments),
            Self::Watch(arguments) => watch::run(arguments),
            Self::Export(arguments) => export::run(arguments),
            Self::Line(arguments) => line::run(arguments, job),
            Self::Path(arguments) => path::run(arguments, job),
            Self::Verify(arguments) => verify::run(arguments, job),
            Self::Bench(arguments) => bench::run(arguments),
            Self::Data(command) => Ok(if data::run(command)? { Exit::Done } else { Exit::Usage }),
        }
    }

    /// Serves the leading rank; a command that is not shared leaves nothing to do.
    fn follow(&self, job: &Job, crew: &Crew, signals: &Signals) -> anyhow::Result<Exit> {
        let device = match self {
            Self::Run(RunArgs { device, .. }) | Self::Verify(VerifyArgs { device, .. }) => device,
            Self::Line(LineArgs { measure, .. }) | Self::Path(PathArgs { measure, .. }) => {
                &measure.device
            }
            Self::Init(_)
            | Self::List(_)
            | Self::Show(_)
            | Self::Report(_)
            | Self::Watch(_)
            | Self::Export(_)
            | Self::Bench(_)
            | Self::Data(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Schema => return Ok(Exit::Done),
        };
        let setup = device.set_up(job)?;
        let serve = || serve(crew, &setup, signals.interrupt());
        // A walk stops in order: every rank leaves the measurement under way.
        if matches!(self, Self::Run(_)) {
            signals.gently(serve)?
        } else {
            serve()?
        }
        Ok(Exit::Done)
    }
}

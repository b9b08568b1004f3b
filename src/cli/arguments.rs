//! Arguments and their help.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use super::expect::ExpectedLoss;
use super::init::{self, InitArgs};
use super::list::{self, ListArgs, ShowArgs};
use super::shell::{self, CompletionsArgs, ManArgs};
use super::signals::Signals;
use super::sweep::Seeds;
use super::{Exit, bench, data, export, line, path, report, run, verify, watch};
use crate::bench::{BenchNetwork, Pass};
use crate::choice::Choice;
use crate::export::Format;
use crate::measure::certified::{Assume, Rule};
use crate::objective::Crew;
use crate::ranks::{Job, Survey, serve};
use crate::report::Along;
use crate::walk::Setup;

/// Measure the loss of the full training set along the path of SGD.
///
/// losswalk trains a network and records, for every update theta_t -> theta_{t+1}, the loss at
/// interpolated points, the barriers crossed, the valley floor, the cosine of consecutive gradients
/// and the distance from initialisation.
///
/// Start with `losswalk init`, which writes a first experiment, and `losswalk run first-walk.toml`.
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

/// Where a page is served unless another address is asked for.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

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

/// Where to compute. Changes no result beyond the arithmetic of another device.
#[derive(Debug, Args)]
pub(super) struct DeviceArgs {
    /// cpu, or with the cargo feature of that name: cuda:0, vulkan, wgpu.
    #[arg(long, default_value = "cpu", value_name = "NAME")]
    pub(super) device: String,
    /// Threads, of each rank under MPI; all cores by default. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The experiment, a TOML file; `losswalk init` writes a first one.
    pub(super) experiment: PathBuf,
    /// The run folder [default: runs/NAME].
    #[arg(long, value_name = "RUN")]
    pub(super) out: Option<PathBuf>,
    /// Override a setting of the experiment, such as train.epochs=2 or measure.points=20.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    /// Run once with each of these values, each into a folder below RUN, and compare; of several
    /// sweeps, with each combination. For example train.batch_size=100,500.
    #[arg(long, value_name = "KEY=VALUE,...")]
    pub(super) sweep: Vec<String>,
    /// Run once with each of so many seeds (5: from 1 to 5) or of these (1,2,3), each into a folder
    /// below RUN, and compare: in place of `seeds` of the experiment.
    #[arg(long, value_name = "N|N,N,...")]
    pub(super) seeds: Option<Seeds>,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
    /// Go on with a run that was stopped; of several runs, with those that are not done.
    #[arg(long)]
    pub(super) resume: bool,
    /// Serve the page while the run goes on, as losswalk watch does; the address is on stderr.
    #[arg(long)]
    pub(super) watch: bool,
    /// With --watch: the address of the network interface to listen at.
    #[arg(long, value_name = "ADDRESS", default_value_t = LOOPBACK, requires = "watch")]
    pub(super) bind: IpAddr,
    /// With --watch: the port; 0 is any free one.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "watch")]
    pub(super) port: u16,
    /// Begin again, in place of a run that is there.
    #[arg(long, conflicts_with_all = ["resume", "dry_run"])]
    pub(super) force: bool,
    /// Say what the run would take, and write nothing: steps, time on this machine, disk and memory.
    #[arg(long, conflicts_with = "resume")]
    pub(super) dry_run: bool,
    /// Say nothing but warnings and errors.
    #[arg(long)]
    pub(super) quiet: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Run folders; several are compared.
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<PathBuf>,
    /// Where to write [default: the run folder, or runs/comparison for several].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// What updates are counted in along the axes of figures that compare runs.
    #[arg(long, default_value = "updates", value_name = "UNIT", value_parser = named::<Along>())]
    pub(super) x: Along,
}

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The run folder.
    pub(super) run: PathBuf,
    /// The address of the network interface to listen at: only this machine's own by default.
    #[arg(long, value_name = "ADDRESS", default_value_t = LOOPBACK)]
    pub(super) bind: IpAddr,
    /// The port; 0 is any free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) port: u16,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The run folder.
    pub(super) run: PathBuf,
    /// What to write.
    #[arg(long, value_name = "FORMAT", value_parser = named::<Format>())]
    pub(super) format: Format,
    /// Where to write [default: RUN/export].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The run folder.
    pub(super) run: PathBuf,
    /// Updates that are decided again, each at the cost of an exact line.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(super) updates: usize,
    /// Chooses the updates.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
}

/// Whose loss is measured, and where.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject"))]
pub(super) struct MeasureArgs {
    /// The run whose data, network and evaluation batches are used.
    #[arg(long, group = "subject")]
    pub(super) run: Option<PathBuf>,
    /// An experiment file; only its [data], [model] and [evaluation] matter.
    #[arg(long, group = "subject", value_name = "FILE.toml")]
    pub(super) model: Option<PathBuf>,
    /// Print JSON, one object a line, instead of a table.
    #[arg(long)]
    pub(super) json: bool,
    /// Refuse to measure unless the last file has this loss, to the digits given: that of another
    /// program, which may normalise its images otherwise.
    #[arg(long, value_name = "LOSS")]
    pub(super) expect_loss: Option<ExpectedLoss>,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("needed").args(["run", "model"]).required(true))]
pub(super) struct LineArgs {
    #[command(flatten)]
    pub(super) measure: MeasureArgs,
    /// Parameters at alpha = 0: a safetensors or PyTorch file under the state-dict names.
    #[arg(long, value_name = "A")]
    pub(super) from: PathBuf,
    /// Parameters at alpha = 1.
    #[arg(long, value_name = "B")]
    pub(super) to: PathBuf,
    /// K: the loss is measured at alpha = 0, 1/K, ..., 1.
    #[arg(long, default_value_t = 10, value_name = "K", value_parser = clap::value_parser!(u16).range(2..))]
    pub(super) points: u16,
    #[command(flatten)]
    pub(super) certified: CertifiedArgs,
}

/// Whether barriers are measured or decided.
#[derive(Debug, Args)]
pub(super) struct CertifiedArgs {
    /// Decide on a barrier from as few evaluation batches as it takes; losses are estimates then, and
    /// accuracies are left out.
    #[arg(long)]
    certified: bool,
    /// The probability that a certified decision is wrong, at most.
    #[arg(long, default_value_t = 1e-4, value_name = "P", requires = "certified", value_parser = error)]
    error: f64,
    /// What that rests on (docs/design/certified.md).
    #[arg(long, default_value = "shape", value_name = "NAME", requires = "certified", value_parser = named::<Assume>())]
    assume: Assume,
}

impl CertifiedArgs {
    /// How sure the decision is to be; none for an exact one.
    pub(super) fn rule(&self) -> Option<Rule> {
        self.certified.then_some(Rule { error: self.error, assume: self.assume })
    }
}

fn error(text: &str) -> Result<f64, &'static str> {
    let error = text.parse().ok().filter(|error| Rule::can_have(*error));
    error.ok_or(Rule::ERROR_REMEDY)
}

#[derive(Debug, Args)]
pub(super) struct PathArgs {
    #[command(flatten)]
    pub(super) measure: MeasureArgs,
    /// Parameter files in the order of the path, two or more.
    #[arg(required = true, num_args = 2.., value_name = "CHECKPOINT")]
    pub(super) checkpoints: Vec<PathBuf>,
    /// Write a run folder with the records and the report.
    #[arg(long, value_name = "RUN", requires = "subject")]
    pub(super) out: Option<PathBuf>,
    /// K: the loss is measured at alpha = 0, 1/K, ..., 1 of every segment; 0 for the checkpoints alone.
    #[arg(long, default_value_t = 10, value_name = "K")]
    pub(super) points: u16,
    #[command(flatten)]
    pub(super) certified: CertifiedArgs,
}

impl PathArgs {
    /// Ends the process with a message if the arguments do not go together.
    pub(super) fn check(&self) {
        if self.certified.certified && self.points < 2 {
            let remedy =
                "--certified decides on points between the ends: choose --points 2 or more";
            Cli::command().error(ErrorKind::ValueValidation, remedy).exit();
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Which networks [default: all].
    #[arg(long, value_delimiter = ',', value_name = "NAME,...", value_parser = named::<BenchNetwork>())]
    pub(super) networks: Vec<BenchNetwork>,
    /// Which passes [default: all]; ghg is the gradient g and g'Hg of a batch, hv is H v.
    #[arg(long, value_delimiter = ',', value_name = "PASS,...", value_parser = named::<Pass>())]
    pub(super) passes: Vec<Pass>,
    /// Rounds; medians are over them.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) rounds: u16,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(super) json: bool,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
}

impl Cli {
    /// Does what the command says. Of several ranks the leading one does; the others serve its calls.
    pub fn run(self) -> anyhow::Result<Exit> {
        let job = Job::join()?;
        let signals = Signals::listen(job.follows().is_none())?;
        if let Some(crew) = job.follows() {
            return self.command.follow(&job, crew, &signals).inspect_err(|error| {
                let (rank, host) = (crew.ranks().own(), crew.ranks().host());
                eprintln!("error: rank {rank} on {host}: {error:#}");
                crew.ranks().abort();
            });
        }
        match self.command {
            Command::Init(arguments) => init::run(arguments),
            Command::Completions(arguments) => shell::completions(arguments),
            Command::Man(arguments) => shell::man(arguments),
            Command::Schema => shell::schema(),
            Command::List(arguments) => list::list(arguments),
            Command::Show(arguments) => list::show_run(arguments),
            Command::Run(arguments) => run::run(arguments, &job, &signals),
            Command::Report(arguments) => report::run(arguments),
            Command::Watch(arguments) => watch::run(arguments),
            Command::Export(arguments) => export::run(arguments),
            Command::Line(arguments) => line::run(arguments, &job),
            Command::Path(arguments) => path::run(arguments, &job),
            Command::Verify(arguments) => verify::run(arguments, &job),
            Command::Bench(arguments) => bench::run(arguments),
            Command::Data(command) => {
                Ok(if data::run(command)? { Exit::Done } else { Exit::Usage })
            }
        }
    }
}

impl Command {
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

impl DeviceArgs {
    /// Starts the threads and says what was decided.
    pub(super) fn set_up(&self, job: &Job) -> anyhow::Result<Setup> {
        let Survey { ranks, here, hosts, threads } = job.survey();
        let threads = start_threads(self.threads.map_or(threads, usize::from))?;
        if ranks > 1 && job.follows().is_none() {
            eprintln!("ranks: {ranks}, hosts: {hosts}, threads of the leading rank: {threads}");
        }
        Ok(Setup { device: self.device.clone(), threads, ranks, ranks_here: here })
    }
}

/// The command as it was entered.
pub(super) fn arguments_given() -> impl Iterator<Item = String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned())
}

/// Reads the name of a choice.
fn named<C: Choice + Send + Sync>() -> impl TypedValueParser<Value = C> {
    let names = C::ALL.iter().map(|(name, _)| *name);
    PossibleValuesParser::new(names).try_map(|name| C::named(&name).ok_or("unknown name"))
}

/// Starts so many threads.
pub(super) fn start_threads(threads: usize) -> anyhow::Result<usize> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    Ok(threads)
}

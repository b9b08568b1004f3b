//! Arguments of the commands that measure and report, and their help.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};

use super::Cli;
use super::device::DeviceArgs;
use super::expect::ExpectedLoss;
use super::sweep::Seeds;
use crate::bench::{BenchNetwork, Pass};
use crate::choice::Choice;
use crate::export::Format;
use crate::measure::certified::{Assume, Rule};
use crate::report::{Along, Width};

/// Where a page is served unless another address is asked for.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

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
    /// Write the figures for a publication, into DIR/figures/paper: PDF, SVG and PNG without titles, a
    /// caption for LaTeX, and the numbers.
    #[arg(long)]
    pub(super) paper: bool,
    /// With --paper: the width of a figure, in in, cm, mm or pt (72 an inch); letters have about 8 pt.
    #[arg(long, default_value = "3.25in", value_name = "WIDTH", requires = "paper")]
    pub(super) width: Width,
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
    /// An error if the arguments do not go together.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        if self.certified.certified && self.points < 2 {
            let remedy =
                "--certified decides on points between the ends: choose --points 2 or more";
            return Err(Cli::command().error(ErrorKind::ValueValidation, remedy));
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Which networks [default: all but wrn-28-10, which asks for a GPU].
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
    /// Where to compute, as for `run`: cpu, cuda, vulkan, wgpu.
    #[arg(long, default_value = "cpu", value_name = "NAME")]
    pub(super) device: String,
    /// Threads; all cores by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
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

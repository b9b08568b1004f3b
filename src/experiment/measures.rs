//! `[[measure]]`: what is measured along the walk, and when.

use serde::Serialize;
use serde::ser::Serializer;
use toml::Value;

use super::reader::{FromToml, Problem, Section};
use super::{MeasureKind, Train};
use crate::measure::Mode;

/// One `[[measure]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Measure {
    /// The loss along every update.
    Line(LineSchedule),
    /// Curvature along mini-batch gradients, equations 2 and 4.
    Alignment(AlignmentSchedule),
    /// The covariance of mini-batch gradients, equation 3.
    Covariance(CovarianceSchedule),
    /// The ends of the Hessian's spectrum, and its density.
    Spectrum(SpectrumSchedule),
}

/// When the loss along an update is measured, and at how many points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineSchedule {
    /// The epochs.
    pub epochs: Epochs,
    /// The iterations of each.
    pub iterations: Iterations,
    /// K: alpha = k/K.
    pub points: usize,
    /// How the losses are obtained.
    pub mode: Mode,
    /// Go on along the update, up to this alpha, until the loss is back at its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<f64>,
    /// Measure the loss's slope and curvature along the update at its start, which predict its end.
    pub second_order: bool,
}

impl Default for LineSchedule {
    /// Every update, at ten points.
    fn default() -> Self {
        let (epochs, iterations) = (Epochs::All, Iterations::All);
        let (reach, second_order) = (None, false);
        Self { epochs, iterations, points: 10, mode: Mode::Exact, reach, second_order }
    }
}

/// When the alignment of mini-batch gradients with the Hessian is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlignmentSchedule {
    /// At the end of these epochs; 0 is the initialisation.
    pub epochs: Epochs,
    /// The sizes of the batches; the whole training set is one batch.
    pub batch_sizes: Vec<usize>,
    /// Batches of each size, each drawn anew without replacement.
    pub batches: usize,
    /// Count weight decay as a part of the loss: its lambda is added to every curvature.
    pub include_weight_decay: bool,
}

/// When the covariance of mini-batch gradients is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CovarianceSchedule {
    /// At the end of these epochs; 0 is the initialisation.
    pub epochs: Epochs,
    /// The sizes of the batches.
    pub batch_sizes: Vec<usize>,
    /// Batches of each size, each drawn anew without replacement.
    pub batches: usize,
    /// Random directions that the trace of C is estimated from.
    pub probes: usize,
}

/// When the ends of the Hessian's spectrum are measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpectrumSchedule {
    /// At the end of these epochs; 0 is the initialisation.
    pub epochs: Epochs,
    /// Largest algebraic eigenvalues.
    pub top: usize,
    /// Residual ‖Hv - lambda v‖ at which an eigenpair is good enough, relative to the largest
    /// |lambda|.
    pub tolerance: f64,
    /// Products H v after which the search stops and says that it did not converge.
    pub max_products: usize,
    /// Batch sizes whose gradients' share in the top eigenspace is measured.
    pub batch_sizes: Vec<usize>,
    /// Batches of each of these sizes.
    pub batches: usize,
    /// Random vectors for trace and density by stochastic Lanczos quadrature; 0 leaves them out.
    pub probes: usize,
    /// Products H v for each of these vectors.
    pub probe_products: usize,
    /// Count weight decay as a part of the loss: its lambda is added to every eigenvalue.
    pub include_weight_decay: bool,
}

/// A choice of epochs.
#[derive(Debug, Clone, PartialEq)]
pub enum Epochs {
    /// Every one.
    All,
    /// These.
    These(Vec<u64>),
}

/// A choice of iterations within an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Iterations {
    /// Every one.
    All,
    /// The first so many.
    First(u64),
}

impl Epochs {
    /// True if the epoch is one of them.
    pub fn contains(&self, epoch: u64) -> bool {
        match self {
            Self::All => true,
            Self::These(epochs) => epochs.contains(&epoch),
        }
    }
}

impl LineSchedule {
    /// True if the step at this epoch (from 1) and iteration (from 0) is measured.
    pub fn contains(&self, epoch: u64, iteration: u64) -> bool {
        let iteration_matches = match self.iterations {
            Iterations::All => true,
            Iterations::First(count) => iteration < count,
        };
        self.epochs.contains(epoch) && iteration_matches
    }
}

impl Measure {
    /// The batch sizes whose gradients it needs, besides those of training.
    pub fn batch_sizes(&self) -> &[usize] {
        match self {
            Self::Line(_) => &[],
            Self::Alignment(schedule) => &schedule.batch_sizes,
            Self::Covariance(schedule) => &schedule.batch_sizes,
            Self::Spectrum(schedule) => &schedule.batch_sizes,
        }
    }

    /// True if it is due at the end of this epoch (0: at the initialisation).
    pub fn is_due_after(&self, epoch: u64) -> bool {
        match self {
            Self::Line(_) => false,
            Self::Alignment(schedule) => schedule.epochs.contains(epoch),
            Self::Covariance(schedule) => schedule.epochs.contains(epoch),
            Self::Spectrum(schedule) => schedule.epochs.contains(epoch),
        }
    }
}

impl Default for AlignmentSchedule {
    /// At every epoch, fifty batches of the size that training has by default.
    fn default() -> Self {
        let batch_sizes = vec![Train::default().batch_size];
        Self { epochs: Epochs::All, batch_sizes, batches: 50, include_weight_decay: false }
    }
}

impl Default for CovarianceSchedule {
    /// At every epoch, fifty batches of the size that training has by default.
    fn default() -> Self {
        let batch_sizes = vec![Train::default().batch_size];
        Self { epochs: Epochs::All, batch_sizes, batches: 50, probes: 50 }
    }
}

impl Default for SpectrumSchedule {
    /// At every epoch, both ends without the density.
    fn default() -> Self {
        Self {
            epochs: Epochs::All,
            top: 5,
            tolerance: 1e-3,
            max_products: 200,
            batch_sizes: vec![Train::default().batch_size],
            batches: 10,
            probes: 0,
            probe_products: 20,
            include_weight_decay: false,
        }
    }
}

impl Serialize for Epochs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::These(epochs) => epochs.serialize(serializer),
        }
    }
}

impl Serialize for Iterations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::First(count) => count.serialize(serializer),
        }
    }
}

impl FromToml for Epochs {
    fn wanted() -> String {
        format!("{}, or \"all\"", Vec::<u64>::wanted())
    }

    fn from_toml(value: &Value) -> Option<Self> {
        if value.as_str() == Some("all") {
            return Some(Self::All);
        }
        Vec::from_toml(value).map(Self::These)
    }
}

impl FromToml for Iterations {
    fn wanted() -> String {
        format!("{}, or \"all\"", u64::wanted())
    }

    fn from_toml(value: &Value) -> Option<Self> {
        if value.as_str() == Some("all") {
            return Some(Self::All);
        }
        u64::from_toml(value).map(Self::First)
    }
}

/// Reads one entry of `[[measure]]`.
pub(super) fn read_measure(
    index: usize,
    entry: Value,
    train: &Train,
    problems: &mut Vec<Problem>,
) -> Measure {
    let table = entry.as_table().cloned().unwrap_or_default();
    let mut section = Section::new(format!("measure[{index}]"), table, problems);
    let measure = match section.known_choice("kind").unwrap_or(MeasureKind::Line) {
        MeasureKind::Line => Measure::Line(read_line(&mut section, train)),
        MeasureKind::Alignment => Measure::Alignment(read_alignment(&mut section, train)),
        MeasureKind::Covariance => Measure::Covariance(read_covariance(&mut section, train)),
        MeasureKind::Spectrum => Measure::Spectrum(read_spectrum(&mut section, train)),
    };
    section.finish();
    measure
}

fn read_line(section: &mut Section, train: &Train) -> LineSchedule {
    let mut schedule = LineSchedule::default();
    read_epochs(section, &mut schedule.epochs, 1, train);
    section.read("iterations", &mut schedule.iterations);
    section.read_valid(
        "points",
        &mut schedule.points,
        |&points| points >= 2,
        "must be at least 2: a barrier needs a point between the ends",
    );
    section.read("mode", &mut schedule.mode);
    section.read_valid(
        "reach",
        &mut schedule.reach,
        |reach| reach.is_none_or(|reach| 1.0 < reach && reach <= 1000.0),
        "must be above 1 (where the update ends) and at most 1000",
    );
    section.read("second_order", &mut schedule.second_order);
    schedule
}

fn read_alignment(section: &mut Section, train: &Train) -> AlignmentSchedule {
    let mut schedule = AlignmentSchedule::default();
    read_epochs(section, &mut schedule.epochs, 0, train);
    read_sizes(section, &mut schedule.batch_sizes, train);
    section.read_positive("batches", &mut schedule.batches);
    section.read("include_weight_decay", &mut schedule.include_weight_decay);
    schedule
}

fn read_covariance(section: &mut Section, train: &Train) -> CovarianceSchedule {
    let mut schedule = CovarianceSchedule::default();
    read_epochs(section, &mut schedule.epochs, 0, train);
    read_sizes(section, &mut schedule.batch_sizes, train);
    let (spread, remedy) = (|&count: &usize| count >= 2, "must be at least 2: one has no spread");
    section.read_valid("batches", &mut schedule.batches, spread, remedy);
    section.read_valid("probes", &mut schedule.probes, spread, remedy);
    schedule
}

fn read_spectrum(section: &mut Section, train: &Train) -> SpectrumSchedule {
    let mut schedule = SpectrumSchedule::default();
    let small = |tolerance: &f64| (1e-12..1.0).contains(tolerance);
    read_epochs(section, &mut schedule.epochs, 0, train);
    section.read_positive("top", &mut schedule.top);
    let remedy = "must be between 1e-12 and 1";
    section.read_valid("tolerance", &mut schedule.tolerance, small, remedy);
    section.read_positive("max_products", &mut schedule.max_products);
    read_sizes(section, &mut schedule.batch_sizes, train);
    section.read_positive("batches", &mut schedule.batches);
    section.read("probes", &mut schedule.probes);
    section.read_positive("probe_products", &mut schedule.probe_products);
    section.read("include_weight_decay", &mut schedule.include_weight_decay);
    schedule
}

/// Epochs of the walk, counted from `first`.
fn read_epochs(section: &mut Section, epochs: &mut Epochs, first: u64, train: &Train) {
    let valid = |epochs: &Epochs| match epochs {
        Epochs::All => true,
        Epochs::These(epochs) => epochs.iter().all(|epoch| (first..=train.epochs).contains(epoch)),
    };
    let remedy = format!("epochs run from {first} to train.epochs = {}", train.epochs);
    section.read_valid("epochs", epochs, valid, &remedy);
}

/// Batch sizes, without a list that of training.
fn read_sizes(section: &mut Section, sizes: &mut Vec<usize>, train: &Train) {
    *sizes = vec![train.batch_size];
    let valid = |sizes: &Vec<usize>| {
        !sizes.is_empty() && !sizes.contains(&0) && sizes.windows(2).all(|pair| pair[0] < pair[1])
    };
    let remedy = "must be a list of sizes of at least 1, ascending, for example [100, 1000]";
    section.read_valid("batch_sizes", sizes, valid, remedy);
}

//! `kind = "spectrum"`.

use serde::Serialize;

use super::Epochs;
use super::sizes::read_sizes;
use super::weight_decay::read_weight_decay;
use crate::experiment::Train;
use crate::experiment::reader::Section;

/// The most eigenpairs: a dense problem of that size is solved after every product, and nothing looks
/// at an interrupt meanwhile.
const MOST_EIGENPAIRS: usize = 250;
/// The most products for a probe, behind which such a problem is solved once.
const MOST_PROBE_PRODUCTS: usize = 500;

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

impl Default for SpectrumSchedule {
    /// After every epoch, both ends without the density.
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

impl SpectrumSchedule {
    pub(super) fn read(section: &mut Section, train: &Train) -> Self {
        let mut schedule = Self::default();
        schedule.epochs.read(section, 0, train);
        let few = |&count: &usize| (1..=MOST_EIGENPAIRS).contains(&count);
        let remedy = format!("must be at least 1 and at most {MOST_EIGENPAIRS}");
        section.read_valid("top", &mut schedule.top, few, &remedy);
        let small = |tolerance: &f64| (1e-12..1.0).contains(tolerance);
        let remedy = "must be between 1e-12 and 1";
        section.read_valid("tolerance", &mut schedule.tolerance, small, remedy);
        section.read_positive("max_products", &mut schedule.max_products);
        read_sizes(section, &mut schedule.batch_sizes, train);
        section.read_positive("batches", &mut schedule.batches);
        section.read("probes", &mut schedule.probes);
        let few = |&count: &usize| (1..=MOST_PROBE_PRODUCTS).contains(&count);
        let remedy = format!("must be at least 1 and at most {MOST_PROBE_PRODUCTS}");
        section.read_valid("probe_products", &mut schedule.probe_products, few, &remedy);
        read_weight_decay(section, &mut schedule.include_weight_decay, train);
        schedule
    }
}

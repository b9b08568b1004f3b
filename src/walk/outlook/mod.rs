//! What a run is going to take: steps, time, disk and memory, reckoned before anything is written.
//!
//! Work is counted by the model behind the progress (`cost`, `forecast`). Seconds come from a short
//! measurement on this machine, of the actual network on a few evaluation batches (`rates`). Bytes are
//! those of the files that the settings ask for (`disk`).

mod disk;
mod rates;

use serde::Serialize;

use super::Prepared;
use super::cost::Extent;
use super::forecast::Forecast;
use super::point::described;
use crate::experiment::PointMeasure;
use crate::objective::Objective;
pub use rates::Rates;

/// What a run is going to take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// Name of the experiment.
    pub name: String,
    /// Entries of theta.
    pub parameters: usize,
    /// N.
    pub samples: usize,
    /// Updates.
    pub steps: u64,
    /// Updates along which the loss is measured.
    pub measured_updates: u64,
    /// What takes time, in seconds.
    pub seconds: Vec<(&'static str, f64)>,
    /// What takes room on the disk, in bytes.
    pub disk_bytes: Vec<(&'static str, u64)>,
    /// Bytes of memory that are held at the same time, at least.
    pub memory_bytes: u64,
}

impl Outlook {
    /// All seconds.
    pub fn total_seconds(&self) -> f64 {
        self.seconds.iter().map(|(_, seconds)| seconds).sum()
    }

    /// All bytes on the disk.
    pub fn total_disk_bytes(&self) -> u64 {
        self.disk_bytes.iter().map(|(_, bytes)| bytes).fold(0, |a, b| a.saturating_add(*b))
    }
}

impl Prepared {
    /// Reckons what the walk takes on a machine as fast as this. Writes nothing.
    pub fn outlook(&self, name: &str, rates: &Rates) -> Outlook {
        Outlook {
            name: name.to_owned(),
            parameters: self.objective.dimension(),
            samples: self.plan.samples,
            steps: self.plan.total_steps(),
            measured_updates: self.forecast().measured_updates(),
            seconds: self.seconds(rates),
            disk_bytes: self.disk_bytes(),
            memory_bytes: self.memory_bytes(),
        }
    }

    pub(super) fn forecast(&self) -> Forecast<'_> {
        Forecast::new(&self.plan, Extent::new(&self.objective, &self.plan))
    }

    /// The time of every kind of work that there is.
    fn seconds(&self, rates: &Rates) -> Vec<(&'static str, f64)> {
        let (plan, forecast) = (&self.plan, self.forecast());
        let extent = Extent::new(&self.objective, plan);
        let seen = plan.train.epochs.saturating_mul(plan.samples as u64);
        let points = plan.train.epochs.saturating_add(1);
        let second_order = extent.directional(1, 1).saturating_mul(forecast.second_order_updates());
        let lines = forecast.lines().saturating_sub(second_order);
        let mut parts = vec![
            ("training", seen as f64 * rates.gradient),
            ("loss along updates", lines as f64 * rates.forward),
            ("second order of updates", second_order as f64 * rates.direction),
            (
                "loss and accuracy after epochs",
                extent.scores().saturating_mul(points) as f64 * rates.forward,
            ),
        ];
        parts.extend(plan.points.iter().map(|measure| {
            let rate = match measure {
                PointMeasure::Spectrum(_) => rates.product,
                PointMeasure::Alignment(_) | PointMeasure::Covariance(_) => rates.direction,
            };
            let (name, work) = described(measure, extent);
            (name, work.saturating_mul(measure.epochs().count(0, points)) as f64 * rate)
        }));
        parts.retain(|(_, seconds)| *seconds > 0.0);
        parts
    }
}

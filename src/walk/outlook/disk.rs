//! The bytes of a run folder.

use crate::experiment::{Optimizer, PointMeasure};
use crate::objective::Objective;
use crate::walk::Prepared;

/// Bytes of a number in a record: up to 17 digits, with point, comma and perhaps an exponent.
const NUMBER: u64 = 20;
/// A line of `steps.jsonl`: its names and numbers.
const STEP: u64 = 330;
/// A line of `line.jsonl` without alphas and losses, and one of `timing.jsonl`.
const LINE: u64 = 520;
/// A loss of a line, with its short alpha.
const LINE_POINT: u64 = 23;
/// A line of any other record, without its lists.
const POINT: u64 = 450;
/// What every report has: images, and the page's scripts.
const REPORT: u64 = 550_000;
/// What the page, the images and the tables have of every step, and of every measured update.
const REPORT_STEP: u64 = 500;
/// What they have of every point of a measured update.
const REPORT_POINT: u64 = 84;
/// What they have of every measurement of curvature.
const REPORT_CURVATURE: u64 = 200_000;
/// Vectors of a checkpoint besides theta and what the optimiser carries: the gradient and theta before.
const PREVIOUS: u64 = 2;
/// Checkpoints that stay besides the start.
const CHECKPOINTS: u64 = 2;

impl Prepared {
    /// The files that the settings ask for, by kind.
    pub(super) fn disk_bytes(&self) -> Vec<(&'static str, u64)> {
        let mut parts = vec![
            ("records", self.records()),
            ("checkpoints", self.checkpoints()),
            ("iterates and orders", self.iterates()),
            ("eigenvectors", self.eigenvectors()),
            ("figures and report", self.report()),
        ];
        parts.retain(|(_, bytes)| *bytes > 0);
        parts
    }

    fn points_of_path(&self) -> u64 {
        self.plan.train.epochs.saturating_add(1)
    }

    /// Bytes of theta and its buffers in the precision of training.
    fn parameters(&self) -> u64 {
        let buffers = self.objective.layout().buffer_dimension();
        ((self.objective.dimension() + buffers) * self.plan.train.precision.bytes()) as u64
    }

    fn records(&self) -> u64 {
        let plan = &self.plan;
        let points = plan.lines.iter().map(|schedule| schedule.points).max().unwrap_or(0) as u64;
        let line = LINE.saturating_add((points + 1).saturating_mul(LINE_POINT));
        let mut bytes = plan.total_steps().saturating_mul(STEP);
        bytes = bytes.saturating_add(self.forecast().measured_updates().saturating_mul(line));
        bytes = bytes.saturating_add(self.points_of_path().saturating_mul(POINT));
        for measure in &plan.points {
            let each = record_bytes(measure).saturating_add(POINT);
            bytes = bytes.saturating_add(each.saturating_mul(self.times(measure)));
        }
        bytes.saturating_add(4 * plan.samples as u64)
    }

    fn times(&self, measure: &PointMeasure) -> u64 {
        measure.epochs().count(0, self.points_of_path())
    }

    fn checkpoints(&self) -> u64 {
        let carried = match self.plan.train.optimizer {
            Optimizer::Sgd(sgd) => u64::from(sgd.momentum != 0.0),
            Optimizer::Adam(_) | Optimizer::AdamW(_) => 2,
        };
        self.parameters().saturating_mul(1 + CHECKPOINTS * (1 + PREVIOUS + carried))
    }

    fn iterates(&self) -> u64 {
        if !self.plan.train.save_iterates {
            return 0;
        }
        // Updates in a row share an iterate.
        let iterates = self.forecast().measured_updates().saturating_add(self.plan.train.epochs);
        let order = self.plan.train.epochs.saturating_mul(4 * self.plan.samples as u64);
        iterates.saturating_mul(self.parameters()).saturating_add(order)
    }

    fn eigenvectors(&self) -> u64 {
        let each = |measure: &PointMeasure| match measure {
            PointMeasure::Spectrum(schedule) => {
                let bytes = 4 * self.objective.dimension() as u64;
                (schedule.top as u64).saturating_mul(bytes).saturating_mul(self.times(measure))
            }
            _ => 0,
        };
        self.plan.points.iter().map(each).fold(0, u64::saturating_add)
    }

    fn report(&self) -> u64 {
        let forecast = self.forecast();
        let points =
            self.plan.lines.iter().map(|schedule| schedule.points).max().unwrap_or(0) as u64;
        let line = (points + 1).saturating_mul(REPORT_POINT).saturating_add(REPORT_STEP);
        REPORT
            .saturating_add(REPORT_CURVATURE * self.plan.points.len() as u64)
            .saturating_add(self.plan.total_steps().saturating_mul(REPORT_STEP))
            .saturating_add(forecast.measured_updates().saturating_mul(line))
    }
}

/// The records of a measurement at one point, less what every record has.
fn record_bytes(measure: &PointMeasure) -> u64 {
    let each = |sizes: usize, batches: usize, bytes: u64| {
        (sizes as u64).saturating_mul(batches as u64).saturating_mul(bytes)
    };
    match measure {
        PointMeasure::Alignment(schedule) => {
            each(schedule.batch_sizes.len(), schedule.batches, POINT)
        }
        PointMeasure::Covariance(schedule) => each(schedule.batch_sizes.len(), 1, POINT),
        PointMeasure::Spectrum(schedule) => {
            let density = each(schedule.probes, schedule.probe_products, 2 * NUMBER);
            each(schedule.top, 2, NUMBER).saturating_add(density)
        }
    }
}

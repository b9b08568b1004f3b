//! One struct per kind of line in the `.jsonl` files; field names are the published column names.

use serde::{Deserialize, Serialize};

use super::CertificateRecord;
use crate::measure::{End, LineLosses, Mode, barrier};
use crate::objective::{BatchNormPolicy, Protocol};
use crate::precision::Precision;

/// One line of `steps.jsonl`: the update theta_t -> theta_{t+1}.
///
/// A value that is not finite is `None` (null in the file); the manifest says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// t, counted from 0.
    pub step: u64,
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Iteration within its epoch, counted from 0.
    pub iteration: u64,
    /// eta, the learning rate of this update; null along a path of saved checkpoints.
    pub learning_rate: Option<f64>,
    /// Samples in the mini-batch; null along a path of saved checkpoints.
    pub batch_size: Option<u64>,
    /// Mean loss of the mini-batch at theta_t, as training sees it.
    pub batch_loss: Option<f64>,
    /// ‖g_t‖, the mini-batch gradient without weight decay and momentum.
    pub grad_norm: Option<f64>,
    /// g_{t-1}·g_t / (‖g_{t-1}‖ ‖g_t‖); null at t = 0 and when either gradient is zero.
    pub cosine: Option<f64>,
    /// d_{t-1}·d_t / (‖d_{t-1}‖ ‖d_t‖) of the updates d_t = theta_{t+1} - theta_t; null at t = 0, when
    /// either is zero, and in records of versions that did not write it.
    #[serde(default)]
    pub update_cosine: Option<f64>,
    /// ‖theta_{t+1} - theta_t‖.
    pub update_norm: Option<f64>,
    /// ‖theta_{t+1} - theta_0‖.
    pub distance: Option<f64>,
    /// sum over s <= t of ‖theta_{s+1} - theta_s‖.
    pub path_length: Option<f64>,
    /// ‖theta_{t+1}‖.
    pub param_norm: Option<f64>,
}

impl StepRecord {
    /// The loss, the gradient or the parameters that the step led to are not finite.
    pub fn is_diverged(&self) -> bool {
        [self.batch_loss, self.grad_norm, self.param_norm].contains(&None)
    }

    /// True if `again` is this step computed again. A column that this record's version did not write
    /// may be anything.
    pub fn is_repeated_by(&self, again: &Self) -> bool {
        let update_cosine = self.update_cosine.and(again.update_cosine);
        *self == Self { update_cosine, ..again.clone() }
    }

    /// How far `again`, the same step computed anew from the same parameters, is from this one: the
    /// larger of the shares by which the batch's loss and the norm of the next parameters differ. Infinite
    /// if it is another step.
    pub fn error_of(&self, again: &Self) -> f64 {
        let plan = |record: &Self| {
            (record.step, record.epoch, record.iteration, record.learning_rate, record.batch_size)
        };
        let share = |a: Option<f64>, b: Option<f64>| Some((a? - b?).abs() / a?);
        let shares =
            [share(self.batch_loss, again.batch_loss), share(self.param_norm, again.param_norm)];
        let [Some(loss), Some(norm)] = shares else { return f64::INFINITY };
        if plan(self) == plan(again) { loss.max(norm) } else { f64::INFINITY }
    }
}

/// One line of `line.jsonl`: the loss along theta_t + alpha (theta_{t+1} - theta_t).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineRecord {
    /// t, counted from 0.
    pub step: u64,
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Iteration within its epoch, counted from 0.
    pub iteration: u64,
    /// alpha_k = k/K for k = 0..=K.
    pub alphas: Vec<f64>,
    /// L(theta_t + alpha_k (theta_{t+1} - theta_t)), the mean over all `samples`.
    pub losses: Vec<Option<f64>>,
    /// Samples that the losses are means of.
    pub samples: Samples,
    /// What they say.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How the losses were obtained. An update of a certified schedule is `exact` where a loss is not
    /// finite or rounding left it in doubt.
    pub mode: Mode,
    /// How sure the verdict is; only in certified mode.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateRecord>,
    /// How the training set was presented.
    pub protocol: Protocol,
    /// Where batch norm took its statistics; null for a network without batch norm.
    pub batch_norm: Option<BatchNormPolicy>,
    /// d·grad L at theta_t with the update d = theta_{t+1} - theta_t; -eta g'g_B for plain SGD. Only
    /// with `second_order`, as the next two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slope: Option<f64>,
    /// d'Hd at theta_t; eta² g_B'Hg_B for plain SGD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curvature: Option<f64>,
    /// slope + curvature / 2, which the measured L_K - L_0 is to be compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_change: Option<f64>,
    /// The loss beyond the update; only with `reach`.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<ReachRecord>,
}

impl LineRecord {
    /// Where the line ended; none if the loss there is not finite, or an estimate.
    pub fn end(&self) -> Option<End> {
        if self.mode == Mode::Certified {
            return None;
        }
        let loss = (*self.losses.last()?)?;
        Some(End { step: self.step + 1, loss, precision: self.verdict.precision })
    }
}

/// How many samples the losses of a line are means of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Samples {
    /// Every loss of so many.
    Each(u64),
    /// In certified mode: so many at each alpha.
    AtAlphas(Vec<u64>),
}

impl Samples {
    /// Those of a line on a training set of so many.
    pub fn of(line: &LineLosses, samples: usize) -> Self {
        match &line.certified {
            Some(certified) => Self::AtAlphas(certified.samples.clone()),
            None => Self::Each(samples as u64),
        }
    }
}

/// What the losses along a line say, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Some interior loss exceeds both ends. Null if a loss is not finite.
    pub barrier: Option<bool>,
    /// max over interior k of L_k, minus max(L_0, L_K). Negative without a barrier.
    pub barrier_height: Option<f64>,
    /// max over interior k of L_k, minus (L_0 + L_K)/2: the paper's height.
    pub barrier_height_mean: Option<f64>,
    /// min over k of L_k, the valley floor.
    pub floor_loss: Option<f64>,
    /// The alpha of the floor; the smallest one when several share it.
    pub floor_alpha: Option<f64>,
    /// The precision of the losses: `f64` also where a run in `f32` found the two sides of the
    /// barrier decision closer than its rounding error and measured the line again.
    pub precision: Precision,
    /// The share of the largest loss up to which the losses and the difference of any two are trusted
    /// in that precision; null in records of versions that did not write it.
    #[serde(default)]
    pub trusted_error: Option<f64>,
    /// `barrier_height` is farther from zero than that; false where there is none.
    pub resolved: bool,
}

impl From<&LineLosses> for Verdict {
    fn from(line: &LineLosses) -> Self {
        let found = barrier(&line.alphas, &line.losses);
        Self {
            barrier: line.is_crossed(),
            barrier_height: found.map(|found| found.height),
            barrier_height_mean: found.map(|found| found.height_mean),
            floor_loss: found.map(|found| found.floor_loss),
            floor_alpha: found.map(|found| found.floor_alpha),
            precision: line.precision,
            trusted_error: Some(line.trusted_error),
            resolved: line.resolved,
        }
    }
}

/// The loss along the direction of an update beyond its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReachRecord {
    /// alpha > 1.
    pub reach_alphas: Vec<f64>,
    /// The loss there.
    pub reach_losses: Vec<Option<f64>>,
    /// The alpha at which the loss is back at L_0; null if it stays below as far as was measured.
    pub critical_alpha: Option<f64>,
}

/// One line of `timing.jsonl`. Not part of the result: differs from run to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimingRecord {
    /// The last step of the span that this line covers.
    pub step: u64,
    /// Seconds spent on gradients and updates since the previous line.
    pub train_seconds: f64,
    /// Seconds spent on the loss along lines.
    pub line_seconds: f64,
    /// Seconds spent on curvature: alignment, covariance, spectrum, second order of lines.
    #[serde(default)]
    pub curvature_seconds: f64,
    /// Seconds spent on loss and accuracy at the ends of epochs.
    #[serde(default)]
    pub scores_seconds: f64,
    /// Seconds of anything else: records, checkpoints, start-up.
    pub other_seconds: f64,
    /// Samples times points evaluated in `line_seconds`.
    pub sample_points: u64,
}

impl TimingRecord {
    /// All seconds of the span.
    pub fn seconds(&self) -> f64 {
        let Self { train_seconds, line_seconds, curvature_seconds, .. } = self;
        train_seconds + line_seconds + curvature_seconds + self.scores_seconds + self.other_seconds
    }
}

//! The losses along one update, in the precision that their verdict needs.

use super::certified::Certified;
use super::{End, Trajectory, barrier};
use crate::choice::choice;
use crate::objective::{Line, Objective, ObjectiveError, Point};
use crate::precision::Precision;

choice! {
    /// How the losses of a line are obtained.
    Mode {
        /// Every point on every sample.
        Exact = "exact",
        /// As few samples as decide on a barrier with a stated error.
        Certified = "certified",
    }
}

/// Units that 32 bits are compared with 64 on: the evaluation order is random already. The error of a mean
/// over few units is larger than that over all, so it is on the safe side, and 64 bits are slow.
pub(super) const FIRST_UNITS: [usize; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// Units on which bits are compared: several for a thread, whichever computes which, and soon done where all
/// of a large training set take half a minute.
const CHECKED_UNITS: usize = 64;

/// L(theta_t + alpha_k (theta_{t+1} - theta_t)) for alpha_k = k/K, k = 0..=K.
#[derive(Debug, Clone, PartialEq)]
pub struct LineLosses {
    /// alpha_k.
    pub alphas: Vec<f64>,
    /// The loss there.
    pub losses: Vec<f64>,
    /// The precision of every loss.
    pub precision: Precision,
    /// The share of the largest loss up to which losses and differences of two are trusted.
    pub trusted_error: f64,
    /// There is a verdict on a barrier, and it is beyond that error.
    pub resolved: bool,
    /// Points that were evaluated, each on the full training set.
    pub evaluations: usize,
    /// What the losses are worth where they are estimates; none where they are exact.
    pub certified: Option<Certified>,
}

impl Trajectory {
    /// Measures one line at K = `points` intervals.
    ///
    /// Its start is not evaluated where the line before ended there in the same precision. A 32-bit
    /// line too close to call, or with a loss that is not finite, is measured again in 64 bits.
    ///
    /// Cost: K evaluations of the full loss, K + 1 without a known start; three in both precisions on a few
    /// units where the error of 32 bits is not known yet; K or K + 1 in 64 bits to measure again.
    pub fn line(
        &mut self,
        objective: &impl Objective,
        line: Line,
        points: usize,
        precision: Precision,
    ) -> Result<LineLosses, ObjectiveError> {
        let mut found = self.line_in(precision, objective, line, points)?;
        if precision == Precision::F32 && points > 1 {
            self.learn(objective, line, &found, &FIRST_UNITS)?;
            found.judge(self.trust.error(line.number, precision));
            if !found.resolved && objective.supports(Precision::F64) {
                let again = self.line_in(Precision::F64, objective, line, points)?;
                self.trust.learn(
                    line.number,
                    found.largest(),
                    &found.losses[1..],
                    &again.losses[1..],
                );
                found = LineLosses { evaluations: found.evaluations + again.evaluations, ..again };
            }
        }
        let loss = found.losses.last().copied().filter(|loss| loss.is_finite());
        let (step, precision) = (line.number + 1, found.precision);
        self.end = loss.map(|loss| End { step, loss, precision });
        Ok(found)
    }

    fn line_in(
        &self,
        precision: Precision,
        objective: &impl Objective,
        line: Line,
        points: usize,
    ) -> Result<LineLosses, ObjectiveError> {
        let alphas = alphas(points);
        let is_start = |end: &End| end.step == line.number && end.precision == precision;
        let mut losses: Vec<f64> = self.end.filter(is_start).iter().map(|end| end.loss).collect();
        let evaluations = alphas.len() - losses.len();
        losses.extend(objective.losses(line, &alphas[losses.len()..], precision)?);
        let (trusted_error, resolved) = (self.trust.error(line.number, precision), false);
        let mut found = LineLosses {
            alphas,
            losses,
            precision,
            trusted_error,
            resolved,
            evaluations,
            certified: None,
        };
        found.judge(trusted_error);
        Ok(found)
    }

    /// Compares the first point after the start, the middle and the end in both precisions on some units,
    /// if the error is not known where the line lies.
    pub(super) fn learn(
        &mut self,
        objective: &impl Objective,
        line: Line,
        found: &LineLosses,
        units: &[usize],
    ) -> Result<(), ObjectiveError> {
        let (largest, last) = (found.largest(), found.alphas.len() - 1);
        if !self.trust.is_due(line.number, largest) {
            return Ok(());
        }
        let three = [1, last.div_ceil(2), last].map(|point| found.alphas[point]);
        if let Some(both) = in_both(objective, line, &three, units)? {
            // Their error as a share of their own largest loss.
            let factor = largest / both[1].iter().copied().fold(0.0, f64::max);
            let [single, double] =
                both.map(|losses| losses.iter().map(|loss| loss * factor).collect::<Vec<f64>>());
            self.trust.learn(line.number, largest, &single, &double);
        }
        Ok(())
    }
}

/// Losses at some points of a line in 32 and in 64 bits, on some units or on what a device compares by
/// itself; none without 64 bits.
fn in_both(
    objective: &impl Objective,
    line: Line,
    alphas: &[f64],
    units: &[usize],
) -> Result<Option<[Vec<f64>; 2]>, ObjectiveError> {
    let compared = objective.compared(line, alphas)?;
    if compared.is_some() || !objective.supports(Precision::F64) {
        return Ok(compared);
    }
    let points: Vec<usize> = (0..alphas.len()).collect();
    let means = |precision| {
        let open = objective.open(line, alphas, precision)?;
        let units: Vec<usize> = units.iter().copied().filter(|&unit| unit < open.units()).collect();
        let sums = open.unit_losses(&units, &points)?;
        let samples: usize = units.iter().map(|&unit| open.samples(unit)).sum();
        let mean =
            |&point: &usize| sums.iter().map(|unit| unit[point]).sum::<f64>() / samples as f64;
        Ok::<Vec<f64>, ObjectiveError>(points.iter().map(mean).collect())
    };
    Ok(Some([means(Precision::F32)?, means(Precision::F64)?]))
}

/// alpha_k = k/K for k = 0..=K.
pub(super) fn alphas(points: usize) -> Vec<f64> {
    (0..=points).map(|k| k as f64 / points as f64).collect()
}

impl LineLosses {
    /// Some interior point lies above both ends; none if a loss is not finite.
    pub fn is_crossed(&self) -> Option<bool> {
        let decided = self.certified.as_ref().map(|certified| certified.is_crossed);
        decided.or_else(|| Some(barrier(&self.alphas, &self.losses)?.is_crossed()))
    }

    /// Losses of single samples that it took, of a training set of so many.
    pub fn sample_points(&self, samples: usize) -> u64 {
        let certified = self.certified.iter().flat_map(|certified| &certified.samples);
        (self.evaluations * samples) as u64 + certified.sum::<u64>()
    }

    pub(super) fn judge(&mut self, trusted_error: f64) {
        let doubt = trusted_error * self.largest();
        let verdict = barrier(&self.alphas, &self.losses);
        self.resolved = verdict.is_some_and(|found| found.height.abs() > doubt);
        self.trusted_error = trusted_error;
    }

    pub(super) fn largest(&self) -> f64 {
        self.losses.iter().copied().fold(0.0, f64::max)
    }
}

/// The error of the loss in 32 bits as a share of it, from a few units; none without 64 bits.
pub fn evaluation_error(
    objective: &impl Objective,
    at: &Point,
) -> Result<Option<f64>, ObjectiveError> {
    let line = Line { from: at, to: at, number: 0 };
    let both = in_both(objective, line, &[0.0], &FIRST_UNITS)?;
    Ok(both.map(|[single, double]| (single[0] - double[0]).abs() / double[0]))
}

/// Evaluates the loss at `at` twice on the first 64 units; the bits of each must agree.
///
/// Returns the first unit whose losses differ, and both sums: then no barrier could be trusted.
///
/// Cost: opening a line at one point and a forward pass over these units, both twice.
pub fn check_determinism(
    objective: &impl Objective,
    at: &Point,
    precision: Precision,
) -> Result<Option<(usize, [f64; 2])>, ObjectiveError> {
    let line = Line { from: at, to: at, number: 0 };
    let once = || {
        let open = objective.open(line, &[0.0], precision)?;
        let units: Vec<usize> = (0..open.units().min(CHECKED_UNITS)).collect();
        Ok::<_, ObjectiveError>(open.unit_losses(&units, &[0])?.concat())
    };
    let mut pairs = once()?.into_iter().zip(once()?).enumerate();
    let differs = pairs.find(|(_, (first, second))| first.to_bits() != second.to_bits());
    Ok(differs.map(|(unit, (first, second))| (unit, [first, second])))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::objective::{Computed, Gradient, LineEvaluation, Loss};

    /// L(theta) = 1 + theta² / 2, in 32 bits with an error of up to 1e-6; it counts evaluations in each
    /// precision.
    #[derive(Default)]
    struct Rough {
        lacks_doubles: bool,
        /// The error on samples whose loss is a quarter of all samples'.
        compared: Option<f64>,
        evaluations: Mutex<[usize; 2]>,
    }

    impl Rough {
        fn counts(&self) -> Option<[usize; 2]> {
            self.evaluations.lock().map(|counts| *counts).ok()
        }
    }

    impl Objective for Rough {
        fn dimension(&self) -> usize {
            1
        }

        fn samples(&self) -> usize {
            1
        }

        fn supports(&self, precision: Precision) -> bool {
            precision == Precision::F32 || !self.lacks_doubles
        }

        fn gradient(&self, _: &Point, _: Loss, _: Precision) -> Result<Gradient, ObjectiveError> {
            Err(ObjectiveError::Unsupported("gradient"))
        }

        fn compared(
            &self,
            line: Line,
            alphas: &[f64],
        ) -> Result<Option<[Vec<f64>; 2]>, ObjectiveError> {
            let Some(error) = self.compared else { return Ok(None) };
            let theta = |&alpha: &f64| Point::between(line.from, line.to, alpha).theta[0];
            let double = alphas.iter().map(theta).map(|theta| 0.25 + theta * theta / 8.0);
            let single = double.clone().map(|loss| loss + error).collect();
            Ok(Some([single, double.collect()]))
        }

        fn open<'a>(
            &'a self,
            line: Line<'a>,
            alphas: &[f64],
            precision: Precision,
        ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
            let is_single = precision == Precision::F32;
            if let Ok(mut counts) = self.evaluations.lock() {
                counts[usize::from(!is_single)] += alphas.len();
            }
            let loss = |&alpha: &f64| {
                let theta = Point::between(line.from, line.to, alpha).theta[0];
                let error = if is_single { 1e-6 * (1e9 * theta).sin() } else { 0.0 };
                (1.0 + theta * theta / 2.0) * (1.0 + error)
            };
            Ok(Box::new(Computed(alphas.iter().map(loss).collect())))
        }
    }

    /// Three units, of which the last one's loss grows by a bit from call to call.
    #[derive(Default)]
    struct Drifting(AtomicU64);

    impl Objective for Drifting {
        fn dimension(&self) -> usize {
            1
        }

        fn samples(&self) -> usize {
            3
        }

        fn gradient(&self, _: &Point, _: Loss, _: Precision) -> Result<Gradient, ObjectiveError> {
            Err(ObjectiveError::Unsupported("gradient"))
        }

        fn open<'a>(
            &'a self,
            _: Line<'a>,
            _: &[f64],
            _: Precision,
        ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
            Ok(Box::new(self))
        }
    }

    impl LineEvaluation for &Drifting {
        fn units(&self) -> usize {
            3
        }

        fn samples(&self, _: usize) -> usize {
            1
        }

        fn points(&self) -> usize {
            1
        }

        fn unit_losses(
            &self,
            units: &[usize],
            _: &[usize],
        ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
            let of = |unit: &usize| match unit {
                2 => f64::from_bits(1f64.to_bits() + self.0.fetch_add(1, Ordering::SeqCst)),
                _ => 1.0,
            };
            Ok(units.iter().map(|unit| vec![of(unit)]).collect())
        }
    }

    #[test]
    fn a_bit_that_differs_is_found_in_any_unit() -> Result<(), ObjectiveError> {
        let at = Point { theta: vec![0.0].into(), buffers: Vec::new() };
        let check = |objective: &Drifting| check_determinism(objective, &at, Precision::F64);
        assert_eq!(check(&Drifting::default())?, Some((2, [1.0, 1.0 + f64::EPSILON])));
        assert_eq!(check_determinism(&Rough::default(), &at, Precision::F32)?, None);
        Ok(())
    }

    /// Lines through these points in turn, in 32 bits.
    fn walk<const N: usize>(
        objective: &Rough,
        points: [f64; N],
    ) -> Result<(Trajectory, Vec<LineLosses>), ObjectiveError> {
        let points = points.map(|theta| Point { theta: vec![theta].into(), buffers: Vec::new() });
        let mut path = Trajectory::default();
        let lines = points.windows(2).zip(0..).map(|(ends, number)| {
            let line = Line { from: &ends[0], to: &ends[1], number };
            path.line(objective, line, 4, Precision::F32)
        });
        let lines = lines.collect::<Result<_, _>>()?;
        Ok((path, lines))
    }

    #[test]
    fn an_end_is_reused_in_its_own_precision_alone() -> Result<(), ObjectiveError> {
        let objective = Rough::default();
        let (path, lines) = walk(&objective, [1.0, 0.5, 0.5 + 1e-9, 0.5 + 2e-9, 0.2])?;
        use Precision::{F32, F64};
        assert!(lines.iter().map(|line| line.precision).eq([F32, F64, F64, F32]));
        assert!(lines.iter().all(|line| line.resolved));
        assert_eq!(lines[2].losses[0].to_bits(), lines[1].losses[4].to_bits());
        // In 32 bits 5 + 4 + 5 + 5: the starts of the last two are known in 64 bits only. In 64 bits 5 + 4.
        // Three in both for the error of the first line.
        assert_eq!(objective.counts(), Some([19 + 3, 9 + 3]));
        assert_eq!(lines.iter().map(|line| line.evaluations).sum::<usize>(), 19 + 9);
        assert!(path.trust.learnt(0).is_some());
        Ok(())
    }

    #[test]
    fn verdicts_are_those_of_64_bits() -> Result<(), ObjectiveError> {
        for scale in (-10..0).map(|power| 10f64.powi(power)) {
            let (_, lines) = walk(&Rough::default(), [1.0, 0.5, 0.5 + scale, 0.5 - scale])?;
            for line in lines {
                assert!(line.resolved);
                assert!(barrier(&line.alphas, &line.losses).is_some_and(|b| !b.is_crossed()));
            }
        }
        Ok(())
    }

    #[test]
    fn a_device_is_trusted_by_what_it_compares_itself() -> Result<(), ObjectiveError> {
        for (error, resolved) in [(1e-6, true), (0.02, false)] {
            let objective =
                Rough { lacks_doubles: true, compared: Some(error), ..Rough::default() };
            let (path, lines) = walk(&objective, [1.0, 0.5])?;
            let expected = error / (0.25 + 0.875f64.powi(2) / 8.0);
            let learnt = path.trust.learnt(0).map(|known| known.error);
            assert!(learnt.is_some_and(|found| (found / expected - 1.0).abs() < 0.2), "{learnt:?}");
            assert_eq!(lines[0].trusted_error, path.trust.error(0, Precision::F32));
            assert_eq!((lines[0].resolved, objective.counts()), (resolved, Some([5, 0])));
        }
        Ok(())
    }

    #[test]
    fn without_64_bits_what_is_too_close_to_call_is_said_to_be() -> Result<(), ObjectiveError> {
        let objective = Rough { lacks_doubles: true, ..Rough::default() };
        let (path, lines) = walk(&objective, [1.0, 0.5, 0.5 + 1e-9])?;
        assert_eq!(lines.iter().map(|line| line.resolved).collect::<Vec<_>>(), [true, false]);
        assert_eq!((objective.counts(), path.trust.learnt(0)), (Some([9, 0]), None));
        Ok(())
    }
}

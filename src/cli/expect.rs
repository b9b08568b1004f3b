//! `--expect-loss`: whether a file has the loss that another program gives it. Most often it has not
//! since the two normalise the images differently, so the usual normalisations are tried.

use std::path::Path;
use std::str::FromStr;

use super::measured::{Subject, has_statistics};
use crate::choice::Choice;
use crate::data::{PixelNormalisation, UsualNormalisation, usual_normalisations};
use crate::objective::{BatchNormPolicy, Point, Score};
use crate::parameters::Tensors;

/// Relative difference that single precision may make between two programs.
const ROUNDING: f64 = 1e-5;

/// A loss, as exact as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ExpectedLoss {
    loss: f64,
    /// A unit of the last digit, or what rounding may make.
    tolerance: f64,
}

impl FromStr for ExpectedLoss {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let loss: f64 = text
            .parse()
            .ok()
            .filter(|loss: &f64| *loss >= 0.0 && loss.is_finite())
            .ok_or("must be a loss such as 0.920")?;
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
        let unit = 10f64.powi(exponent.parse::<i32>().unwrap_or(0) - decimals);
        Ok(Self { loss, tolerance: unit.max(ROUNDING * loss) })
    }
}

impl ExpectedLoss {
    fn is(self, loss: f64) -> bool {
        (loss - self.loss).abs() <= self.tolerance
    }
}

/// Another loss than the one expected.
#[derive(Debug, thiserror::Error)]
#[error("{file}: its loss is {found:.6}, not {expected} as --expect-loss says ({head}){likely}")]
pub(super) struct OtherLoss {
    file: String,
    found: f64,
    expected: f64,
    head: String,
    likely: String,
}

/// An error unless a file has the loss expected; it names settings that would give it.
pub(super) fn expect(
    subject: &mut Subject,
    file: &Path,
    expected: ExpectedLoss,
) -> anyhow::Result<()> {
    let at = subject.read(file)?;
    let found = subject.score(&at)?;
    if expected.is(found.loss) {
        return Ok(());
    }
    let head = subject.head();
    let has_statistics = has_statistics(&Tensors::read(file)?);
    let likely = likely(subject, &at, has_statistics, expected)?;
    let file = file.display().to_string();
    Err(OtherLoss { file, found: found.loss, expected: expected.loss, head, likely }.into())
}

/// What the loss is under the usual normalisations and policies: those that give the loss expected, or
/// all where none does.
fn likely(
    subject: &mut Subject,
    at: &Point,
    has_statistics: bool,
    expected: ExpectedLoss,
) -> anyhow::Result<String> {
    let PixelNormalisation { scale, mean, .. } = subject.normalisation().clone();
    let usual = usual_normalisations(&subject.data, mean.len());
    let own = subject.policy();
    let other = [BatchNormPolicy::Running, BatchNormPolicy::Batch];
    let can_be = |policy: &BatchNormPolicy| {
        Some(*policy) != own && (has_statistics || *policy != BatchNormPolicy::Running)
    };
    let other = other.iter().copied().filter(|policy| own.is_some() && can_be(policy)).map(Some);
    let mut tried = Vec::new();
    for policy in [own].into_iter().chain(other) {
        policy.into_iter().try_for_each(|policy| subject.set_policy(policy))?;
        let named = policy.filter(|_| policy != own);
        for UsualNormalisation { title, mean, std } in &usual {
            let normalisation =
                PixelNormalisation { scale, mean: mean.clone().into(), std: std.clone().into() };
            subject.set_normalisation(normalisation)?;
            let Score { loss, accuracy } = subject.score(at)?;
            let accuracy =
                accuracy.map_or_else(String::new, |share| format!(", accuracy {share:.4}"));
            let policy = named.map_or_else(String::new, |policy| {
                format!(", evaluation.batch_norm = \"{}\"", policy.name())
            });
            let line = format!(
                "\n  {loss:.6}{accuracy} with data.mean = {mean:?}, data.std = {std:?}{policy}: {title}"
            );
            tried.push((expected.is(loss), line));
        }
    }
    let matching: Vec<&str> =
        tried.iter().filter(|(is_it, _)| *is_it).map(|(_, line)| line.as_str()).collect();
    if matching.is_empty() {
        let all: String = tried.iter().map(|(_, line)| line.as_str()).collect();
        return Ok(format!(
            "\nno usual normalisation gives it; the network, the samples or their order of channels may differ:{all}"
        ));
    }
    Ok(format!("\nthe images were likely normalised otherwise; it is{}", matching.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_expected_to_the_digits_given() -> Result<(), &'static str> {
        let is =
            |text: &str, loss: f64| Ok::<_, &'static str>(text.parse::<ExpectedLoss>()?.is(loss));
        assert!(is("0.920", 0.9209)? && !is("0.920", 0.9211)?);
        assert!(is("9.20e-1", 0.9191)? && !is("9.20e-1", 0.9189)?);
        assert!(is("2", 2.9)? && is("0.92034567", 0.920352)? && !is("0.92034567", 0.92036)?);
        assert!("-1".parse::<ExpectedLoss>().is_err() && "nan".parse::<ExpectedLoss>().is_err());
        Ok(())
    }
}

//! Where SGD bounces: the stretch of an epoch in which consecutive gradients oppose each other most.

use crate::report::run_data::RunData;
use crate::run::LineRecord;

/// So many consecutive measured updates of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    /// The iterations before and after it.
    pub iterations: (u64, u64),
    /// The mean of its cosines; `None` if none is known.
    pub cosine: Option<f64>,
}

/// The stretch of at most `length` of `lines`, which are one epoch's, with the lowest mean cosine; the
/// first one if no cosine is known. `None` without lines.
pub(super) fn bounciest(run: &RunData, lines: &[&LineRecord], length: usize) -> Option<Stretch> {
    let stretches = lines.windows(length.min(lines.len()).max(1)).filter_map(|lines| {
        let (first, last) = (lines.first()?.iteration, lines.last()?.iteration);
        let cosines: Vec<f64> = lines.iter().filter_map(|line| run.cosine(line.step)).collect();
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        let cosine = (!cosines.is_empty()).then_some(mean);
        Some(Stretch { iterations: (first, last + 1), cosine })
    });
    stretches.min_by(|a, b| or_infinity(a.cosine).total_cmp(&or_infinity(b.cosine)))
}

/// The index of the stretch with the lowest mean cosine; 0 if none is known.
pub(super) fn opening(stretches: &[Stretch]) -> usize {
    let cosines = stretches.iter().map(|stretch| or_infinity(stretch.cosine)).enumerate();
    cosines.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index)
}

fn or_infinity(cosine: Option<f64>) -> f64 {
    cosine.unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    fn stretch_of(run: &RunData, epoch: u64) -> Option<Stretch> {
        bounciest(run, &run.lines_of(epoch).collect::<Vec<_>>(), 4)
    }

    #[test]
    fn the_stretch_with_the_lowest_cosines_is_found() -> Result<(), TestError> {
        let mut fixture = Fixture::new("a", 20, 20);
        for step in [13, 14, 15, 16] {
            fixture.steps[step].cosine = Some(-0.75);
        }
        (fixture.steps[14].cosine, fixture.steps[14].update_cosine) = (None, Some(-0.75));
        let run = fixture.load()?;
        let [first, second] = [1, 2].map(|epoch| stretch_of(&run, epoch));
        let (first, second) = (first.ok_or("no stretch")?, second.ok_or("no stretch")?);
        assert_eq!(first, Stretch { iterations: (0, 4), cosine: Some(-0.25) });
        assert_eq!(second, Stretch { iterations: (3, 7), cosine: Some(-0.75) });
        assert_eq!((opening(&[first, second]), opening(&[])), (1, 0));
        Ok(())
    }

    #[test]
    fn without_cosines_it_is_the_first_and_without_lines_none() -> Result<(), TestError> {
        let mut fixture = Fixture::new("a", 20, 10);
        for step in &mut fixture.steps {
            (step.cosine, step.update_cosine) = (None, None);
        }
        let run = fixture.load()?;
        assert_eq!(stretch_of(&run, 1), Some(Stretch { iterations: (0, 4), cosine: None }));
        assert_eq!(stretch_of(&run, 2), None);
        Ok(())
    }
}

//! When a run may go on longer than it was begun for.

use super::{Epochs, Experiment, Measure, RateCourse};

impl Experiment {
    /// True if this experiment is `earlier` with more epochs, and the walk of the earlier one is the
    /// beginning of its own: what is measured before its end is the same, and no step knows how many
    /// there are.
    pub fn continues(&self, earlier: &Self) -> bool {
        let (before, after) = (earlier.train.epochs, self.train.epochs);
        let knows_its_end = matches!(self.train.schedule.course, RateCourse::Cosine { .. });
        if after <= before || knows_its_end || self.measure.len() != earlier.measure.len() {
            return false;
        }
        let mut longer = earlier.clone();
        longer.train.epochs = after;
        let pairs = longer.measure.iter_mut().zip(&self.measure);
        let agree = pairs.fold(true, |agree, (earlier, later)| {
            let first = u64::from(matches!(earlier, Measure::Line(_)));
            let (earlier, later) = (earlier.epochs_mut(), later.epochs());
            let agrees = earlier.agree(later, first, before + 1);
            *earlier = later.clone();
            agree && agrees
        });
        agree && longer == *self
    }
}

impl Epochs {
    /// True if both choose the same of the epochs from `first` on and before `end`.
    fn agree(&self, other: &Self, first: u64, end: u64) -> bool {
        match (self, other) {
            (Self::These(one), Self::These(other)) => {
                one.range(first..end).eq(other.range(first..end))
            }
            // One of them chooses all.
            _ => self.count(first, end) == other.count(first, end),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::experiment::parse;

    fn experiment(train: &str, measures: &str) -> Experiment {
        let text = format!(
            "data.name = 'digits'\nmodel.arch = 'mlp'\ntrain = {{ {train} }}\nmeasure = [{measures}]"
        );
        parse(&text.replace("\\\n", "\n"), "a", "a", &[]).unwrap()
    }

    #[test]
    fn more_epochs_go_on_where_nothing_before_changes() {
        let line = |epochs: &str| format!("{{ kind = 'line', epochs = {epochs} }}");
        let spectrum = |epochs: &str| format!("{{ kind = 'spectrum', epochs = {epochs} }}");
        let continues = |(before, measures): (&str, String), (after, later): (&str, String)| {
            experiment(after, &later).continues(&experiment(before, &measures))
        };
        let cases = [
            ("epochs = 3", "'all'", "epochs = 5", "'all'", true),
            ("epochs = 3", "[1, 3]", "epochs = 5", "[1, 3, 4]", true),
            ("epochs = 3", "[1, 2, 3]", "epochs = 5", "'all'", true),
            ("epochs = 3", "'all'", "epochs = 5", "[1, 2, 3]", true),
            ("epochs = 3", "[1, 3]", "epochs = 5", "'all'", false),
            ("epochs = 3", "[1, 3]", "epochs = 5", "[1, 2, 3]", false),
            ("epochs = 3", "[1, 3]", "epochs = 5", "[3, 5]", false),
            ("epochs = 3", "'all'", "epochs = 3", "'all'", false),
            ("epochs = 3", "'all'", "epochs = 2", "'all'", false),
            ("epochs = 3", "'all'", "epochs = 5, seed = 7", "'all'", false),
            (
                "epochs = 3, schedule = { kind = 'step', every = 2 }",
                "'all'",
                "epochs = 5, schedule = { kind = 'step', every = 2 }",
                "'all'",
                true,
            ),
            (
                "epochs = 3, schedule = { kind = 'cosine' }",
                "'all'",
                "epochs = 5, schedule = { kind = 'cosine' }",
                "'all'",
                false,
            ),
        ];
        for (before, epochs, after, later, goes_on) in cases {
            for measure in [&line as &dyn Fn(&str) -> String, &spectrum] {
                let found = continues((before, measure(epochs)), (after, measure(later)));
                // Of a spectrum, epoch 0 is one of "all".
                let is_all = |epochs: &str| epochs == "'all'";
                let differs_at_0 =
                    measure("").contains("spectrum") && is_all(epochs) != is_all(later);
                assert_eq!(found, goes_on && !differs_at_0, "{before} {epochs} to {after} {later}");
            }
        }
        let points = line("'all'").replace("epochs", "points = 5, epochs");
        assert!(!continues(("epochs = 3", line("'all'")), ("epochs = 5", points)));
        assert!(!continues(("epochs = 3", line("'all'")), ("epochs = 5", String::new())));
    }
}

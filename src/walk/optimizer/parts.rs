//! A step in parts that threads share: a rule moves each entry of theta by that entry alone.

/// Entries of a part: all that a rule reads and writes of it stays in a second-level cache.
const PART: usize = 1 << 13;

/// What a rule works on, entry by entry.
pub(super) struct Parts<'a> {
    /// theta_t, which becomes theta_{t+1}.
    pub theta: &'a mut [f64],
    /// g.
    pub gradient: &'a mut [f64],
    /// theta_t.
    pub from: &'a [f64],
    /// What the rule remembers; empty where it has no use for it.
    pub carried: [&'a mut [f64]; 2],
}

impl Parts<'_> {
    /// Runs `work` on every part, on all threads.
    pub fn each(self, work: &(impl Fn(Self) + Sync)) {
        if self.theta.len() <= PART {
            return work(self);
        }
        let [left, right] = self.halves();
        rayon::join(|| left.each(work), || right.each(work));
    }

    fn halves(self) -> [Self; 2] {
        let Self { theta, gradient, from, carried: [first, second] } = self;
        let cut = theta.len() / 2;
        let (theta, gradient) = (theta.split_at_mut(cut), gradient.split_at_mut(cut));
        let from = from.split_at(cut);
        let first = first.split_at_mut(cut.min(first.len()));
        let second = second.split_at_mut(cut.min(second.len()));
        [
            Self {
                theta: theta.0,
                gradient: gradient.0,
                from: from.0,
                carried: [first.0, second.0],
            },
            Self {
                theta: theta.1,
                gradient: gradient.1,
                from: from.1,
                carried: [first.1, second.1],
            },
        ]
    }
}

//! Barriers and the valley floor of one line (section 2, table 1 and figure 1 of the paper).

/// What the losses L_0, ..., L_K along one update say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Barrier {
    /// max over 0 < k < K of L_k, minus max(L_0, L_K).
    pub height: f64,
    /// max over 0 < k < K of L_k, minus (L_0 + L_K)/2: the paper's height.
    pub height_mean: f64,
    /// min over k of L_k.
    pub floor_loss: f64,
    /// The smallest alpha at which the floor is reached.
    pub floor_alpha: f64,
}

impl Barrier {
    /// The update crosses a barrier: some interior point lies higher than both ends.
    pub fn is_crossed(&self) -> bool {
        self.height > 0.0
    }
}

/// Judges the losses at `alphas`; none with fewer than three points or a loss that is not finite.
///
/// ```
/// use losswalk::measure::barrier;
///
/// let found = barrier(&[0.0, 0.5, 1.0], &[1.0, 3.0, 2.0]).expect("three finite losses");
/// assert!(found.is_crossed());
/// assert_eq!((found.height, found.height_mean), (1.0, 1.5));
/// assert_eq!((found.floor_loss, found.floor_alpha), (1.0, 0.0));
/// ```
pub fn barrier(alphas: &[f64], losses: &[f64]) -> Option<Barrier> {
    let (&[first, .., last], [_, interior @ .., _]) = (losses, losses) else { return None };
    if interior.is_empty() || losses.iter().any(|loss| !loss.is_finite()) {
        return None;
    }
    let highest = interior.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let points = alphas.iter().copied().zip(losses.iter().copied());
    let (floor_alpha, floor_loss) = points.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Barrier {
        height: highest - first.max(last),
        height_mean: highest - (first + last) / 2.0,
        floor_loss,
        floor_alpha,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valley_is_no_barrier_and_an_equal_height_is_none_either() {
        let alphas = [0.0, 0.5, 1.0];
        let valley = barrier(&alphas, &[1.0, 0.5, 0.9]).map(|b| (b.is_crossed(), b.floor_alpha));
        assert_eq!(valley, Some((false, 0.5)));
        assert!(barrier(&alphas, &[1.0, 1.0, 0.9]).is_some_and(|b| !b.is_crossed()));
        assert_eq!(barrier(&alphas, &[1.0, f64::NAN, 0.9]), None);
        assert_eq!(barrier(&[0.0, 1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn of_several_lowest_points_the_first_is_the_floor() {
        let found = barrier(&[0.0, 0.25, 0.5, 0.75, 1.0], &[2.0, 1.0, 3.0, 1.0, 2.0]);
        assert_eq!(found.map(|b| (b.floor_loss, b.floor_alpha)), Some((1.0, 0.25)));
    }
}

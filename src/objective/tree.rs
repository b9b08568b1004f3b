//! The one order in which numbers of many units are added: a binary tree that the number of units
//! alone fixes.
//!
//! Over n units the root splits at the largest power of two below n, and so does every node of its
//! right half; the left halves are whole powers of two. So any contiguous share of the units consists
//! of a few whole subtrees. Whoever sums them, on one thread or many, in one process or several, the
//! joined sum has the same bits. As in all pairwise summation, rounding errors grow with the
//! logarithm of n.

use std::ops::Range;

/// What is added up, from left to right.
pub trait Addend: Default + Send {
    /// Adds the sum of the units that follow.
    fn add(&mut self, next: Self);

    /// As plain numbers, to be sent to another process.
    fn into_numbers(self) -> Vec<f64>;

    /// The opposite of [`Addend::into_numbers`].
    fn from_numbers(numbers: Vec<f64>) -> Self;
}

impl Addend for Vec<f64> {
    /// Entry by entry; nothing so far stands for zeros.
    fn add(&mut self, next: Self) {
        if self.is_empty() {
            *self = next;
        } else {
            self.iter_mut().zip(next).for_each(|(sum, entry)| *sum += entry);
        }
    }

    fn into_numbers(self) -> Vec<f64> {
        self
    }

    fn from_numbers(numbers: Vec<f64>) -> Self {
        numbers
    }
}

impl Addend for f64 {
    fn add(&mut self, next: Self) {
        *self += next;
    }

    fn into_numbers(self) -> Vec<f64> {
        vec![self]
    }

    fn from_numbers(numbers: Vec<f64>) -> Self {
        numbers.first().copied().unwrap_or_default()
    }
}

/// The sum of a whole subtree.
#[derive(Debug, Clone, PartialEq)]
pub struct Subtree<T> {
    /// The units below it.
    pub units: Range<usize>,
    /// Their sum.
    pub sum: T,
}

/// The sum over all units, zero of none. `of` yields a unit's part.
///
/// Memory: a partial sum for every level of the tree and every thread.
pub fn sum<T: Addend, E: Send>(
    units: usize,
    of: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<T, E> {
    Ok(join(units, share(units, 0..units, &of)?).unwrap_or_default())
}

/// The same, one unit after the other on this thread.
pub fn sum_in_turn<T: Addend, E>(
    units: usize,
    of: &impl Fn(usize) -> Result<T, E>,
) -> Result<T, E> {
    Ok(join(units, share_in_turn(units, 0..units, of)?).unwrap_or_default())
}

/// The sums of the largest subtrees of the tree over `units` units that a share of the units consists
/// of, from left to right.
pub fn share<T: Addend, E: Send>(
    units: usize,
    share: Range<usize>,
    of: &(impl Fn(usize) -> Result<T, E> + Sync),
) -> Result<Vec<Subtree<T>>, E> {
    let subtree = |units: Range<usize>| Ok(Subtree { sum: subtree(units.clone(), of)?, units });
    cover(units, &share).into_iter().map(subtree).collect()
}

/// As [`share`], one unit after the other on this thread.
pub fn share_in_turn<T: Addend, E>(
    units: usize,
    share: Range<usize>,
    of: &impl Fn(usize) -> Result<T, E>,
) -> Result<Vec<Subtree<T>>, E> {
    fn subtree<T: Addend, E>(
        node: Range<usize>,
        of: &impl Fn(usize) -> Result<T, E>,
    ) -> Result<T, E> {
        if node.len() == 1 {
            return of(node.start);
        }
        let [left, right] = halves(node);
        let mut sum = subtree(left, of)?;
        sum.add(subtree(right, of)?);
        Ok(sum)
    }
    let subtree = |units: Range<usize>| Ok(Subtree { sum: subtree(units.clone(), of)?, units });
    cover(units, &share).into_iter().map(subtree).collect()
}

/// The sum over all units from subtrees in their order from left to right; none unless they are the
/// whole tree.
pub fn join<T: Addend>(units: usize, subtrees: Vec<Subtree<T>>) -> Option<T> {
    let mut subtrees = subtrees.into_iter().peekable();
    let sum = joined(0..units, &mut subtrees);
    sum.filter(|_| subtrees.next().is_none())
}

/// The two halves of a node of at least two units.
pub(super) fn halves(node: Range<usize>) -> [Range<usize>; 2] {
    let middle = node.start + (1 << (node.len() - 1).ilog2());
    [node.start..middle, middle..node.end]
}

/// The largest subtrees of the tree over `units` units that a share consists of.
fn cover(units: usize, share: &Range<usize>) -> Vec<Range<usize>> {
    fn below(node: Range<usize>, share: &Range<usize>, roots: &mut Vec<Range<usize>>) {
        let is_apart = node.end <= share.start || share.end <= node.start;
        if node.is_empty() || is_apart {
            return;
        }
        if share.start <= node.start && node.end <= share.end {
            roots.push(node);
            return;
        }
        for half in halves(node) {
            below(half, share, roots);
        }
    }
    let mut roots = Vec::new();
    below(0..units, share, &mut roots);
    roots
}

fn subtree<T: Addend, E: Send>(
    node: Range<usize>,
    of: &(impl Fn(usize) -> Result<T, E> + Sync),
) -> Result<T, E> {
    if node.len() == 1 {
        return of(node.start);
    }
    let [left, right] = halves(node);
    let (left, right) = rayon::join(|| subtree(left, of), || subtree(right, of));
    let mut sum = left?;
    sum.add(right?);
    Ok(sum)
}

fn joined<T: Addend>(
    node: Range<usize>,
    subtrees: &mut std::iter::Peekable<std::vec::IntoIter<Subtree<T>>>,
) -> Option<T> {
    if subtrees.peek()?.units == node {
        return subtrees.next().map(|subtree| subtree.sum);
    }
    if node.len() < 2 {
        return None;
    }
    let [left, right] = halves(node);
    let mut sum = joined(left, subtrees)?;
    sum.add(joined(right, subtrees)?);
    Some(sum)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// Numbers of very different sizes, so that another order of summation gives other bits.
    fn unit(index: usize) -> Result<Vec<f64>, Infallible> {
        let spread =
            |salt: usize| ((index * 37 + salt) as f64).sin() * 10f64.powi(index as i32 % 9);
        Ok(vec![spread(1), spread(2), spread(3)])
    }

    fn bits(sum: &[f64]) -> Vec<u64> {
        sum.iter().map(|entry| entry.to_bits()).collect()
    }

    #[test]
    fn seven_units_are_added_in_pairs() -> Result<(), Infallible> {
        let numbers = [0.1, 0.7, 1e16, 3.0, -1e16, 0.3, 2.5];
        let of = |index: usize| Ok::<_, Infallible>(vec![numbers[index]]);
        let [a, b, c, d, e, f, g] = numbers;
        assert_eq!(sum(7, of)?, [((a + b) + (c + d)) + ((e + f) + g)]);
        assert_eq!(sum(0, of)?, Vec::<f64>::new());
        Ok(())
    }

    #[test]
    fn the_bits_do_not_depend_on_the_threads() -> Result<(), Box<dyn std::error::Error>> {
        let expected = bits(&sum(450, unit)?);
        for threads in [1, 2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            assert_eq!(bits(&pool.install(|| sum(450, unit))?), expected, "{threads} threads");
        }
        let in_turn = join(450, share_in_turn(450, 0..450, &unit)?);
        assert_eq!(in_turn.map(|sum| bits(&sum)), Some(expected.clone()), "in turn");
        let in_order = (0..450).map(unit).try_fold(Vec::new(), |mut sum, entry| {
            Addend::add(&mut sum, entry?);
            Ok::<_, Infallible>(sum)
        })?;
        assert_ne!(bits(&in_order), expected, "numbers for which the order does not matter");
        Ok(())
    }

    proptest! {
        /// Whoever computes which contiguous share, the joined sum has the bits of the whole.
        #[test]
        fn shares_computed_apart_join_to_the_same_bits(
            units in 1usize..700,
            cuts in prop::collection::vec(0usize..700, 0..6),
        ) {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (units + 1)).collect();
            ends.extend([0, units]);
            ends.sort_unstable();
            let mut subtrees = Vec::new();
            for pair in ends.windows(2) {
                subtrees.extend(share(units, pair[0]..pair[1], &unit).unwrap());
            }
            let levels = usize::BITS - units.leading_zeros();
            prop_assert!(subtrees.len() <= (ends.len() - 1) * 2 * levels as usize);
            let whole = bits(&sum(units, unit).unwrap());
            let joined_sum = join(units, subtrees.clone()).map(|sum| bits(&sum));
            prop_assert_eq!(joined_sum, Some(whole));
            subtrees.pop();
            prop_assert_eq!(join(units, subtrees), None, "a part is missing");
        }
    }
}

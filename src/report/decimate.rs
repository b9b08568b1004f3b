//! Thins points, already in pixels, to what a screen or a page can show. Extrema always survive.

/// A place in the image, in pixels.
pub(super) type Point = (f64, f64);

/// Splits points at gaps (values that are not finite) and thins each piece to at most four points per
/// pixel column: its first, lowest, highest and last, in their order.
pub(super) fn line(points: impl Iterator<Item = Point>) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<Point> = Vec::new();
    for point in points {
        if point.0.is_finite() && point.1.is_finite() {
            piece.push(point);
        } else if !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces.iter().map(|piece| thin(piece)).collect()
}

fn thin(piece: &[Point]) -> Vec<Point> {
    piece.chunk_by(|a, b| a.0.floor() == b.0.floor()).flat_map(column).collect()
}

fn column(points: &[Point]) -> Vec<Point> {
    let by_y = |a: &usize, b: &usize| points[*a].1.total_cmp(&points[*b].1);
    let low = (0..points.len()).min_by(by_y).unwrap_or(0);
    let high = (0..points.len()).max_by(by_y).unwrap_or(0);
    let mut keep = [0, low, high, points.len() - 1];
    keep.sort_unstable();
    let mut kept: Vec<Point> = keep.iter().map(|&i| points[i]).collect();
    kept.dedup();
    kept
}

/// Pairs of a lower and an upper bound as outlines, there along the one and back along the other, which end
/// at gaps. A pixel column is as high as the bounds in it reach.
pub(super) fn band(points: &[Point]) -> Vec<Vec<Point>> {
    let is_there = |pair: &&[Point]| pair.iter().all(|(x, y)| x.is_finite() && y.is_finite());
    let pairs: Vec<&[Point]> = points.chunks_exact(2).collect();
    let pieces = pairs.split(|pair| !is_there(pair)).filter(|piece| !piece.is_empty());
    pieces.map(outline).collect()
}

fn outline(pairs: &[&[Point]]) -> Vec<Point> {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for column in pairs.chunk_by(|a, b| a[0].0.floor() == b[0].0.floor()) {
        let heights = || column.iter().flat_map(|pair| [pair[0].1, pair[1].1]);
        let (low, high) = (heights().fold(f64::MIN, f64::max), heights().fold(f64::MAX, f64::min));
        for pair in [column[0], column[column.len() - 1]] {
            there.push((pair[0].0, low));
            back.push((pair[0].0, high));
        }
    }
    there.dedup();
    back.dedup();
    there.into_iter().chain(back.into_iter().rev()).collect()
}

/// Keeps the first point of every pixel: a cloud looks the same with far fewer dots.
pub(super) fn cloud(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut seen = std::collections::HashSet::new();
    points
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .filter(|(x, y)| seen.insert((x.floor() as i64, y.floor() as i64)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_goes_there_and_back_and_ends_at_gaps() {
        let gap = f64::NAN;
        let points = [
            (0.0, 9.0),
            (0.0, 1.0),
            (1.0, 8.0),
            (1.0, 2.0),
            (2.0, gap),
            (2.0, gap),
            (3.2, 7.0),
            (3.2, 3.0),
            (3.9, 9.0),
            (3.9, 5.0),
        ];
        let first = vec![(0.0, 9.0), (1.0, 8.0), (1.0, 2.0), (0.0, 1.0)];
        let second = vec![(3.2, 9.0), (3.9, 9.0), (3.9, 3.0), (3.2, 3.0)];
        assert_eq!(band(&points), [first, second]);
    }

    #[test]
    fn extrema_survive_and_columns_stay_small() {
        let mut points: Vec<Point> = (0..10_000).map(|i| (f64::from(i) / 100.0, 5.0)).collect();
        points[1234].1 = -3.0;
        points[7777].1 = 40.0;
        let thinned = line(points.iter().copied()).concat();
        assert!(thinned.contains(&points[1234]) && thinned.contains(&points[7777]));
        assert!(thinned.len() <= 4 * 100);
        assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn gaps_split_lines() {
        let gap = (1.0, f64::NAN);
        let pieces = line([(0.0, 1.0), gap, (2.0, 1.0), (3.0, 1.0), gap].into_iter());
        assert_eq!(pieces, [vec![(0.0, 1.0)], vec![(2.0, 1.0), (3.0, 1.0)]]);
        assert!(line([gap].into_iter()).is_empty());
    }

    #[test]
    fn a_cloud_keeps_one_dot_a_pixel() {
        let points = [(0.1, 0.1), (0.9, 0.9), (1.1, 0.1), (f64::NAN, 0.0)];
        assert_eq!(cloud(points.into_iter()), [(0.1, 0.1), (1.1, 0.1)]);
    }
}

//! The hot path on fused kernels: losses in 32 bits on the CPU, for networks that a plan knows.
//!
//! A unit is computed by one thread at all points asked for, with what it shares computed once: the
//! first layer's output is a + alpha b along the line. Where the packed weights of all points would not
//! fit, points take turns in one station's memory instead, and each is packed once a call.

use std::sync::{Mutex, PoisonError};

use super::line::Samples;
use super::{BatchNormPolicy, Classification, Line, LineEvaluation, ObjectiveError, Point};
use crate::linalg::Numbers;
use crate::network::Layout;
use crate::plan::{Given, NormStatistics, Plan, Station, Theta, Workspace, Workspaces};
use crate::precision::Precision;

/// Numbers of packed weights that are held at once, which bounds their memory to 256 MiB.
const PACKED_NUMBERS: usize = 1 << 26;

/// A line with everything that its units share.
pub(super) struct PlannedLine<'a> {
    pub(super) objective: &'a Classification,
    plan: &'a Plan,
    points: Vec<PlannedPoint>,
    packed: Packed,
    /// Near the means of every norm's channels.
    shifts: Vec<Vec<f32>>,
    workspaces: Workspaces,
}

/// The packed weights of the points.
enum Packed {
    /// Those of every point, and the first layer's of from and of to - from.
    All(Vec<Station<'static>>, [Station<'static>; 2]),
    /// Points take turns.
    InTurn(Turns),
}

/// Points that take turns in the memory of one station.
struct Turns {
    /// Theta at both ends of the line.
    ends: [Vec<f64>; 2],
    /// The station of the last point, and its weights before they were packed.
    last: Mutex<Option<(Station<'static>, Vec<f32>)>>,
}

/// One point of the line.
struct PlannedPoint {
    alpha: f64,
    frozen: Option<Vec<NormStatistics>>,
    samples: Samples,
}

impl Classification {
    /// Opens a line on the plan; none where it has to go through series.
    pub(super) fn open_planned(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Option<PlannedLine<'_>>, ObjectiveError> {
        let Some(plan) = self.plan.as_ref().filter(|_| precision == Precision::F32) else {
            return Ok(None);
        };
        let points: Vec<_> = alphas.iter().map(|&alpha| self.planned_point(line, alpha)).collect();
        let ends @ [from, to] = [line.from, line.to].map(|point| &point.theta[..]);
        let is_small = plan.begins_linear() && plan.packed_len() * points.len() <= PACKED_NUMBERS;
        let packed = if is_small {
            let (layout, winograd) = (&self.network.layout, self.measured.winograd);
            let station = |point: &PlannedPoint| {
                self.interrupt.check()?;
                Ok(Station::new(plan, layout, point.between(ends), winograd))
            };
            let stations = points.iter().map(station).collect::<Result<_, ObjectiveError>>()?;
            let start = Theta::Multiple(Numbers::Double([from]), 1.0);
            let first = [start, Theta::Difference { from, to }];
            Packed::All(stations, first.map(|theta| Station::first(plan, layout, theta, winograd)))
        } else {
            Packed::InTurn(Turns { ends: ends.map(<[f64]>::to_vec), last: Mutex::default() })
        };
        let mut open = PlannedLine {
            objective: self,
            plan,
            points,
            packed,
            shifts: plan.no_shift(),
            workspaces: Workspaces::default(),
        };
        open.shifts = open.means_of_first_unit()?;
        if self.measured.policy == BatchNormPolicy::Recomputed {
            open.recompute_statistics()?;
        }
        Ok(Some(open))
    }

    fn planned_point(&self, line: Line, alpha: f64) -> PlannedPoint {
        let frozen = (self.measured.policy == BatchNormPolicy::Running).then(|| {
            let buffers = Point::mix(&line.from.buffers, &line.to.buffers, alpha);
            norm_statistics(&self.network.layout, &buffers)
        });
        PlannedPoint { alpha, frozen, samples: self.samples_of(line.number, alpha) }
    }

    /// The summed loss of some samples, from their logits, in f64.
    pub(super) fn summed_loss<T: Into<f64> + Copy>(&self, logits: &[T], samples: &[u32]) -> f64 {
        let rows = logits.chunks_exact(self.network.classes).zip(samples);
        let losses = rows.map(|(row, &sample)| {
            let largest = row.iter().map(|&z| z.into()).fold(f64::NEG_INFINITY, f64::max);
            let shifted = |z: T| z.into() - largest;
            let total: f64 = row.iter().map(|&z| shifted(z).exp()).sum();
            total.ln() - shifted(row[usize::from(self.data.label(sample))])
        });
        losses.sum()
    }
}

impl PlannedPoint {
    /// Theta here, on the line between two ends.
    fn between<'a>(&self, [from, to]: [&'a [f64]; 2]) -> Theta<'a> {
        Theta::Between { from, to, alpha: self.alpha }
    }
}

impl LineEvaluation for PlannedLine<'_> {
    fn units(&self) -> usize {
        self.objective.measured.units()
    }

    fn samples(&self, unit: usize) -> usize {
        self.objective.measured.batch(&Samples::Fixed, unit).0.len()
    }

    fn points(&self) -> usize {
        self.points.len()
    }

    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        let loss = |logits: &[f32], _: &Workspace, samples: &[u32]| {
            self.objective.summed_loss(logits, samples)
        };
        self.objective.divided(units, points.len(), |units| self.visit(units, points, loss))
    }
}

impl PlannedLine<'_> {
    /// What `read` makes of each unit at each point: of the logits, of the workspace that they were
    /// computed in, and of the unit's samples.
    pub(super) fn visit<T: Send>(
        &self,
        units: &[usize],
        points: &[usize],
        read: impl Fn(&[f32], &Workspace, &[u32]) -> T + Sync,
    ) -> Result<Vec<Vec<T>>, ObjectiveError> {
        let (stations, first) = match &self.packed {
            Packed::All(stations, first) => (stations, first),
            Packed::InTurn(turns) => return self.visit_in_turn(turns, units, points, read),
        };
        self.objective.each(units, |unit| {
            Ok(self.workspaces.with(self.plan, |workspace| {
                let mut is_known = false;
                let at = |&point: &usize| {
                    let PlannedPoint { alpha, samples, .. } = &self.points[point];
                    let (batch, presentation) = self.objective.measured.batch(samples, unit);
                    if !is_known || matches!(samples, Samples::Drawn { .. }) {
                        let images = self.objective.pixels::<f32>(batch, presentation);
                        self.plan.first_step(first, self.given(point), &images, workspace);
                        is_known = true;
                    }
                    let (station, given) = (&stations[point], self.given(point));
                    let logits = self.plan.run_from(*alpha, station, given, workspace).to_vec();
                    read(&logits, workspace, batch)
                };
                points.iter().map(at).collect()
            }))
        })
    }

    /// The same, one point after the other.
    fn visit_in_turn<T: Send>(
        &self,
        turns: &Turns,
        units: &[usize],
        points: &[usize],
        read: impl Fn(&[f32], &Workspace, &[u32]) -> T + Sync,
    ) -> Result<Vec<Vec<T>>, ObjectiveError> {
        let mut found: Vec<Vec<T>> = units.iter().map(|_| Vec::new()).collect();
        for &point in points {
            let of_units = self.in_turn(turns, point, |station| {
                self.objective.each(units, |unit| Ok(self.visit_at(point, station, unit, &read)))
            })?;
            found.iter_mut().zip(of_units).for_each(|(found, value)| found.push(value));
        }
        Ok(found)
    }

    /// What `read` makes of a unit at a point whose station is at hand.
    fn visit_at<T>(
        &self,
        point: usize,
        station: &Station,
        unit: usize,
        read: impl Fn(&[f32], &Workspace, &[u32]) -> T,
    ) -> T {
        let samples = &self.points[point].samples;
        let (batch, presentation) = self.objective.measured.batch(samples, unit);
        let images = self.objective.pixels::<f32>(batch, presentation);
        self.workspaces.with(self.plan, |workspace| {
            let given = self.given(point);
            let logits = self.plan.run(station, given, &images, workspace).to_vec();
            read(&logits, workspace, batch)
        })
    }

    /// Runs `work` with a point's station, in the memory of the last one.
    fn in_turn<T>(&self, turns: &Turns, point: usize, work: impl FnOnce(&Station) -> T) -> T {
        let (plan, layout) = (self.plan, &self.objective.network.layout);
        let theta = self.points[point].between(turns.ends.each_ref().map(Vec::as_slice));
        let last = || turns.last.lock().unwrap_or_else(PoisonError::into_inner);
        let free = last().take();
        let new = || Station::new(plan, layout, theta, self.objective.measured.winograd);
        let (station, single) = match free {
            Some((mut station, mut single)) => {
                station.move_to(plan, layout, theta, &mut single);
                (station, single)
            }
            None => (new(), Vec::new()),
        };
        let result = work(&station);
        *last() = Some((station, single));
        result
    }

    fn given(&self, point: usize) -> Given<'_> {
        match &self.points[point].frozen {
            Some(statistics) => Given::Frozen(statistics),
            None => Given::Batch(&self.shifts),
        }
    }

    /// The means of every norm in the first unit at the first point.
    fn means_of_first_unit(&self) -> Result<Vec<Vec<f32>>, ObjectiveError> {
        let read = |_: &[f32], workspace: &Workspace, _: &[u32]| {
            let norms = workspace.statistics().iter();
            let single =
                |norm: &NormStatistics| norm.mean.iter().map(|&mean| mean as f32).collect();
            norms.map(single).collect::<Vec<Vec<f32>>>()
        };
        Ok(self.visit(&[0], &[0], read)?.concat().concat())
    }

    /// Gives each point the statistics that are averages over the training set there: the mean and the
    /// unbiased variance of every unit, weighted by the units' sizes.
    fn recompute_statistics(&mut self) -> Result<(), ObjectiveError> {
        let read = |_: &[f32], workspace: &Workspace, samples: &[u32]| {
            let weight = self.objective.weight(samples);
            let counts = self.plan.counts(samples.len());
            let observed = observed(workspace.statistics().iter(), counts).into_iter();
            observed.map(|x| x * weight).collect::<Vec<f64>>()
        };
        let (units, points) = (self.units(), 0..self.points.len());
        let averages: Vec<f64> = match &self.packed {
            Packed::All(..) => {
                let points: Vec<usize> = points.collect();
                let of_unit = |unit| Ok(self.visit(&[unit], &points, read)?.concat().concat());
                self.objective.sum_of(units, of_unit)?
            }
            Packed::InTurn(turns) => {
                let of_point = |point| {
                    self.in_turn(turns, point, |station| {
                        let of_unit = |unit| Ok(self.visit_at(point, station, unit, read));
                        self.objective.sum_of(units, of_unit)
                    })
                };
                let averages: Vec<_> = points.map(of_point).collect::<Result<_, _>>()?;
                averages.concat()
            }
        };
        let layout = &self.objective.network.layout;
        for (point, flat) in
            self.points.iter_mut().zip(averages.chunks(layout.buffer_dimension().max(1)))
        {
            point.frozen = Some(norm_statistics(layout, flat));
        }
        Ok(())
    }

    /// The statistics that the first point was given, in the order of the buffers.
    pub(super) fn statistics(&self) -> Vec<f64> {
        let given = self.points.first().and_then(|point| point.frozen.as_deref());
        let flat = given.unwrap_or_default().iter();
        flat.flat_map(|norm| norm.mean.iter().chain(&norm.variance)).copied().collect()
    }
}

/// Flat statistics of a batch, each over so many values: means, and variances without bias.
pub(super) fn observed<'a>(
    norms: impl Iterator<Item = &'a NormStatistics>,
    counts: impl Iterator<Item = usize>,
) -> Vec<f64> {
    let flat = norms.zip(counts).flat_map(|(NormStatistics { mean, variance }, count)| {
        let unbiased = count as f64 / (count as f64 - 1.0);
        mean.iter().copied().chain(variance.iter().map(move |x| x * unbiased))
    });
    flat.collect()
}

/// Flat buffers norm by norm.
pub(super) fn norm_statistics(layout: &Layout, flat: &[f64]) -> Vec<NormStatistics> {
    let (pairs, _) = layout.buffers.as_chunks::<2>();
    let norm = |[mean, variance]: &[crate::network::Entry; 2]| NormStatistics {
        mean: flat[mean.range()].to_vec(),
        variance: flat[variance.range()].to_vec(),
    };
    pairs.iter().map(norm).collect()
}

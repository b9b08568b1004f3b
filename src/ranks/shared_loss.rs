//! The loss as the leading rank sees it.

use super::Job;
use super::order::{Of, Order};
use crate::linalg::Vector;
use crate::network::StateDictError;
use crate::objective::{
    Classification, Crew, Directional, Gradient, Line, LineEvaluation, Loss, Objective,
    ObjectiveError, Point, Scores, Slopes,
};
use crate::parameters::Tensors;
use crate::precision::Precision;

/// A loss whose calls all ranks of a job make; without other ranks, the loss itself.
#[derive(Debug, Clone, Copy)]
pub struct SharedLoss<'a> {
    loss: &'a Classification,
    job: &'a Job,
}

impl<'a> SharedLoss<'a> {
    /// Of a loss that the ranks of the job have prepared.
    pub(super) fn new(loss: &'a Classification, job: &'a Job) -> Self {
        Self { loss, job }
    }

    /// Makes a call, with all ranks unless it is one of a single unit.
    fn call<T>(
        &self,
        order: impl FnOnce() -> Order,
        numbers: &[&[f64]],
        body: impl FnOnce() -> Result<T, ObjectiveError>,
    ) -> Result<T, ObjectiveError> {
        match self.job.crew() {
            None => body(),
            Some(crew) => {
                order().tell(crew, numbers)?;
                crew.call(body)
            }
        }
    }

    /// The same for a call about some loss at a point and along directions.
    fn call_of<T>(
        &self,
        (at, of, directions): (&Point, Loss, &[&[f64]]),
        order: impl FnOnce() -> Order,
        body: impl FnOnce() -> Result<T, ObjectiveError>,
    ) -> Result<T, ObjectiveError> {
        if !self.loss.has_units(of) {
            return body();
        }
        let here: [&[f64]; 2] = [&at.theta, &at.buffers];
        self.call(order, &[&here, directions].concat(), body)
    }
}

impl Objective for SharedLoss<'_> {
    fn dimension(&self) -> usize {
        self.loss.dimension()
    }

    fn samples(&self) -> usize {
        self.loss.samples()
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        self.loss.check()
    }

    fn supports(&self, precision: Precision) -> bool {
        self.loss.supports(precision)
    }

    fn export(&self, at: &Point, single: bool) -> Tensors {
        self.loss.export(at, single)
    }

    fn import(&self, file: &Tensors) -> Result<Point, StateDictError> {
        self.loss.import(file)
    }

    fn gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<Gradient, ObjectiveError> {
        let order = || Order::Gradient(Of::new(of, precision));
        self.call_of((at, of, &[]), order, || self.loss.gradient(at, of, precision))
    }

    fn reuse(&self, gradient: Vector) {
        self.loss.reuse(gradient);
    }

    fn open<'a>(
        &'a self,
        line: Line<'a>,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
        let Some(crew) = self.job.crew() else {
            return self.loss.open(line, alphas, precision);
        };
        let id = self.job.next_line();
        let order = || Order::Open { id, number: line.number, alphas: alphas.to_vec(), precision };
        let open = || self.loss.open(line, alphas, precision);
        let open = self.call(order, &ends(line), open)?;
        Ok(Box::new(SharedLine { open, crew, id }))
    }

    fn compared(
        &self,
        line: Line,
        alphas: &[f64],
    ) -> Result<Option<[Vec<f64>; 2]>, ObjectiveError> {
        self.loss.compared(line, alphas)
    }

    fn scores(&self, at: &Point, precision: Precision) -> Result<Scores, ObjectiveError> {
        let order = || Order::Scores(precision);
        self.call(order, &[&at.theta, &at.buffers], || self.loss.scores(at, precision))
    }

    fn test_samples(&self) -> usize {
        self.loss.test_samples()
    }

    fn second_order(
        &self,
        line: Line,
        precision: Precision,
    ) -> Result<Directional, ObjectiveError> {
        let order = || Order::SecondOrder { number: line.number, precision };
        self.call(order, &ends(line), || self.loss.second_order(line, precision))
    }

    fn directional(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        let order = || Order::Directional(Of::new(of, precision), directions.len());
        let body = || self.loss.directional(at, of, directions, precision);
        self.call_of((at, of, directions), order, body)
    }

    fn slopes(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Slopes>, ObjectiveError> {
        let order = || Order::Slopes(Of::new(of, precision), directions.len());
        let body = || self.loss.slopes(at, of, directions, precision);
        self.call_of((at, of, directions), order, body)
    }

    fn along_gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
        let order = || Order::AlongGradient(Of::new(of, precision));
        self.call_of((at, of, &[]), order, || self.loss.along_gradient(at, of, precision))
    }

    fn hessian_product(
        &self,
        at: &Point,
        direction: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let order = || Order::HessianProduct(precision);
        let body = || self.loss.hessian_product(at, direction, precision);
        self.call(order, &[&at.theta, &at.buffers, direction], body)
    }
}

/// The numbers of a line: those of its start and of its end.
fn ends(line: Line<'_>) -> [&[f64]; 4] {
    [&line.from.theta, &line.from.buffers, &line.to.theta, &line.to.buffers]
}

/// A line that all ranks have opened.
struct SharedLine<'a> {
    open: Box<dyn LineEvaluation + 'a>,
    crew: &'a Crew,
    id: u64,
}

impl LineEvaluation for SharedLine<'_> {
    fn units(&self) -> usize {
        self.open.units()
    }

    fn samples(&self, unit: usize) -> usize {
        self.open.samples(unit)
    }

    fn points(&self) -> usize {
        self.open.points()
    }

    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        if units.len() < 2 {
            return self.open.unit_losses(units, points);
        }
        let Self { crew, id, .. } = *self;
        let order = Order::UnitLosses { id, units: units.to_vec(), points: points.to_vec() };
        order.tell(crew, &[])?;
        crew.call(|| self.open.unit_losses(units, points))
    }
}

impl Drop for SharedLine<'_> {
    fn drop(&mut self) {
        // Nobody waits for the answer, and an order can always be written.
        let _ = Order::Close { id: self.id }.tell(self.crew, &[]);
    }
}

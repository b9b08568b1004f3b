//! The loop of a rank that does not lead.

use std::collections::HashMap;

use super::order::{Order, numbers, point};
use super::survey::prepare_as_told;
use crate::objective::{
    Classification, Crew, Interrupt, Line, LineEvaluation, Objective, ObjectiveError,
};
use crate::walk::Setup;

/// Does what the leading rank orders until the job is done.
///
/// # Errors
/// Where an order cannot be understood. Whatever else goes wrong is told to the leading rank.
pub fn serve(crew: &Crew, setup: &Setup, interrupt: &Interrupt) -> Result<(), ObjectiveError> {
    let mut loss: Option<Classification> = None;
    let mut order = Order::hear(crew)?;
    loop {
        order = match (order, &mut loss) {
            (Order::Stop, _) => return Ok(()),
            (Order::Prepare { experiment }, loss) => {
                *loss = None;
                *loss = prepare_as_told(crew, &experiment, (setup, interrupt));
                Order::hear(crew)?
            }
            (Order::Policy(policy), Some(loss)) => {
                loss.set_policy(policy);
                Order::hear(crew)?
            }
            (Order::Normalise(normalisation), Some(loss)) => {
                // The leading rank has done the same, and says if it cannot be.
                let _ = loss.set_normalisation(normalisation);
                Order::hear(crew)?
            }
            (order, Some(loss)) => Calls { crew, loss, lines: HashMap::new() }.serve(order)?,
            // Not prepared, which the leading rank knows: the job ends.
            (_, None) => Order::hear(crew)?,
        }
    }
}

/// Calls of one loss.
struct Calls<'a> {
    crew: &'a Crew,
    loss: &'a Classification,
    lines: HashMap<u64, Box<dyn LineEvaluation + 'a>>,
}

impl Calls<'_> {
    /// Makes all calls from this one on, up to an order that is none.
    fn serve(mut self, mut order: Order) -> Result<Order, ObjectiveError> {
        while self.obey(&order) {
            order = Order::hear(self.crew)?;
        }
        Ok(order)
    }

    /// Makes a call; false if the order is none. What it yields is the leading rank's business, and so
    /// is an error, which it has been told.
    fn obey(&mut self, order: &Order) -> bool {
        let Self { crew, loss, .. } = *self;
        match order {
            Order::Open { id, number, alphas, precision } => {
                let (from, to) = (point(crew), point(crew));
                let line = Line { from: &from, to: &to, number: *number };
                if let Ok(open) = crew.call(|| loss.open_apart(line, alphas, *precision)) {
                    self.lines.insert(*id, open);
                }
            }
            Order::UnitLosses { id, units, points } => {
                let open = self.lines.get(id).ok_or(ObjectiveError::Interrupted);
                let _ = crew.call(|| open?.unit_losses(units, points));
            }
            Order::Close { id } => {
                self.lines.remove(id);
            }
            Order::SecondOrder { number, precision } => {
                let (from, to) = (point(crew), point(crew));
                let line = Line { from: &from, to: &to, number: *number };
                let _ = crew.call(|| loss.second_order(line, *precision));
            }
            Order::Gradient(of) => {
                let at = point(crew);
                let _ = crew.call(|| loss.gradient(&at, of.loss(), of.precision));
            }
            Order::AlongGradient(of) => {
                let at = point(crew);
                let _ = crew.call(|| loss.along_gradient(&at, of.loss(), of.precision));
            }
            Order::Directional(of, count) => {
                let (at, directions) = (point(crew), vectors(crew, *count));
                let directions = slices(&directions);
                let _ = crew.call(|| loss.directional(&at, of.loss(), &directions, of.precision));
            }
            Order::Slopes(of, count) => {
                let (at, directions) = (point(crew), vectors(crew, *count));
                let directions = slices(&directions);
                let _ = crew.call(|| loss.slopes(&at, of.loss(), &directions, of.precision));
            }
            Order::HessianProduct(precision) => {
                let (at, direction) = (point(crew), numbers(crew));
                let _ = crew.call(|| loss.hessian_product(&at, &direction, *precision));
            }
            Order::Scores(precision) => {
                let at = point(crew);
                let _ = crew.call(|| loss.scores(&at, *precision));
            }
            Order::Prepare { .. } | Order::Normalise(_) | Order::Policy(_) | Order::Stop => {
                return false;
            }
        }
        true
    }
}

fn vectors(crew: &Crew, count: usize) -> Vec<Vec<f64>> {
    (0..count).map(|_| numbers(crew)).collect()
}

fn slices(vectors: &[Vec<f64>]) -> Vec<&[f64]> {
    vectors.iter().map(Vec::as_slice).collect()
}

//! A direction in theta, packed for the kernels.

use super::super::Station;
use super::super::station::narrow;
use super::compile::CurvaturePlan;
use crate::network::Layout;

/// A multiple of a direction, packed. It moves to other directions in the same memory.
#[derive(Debug)]
pub struct DirectionStation {
    pub(super) station: Station,
    single: Vec<f32>,
}

impl DirectionStation {
    /// Packs a multiple of a direction. Without `winograd` every convolution is computed by its
    /// definition.
    pub fn new(
        plan: &CurvaturePlan,
        layout: &Layout,
        (direction, factor): (&[f64], f64),
        winograd: bool,
    ) -> Self {
        let plan = &plan.gradient.plan;
        let multiple: Vec<f64> = direction.iter().map(|x| factor * x).collect();
        let station = Station::new(plan, layout, &multiple, winograd);
        Self { station, single: Vec::new() }
    }

    /// Packs a multiple of another direction, on all threads.
    pub fn move_to(
        &mut self,
        plan: &CurvaturePlan,
        layout: &Layout,
        (direction, factor): (&[f64], f64),
    ) {
        let Self { station, single } = self;
        narrow((direction, factor), single);
        station.move_to(&plan.gradient.plan, layout, (direction, factor), single);
    }
}

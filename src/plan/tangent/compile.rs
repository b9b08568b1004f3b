//! From the steps of a plan to the steps along a direction.

use super::super::Plan;
use super::super::backward::GradientPlan;
use super::super::step::{Place, Step, Value};
use super::step::Along;
use crate::network::Network;

/// A plan of gradients whose activations and adjoints stay, and its steps along directions.
#[derive(Debug)]
pub struct CurvaturePlan {
    pub(crate) gradient: GradientPlan,
    pub(in super::super) steps: Vec<Along>,
    /// Buffers of tangents.
    pub(in super::super) buffers: usize,
    /// The one with the tangent of the logits.
    pub(in super::super) output: usize,
}

impl CurvaturePlan {
    /// The plan of a network; none if a layer does not say what it does, or if there is none.
    pub fn of(network: &Network) -> Option<Self> {
        let mut plan = Self::keeping(network)?;
        let (buffers, output) = share_buffers(&mut plan.steps, plan.buffers, plan.output);
        Some(Self { buffers, output, ..plan })
    }

    /// The same with tangents that stay, for the way [back](Self::back_along).
    pub fn keeping(network: &Network) -> Option<Self> {
        let gradient = GradientPlan::keeping(network)?;
        let mut compiler = Compiler::new(&gradient.plan);
        gradient.plan.steps.iter().for_each(|step| compiler.step(step));
        let output = compiler.read(gradient.plan.output);
        let Compiler { steps, tangents: buffers, .. } = compiler;
        Some(Self { gradient, steps, buffers, output })
    }

    /// As [`Plan::counts`].
    pub fn counts(&self, samples: usize) -> impl Iterator<Item = usize> {
        self.gradient.counts(samples)
    }
}

/// Steps in the making, which number tangents, not buffers.
struct Compiler<'a> {
    plan: &'a Plan,
    steps: Vec<Along>,
    /// Tangents so far.
    tangents: usize,
    /// The tangent of what stands in each buffer of activations.
    places: Vec<Option<usize>>,
    /// That of the images, once somebody asks for it.
    images: Option<usize>,
    /// Values with something pending, and their tangents with nothing pending.
    applied: Vec<(Value, usize)>,
}

impl<'a> Compiler<'a> {
    fn new(plan: &'a Plan) -> Self {
        let places = vec![None; plan.buffers.len()];
        Self { plan, steps: Vec::new(), tangents: 0, places, images: None, applied: Vec::new() }
    }

    /// Appends what moves the output of one step.
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Convolve { weights, from, shortcut, to: place, gathers, .. } => {
                let is_still = from.place == Place::Images && !from.is_pending();
                let tangent = (!is_still).then(|| self.read(from));
                let shortcut = shortcut.and_then(|place| match place {
                    Place::Images => None,
                    Place::Buffer(index) => self.places[index],
                });
                let to = self.write(place);
                self.steps.push(Along::Convolve {
                    weights,
                    from,
                    tangent,
                    shortcut,
                    place,
                    to,
                    gathers,
                });
            }
            Step::MaxPool { from, size: 1, to } => self.places[to] = Some(self.read(from)),
            Step::MaxPool { from, size, to } => {
                let (tangent, to) = (self.read(from), self.write(to));
                self.steps.push(Along::MaxPool { from, tangent, size, to });
            }
            Step::AveragePool { from, to } => {
                let (tangent, to) = (self.read(from), self.write(to));
                self.steps.push(Along::AveragePool { shape: from.shape, tangent, to });
            }
            Step::Smooth { function, from, to: place } => {
                let (tangent, to) = (self.read(from), self.write(place));
                self.steps.push(Along::Smooth { function, from, tangent, place, to });
            }
            Step::Add { from, other, to } => {
                let other = Value { place: other, norm: None, rectify: false, ..from };
                let tangents = [self.read(from), self.read(other)];
                let to = self.write(to);
                self.steps.push(Along::Add { tangents, len: from.len(), to });
            }
            Step::Gather { from, norm } => self.gather(from, norm),
            Step::Normalise { norm, .. } => self.steps.push(Along::Normalise { norm }),
        }
    }

    /// By the convolution that writes the norm's input, if it gathers for no other.
    fn gather(&mut self, from: Value, norm: usize) {
        let writer = self.steps.iter_mut().find(|step| step.convolves_to(from.place));
        if let Some(Along::Convolve { gathers: gathers @ None, .. }) = writer {
            *gathers = Some(norm);
            return;
        }
        let tangent = self.read(Value { norm: None, rectify: false, ..from });
        self.steps.push(Along::Gather { from, tangent, norm });
    }

    /// The tangent of a value with nothing pending.
    fn read(&mut self, from: Value) -> usize {
        if let Some(&(_, known)) = self.applied.iter().find(|(value, _)| *value == from) {
            return known;
        }
        let tangent = match from.place {
            Place::Buffer(index) => self.places[index],
            Place::Images => self.images,
        };
        let tangent = tangent.unwrap_or_else(|| {
            let to = self.tangent();
            self.steps.push(Along::Still { len: self.plan.input.len(), to });
            self.images = Some(to);
            to
        });
        if !from.is_pending() {
            return tangent;
        }
        let is_first = |(value, _): &(Value, usize)| value.norm != from.norm;
        let weighs = from.norm.is_some() && self.applied.iter().all(is_first);
        let to = self.tangent();
        self.steps.push(Along::Apply { from, tangent, to, weighs });
        self.applied.push((from, to));
        to
    }

    /// The tangent of what is written to a buffer of activations.
    fn write(&mut self, place: usize) -> usize {
        let to = self.tangent();
        self.places[place] = Some(to);
        to
    }

    fn tangent(&mut self) -> usize {
        self.tangents += 1;
        self.tangents - 1
    }
}

/// Puts tangents into buffers that are used again once nobody needs a tangent any more. Returns how many
/// buffers there are, and the one of the last tangent.
fn share_buffers(steps: &mut [Along], tangents: usize, last: usize) -> (usize, usize) {
    let mut last_use = vec![0; tangents];
    for (i, step) in steps.iter_mut().enumerate() {
        step.buffers().0.into_iter().for_each(|tangent| last_use[*tangent] = i);
    }
    last_use[last] = usize::MAX;
    let (mut buffers, mut free, mut count) = (vec![0; tangents], Vec::new(), 0);
    for (i, step) in steps.iter_mut().enumerate() {
        let (reads, writes) = step.buffers();
        if let Some(tangent) = writes {
            buffers[*tangent] = free.pop().unwrap_or_else(|| {
                count += 1;
                count - 1
            });
            *tangent = buffers[*tangent];
        }
        for tangent in reads {
            if std::mem::replace(&mut last_use[*tangent], usize::MAX) == i {
                free.push(buffers[*tangent]);
            }
            *tangent = buffers[*tangent];
        }
    }
    (count, buffers[last])
}

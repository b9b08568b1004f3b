//! From the steps of a plan to the steps back.

use super::super::Plan;
use super::super::step::{Norm, Place, Step, Value};
use super::step::{Back, BiasGradient, To};
use crate::network::Network;

/// A plan that keeps its activations, and its way back.
#[derive(Debug)]
pub struct GradientPlan {
    pub(in super::super) plan: Plan,
    pub(in super::super) back: Vec<Back>,
    /// Numbers of one sample in each buffer of gradients.
    pub(in super::super) buffers: Vec<usize>,
    /// The buffer that takes the gradient with respect to the logits.
    pub(in super::super) logits: usize,
    /// Where each parameter's gradient comes from, in the order of theta.
    pub(super) origins: Vec<Origin>,
    pub(in super::super) adjoints: Adjoints,
}

/// The buffers with the gradients with respect to the activations in each place, and with respect to what
/// each norm writes. Where adjoints stay, those of convolutions' outputs and of norms do.
#[derive(Debug)]
pub(in super::super) struct Adjoints {
    pub places: Vec<Option<usize>>,
    pub norms: Vec<Option<usize>>,
}

/// What a parameter is.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Origin {
    /// The weights of this number.
    Weights(usize),
    /// Their bias.
    Bias(usize),
    /// gamma of a norm.
    Gamma(usize),
    /// beta of a norm.
    Beta(usize),
}

impl GradientPlan {
    /// The plan of a network; none if a layer does not say what it does, or if there is none.
    pub fn of(network: &Network) -> Option<Self> {
        Self::compile(network, false)
    }

    /// The same, with adjoints that stay, for what is of second order.
    pub(in super::super) fn keeping(network: &Network) -> Option<Self> {
        Self::compile(network, true)
    }

    fn compile(network: &Network, keeps: bool) -> Option<Self> {
        let plan = Plan::keeping(network)?;
        let mut compiler = Compiler::new(&plan, keeps);
        let logits = compiler.buffer(plan.output.len());
        *compiler.slot(plan.output.place, None)? = Some(logits);
        plan.steps.iter().rev().try_for_each(|step| compiler.step(step))?;
        let Compiler { back, buffers, places, norms, .. } = compiler;
        let origins = origins(&plan, network.layout.parameters.len())?;
        let adjoints = Adjoints { places, norms };
        Some(Self { plan, back, buffers, logits, origins, adjoints })
    }

    /// As [`Plan::counts`].
    pub fn counts(&self, samples: usize) -> impl Iterator<Item = usize> {
        self.plan.counts(samples)
    }
}

fn origins(plan: &Plan, parameters: usize) -> Option<Vec<Origin>> {
    let mut origins = vec![None; parameters];
    for (i, weights) in plan.weights.iter().enumerate() {
        origins[weights.weight.0] = Some(Origin::Weights(i));
        weights.bias.iter().for_each(|bias| origins[bias.0] = Some(Origin::Bias(i)));
    }
    for (i, norm) in plan.norms.iter().enumerate() {
        origins[norm.weight.0] = Some(Origin::Gamma(i));
        origins[norm.bias.0] = Some(Origin::Beta(i));
    }
    origins.into_iter().collect()
}

/// A way back in the making.
struct Compiler<'a> {
    plan: &'a Plan,
    back: Vec<Back>,
    buffers: Vec<usize>,
    /// Buffers of gradients that nobody needs any more.
    free: Vec<usize>,
    /// The buffer with the gradient of each activation, as far as its readers have been passed.
    places: Vec<Option<usize>>,
    /// The same of what each norm writes.
    norms: Vec<Option<usize>>,
    /// The norm that an activation's gradient is from, if from nothing else.
    sole: Vec<Option<usize>>,
    /// Adjoints stay.
    keeps: bool,
    /// Which buffers hold one that stays.
    kept: Vec<bool>,
}

impl<'a> Compiler<'a> {
    fn new(plan: &'a Plan, keeps: bool) -> Self {
        Self {
            keeps,
            kept: Vec::new(),
            plan,
            back: Vec::new(),
            buffers: Vec::new(),
            free: Vec::new(),
            places: vec![None; plan.buffers.len()],
            norms: vec![None; plan.norms.len()],
            sole: vec![None; plan.buffers.len()],
        }
    }

    /// Appends what undoes one step; none if its output has no gradient.
    fn step(&mut self, step: &Step) -> Option<()> {
        match *step {
            Step::Convolve { weights, from, shortcut, to, .. } => {
                let gradient = self.places[to]?;
                self.kept[gradient] |= self.keeps;
                let bias = match (self.plan.weights[weights].bias, self.sole[to]) {
                    (None, _) => BiasGradient::None,
                    (Some(_), Some(norm)) => BiasGradient::OfNorm(norm),
                    (Some(_), None) => BiasGradient::Summed,
                };
                let to = self.to(from);
                self.back.push(Back::Convolve { weights, from, gradient, bias, to });
                match shortcut {
                    Some(place) => {
                        let len = self.plan.weights[weights].shape.output_len();
                        self.hand_over(gradient, place, len);
                    }
                    None => self.release(gradient),
                }
            }
            Step::MaxPool { from, size, to } => {
                let gradient = self.places[to]?;
                if let Some(to) = self.to(from) {
                    self.back.push(Back::MaxPool { from, size, gradient, to });
                }
                self.release(gradient);
            }
            Step::AveragePool { from, to } => {
                let gradient = self.places[to]?;
                if let Some(to) = self.to(from) {
                    self.back.push(Back::AveragePool { from, gradient, to });
                }
                self.release(gradient);
            }
            Step::Smooth { function, from, to } => {
                let gradient = self.places[to]?;
                // Its curvature is weighed by it.
                self.kept[gradient] |= self.keeps;
                if let Some(to) = self.to(from) {
                    self.back.push(Back::Smooth { function, from, gradient, to });
                }
                self.release(gradient);
            }
            Step::Add { from, other, to } => {
                let gradient = self.places[to]?;
                if let Some(to) = self.to(from) {
                    self.back.push(Back::MaxPool { from, size: 1, gradient, to });
                }
                self.hand_over(gradient, other, from.len());
            }
            Step::Gather { .. } => {}
            Step::Normalise { from, norm } => self.normalise(from, norm)?,
        }
        Some(())
    }

    fn normalise(&mut self, from: Place, norm: usize) -> Option<()> {
        let gradient = self.norms[norm]?;
        self.kept[gradient] |= self.keeps;
        let Norm { pixels, channels, .. } = self.plan.norms[norm];
        let is_in_place = !self.keeps || from == Place::Images;
        let to = if is_in_place { gradient } else { self.buffer(pixels * channels) };
        let writes = self.back.iter_mut().rev().find_map(|back| back.writes(gradient));
        writes?.gathers = Some(norm);
        let other = self.slot(from, None).and_then(|slot| slot.replace(to));
        self.back.push(Back::Normalise { norm, from, gradient, other, to });
        other.into_iter().for_each(|other| self.release(other));
        match from {
            Place::Buffer(index) => self.sole[index] = other.is_none().then_some(norm),
            Place::Images => self.release(gradient),
        }
        Some(())
    }

    /// Where the gradient with respect to a value goes; none for the images as they are.
    fn to(&mut self, from: Value) -> Option<To> {
        let known = *self.slot(from.place, from.norm)?;
        let buffer = match known {
            Some(known) => self.own(known, from.len()),
            None => self.buffer(from.len()),
        };
        *self.slot(from.place, from.norm)? = Some(buffer);
        self.unsole(from.place);
        Some(To { buffer, adds: known.is_some(), gathers: None })
    }

    /// Makes a gradient that nobody else needs that of a place, or adds it to what is there.
    fn hand_over(&mut self, mut gradient: usize, place: Place, len: usize) {
        self.unsole(place);
        let known = self.slot(place, None).map(|slot| *slot);
        match known {
            None => return self.release(gradient),
            Some(None) => {}
            Some(Some(known)) => {
                let to = self.own(known, len);
                self.back.push(Back::Sum { gradient, to, len });
                self.release(gradient);
                gradient = to;
            }
        }
        self.slot(place, None).into_iter().for_each(|slot| *slot = Some(gradient));
    }

    /// A buffer with this gradient that others may be added to.
    fn own(&mut self, gradient: usize, len: usize) -> usize {
        if !self.kept[gradient] {
            return gradient;
        }
        let to = self.buffer(len);
        self.back.push(Back::Copy { gradient, to, len });
        to
    }

    /// Nobody needs a gradient any more, unless it stays.
    fn release(&mut self, gradient: usize) {
        if !self.kept[gradient] {
            self.free.push(gradient);
        }
    }

    /// A place's gradient has another origin than a norm.
    fn unsole(&mut self, place: Place) {
        if let Place::Buffer(index) = place {
            self.sole[index] = None;
        }
    }

    /// Where the gradient of a place, or of what a norm makes of it, is noted down.
    fn slot(&mut self, place: Place, norm: Option<usize>) -> Option<&mut Option<usize>> {
        match (norm, place) {
            (Some(norm), _) => self.norms.get_mut(norm),
            (None, Place::Buffer(index)) => self.places.get_mut(index),
            (None, Place::Images) => None,
        }
    }

    fn buffer(&mut self, len: usize) -> usize {
        let index = self.free.pop().unwrap_or_else(|| {
            self.buffers.push(0);
            self.kept.push(false);
            self.buffers.len() - 1
        });
        self.buffers[index] = self.buffers[index].max(len);
        index
    }
}

impl Back {
    /// Where it writes the gradient of a value to a buffer, if it does.
    fn writes(&mut self, buffer: usize) -> Option<&mut To> {
        let to = match self {
            Self::Convolve { to, .. } => to.as_mut()?,
            Self::MaxPool { to, .. } | Self::AveragePool { to, .. } | Self::Smooth { to, .. } => to,
            Self::Sum { .. } | Self::Normalise { .. } | Self::Copy { .. } => return None,
        };
        (to.buffer == buffer).then_some(to)
    }
}

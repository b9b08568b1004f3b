//! A batch along a direction on a GPU: how the logits move, and the loss's term of second order.
//!
//! The steps are those of the CPU's [`CurvaturePlan`](crate::plan::CurvaturePlan). Terms of second order are
//! sums over rows for each channel, and are added up in f64 once they have come back.

use cubecl::bytes::Bytes;

use super::layout::{fours_of, refused};
use super::pass::{DevicePass, Turnable, pair, problem, rows, written};
use super::{DeviceGradients, DevicePoint};
use crate::device::{
    self, ALONG, Buffer, Convolution, NormAlong, NormHere, NormSecond, Operands, Read, Slab,
    Weighed,
};
use crate::plan::NormStatistics;
use crate::plan::step::Place;
use crate::plan::tangent::{Along, Order};

/// A direction in theta on a device.
pub(crate) struct DeviceDirection {
    point: DevicePoint,
    pub(super) theta: Turnable,
}

/// How a batch moves along a direction, as far as it was asked for.
pub(crate) struct DeviceTangent {
    /// The logits' tangent, [n, classes].
    pub logits: Vec<f32>,
    /// As [`Tangent::second`](crate::plan::Tangent::second).
    pub second: f64,
    /// How the norms' statistics move.
    pub statistics: Vec<NormStatistics>,
}

/// The same on its way to the host.
pub(crate) struct Moving {
    logits: Buffer,
    seconds: Seconds,
    /// What [`device::norm_along`] gives for each norm.
    norms: Slab,
}

/// Terms of second order.
struct Seconds {
    /// Those of layers, behind as many sums of other numbers, then those of norms.
    slab: Slab,
    /// Which of them there are, in the order in which they are added up.
    found: Vec<usize>,
}

impl DeviceGradients<'_> {
    /// Uploads a direction.
    pub fn direction(&self, direction: &[f64]) -> DeviceDirection {
        self.direction_at(device::upload(&self.line.client, direction.len(), |i| direction[i]))
    }

    /// A multiple of the gradient that a batch has left.
    pub fn direction_of(&self, pass: &DevicePass, factor: f64) -> DeviceDirection {
        let Some(gradient) = &pass.theta else { unreachable!("its gradient has been sought") };
        let client = &self.line.client;
        let theta = Buffer::fours(client, gradient.len().div_ceil(4));
        let theta = Buffer::at(theta.handle(), gradient.len());
        device::scale(client, factor as f32, [gradient.clone(), theta.clone()]);
        self.direction_at(theta)
    }

    /// A direction that is there already.
    fn direction_at(&self, theta: Buffer) -> DeviceDirection {
        let point = self.line.point(&[theta.clone(), theta.clone()], 0.0);
        DeviceDirection { point, theta: Turnable::new(theta) }
    }

    /// Memory for what each norm does along a direction.
    fn room_along(&self) -> Slab {
        let norms = self.line.plan.norms.iter();
        let lens: Vec<usize> = norms.map(|norm| ALONG * norm.channels.div_ceil(4)).collect();
        Slab::new(&self.line.client, &lens)
    }

    /// Memory for terms of second order.
    fn room_for_seconds(&self, order: Order) -> Seconds {
        let layers = self.line.plan.weights.iter().map(|layer| 2 * layer.shape.outputs.div_ceil(4));
        let norms = self.line.plan.norms.iter().map(|norm| norm.channels.div_ceil(4));
        let lens: Vec<usize> = layers.chain(norms).collect();
        let lens = if order == Order::Second { &lens[..] } else { &[] };
        Seconds { slab: Slab::new(&self.line.client, lens), found: Vec::new() }
    }

    /// Waits for tangents of so many samples.
    pub fn read_along(&self, moving: &[Moving]) -> Result<Vec<DeviceTangent>, String> {
        let plan = self.line.plan;
        let handles = moving.iter().flat_map(|Moving { logits, seconds, norms }| {
            [logits.handle(), seconds.slab.handle(), norms.handle()]
        });
        let results = self.line.client.read(handles.collect()).map_err(problem)?;
        let tangent = |(moving, results): (&Moving, &[Bytes])| {
            let [logits, of_seconds, of_norms] = results else {
                unreachable!("three have been asked for")
            };
            let Moving { seconds: Seconds { slab, found }, norms, .. } = moving;
            let terms = found.iter().flat_map(|&part| {
                let skip = plan
                    .weights
                    .get(part)
                    .map_or(0, |layer| layer.shape.outputs.next_multiple_of(4));
                &slab.numbers(of_seconds, part)[skip..]
            });
            let statistics = plan.norms.iter().enumerate().map(|(norm, sizes)| {
                let [mean, variance] = pair(norms.numbers(of_norms, norm), 0, sizes.channels);
                NormStatistics { mean, variance }
            });
            DeviceTangent {
                logits: rows(logits, plan.output.len()),
                second: terms.map(|&term| f64::from(term)).sum(),
                statistics: statistics.collect(),
            }
        };
        Ok(moving.iter().zip(results.chunks_exact(3)).map(tangent).collect())
    }
}

impl DevicePass<'_> {
    /// The batch along a direction, along which the statistics that norms were given move as `given` says.
    /// Terms of second order take the adjoints of a way [back](DevicePass::back).
    pub fn along(
        &self,
        direction: &DeviceDirection,
        given: Option<&[NormStatistics]>,
        order: Order,
    ) -> Moving {
        let course = self.course(direction, given, order);
        Moving { logits: course.logits(), seconds: course.seconds, norms: course.norms }
    }

    /// The same, with all tangents.
    pub(super) fn course<'a>(
        &'a self,
        direction: &'a DeviceDirection,
        given: Option<&'a [NormStatistics]>,
        order: Order,
    ) -> Course<'a> {
        let plan = self.of.curvature;
        debug_assert!(std::ptr::eq(self.of.plan, &plan.gradient), "adjoints stay");
        let (tangents, norms) = (vec![None; plan.buffers], self.of.room_along());
        let (direction, seconds) = (&direction.point, self.of.room_for_seconds(order));
        let mut course = Course { pass: self, direction, given, order, tangents, norms, seconds };
        plan.steps.iter().for_each(|step| course.step(step));
        course
    }
}

/// A batch on its way along a direction.
pub(super) struct Course<'a> {
    pass: &'a DevicePass<'a>,
    direction: &'a DevicePoint,
    given: Option<&'a [NormStatistics]>,
    order: Order,
    tangents: Vec<Option<Buffer>>,
    /// What [`device::norm_along`] gives for each norm.
    norms: Slab,
    seconds: Seconds,
}

impl Course<'_> {
    /// The logits' tangent.
    pub(super) fn logits(&self) -> Buffer {
        self.tangent(self.pass.of.curvature.output)
    }

    fn step(&mut self, step: &Along) {
        let pass = self.pass;
        let (client, samples) = (&pass.of.line.client, pass.batch.samples);
        match *step {
            Along::Convolve { .. } => self.convolve(step),
            Along::Gather { from, tangent, norm } => {
                self.norm(norm, pass.memory.at(from.place), self.tangent(tangent));
            }
            Along::Normalise { norm } => self.normalise(norm),
            Along::Apply { from, tangent, to, weighs } => {
                let tangent = self.tangent(tangent);
                let output = Buffer::fours(client, tangent.len());
                let (read, [input, affine]) = pass.reading(from);
                match from.norm {
                    Some(norm) => {
                        let (statistics, along) = (pass.statistics(norm), self.along(norm));
                        let operands =
                            [input, affine, statistics, along, tangent.clone(), output.clone()];
                        device::norm_tangent(client, read, operands);
                        if weighs && self.order == Order::Second {
                            self.weigh_norm(norm, tangent);
                        }
                    }
                    None => {
                        let operands = [input, affine, tangent];
                        device::pass_back(client, read, 1, operands, None, output.clone());
                    }
                }
                self.tangents[to] = Some(output);
            }
            Along::MaxPool { from, tangent, size, to } => {
                let (read, [input, affine]) = pass.reading(from);
                let tangent = self.tangent(tangent);
                let output = Buffer::fours(client, tangent.len() / (size * size));
                let operands = [input, affine, tangent, output.clone()];
                device::max_pool_tangent(client, read, size, operands);
                self.tangents[to] = Some(output);
            }
            Along::AveragePool { shape: [height, width, channels], tangent, to } => {
                let channels = channels.div_ceil(4);
                let read = Read { height, width, channels, norm: false, rectify: false };
                let (tangent, output) = (self.tangent(tangent), pass.output([1, 1, 4 * channels]));
                let operands = [tangent.clone(), tangent, output.clone()];
                device::average_pool(client, read, usize::MAX, operands);
                self.tangents[to] = Some(output);
            }
            Along::Smooth { .. } => refused(),
            Along::Add { tangents: [a, b], to, .. } => {
                let [a, b] = [a, b].map(|tangent| self.tangent(tangent));
                let output = Buffer::fours(client, a.len());
                device::mix(client, 1.0, [a, b, output.clone()]);
                self.tangents[to] = Some(output);
            }
            Along::Still { to, .. } => {
                let [pixels, channels] = pass.of.line.plan.images_as_read();
                self.tangents[to] = Some(pass.zeros(samples * fours_of([1, pixels, channels])));
            }
        }
    }

    fn convolve(&mut self, step: &Along) {
        let Along::Convolve { weights, from, tangent, shortcut, place, to, gathers } = *step else {
            return;
        };
        let pass = self.pass;
        let [of_direction, bias] = self.direction.weights[weights].clone();
        let [input, affine] = pass.operands(from);
        let shortcut = shortcut.map(|shortcut| self.tangent(shortcut));
        let has_bias = pass.of.line.plan.weights[weights].bias.is_some();
        let read = [input, affine, of_direction.clone()];
        let pending = (from.norm.is_some(), from.rectify);
        let mut output = self.product(weights, pending, read, has_bias.then_some(bias), shortcut);
        let tangent = tangent.map(|tangent| self.tangent(tangent));
        if let Some(tangent) = &tangent {
            let [here, _] = pass.point.weights[weights].clone();
            let read = [tangent.clone(), tangent.clone(), here];
            output = self.product(weights, (false, false), read, None, Some(output));
        }
        if let Some(norm) = gathers {
            self.norm(norm, pass.memory.at(Place::Buffer(place)), output.clone());
        }
        self.tangents[to] = Some(output);
        let adjoint = pass.of.plan.adjoints.places[place];
        if let (Some(tangent), Some(adjoint), Order::Second) = (tangent, adjoint, self.order) {
            let read = [tangent.clone(), tangent, of_direction];
            let product = self.product(weights, (false, false), read, None, None);
            let shape = pass.of.line.plan.weights[weights].shape;
            let channels = shape.outputs.div_ceil(4);
            let sizes = [product.len() / channels, channels];
            let adjoint = Some(pass.gradient(adjoint));
            let weighed = Weighed { x: product, mean: None, factor: adjoint };
            let to = self.seconds.slab.part(weights);
            device::moments(&pass.of.line.client, sizes, [weighed], to);
            self.seconds.found.push(weights);
        }
    }

    /// A layer's product with an input, on which norm and rectifier may be pending, plus bias and shortcut.
    fn product(
        &self,
        index: usize,
        (norm, rectify): (bool, bool),
        [input, affine, weights]: [Buffer; 3],
        bias: Option<Buffer>,
        shortcut: Option<Buffer>,
    ) -> Buffer {
        let (line, samples) = (&self.pass.of.line, self.pass.batch.samples);
        let shape = line.plan.weights[index].shape;
        let [height, width] = shape.output_size();
        let output = self.pass.output([height, width, shape.outputs]);
        let form = Convolution {
            norm,
            rectify,
            bias: bias.is_some(),
            shortcut: shortcut.is_some(),
            inputs: line.inputs(index),
            ..Convolution::of(shape)
        };
        let operands = Operands {
            bias: bias.unwrap_or_else(|| weights.clone()),
            shortcut: shortcut.unwrap_or_else(|| weights.clone()),
            input,
            affine,
            weights,
            output: output.clone(),
            partials: Buffer::fours(&line.client, 1),
        };
        let memory = self.pass.memory.transformed.clone();
        line.product((form, shape), samples, operands, memory);
        output
    }

    /// How the statistics of a batch move, and what that makes of a norm whose input x moves by x1.
    fn norm(&mut self, norm: usize, x: Buffer, x1: Buffer) {
        if self.given.is_none() {
            self.moved(norm, Ok([x, x1]));
        }
    }

    fn normalise(&mut self, norm: usize) {
        if let (Some(given), Some(at)) = (self.given, self.pass.batch.given) {
            let NormStatistics { mean, variance } = &given[norm];
            let rests = [&at[norm].mean, mean].map(|means| {
                means.iter().map(|mean| mean - f64::from(*mean as f32)).collect::<Vec<f64>>()
            });
            let client = &self.pass.of.line.client;
            let [rest, rest1] = &rests;
            self.moved(norm, Err(device::channels(client, [mean, variance, rest, rest1])));
        }
    }

    fn moved(&self, norm: usize, given: Result<[Buffer; 2], Buffer>) {
        let (sizes, here) = self.sizes(norm);
        device::norm_along(&self.pass.of.line.client, sizes, here, given, self.along(norm));
    }

    pub(super) fn sizes(&self, norm: usize) -> (NormAlong, NormHere) {
        let sizes = &self.pass.of.line.plan.norms[norm];
        let rows = self.pass.batch.samples * sizes.pixels;
        let [gamma, _] = self.pass.point.norms[norm].clone();
        let (statistics, direction) =
            (self.pass.statistics(norm), self.direction.norms[norm].clone());
        let channels = sizes.channels.div_ceil(4);
        (NormAlong { rows, channels }, NormHere { statistics, gamma, direction })
    }

    /// A norm's term of second order.
    fn weigh_norm(&mut self, norm: usize, tangent: Buffer) {
        let pass = self.pass;
        let Some(adjoint) = pass.of.plan.adjoints.norms[norm] else { return };
        let second = NormSecond {
            tangent,
            adjoint: pass.gradient(adjoint),
            along: self.along(norm),
            left: pass.left(norm),
            of_batch: self.given.is_none(),
            cotangents: pass.cotangents(norm),
        };
        let (sizes, here) = self.sizes(norm);
        let part = pass.of.line.plan.weights.len() + norm;
        let to = self.seconds.slab.part(part);
        device::norm_second(&pass.of.line.client, sizes, here, second, to);
        self.seconds.found.push(part);
    }

    pub(super) fn along(&self, norm: usize) -> Buffer {
        self.norms.part(norm)
    }

    pub(super) fn tangent(&self, tangent: usize) -> Buffer {
        written(&self.tangents[tangent])
    }
}

//! A random convolution with random fusions, and what it must give.

use super::super::reference::{Numbers, convolve, normalised};
use super::super::*;

/// All of them.
pub(super) const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Direct, Algorithm::Winograd2, Algorithm::Winograd4, Algorithm::Whole2];

/// Inputs of one call.
pub(super) struct Case {
    pub(super) shape: ConvolutionShape,
    pub(super) samples: usize,
    pub(super) pixels: Vec<f32>,
    pub(super) weights: Vec<f32>,
    pub(super) bias: Option<Vec<f32>>,
    normalisation: Option<[Vec<f32>; 3]>,
    rectify: bool,
    shortcut: Option<Vec<f32>>,
    /// The shortcut stands where the outputs go.
    in_place: bool,
    shift: Vec<f32>,
}

/// Outputs and statistics of one call.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome<T> {
    pub(super) output: Vec<T>,
    pub(super) sums: Vec<T>,
}

impl Case {
    /// A case whose numbers come from `draw`.
    pub(super) fn new(
        shape: ConvolutionShape,
        numbers: &mut Numbers,
        draw: fn(&mut Numbers, usize) -> Vec<f32>,
    ) -> Self {
        let samples = 1 + numbers.below(if shape.output_size()[1] < 8 { 40 } else { 3 });
        let mut coin = || numbers.below(2) == 0;
        let [bias, normalise, rectify, shortcut, in_place] = [(); 5].map(|()| coin());
        Self {
            shape,
            samples,
            pixels: draw(numbers, samples * shape.input_len()),
            weights: draw(numbers, shape.weight_len()),
            bias: bias.then(|| draw(numbers, shape.outputs)),
            normalisation: normalise.then(|| [(); 3].map(|()| draw(numbers, shape.inputs))),
            rectify,
            shortcut: shortcut.then(|| draw(numbers, samples * shape.output_len())),
            in_place,
            shift: draw(numbers, shape.outputs),
        }
    }

    fn normalise(&self) -> Option<Normalise<'_>> {
        let [mean, scale, offset] = self.normalisation.as_ref()?;
        Some(Normalise { mean, scale, offset, rectify: self.rectify })
    }

    /// By definition.
    pub(super) fn expected(&self) -> Outcome<f64> {
        let k = self.shape.outputs;
        let pixels = normalised(&self.pixels, self.normalise());
        let mut output = convolve(self.shape, &pixels, &self.weights);
        let mut sums = vec![0.0; self.samples * 2 * k];
        for (i, y) in output.iter_mut().enumerate() {
            *y += self.bias.as_ref().map_or(0.0, |bias| f64::from(bias[i % k]));
            *y += self.shortcut.as_ref().map_or(0.0, |shortcut| f64::from(shortcut[i]));
            let shifted = *y - f64::from(self.shift[i % k]);
            let sample = 2 * k * (i / self.shape.output_len());
            sums[sample + i % k] += shifted;
            sums[sample + k + i % k] += shifted * shifted;
        }
        Outcome { output, sums }
    }

    /// By the kernels, `at_once` samples a call.
    pub(super) fn outcome(
        &self,
        instructions: InstructionSet,
        algorithm: Algorithm,
        at_once: usize,
    ) -> Outcome<f32> {
        self.outcome_of(&self.packed(instructions, algorithm), at_once)
    }

    pub(super) fn packed(
        &self,
        instructions: InstructionSet,
        algorithm: Algorithm,
    ) -> PackedConvolution<'static> {
        let (shape, bias) = (self.shape, self.bias.as_deref());
        PackedConvolution::new(instructions, shape, algorithm, &self.weights, bias).unwrap()
    }

    /// The same with weights that are packed already.
    pub(super) fn outcome_of(
        &self,
        packed: &PackedConvolution<'_>,
        at_once: usize,
    ) -> Outcome<f32> {
        let (shape, k) = (self.shape, self.shape.outputs);
        let (in_place, apart) = match &self.shortcut {
            Some(shortcut) if self.in_place => (Some(shortcut), None),
            shortcut => (None, shortcut.as_ref()),
        };
        let unwritten = || vec![f32::NAN; self.samples * shape.output_len()];
        let mut output = in_place.cloned().unwrap_or_else(unwritten);
        let mut sums = vec![0.0; self.samples * 2 * k];
        let mut scratch = Scratch::default();
        let inputs = self.pixels.chunks(at_once * shape.input_len());
        let outputs = output.chunks_mut(at_once * shape.output_len());
        let statistics = sums.chunks_mut(at_once * 2 * k);
        for (i, ((pixels, output), sums)) in inputs.zip(outputs).zip(statistics).enumerate() {
            let target = Target {
                shortcut: apart.map(|all| &all[i * at_once * shape.output_len()..][..output.len()]),
                adds: in_place.is_some(),
                statistics: Some(Statistics { shift: &self.shift, sums }),
                ..Target::plain(output)
            };
            packed.forward(Source { pixels, normalise: self.normalise() }, target, &mut scratch);
        }
        Outcome { output, sums }
    }
}

//! Convolutions of 3x3 by Winograd's F(4x4, 3x3), 36 products for 16 outputs instead of 144, and of images of up to
//! 2x2 as a whole, without the zeros around them: 9 products for 4 outputs instead of 36.
//!
//! Patches of 6x6 (2x2) inputs and the weights are transformed, d -> B' d B and g -> G g G', into 36 (9)
//! numbers each; a product of matrices follows for each of them; and A' m A is a tile of outputs (Lavin &
//! Gray 2016, at 0, ±1, ±2 and infinity; the CPU's `Whole2`). Rounding errors are several times those of
//! the sum that defines a convolution.

use cubecl::prelude::*;

use super::convolution::{Convolution, Operands, Rows, convolve};
use super::{Buffer, UNITS, V, cubes};
use crate::kernels::ConvolutionShape;

/// Channels from which on the product of matrices is worth its transforms.
const CHANNELS: usize = 32;

/// What is made of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Winograd {
    /// Rows of outputs in a tile: 4, or 2 for images of as many at most.
    size: usize,
    /// Tiles of an image, and those beside one another.
    tiles: usize,
    columns: usize,
    /// In fours.
    inputs: usize,
    outputs: usize,
}

impl Winograd {
    /// For a convolution that takes fewer products this way, by more than the transforms cost.
    pub fn of(shape: ConvolutionShape) -> Option<Self> {
        let ConvolutionShape { height, width, inputs, outputs, kernel, stride } = shape;
        let size = if height.max(width) <= 2 { 2 } else { 4 };
        let columns = width.div_ceil(size);
        let tiles = height.div_ceil(size) * columns;
        let (inputs, outputs) = (inputs.div_ceil(4), outputs.div_ceil(4));
        let found = Self { size, tiles, columns, inputs, outputs };
        let is_wide = shape.inputs.min(shape.outputs) >= CHANNELS;
        let saves = 3 * found.points() * tiles <= 2 * 9 * height * width;
        (kernel == 3 && stride == 1 && is_wide && saves).then_some(found)
    }

    /// Rows of a transformed patch.
    const fn patch(self) -> usize {
        if self.size == 4 { 6 } else { 3 }
    }

    /// Zeros above a patch and left of it that belong to it.
    const fn border(self) -> i32 {
        if self.size == 4 { 1 } else { 0 }
    }

    /// Numbers of a transformed patch.
    const fn points(self) -> usize {
        self.patch() * self.patch()
    }

    /// Fours of numbers of the transformed weights, and of a sample's patches and products.
    pub fn fours(self) -> [usize; 3] {
        let Self { tiles, inputs, outputs, .. } = self;
        [4 * inputs * outputs, tiles * inputs, tiles * outputs].map(|fours| self.points() * fours)
    }
}

/// Memory for the transformed weights and patches, and for the products.
#[derive(Debug, Clone)]
pub(crate) struct Transformed {
    pub weights: Buffer,
    pub patches: Buffer,
    pub products: Buffer,
}

/// Launches a convolution of so many samples; statistics of the output are not gathered.
pub(crate) fn convolve_by_winograd(
    client: &Client,
    (form, winograd): (Convolution, Winograd),
    samples: usize,
    normed: usize,
    operands: Operands,
    memory: Transformed,
) {
    let Operands { input, affine, weights, bias, shortcut, output, partials } = operands;
    let [of_weights, of_inputs, of_outputs] = winograd.fours();
    let transformed = memory.weights.first(of_weights);
    let patches = memory.patches.first(samples * of_inputs);
    let products = memory.products.first(samples * of_outputs);
    let [rows, inputs, outputs] =
        [of_weights, samples * of_inputs, samples * of_outputs].map(|n| n / winograd.points());
    // SAFETY: the kernels stay within lengths that the callers keep to.
    unsafe {
        weights_kernel::launch_unchecked(
            client,
            cubes(rows),
            CubeDim::new_1d(UNITS),
            weights.argument(),
            transformed.clone().argument(),
            rows,
            winograd,
        );
        patches_kernel::launch_unchecked(
            client,
            cubes(inputs),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            patches.clone().argument(),
            inputs as u32,
            normed as u32,
            form,
            winograd,
        );
    }
    let product = Convolution {
        height: 1,
        width: 1,
        kernel: 1,
        norm: false,
        rectify: false,
        bias: false,
        shortcut: false,
        gathers: false,
        weights_of_blocks: true,
        ..form
    };
    let blocks = winograd.points();
    let rows = Rows { blocks, rows: samples * winograd.tiles, normed: usize::MAX };
    let none = bias.clone();
    let operands = Operands {
        input: patches,
        affine: none.clone(),
        weights: transformed,
        bias: none.clone(),
        shortcut: none,
        output: products.clone(),
        partials,
    };
    convolve(client, product, rows, operands);
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        outputs_kernel::launch_unchecked(
            client,
            cubes(outputs),
            CubeDim::new_1d(UNITS),
            products.argument(),
            bias.argument(),
            shortcut.argument(),
            output.argument(),
            outputs as u32,
            form,
            winograd,
        );
    }
}

/// g -> G g G', four outputs of an input channel a unit.
#[cube(launch_unchecked)]
fn weights_kernel(
    weights: &[V],
    output: &mut [V],
    #[comptime] rows: usize,
    #[comptime] winograd: Winograd,
) {
    let patch = comptime!(winograd.patch());
    let at = ABSOLUTE_POS;
    if at < rows {
        let mut columns = Array::<V>::new(comptime!(3 * patch));
        #[unroll]
        for x in 0..3usize {
            let a = weights[at + comptime!(x * rows)];
            let b = weights[at + comptime!((3 + x) * rows)];
            let c = weights[at + comptime!((6 + x) * rows)];
            of_weights(&mut columns, a, b, c, x, 3usize, winograd);
        }
        let mut all = Array::<V>::new(comptime!(patch * patch));
        #[unroll]
        for y in 0..patch {
            let row = comptime!(3 * y);
            let start = comptime!(y * patch);
            let (a, b, c) = (columns[row], columns[row + 1], columns[row + 2]);
            of_weights(&mut all, a, b, c, start, 1usize, winograd);
        }
        #[unroll]
        for point in 0..comptime!(patch * patch) {
            output[at + point * rows] = all[point];
        }
    }
}

/// G times three weights, numbers `step` apart.
#[cube]
fn of_weights(
    to: &mut Array<V>,
    a: V,
    b: V,
    c: V,
    #[comptime] start: usize,
    #[comptime] step: usize,
    #[comptime] winograd: Winograd,
) {
    if comptime!(winograd.size == 4) {
        let sixth = V::new(comptime!(1.0f32 / 6.0));
        let ends = (a + c) * sixth;
        let middle = b * sixth;
        let far = fma(a, V::new(comptime!(1.0f32 / 24.0)), c * sixth);
        let middle_far = b * V::new(comptime!(1.0f32 / 12.0));
        to[start] = a * V::new(0.25);
        to[comptime!(start + step)] = -ends - middle;
        to[comptime!(start + 2 * step)] = middle - ends;
        to[comptime!(start + 3 * step)] = far + middle_far;
        to[comptime!(start + 4 * step)] = far - middle_far;
        to[comptime!(start + 5 * step)] = c;
    } else {
        to[start] = a + b;
        to[comptime!(start + step)] = b;
        to[comptime!(start + 2 * step)] = c + b;
    }
}

/// d -> B' d B, four channels of a patch a unit, with what is pending on the input done.
#[cube(launch_unchecked)]
fn patches_kernel(
    input: &[V],
    affine: &[V],
    output: &mut [V],
    count: u32,
    normed: u32,
    #[comptime] form: Convolution,
    #[comptime] winograd: Winograd,
) {
    let rows = comptime!(winograd.patch());
    let at = ABSOLUTE_POS;
    let count = count as usize;
    if at < count {
        let (tile, channel) = (at / form.inputs, at % form.inputs);
        let (sample, place) = (tile / winograd.tiles, tile % winograd.tiles);
        let border = comptime!(winograd.border());
        let first_y = (place / winograd.columns * winograd.size) as i32 - border;
        let first_x = (place % winograd.columns * winograd.size) as i32 - border;
        let zero = V::new(0.0);
        let mut scale = zero;
        let mut shift = zero;
        if comptime!(form.norm) {
            let pixels = comptime!(form.height * form.width);
            let batch = sample * pixels / normed as usize;
            scale = affine[batch * comptime!(2 * form.inputs) + channel];
            shift = affine[batch * comptime!(2 * form.inputs) + form.inputs + channel];
        }
        let mut patch = Array::<V>::new(comptime!(rows * rows));
        #[unroll]
        for point in 0..comptime!(rows * rows) {
            let y = first_y + comptime!((point / rows) as i32);
            let x = first_x + comptime!((point % rows) as i32);
            let mut value = zero;
            if y >= 0 && y < form.height as i32 && x >= 0 && x < form.width as i32 {
                let row = ((sample * form.height) as i32 + y) * form.width as i32 + x;
                value = input[row as usize * form.inputs + channel];
                if comptime!(form.norm) {
                    value = fma(value, scale, shift);
                }
                if comptime!(form.rectify) {
                    value = max(value, zero);
                }
            }
            patch[point] = value;
        }
        #[unroll]
        for x in 0..rows {
            of_inputs(&mut patch, x, rows, winograd);
        }
        #[unroll]
        for y in 0..rows {
            of_inputs(&mut patch, comptime!(y * rows), 1usize, winograd);
        }
        #[unroll]
        for point in 0..comptime!(rows * rows) {
            output[at + point * count] = patch[point];
        }
    }
}

/// B' times a row of a patch, numbers `step` apart, in place.
#[cube]
fn of_inputs(
    patch: &mut Array<V>,
    #[comptime] start: usize,
    #[comptime] step: usize,
    #[comptime] winograd: Winograd,
) {
    let a = patch[start];
    let b = patch[comptime!(start + step)];
    if comptime!(winograd.size == 4) {
        let c = patch[comptime!(start + 2 * step)];
        let d = patch[comptime!(start + 3 * step)];
        let e = patch[comptime!(start + 4 * step)];
        let f = patch[comptime!(start + 5 * step)];
        let (four, five) = (V::new(4.0), V::new(-5.0));
        let (even, odd) = (e - four * c, d - four * b);
        let (even_far, odd_far) = (e - c, V::new(2.0) * (d - b));
        patch[start] = fma(four, a, fma(five, c, e));
        patch[comptime!(start + step)] = even + odd;
        patch[comptime!(start + 2 * step)] = even - odd;
        patch[comptime!(start + 3 * step)] = even_far + odd_far;
        patch[comptime!(start + 4 * step)] = even_far - odd_far;
        patch[comptime!(start + 5 * step)] = fma(four, b, fma(five, d, f));
    } else {
        // Of two pixels; the third number is free.
        patch[comptime!(start + step)] = a - b;
        patch[comptime!(start + 2 * step)] = b;
    }
}

/// m -> A' m A, four outputs of a tile a unit.
#[cube(launch_unchecked)]
fn outputs_kernel(
    products: &[V],
    bias: &[V],
    shortcut: &[V],
    output: &mut [V],
    count: u32,
    #[comptime] form: Convolution,
    #[comptime] winograd: Winograd,
) {
    let patch = comptime!(winograd.patch());
    let size = comptime!(winograd.size);
    let at = ABSOLUTE_POS;
    let count = count as usize;
    if at < count {
        let (tile, channel) = (at / form.outputs, at % form.outputs);
        let (sample, place) = (tile / winograd.tiles, tile % winograd.tiles);
        let first_y = place / winograd.columns * size;
        let first_x = place % winograd.columns * size;
        let mut all = Array::<V>::new(comptime!(patch * patch));
        #[unroll]
        for point in 0..comptime!(patch * patch) {
            all[point] = products[at + point * count];
        }
        // What is no output any more is left where it was.
        #[unroll]
        for x in 0..patch {
            of_products(&mut all, x, patch, winograd);
        }
        #[unroll]
        for y in 0..size {
            of_products(&mut all, comptime!(y * patch), 1usize, winograd);
        }
        #[unroll]
        for pixel in 0..comptime!(size * size) {
            let y = first_y + comptime!(pixel / size);
            let x = first_x + comptime!(pixel % size);
            if y < form.height && x < form.width {
                let to = ((sample * form.height + y) * form.width + x) * form.outputs + channel;
                let mut value = all[comptime!(pixel / size * patch + pixel % size)];
                if comptime!(form.bias) {
                    value += bias[channel];
                }
                if comptime!(form.shortcut) {
                    value += shortcut[to];
                }
                output[to] = value;
            }
        }
    }
}

/// A' times a row of products, numbers `step` apart, in place of the first of them.
#[cube]
fn of_products(
    row: &mut Array<V>,
    #[comptime] start: usize,
    #[comptime] step: usize,
    #[comptime] winograd: Winograd,
) {
    let a = row[start];
    let b = row[comptime!(start + step)];
    let c = row[comptime!(start + 2 * step)];
    if comptime!(winograd.size == 4) {
        let (sum, difference) = (b + c, b - c);
        let d = row[comptime!(start + 3 * step)];
        let e = row[comptime!(start + 4 * step)];
        let f = row[comptime!(start + 5 * step)];
        let (sum_far, difference_far) = (d + e, d - e);
        row[start] = a + sum + sum_far;
        row[comptime!(start + step)] = fma(V::new(2.0), difference_far, difference);
        row[comptime!(start + 2 * step)] = fma(V::new(4.0), sum_far, sum);
        row[comptime!(start + 3 * step)] = fma(V::new(8.0), difference_far, difference + f);
    } else {
        row[start] = b + c;
        row[comptime!(start + step)] = a - b;
    }
}

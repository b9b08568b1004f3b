//! Kernels for GPUs, in the language of CubeCL: one source for CUDA, Vulkan, Metal and WebGPU.
//!
//! They do what [`crate::kernels`] does on the CPU, in 32 bits: forwards for many evaluation batches behind
//! one another, back and along directions for one. Products are fused multiplications and additions, so that
//! no device has a shorter format for them. Activations are [samples, pixels, channels], channels filled up
//! with zeros to fours, which are read at once. Every sum has one order, so equal calls give equal bits.
#![expect(unsafe_code, reason = "launches take the lengths of buffers on trust")]

mod back;
mod convolution;
mod elementwise;
mod moments;
mod norm;
mod norm_along;
mod norm_back;
mod parameters;
mod slab;
mod squares;
mod tangent;
mod tile;
mod upload;
mod weight_gradient;
mod winograd;

use cubecl::prelude::{BufferArg, Client, Const, CubeCount, CubeElement, Vector};
use cubecl::server::Handle;

pub(crate) use back::{max_pool_back, pass_back};
pub(crate) use convolution::{Convolution, Operands, Rows, convolve};
pub(crate) use elementwise::{Read, add, average_pool, max_pool, mix, scale};
pub(crate) use moments::{Weighed, moments};
pub(crate) use norm::{Norm, TILE, gather, normalise};
pub(crate) use norm_along::{ALONG, NormAlong, NormHere, NormSecond, norm_along, norm_second};
pub(crate) use norm_back::{
    LEFT, Left, NormBack, NormOperands, NormTurned, norm_back, norm_back_along,
};
pub(crate) use parameters::{Entry, Stored, Table, parameters, store, turned};
pub(crate) use slab::Slab;
pub(crate) use tangent::{max_pool_tangent, norm_tangent};
pub(crate) use tile::Tile;
pub(crate) use upload::{ImageBytes, Images, SHARED, channels, images, send, single, upload};
pub(crate) use weight_gradient::weight_gradient;
pub(crate) use winograd::{Transformed, Winograd, convolve_by_winograd};

/// Four numbers.
type V = Vector<f32, Const<4>>;

/// Units of a cube where each computes one output.
const UNITS: u32 = 256;
/// Cubes in a row of a launch; devices have no more in one direction than 65,535.
const CUBES: usize = 1 << 15;

/// Memory on a device: so many numbers, or fours of them.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    handle: Handle,
    len: usize,
}

impl Buffer {
    /// Memory for so many fours, of any content.
    pub fn fours(client: &Client, len: usize) -> Self {
        Self { handle: client.empty(len.max(1) * 16), len }
    }

    /// A copy of numbers.
    pub fn of<T: CubeElement>(client: &Client, numbers: &[T]) -> Self {
        Self { handle: client.create_from_slice(T::as_bytes(numbers)), len: numbers.len() }
    }

    /// Numbers that are there already.
    pub fn at(handle: Handle, len: usize) -> Self {
        Self { handle, len }
    }

    /// The first of its numbers.
    pub fn first(&self, len: usize) -> Self {
        debug_assert!(len <= self.len);
        Self { len, ..self.clone() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    fn argument(self) -> BufferArg {
        // SAFETY: the handle was made for at least so many numbers.
        unsafe { BufferArg::from_raw_parts(self.handle, self.len) }
    }
}

/// Cubes for so many outputs, one a unit.
fn cubes(outputs: usize) -> CubeCount {
    let cubes = outputs.div_ceil(UNITS as usize);
    CubeCount::Static(cubes.min(CUBES) as u32, cubes.div_ceil(CUBES) as u32, 1)
}

//! What a group is computed in.

use super::DeviceLine;
use crate::device::{self, Buffer, Slab, Tile, Transformed, Winograd};
use crate::kernels::ConvolutionShape;
use crate::plan::step::Place;

/// Copies of a group's images: as the host has augmented them, and as they are read.
const IMAGES_HELD: usize = 2;

/// Several batches of equal size, behind one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub batches: usize,
    /// Of a batch.
    pub samples: usize,
}

impl Group {
    pub(super) fn samples(self) -> usize {
        self.batches * self.samples
    }
}

/// What a group is computed in.
pub(super) struct Memory {
    pub(super) group: Group,
    /// The images, and the first layer's a and b.
    pub(super) images: Buffer,
    pub(super) ends: Option<[Buffer; 2]>,
    pub(super) buffers: Vec<Buffer>,
    pub(super) norms: Vec<NormMemory>,
    /// Mean and variance that every norm saw of each batch.
    pub(super) statistics: Slab,
    pub(super) transformed: Transformed,
}

/// What a norm has of each batch.
pub(super) struct NormMemory {
    /// Of each tile of rows, as many as the writer's.
    pub(super) partials: Buffer,
    pub(super) tile: usize,
    /// Scale and shift.
    pub(super) affine: Buffer,
}

impl Memory {
    pub(super) fn at(&self, place: Place) -> Buffer {
        match place {
            Place::Images => self.images.clone(),
            Place::Buffer(index) => self.buffers[index].clone(),
        }
    }

    pub(super) fn affine(&self, frozen: Option<&[Buffer]>, norm: Option<usize>) -> Option<Buffer> {
        let norm = norm?;
        Some(frozen.map_or_else(|| self.norms[norm].affine.clone(), |all| all[norm].clone()))
    }
}

impl DeviceLine<'_> {
    /// How many batches of so many samples, at least one, take no more than so many bytes, and in one buffer
    /// no more than the device has in one: activations, logits at all points, and the image.
    pub fn batches_within(&self, bytes: usize, samples: usize) -> usize {
        let output = &self.plan.output;
        let [pixels, channels] = self.plan.images_as_read();
        let image = pixels * channels.next_multiple_of(4);
        let logits = self.points.len() * output.len().next_multiple_of(4);
        let ends = self.first.as_ref().map_or(0, |_| 2 * self.plan.weights[0].shape.outputs);
        let [_, patches, products] = self.fours_transformed(usize::MAX);
        let buffers = self.plan.fours_of_buffers();
        let fours = buffers.iter().sum::<usize>() + patches + products;
        let all = 4 * fours + ends + IMAGES_HELD * image + logits;
        let largest = buffers.into_iter().chain([patches, products, image.div_ceil(4)]).max();
        let most = self.client.properties().memory.max_page_size as usize;
        let within = |bytes: usize, numbers: usize| bytes / (4 * samples * numbers).max(1);
        within(bytes, all).min(within(most, 4 * largest.unwrap_or(1))).max(1)
    }

    /// Fours of numbers of the largest transformed weights, and of a sample's patches and products, where
    /// there are so many samples.
    fn fours_transformed(&self, samples: usize) -> [usize; 3] {
        let shapes = self.plan.shapes();
        let transformed = shapes.filter_map(|shape| self.transformed(shape, samples));
        transformed.fold([0; 3], |most, winograd| {
            let fours = winograd.fours();
            [0, 1, 2].map(|part| most[part].max(fours[part]))
        })
    }

    pub(super) fn transformed(&self, shape: ConvolutionShape, samples: usize) -> Option<Winograd> {
        let multiplications = samples.saturating_mul(shape.nominal_multiplications());
        let is_large = self.winograd.is_some_and(|least| multiplications >= least);
        Winograd::of(shape).filter(|_| is_large)
    }

    pub(super) fn memory(&self, group: Group) -> Memory {
        let (plan, samples) = (self.plan, group.samples());
        let fours = |len: usize| Buffer::fours(&self.client, len);
        let mut norms: Vec<NormMemory> = Vec::new();
        for norm in &plan.norms {
            let channels = norm.channels.div_ceil(4);
            let affine = fours(group.batches * 2 * channels);
            let tiles = (group.samples * norm.pixels).div_ceil(Tile::LEAST_ROWS);
            let partials = fours(group.batches * tiles * 2 * channels);
            norms.push(NormMemory { partials, tile: device::TILE, affine });
        }
        let ends = self.first.as_ref().map(|_| {
            let len = samples * plan.weights[0].shape.outputs.div_ceil(4);
            [(); 2].map(|()| fours(len))
        });
        let buffers =
            plan.fours_of_buffers().into_iter().map(|size| fours(samples * size)).collect();
        let [weights, patches, products] = self.fours_transformed(samples);
        let transformed = Transformed {
            weights: fours(weights),
            patches: fours(samples * patches),
            products: fours(samples * products),
        };
        let statistics = self.statistics(group);
        Memory { group, images: fours(0), ends, buffers, norms, statistics, transformed }
    }

    /// Memory for what the norms see of each batch.
    pub(super) fn statistics(&self, group: Group) -> Slab {
        let norms = self.plan.norms.iter();
        let lens = norms.map(|norm| group.batches * 2 * norm.channels.div_ceil(4));
        Slab::new(&self.client, &lens.collect::<Vec<usize>>())
    }
}

//! What the kernels of a GPU keep from one call to the next.

use std::borrow::Cow;
use std::sync::{Mutex, OnceLock, PoisonError};

use cubecl::bytes::Bytes;
use cubecl::prelude::{Client, CubeElement};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::device::{self, Buffer};
use crate::linalg::{Numbers, Vector};
use crate::network::Network;
use crate::plan::{CurvaturePlan, GradientPlan, Plan};

/// Multiplications of a layer from which on Winograd's algorithm is used: of fewer, what it launches besides
/// costs more than it saves. Layers of ResNet-56 have less than half of that for a hundred images, those of
/// VGG-11 that it can do 1.7 times as many at least.
const WINOGRAD_FROM: usize = 1 << 29;
/// Units that are under way at once: while the host has one's logits, the device is at another.
const LANES: usize = 4;
/// Bytes that all of them may take.
const LANE_BYTES: usize = 1 << 31;

/// A network's steps on a GPU, and what they keep from one call to the next.
#[derive(Debug)]
pub(super) struct OnDevice {
    pub plan: Plan,
    pub derivatives: (GradientPlan, CurvaturePlan),
    pub uploaded: Uploaded,
    /// As [`Classification::winograd_from`](super::Classification::winograd_from) sets it.
    pub winograd_from: usize,
}

impl OnDevice {
    /// None if the network has a layer that the plan does not know, or devices have no kernel for.
    pub fn of(network: &Network) -> Option<Self> {
        let plan = Plan::of(network).filter(Plan::is_for_devices)?;
        let derivatives = (GradientPlan::of(network)?, CurvaturePlan::keeping(network)?);
        let (uploaded, winograd_from) = (Uploaded::default(), WINOGRAD_FROM);
        Some(Self { plan, derivatives, uploaded, winograd_from })
    }

    /// Threads for some units, of which each has one under way; none if there is a single one, or if so many
    /// take more memory than they may.
    pub fn lanes(&self, units: &[&[u32]]) -> Option<&'static ThreadPool> {
        let largest = units.iter().map(|unit| unit.len()).max().filter(|_| units.len() > 1)?;
        // What is kept of activations, their gradients, and how both move.
        let bytes = LANES * largest * 4 * 16 * self.derivatives.0.fours_of_sample();
        if bytes > LANE_BYTES { None } else { lanes() }
    }
}

/// The threads of all of this process: on the device, each has memory that stays, for its next unit.
fn lanes() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    POOL.get_or_init(|| ThreadPoolBuilder::new().num_threads(LANES).build().ok()).as_ref()
}

/// The two ends of a line; the gradient is taken at one of them.
const KEPT: usize = 2;
/// Bytes that a thread compares at once.
const COMPARED: usize = 1 << 16;

/// The last thetas that went to a device, and their copies here: it takes longer to send one than to compare.
#[derive(Debug, Default)]
pub(super) struct Uploaded(Mutex<Vec<(Bytes, Buffer)>>);

impl Uploaded {
    /// A theta in single precision on the device, where nobody writes to it.
    pub fn theta(&self, client: &Client, theta: &Vector) -> Buffer {
        let single = match theta.numbers() {
            Numbers::Single([theta]) => Cow::Borrowed(theta),
            Numbers::Double([theta]) => Cow::Owned(device::single(theta.len(), |i| theta[i])),
        };
        let all = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = std::mem::take(&mut *all());
        let known = kept.iter().position(|(known, _)| is_same(known, f32::as_bytes(&single)));
        let own = known.map_or_else(
            || {
                let numbers = match single {
                    Cow::Borrowed(theta) => device::single(theta.len(), |i| theta[i].into()),
                    Cow::Owned(single) => single,
                };
                let bytes = Bytes::from_elems(numbers).shared();
                let sent = device::send(client, &bytes);
                (bytes, sent)
            },
            |known| kept.remove(known),
        );
        let buffer = own.1.clone();
        kept.push(own);
        let old = kept.len().saturating_sub(KEPT);
        kept.drain(..old);
        *all() = kept;
        buffer
    }
}

/// Bit by bit.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.par_chunks(COMPARED).zip(b.par_chunks(COMPARED)).all(|(a, b)| a == b)
}

//! What the kernels of a GPU keep from one call to the next.

use std::sync::{Mutex, OnceLock, PoisonError};

use burn::cubecl::bytes::Bytes;
use burn::cubecl::prelude::{Client, CubeElement};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::device::{self, Buffer};
use crate::network::Network;
use crate::plan::{CurvaturePlan, GradientPlan, Plan};

/// A hundred images of a layer of ResNet-56 are half as many.
const WINOGRAD_FROM: usize = 1 << 29;
/// Units that are under way at once, at most: while the host has one's logits, the device is at another.
const LANES: usize = 4;
/// Bytes that all of them may take.
const LANE_BYTES: usize = 1 << 31;

/// A network's steps on a GPU, and what they keep from one call to the next.
#[derive(Debug)]
pub(super) struct OnDevice {
    pub plan: Plan,
    pub derivatives: (GradientPlan, CurvaturePlan),
    pub uploaded: Uploaded,
    /// Multiplications of a layer from which on Winograd's algorithm is used: of fewer, what it launches
    /// besides costs more.
    pub winograd_from: usize,
    /// Threads that have a unit each under way, once there is need for them. They stay, since so does what a
    /// thread leaves on the device for its next unit.
    lanes: OnceLock<Option<ThreadPool>>,
}

impl OnDevice {
    /// None if the network has a layer that the plan does not know.
    pub fn of(network: &Network) -> Option<Self> {
        let derivatives = (GradientPlan::of(network)?, CurvaturePlan::keeping(network)?);
        let (uploaded, lanes) = (Uploaded::default(), OnceLock::new());
        let (plan, winograd_from) = (Plan::of(network)?, WINOGRAD_FROM);
        Some(Self { plan, derivatives, uploaded, winograd_from, lanes })
    }

    /// Threads for units of so many samples; none if one fills the device's memory.
    pub fn lanes(&self, samples: usize) -> Option<&ThreadPool> {
        let pool = || {
            // Activations, their gradients, and how both move.
            let fours = 4 * samples * self.plan.fours_of_buffers().iter().sum::<usize>();
            let lanes = (LANE_BYTES / (16 * fours).max(1)).min(LANES);
            let pool = (lanes > 1).then(|| ThreadPoolBuilder::new().num_threads(lanes).build());
            pool.and_then(Result::ok)
        };
        self.lanes.get_or_init(pool).as_ref()
    }
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
    pub fn theta(&self, client: &Client, theta: &[f64]) -> Buffer {
        let single = device::single(theta.len(), |i| theta[i]);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(known, _)| is_same(known, f32::as_bytes(&single)));
        let own = known.map_or_else(
            || {
                let bytes = Bytes::from_elems(single).shared();
                let sent = device::send(client, &bytes);
                (bytes, sent)
            },
            |known| kept.remove(known),
        );
        let buffer = own.1.clone();
        kept.push(own);
        let old = kept.len().saturating_sub(KEPT);
        kept.drain(..old);
        buffer
    }
}

/// Bit by bit.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.par_chunks(COMPARED).zip(b.par_chunks(COMPARED)).all(|(a, b)| a == b)
}

//! Train a network with SGD, gradient descent or Adam and measure, along its path, what the paper *A
//! Walk with SGD: How SGD Explores Regions of Deep Network Loss?* measures: the loss of the full
//! training set along every update, barriers, the valley floor, cosines of gradients, distances, and
//! the curvature: alignment of gradients with the Hessian, their covariance, the Hessian's spectrum.
//!
//! The modules follow the path of the data: [`data`] -> [`network`] -> [`objective`] -> [`measure`]
//! -> [`experiment`] -> [`run`] -> [`walk`] -> [`report`]; [`ranks`] share the loss over processes.

mod attention;
pub mod bench;
mod choice;
pub mod cli;
pub mod data;
#[cfg(gpu)]
mod device;
pub mod experiment;
pub mod export;
pub mod kernels;
pub mod linalg;
pub mod measure;
mod memory;
pub mod network;
pub mod npy;
pub mod objective;
pub mod parameters;
mod partial;
pub mod plan;
pub mod precision;
pub mod random;
pub mod ranks;
pub mod report;
pub mod run;
pub mod taylor;
pub mod walk;
pub mod watch;

//! The page of a run, served while the run goes on.
//!
//! The server is our own, over `std::net`: it answers two addresses, and what matters here (deadlines, a
//! limit of connections, refusing foreign names) is what small HTTP libraries leave to their users. It
//! reads the run folder and never writes to it; no request names a file.
//!
//! - `GET /TOKEN/`: the page, as of its last rendering.
//! - `GET /TOKEN/events?since=VERSION`: server-sent events: `title`, and `page` once there is a newer one.

mod board;
mod error;
mod events;
mod progress;
mod publisher;
mod request;
mod response;
mod server;
mod token;

pub use error::WatchError;
pub use server::Server;

//! What can go wrong before a page is served.

use std::net::SocketAddr;

/// An error of the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The address cannot be listened at.
    #[error("{address}: cannot listen there: {error}; choose another --port or --bind")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The operating system's answer.
        error: std::io::Error,
    },
    /// The operating system gives no random bytes, or no threads.
    #[error("the server cannot start: {0}")]
    Start(std::io::Error),
}

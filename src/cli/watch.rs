//! `losswalk watch`.

use std::net::IpAddr;
use std::path::Path;
use std::thread;

use super::Exit;
use super::arguments::WatchArgs;
use super::output::show;
use crate::run::RunFolder;
use crate::watch::Server;

pub(super) fn run(arguments: WatchArgs) -> anyhow::Result<Exit> {
    let folder = RunFolder::open(&arguments.run)?;
    let server = start(arguments.bind, arguments.port, Some(folder.path()))?;
    show(server.url())?;
    loop {
        thread::park();
    }
}

/// A server, and a warning where others can reach it.
pub(super) fn start(bind: IpAddr, port: u16, folder: Option<&Path>) -> anyhow::Result<Server> {
    let server = Server::start(bind, port, folder)?;
    if !bind.is_loopback() {
        eprintln!(
            "warning: who can reach {bind} and has the whole address can read the page; it is not encrypted"
        );
    }
    Ok(server)
}

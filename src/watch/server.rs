//! Listening, and what is answered to whom.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::board::Board;
use super::request::{Request, read_head};
use super::response::{self, Status, refusal, send};
use super::token::Token;
use super::{WatchError, events, publisher};

/// Connections at once, streams of events included; the next is refused.
const CONNECTIONS: usize = 32;
/// How long a client may take to say what it wants.
const ASKING: Duration = Duration::from_secs(5);
/// How long a client may take to accept the page.
const ACCEPTING: Duration = Duration::from_secs(30);
/// How long the last page is served after a run has ended.
const LINGER: Duration = Duration::from_secs(3);
/// Stack of a connection's thread.
const STACK: usize = 256 << 10;

/// A server for one reader: who has its address sees the page of the run folder that it follows.
///
/// Its threads go on until the process ends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    token: Token,
    board: Arc<Board>,
}

impl Server {
    /// Listens at an address, port 0 being any free one, and shows this folder if there is one already.
    ///
    /// # Errors
    /// If the address cannot be listened at.
    pub fn start(bind: IpAddr, port: u16, folder: Option<&Path>) -> Result<Self, WatchError> {
        let wanted = SocketAddr::new(bind, port);
        let failed = |error| WatchError::Bind { address: wanted, error };
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let token = Token::random().map_err(WatchError::Start)?;
        let board = Arc::new(Board::default());
        if let Some(folder) = folder {
            board.follow(folder);
        }
        let door = Arc::new(Door { token: token.clone(), listening: bind, board: board.clone() });
        let publishing = board.clone();
        spawn(move || publisher::publish(&publishing)).map_err(WatchError::Start)?;
        spawn(move || accept(&listener, &door)).map_err(WatchError::Start)?;
        Ok(Self { address, token, board })
    }

    /// Where the page is.
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.address, self.token.as_str())
    }

    /// Shows this run folder from now on.
    pub fn follow(&self, folder: &Path) {
        self.board.follow(folder);
    }

    /// Shows the end of the run to those who look, before the process ends.
    pub fn finish(self) {
        self.board.change(|state| state.is_ending = true);
        self.board.wait(LINGER, |state| state.streams == 0);
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("watch".to_owned()).spawn(work).map(drop)
}

/// What decides who gets in.
struct Door {
    token: Token,
    listening: IpAddr,
    board: Arc<Board>,
}

/// One of the connections that there may be; free again when dropped.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>) -> Option<Self> {
        let slot = Self(open.clone());
        (slot.0.fetch_add(1, Ordering::Relaxed) < CONNECTIONS).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, door: &Arc<Door>) {
    let open = Arc::new(AtomicUsize::new(0));
    for client in listener.incoming() {
        let Ok(client) = client else {
            // Such as too many open files: not to be tried again at once.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        let Some(slot) = Slot::take(&open) else {
            turn_away(client);
            continue;
        };
        let door = door.clone();
        let serving = move || {
            // A client that leaves, or is too slow, needs no answer.
            let _ = door.serve(client);
            drop(slot);
        };
        // Without a thread the connection is closed.
        let _ = thread::Builder::new().stack_size(STACK).spawn(serving);
    }
}

/// Says that there are too many, without waiting for anybody.
fn turn_away(mut client: TcpStream) {
    let _ = client.set_nonblocking(true).and_then(|()| client.write_all(&refusal(Status::Busy)));
}

/// What a request may have.
enum Content {
    Page,
    /// From this version on.
    Events(u64),
}

impl Door {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let head = read_head(&mut client, Instant::now() + ASKING)?;
        let bytes = match head.and_then(|head| self.content(&Request::parse(&head)?)) {
            Ok(Content::Events(version)) => {
                return events::stream(&self.board, &mut client, version);
            }
            Ok(Content::Page) => response::page(&self.first_page()),
            Err(status) => refusal(status),
        };
        send(&mut client, &bytes, Instant::now() + ACCEPTING)
    }

    fn content(&self, request: &Request) -> Result<Content, Status> {
        if !request.is_for(self.listening) {
            return Err(Status::Forbidden);
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let (token, name) = path[1..].split_once('/').unwrap_or((&path[1..], "?"));
        match (self.token.is(token), name) {
            (false, _) => Err(Status::Forbidden),
            (_, "") => Ok(Content::Page),
            (_, "events") => {
                let since = query.strip_prefix("since=").and_then(|since| since.parse().ok());
                since.map(Content::Events).ok_or(Status::BadRequest)
            }
            _ => Err(Status::NotFound),
        }
    }

    /// The page; it may be a moment away when the server has just begun.
    fn first_page(&self) -> Arc<str> {
        self.board.wait(ACCEPTING, |state| state.version > 0).page
    }
}

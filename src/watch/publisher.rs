//! Renders the page whenever there is something new and somebody looks at it.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::export::TABLES;
use crate::report::{self, ReportError};
use crate::run::{RunError, RunFolder};

use super::board::Board;
use super::progress;

/// Time between looks at the folder.
const INTERVAL: Duration = Duration::from_secs(1);
/// So many times as long as a rendering took, nothing is rendered: what that takes from the run is
/// bounded, however long its records are.
const REST: u32 = 20;

/// Sizes and times of the files that the page is made of.
type Mark = Vec<Option<(u64, SystemTime)>>;

/// Goes on as long as the process.
pub(super) fn publish(board: &Board) {
    let mut shown = None;
    loop {
        let state = board.state();
        let begin = Instant::now();
        let found = state.folder.as_deref().map(|folder| (folder.to_owned(), mark(folder)));
        let is_new = state.version == 0 || state.streams > 0 && found != shown;
        if is_new {
            let (page, title) = render(state.folder.as_deref(), state.version + 1);
            board.publish(page, title);
            shown = found;
        }
        let rest = INTERVAL.max(begin.elapsed() * REST);
        let is_ending = state.is_ending;
        board.wait(rest, |state| state.is_ending && !is_ending);
    }
}

fn mark(folder: &Path) -> Mark {
    let tables = TABLES.iter().map(|table| format!("{}.jsonl", table.name));
    let files = tables.chain(["manifest.json".to_owned()]);
    let look = |name: String| {
        let file = folder.join(name).metadata().ok()?;
        Some((file.len(), file.modified().ok()?))
    };
    files.map(look).collect()
}

/// Page and title of this version; what is wrong, where there is none.
fn render(folder: Option<&Path>, version: u64) -> (String, String) {
    let read = |folder: &Path| -> Result<(String, String), ReportError> {
        let folder = RunFolder::open(folder)?;
        let title = progress::title(&folder)?;
        match report::live_page(&folder, version) {
            Err(ReportError::Empty { .. }) => {
                let message = "No step is recorded yet; the figures come with the first.";
                let name = folder.manifest()?.name;
                Ok((report::waiting_page(&name, message, version), title))
            }
            page => Ok((page?, title)),
        }
    };
    let Some(folder) = folder else {
        let message = "The run is being prepared.";
        return (report::waiting_page("losswalk", message, version), "losswalk".to_owned());
    };
    read(folder).unwrap_or_else(|error| {
        let is_gone = matches!(error, ReportError::Run(RunError::NotARun { .. }));
        let message =
            if is_gone { "The run folder is gone.".to_owned() } else { error.to_string() };
        (report::waiting_page("losswalk", &message, version), "losswalk: a problem".to_owned())
    })
}

//! `losswalk report`.

use std::path::PathBuf;

use super::Exit;
use super::arguments::ReportArgs;
use super::output::show;
use crate::report;
use crate::run::RunFolder;

pub(super) fn run(arguments: ReportArgs) -> anyhow::Result<Exit> {
    let runs: Result<Vec<_>, _> = arguments.runs.iter().map(|path| RunFolder::open(path)).collect();
    let out = arguments.out.unwrap_or_else(|| match arguments.runs.as_slice() {
        [only] => only.clone(),
        _ => PathBuf::from("runs/comparison"),
    });
    let (runs, along) = (runs?, arguments.x);
    if arguments.paper {
        show(report::write_paper(&runs, &out, along, arguments.width)?.display())?;
    } else {
        show(report::write_along(&runs, &out, along)?.page.display())?;
    }
    Ok(Exit::Done)
}

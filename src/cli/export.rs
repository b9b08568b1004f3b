//! `losswalk export`.

use super::Exit;
use super::arguments::ExportArgs;
use super::output::show;
use crate::export;
use crate::run::RunFolder;

pub(super) fn run(arguments: ExportArgs) -> anyhow::Result<Exit> {
    let folder = RunFolder::open(&arguments.run)?;
    let out = arguments.out.unwrap_or_else(|| folder.export());
    for path in export::write(&folder, arguments.format, &out)? {
        show(path.display())?;
    }
    Ok(Exit::Done)
}

//! Puts an export on disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{RunError, RunFolder, write_atomic};

use super::rows::Rows;
use super::{ExportError, Format, TABLES, csv, parquet, tensorboard};

/// Writes every record of a run into `out`: `NAME.parquet` or `NAME.csv` for each table that has
/// records, or one file of events. Equal records give equal bytes.
///
/// # Errors
/// If nothing is recorded, a record is damaged, or a file cannot be read or written.
pub fn write(folder: &RunFolder, format: Format, out: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let manifest = folder.manifest()?;
    let tables = TABLES.iter().map(|table| Rows::read(folder, *table));
    let mut tables = tables.collect::<Result<Vec<Rows>, _>>()?;
    tables.retain(|rows| !rows.is_empty());
    if tables.is_empty() {
        return Err(ExportError::Empty { path: folder.path().to_owned() });
    }
    fs::create_dir_all(out).map_err(RunError::io("create", out))?;
    if format == Format::Tensorboard {
        let (name, bytes) = tensorboard::encode(&manifest, &folder.timings()?, &tables);
        return Ok(vec![put(out.join(name), &bytes)?]);
    }
    let written = tables.iter().map(|rows| {
        let (bytes, extension) = match format {
            Format::Parquet => (parquet::encode(rows)?, "parquet"),
            _ => (csv::encode(rows)?, "csv"),
        };
        put(out.join(format!("{}.{extension}", rows.table.name)), &bytes)
    });
    written.collect()
}

fn put(path: PathBuf, bytes: &[u8]) -> Result<PathBuf, ExportError> {
    write_atomic(&path, bytes)?;
    Ok(path)
}

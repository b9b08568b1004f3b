//! Puts a report on disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{RunError, RunFolder, write_atomic};

use super::figure::Figure;
use super::png::Rasteriser;
use super::run_data::RunData;
use super::{ReportError, figures, html, svg};

/// The files of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The interactive page, self-contained.
    pub page: PathBuf,
    /// Images and tables, in the order of the page.
    pub figures: Vec<PathBuf>,
}

/// Writes `out/report.html` and `out/figures/*.svg|png|csv` for one run or a comparison of several.
///
/// Equal records give equal bytes. A figure without data (such as heights of barriers when none was
/// crossed) has no image; the page says why.
///
/// # Errors
/// If there is no run, a run has no step, or a file cannot be read or written.
pub fn write(runs: &[RunFolder], out: &Path) -> Result<Written, ReportError> {
    let runs = RunData::load_all(runs)?;
    let folder = out.join("figures");
    fs::create_dir_all(&folder).map_err(RunError::io("create", &folder))?;
    let drawn: Vec<(Figure, Option<String>)> =
        figures::figures(&runs).into_iter().map(with_image).collect();
    let mut written = images(&drawn, &folder)?;
    for table in figures::tables(&runs) {
        let path = folder.join(format!("{}.csv", table.name));
        write_atomic(&path, table.text.as_bytes())?;
        written.push(path);
    }
    let page = out.join("report.html");
    write_atomic(&page, html::page(&runs, &drawn)?.as_bytes())?;
    Ok(Written { page, figures: written })
}

fn with_image(figure: Figure) -> (Figure, Option<String>) {
    let image = (!figure.panels.is_empty()).then(|| svg::document(&figure));
    (figure, image)
}

fn images(drawn: &[(Figure, Option<String>)], folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let rasteriser = Rasteriser::new();
    let mut written = Vec::new();
    for (figure, image) in drawn {
        let Some(svg) = image else { continue };
        let png = rasteriser.png(svg, &figure.id)?;
        for (extension, bytes) in [("svg", svg.as_bytes()), ("png", &png)] {
            let path = folder.join(format!("{}.{extension}", figure.id));
            write_atomic(&path, bytes)?;
            written.push(path);
        }
    }
    Ok(written)
}

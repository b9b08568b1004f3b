//! Puts the figures for a publication on disk.

use std::fs;
use std::path::{Path, PathBuf};

use resvg::usvg::Tree;

use crate::report::figure::Figure;
use crate::report::groups::{Along, by_group};
use crate::report::png::{Rasteriser, png};
use crate::report::run_data::RunData;
use crate::report::svg::{Layout, document};
use crate::report::{ReportError, figures};
use crate::run::{RunError, RunFolder, write_atomic};

use super::Width;
use super::caption::caption;
use super::outlined::outlined;
use crate::report::pdf::pdf;

/// Pixels of a PNG in an inch, and of CSS.
const RESOLUTION: f32 = 600.0;
const CSS: f32 = 96.0;

/// Writes every figure of a report that has something to show into `out/figures/paper`, which is
/// returned: as PDF and SVG without any font, as PNG with 600 pixels an inch, with a caption to
/// `\input` into LaTeX and its numbers as CSV. Equal records give equal bytes.
///
/// # Errors
/// As those of [`write()`](crate::report::write()).
pub fn write_paper(
    runs: &[RunFolder],
    out: &Path,
    along: Along,
    width: Width,
) -> Result<PathBuf, ReportError> {
    let runs = RunData::load_all(runs)?;
    let folder = out.join("figures").join("paper");
    fs::create_dir_all(&folder).map_err(RunError::io("create", &folder))?;
    let (rasteriser, layout) = (Rasteriser::new(), Layout::paper(width));
    for figure in figures::figures(&runs).filter(|figure| !figure.panels.is_empty()) {
        let figure = by_group(figure, &runs, along);
        let tree = rasteriser.tree(&document(&figure, &layout), &figure.id)?;
        for (extension, bytes) in files(&figure, &tree, &runs)? {
            write_atomic(&folder.join(format!("{}.{extension}", figure.id)), &bytes)?;
        }
    }
    for table in figures::tables(&runs)? {
        write_atomic(&folder.join(format!("{}.csv", table.name)), &table.bytes)?;
    }
    Ok(folder)
}

/// A figure's files but for its numbers, by their extensions.
fn files(
    figure: &Figure,
    tree: &Tree,
    runs: &[RunData],
) -> Result<[(&'static str, Vec<u8>); 4], ReportError> {
    let failed = |problem| ReportError::Image { figure: figure.id.clone(), format: "PDF", problem };
    Ok([
        ("pdf", pdf(tree, &figure.title).map_err(failed)?),
        ("svg", outlined(tree).into_bytes()),
        ("png", png(tree, RESOLUTION / CSS, &figure.id)?),
        ("tex", caption(figure, runs).into_bytes()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    fn written(
        fixtures: &[Fixture],
        width: &str,
    ) -> Result<(tempfile::TempDir, PathBuf), TestError> {
        let dir = tempfile::tempdir()?;
        let run = |(i, fixture): (usize, &Fixture)| fixture.write(&dir.path().join(i.to_string()));
        let runs = fixtures.iter().enumerate().map(run).collect::<Result<Vec<_>, _>>()?;
        let folder = write_paper(&runs, dir.path(), Along::Updates, width.parse()?)?;
        Ok((dir, folder))
    }

    #[test]
    fn every_figure_is_there_without_a_font_and_of_the_width_asked() -> Result<(), TestError> {
        for (width, points) in [("3.25in", 234.0), ("8.3cm", 235.275_590_55), ("504pt", 504.0)] {
            let (_dir, folder) = written(&[Fixture::new("a_b", 30, 20).with_curvature()], width)?;
            for id in ["walk", "barriers", "heights", "cosine", "distance", "alignment", "spectrum"]
            {
                let read = |extension: &str| fs::read(folder.join(format!("{id}.{extension}")));
                let pdf = String::from_utf8_lossy(&read("pdf")?).into_owned();
                let size =
                    pdf.split("/MediaBox [0 0 ").nth(1).and_then(|rest| rest.split(' ').next());
                let found: f64 = size.ok_or("no size")?.parse()?;
                assert!((found - points).abs() < 0.01, "{id}: {found}");
                assert!(!pdf.contains("/Font"), "{id}");
                let svg = String::from_utf8(read("svg")?)?;
                assert!(
                    svg.contains("pt\" viewBox=")
                        && !svg.contains("<text")
                        && !svg.contains("font"),
                    "{id}"
                );
                let png = read("png")?;
                let pixels = u32::from_be_bytes(png[16..20].try_into()?);
                assert!((f64::from(pixels) - points / 72.0 * 600.0).abs() < 1.0, "{id}: {pixels}");
                assert!(!read("csv")?.is_empty());
                let tex = String::from_utf8(read("tex")?)?;
                assert!(tex.contains(&format!("{{{id}.pdf}}")) && tex.contains("N = "), "{tex}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_figure_on_paper_has_no_title_and_its_caption_has() -> Result<(), TestError> {
        let run = Fixture::new("a_b", 30, 20).load()?;
        let figure = figures::figures(std::slice::from_ref(&run)).next().ok_or("no figure")?;
        let svg = document(&figure, &Layout::paper("3.25in".parse()?));
        let drawn = svg.split("</desc>").nth(1).ok_or("no drawing")?;
        assert!(!drawn.contains("The walk") && drawn.contains("full training loss"));
        let tex = caption(&figure, &[run]);
        for text in [
            "The walk through the loss: a\\_b.",
            "valley floor (dashed)",
            "K = 2:",
            r"$\alpha $ = 0",
        ] {
            assert!(tex.contains(text), "{text} in {tex}");
        }
        Ok(())
    }

    #[test]
    fn of_several_runs_a_walk_is_told_by_its_own() -> Result<(), TestError> {
        let mut run = Fixture::new("b", 30, 20);
        run.manifest.seed = 7;
        run.experiment = "[train]\noptimizer = 'sgd'";
        let runs = [Fixture::new("a", 30, 20).load()?, run.load()?];
        let captions: Vec<String> =
            figures::figures(&runs).take(3).map(|figure| caption(&figure, &runs)).collect();
        assert!(!captions[0].contains("seed 7") && !captions[0].contains("Compared"));
        assert!(captions[1].contains("SGD, seed 7") && !captions[1].contains("Compared"));
        assert!(captions[2].contains("Compared are a; b (SGD, seed 7)"), "{}", captions[2]);
        Ok(())
    }

    #[test]
    fn a_number_of_points_is_told_where_it_is_that_of_all() -> Result<(), TestError> {
        let [one, mut other] = [Fixture::new("a", 30, 20), Fixture::new("b", 30, 20)];
        if let Some(line) = other.lines.first_mut() {
            line.alphas.push(2.0);
        }
        let runs = [one.load()?, other.load()?];
        let told = |runs: &[RunData]| -> Option<bool> {
            let barriers = figures::figures(runs).find(|figure| figure.id == "barriers")?;
            Some(caption(&barriers, runs).contains("K = 2:"))
        };
        assert_eq!(told(&runs[..1]), Some(true));
        assert_eq!(told(&runs), Some(false));
        Ok(())
    }

    #[test]
    fn equal_records_give_equal_bytes() -> Result<(), TestError> {
        let run = || Fixture::new("a", 30, 20).with_curvature();
        let [(_one, first), (_other, second)] =
            [written(&[run(), run()], "7in")?, written(&[run(), run()], "7in")?];
        let mut count = 0;
        for entry in fs::read_dir(&first)? {
            let name = entry?.file_name();
            assert_eq!(fs::read(first.join(&name))?, fs::read(second.join(&name))?, "{name:?}");
            count += 1;
        }
        assert!(count > 5 * 10, "{count}");
        Ok(())
    }
}

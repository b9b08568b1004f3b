//! Puts a report on disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{RunError, RunFolder, write_atomic};

use super::figure::Figure;
use super::groups::{Along, by_group};
use super::png::Rasteriser;
use super::run_data::RunData;
use super::svg::Layout;
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
/// crossed) has no image; the page says why. Every file is written as soon as it is drawn, and a figure
/// that is there already is not drawn as pixels again, which takes most of the time.
///
/// # Errors
/// If there is no run, a run has no step, or a file cannot be read or written.
pub fn write(runs: &[RunFolder], out: &Path) -> Result<Written, ReportError> {
    write_along(runs, out, Along::Updates)
}

/// As [`write()`], with updates counted in epochs where they stand on an axis, if wanted.
///
/// # Errors
/// As those of [`write()`].
pub fn write_along(runs: &[RunFolder], out: &Path, along: Along) -> Result<Written, ReportError> {
    let runs = RunData::load_all(runs)?;
    let folder = out.join("figures");
    fs::create_dir_all(&folder).map_err(RunError::io("create", &folder))?;
    let mut images = Images { folder: &folder, rasteriser: Rasteriser::new(), written: Vec::new() };
    let drawn: Result<Vec<_>, _> =
        figures::figures(&runs).map(|figure| images.of(by_group(figure, &runs, along))).collect();
    let (drawn, mut written) = (drawn?, images.written);
    for table in figures::tables(&runs)? {
        let path = folder.join(format!("{}.csv", table.name));
        write_atomic(&path, &table.bytes)?;
        written.push(path);
    }
    let page = out.join("report.html");
    write_atomic(&page, html::page(&runs, &drawn, None)?.as_bytes())?;
    Ok(Written { page, figures: written })
}

/// Every figure with its image, which goes nowhere on disk.
pub(super) fn drawn(runs: &[RunData]) -> Vec<(Figure, Option<String>)> {
    let with_image = |figure: Figure| {
        let has_panels = !figure.panels.is_empty();
        let image = has_panels.then(|| svg::document(&figure, &Layout::screen()));
        (figure, image)
    };
    figures::figures(runs).map(with_image).collect()
}

/// Draws figures into a folder.
struct Images<'a> {
    folder: &'a Path,
    rasteriser: Rasteriser,
    written: Vec<PathBuf>,
}

impl Images<'_> {
    /// The figure with its image, which is in the folder then.
    fn of(&mut self, figure: Figure) -> Result<(Figure, Option<String>), ReportError> {
        if figure.panels.is_empty() {
            return Ok((figure, None));
        }
        let image = svg::document(&figure, &Layout::screen());
        let [svg, png] =
            ["svg", "png"].map(|extension| self.folder.join(format!("{}.{extension}", figure.id)));
        // The SVG is written last: where it stands, its PNG does.
        let is_there = png.is_file() && fs::read(&svg).is_ok_and(|old| old == image.as_bytes());
        if !is_there {
            write_atomic(&png, &self.rasteriser.png(&image, &figure.id)?)?;
            write_atomic(&svg, image.as_bytes())?;
        }
        self.written.extend([svg, png]);
        Ok((figure, Some(image)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    const CURVATURE: [&str; 6] =
        ["alignment", "decomposition", "covariance", "spectrum", "density", "prediction"];

    fn page(runs: &[RunFolder], out: &Path) -> Result<String, TestError> {
        Ok(fs::read_to_string(write(runs, out)?.page)?)
    }

    #[test]
    fn equal_records_give_equal_bytes() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let runs = [Fixture::new("a", 30, 20).with_curvature().write(&dir.path().join("run"))?];
        let first = write(&runs, &dir.path().join("first"))?;
        let second = write(&runs, &dir.path().join("second"))?;
        assert_eq!(fs::read(&first.page)?, fs::read(&second.page)?);
        assert_eq!(first.figures.len(), second.figures.len());
        for (one, other) in first.figures.iter().zip(&second.figures) {
            assert_eq!(fs::read(one)?, fs::read(other)?, "{}", one.display());
        }
        Ok(())
    }

    #[test]
    fn a_report_that_was_killed_goes_on_with_the_figures_it_has_not() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let runs = [Fixture::new("a", 30, 20).with_curvature().write(&dir.path().join("run"))?];
        let whole = write(&runs, dir.path())?.figures;
        let png = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "png");
        let pngs: Vec<&PathBuf> = whole.iter().filter(png).collect();
        let bytes = fs::read(pngs[1])?;
        // Killed between the PNG and the SVG of the second figure, with another PNG there.
        fs::write(pngs[0], "as it was")?;
        fs::write(pngs[1], "of other records")?;
        fs::remove_file(pngs[1].with_extension("svg"))?;
        write(&runs, dir.path())?;
        assert_eq!(fs::read(pngs[0])?, b"as it was", "drawn once");
        assert_eq!(fs::read(pngs[1])?, bytes, "drawn again");
        Ok(())
    }

    #[test]
    fn every_figure_is_there_as_svg_png_and_csv() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let runs = [Fixture::new("a", 30, 20).write(&dir.path().join("run"))?];
        write(&runs, dir.path())?;
        for name in ["walk", "barriers", "heights", "cosine", "distance", "training-loss"] {
            for extension in ["svg", "png", "csv"] {
                let path = dir.path().join("figures").join(format!("{name}.{extension}"));
                assert!(fs::metadata(&path)?.len() > 0, "{}", path.display());
            }
        }
        let table = fs::read_to_string(dir.path().join("figures/barriers.csv"))?;
        assert!(table.contains("\na,1,3,10,0,0,0,0\na,2,3,10,0,0,0,0\n"), "{table}");
        Ok(())
    }

    #[test]
    fn loss_and_accuracy_by_epoch_are_shown_where_they_are_recorded() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let runs = [Fixture::new("a", 30, 20).with_scores().write(&dir.path().join("run"))?];
        assert!(page(&runs, dir.path())?.contains("id=\"epochs\""));
        let table = fs::read_to_string(dir.path().join("figures/epochs.csv"))?;
        let rows = "run,epoch,step,loss,accuracy,test_loss,test_accuracy\n\
                    a,0,0,2.0,0.5,2.2,0.4\na,1,10,1.0,0.75,1.1,0.65\n";
        assert!(table.starts_with(rows), "{table}");
        Ok(())
    }

    #[test]
    fn figures_of_curvature_are_there_if_it_was_measured_and_only_then() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let [with, without] = ["with", "without"].map(|name| dir.path().join(name));
        let page_with = page(&[Fixture::new("a", 30, 20).with_curvature().write(&with)?], &with)?;
        let page_without = page(&[Fixture::new("a", 30, 20).write(&without)?], &without)?;
        for name in CURVATURE {
            for extension in ["svg", "png", "csv"] {
                let file = format!("figures/{name}.{extension}");
                assert!(fs::metadata(with.join(&file))?.len() > 0, "{file}");
                assert!(!without.join(&file).exists(), "{file}");
            }
            let section = format!("id=\"{name}\"");
            assert!(page_with.contains(&section) && !page_without.contains(&section), "{name}");
        }
        for text in ["Alignment u·Hu of", "alignment after epochs", "spectrum after epochs"] {
            assert!(page_with.contains(text) && !page_without.contains(text), "{text}");
        }
        Ok(())
    }

    #[test]
    fn alignments_have_their_means_deviations_and_intervals() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let runs = [Fixture::new("a", 30, 20).with_curvature().write(&dir.path().join("run"))?];
        write(&runs, dir.path())?;
        let table = fs::read_to_string(dir.path().join("figures/alignment.csv"))?;
        let rows: Vec<&str> = table.lines().collect();
        // Alignments 1, 2, 3 and those of the batches six above: 2 ± t_2 / √3, t_2 = 4.302653.
        assert!(rows[3].starts_with("a,10,1,10,3,3,2.0,1.0,-0.48413"), "{table}");
        assert!(rows[3].contains(",4.48413") && rows[3].contains(",3,8.0,1.0,5.51586"), "{table}");
        assert_eq!(rows[4], "a,10,1,100,1,1,3.0,,,,1,9.0,,,");
        Ok(())
    }

    #[test]
    fn curvature_without_values_is_gaps() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let mut run = Fixture::new("a", 30, 20).with_curvature();
        for record in &mut run.alignments {
            (record.alignment, record.alignment_batch) = (None, None);
            (record.covariance, record.squared_slope, record.residual) = (None, None, None);
        }
        for record in &mut run.covariances {
            (record.trace, record.ratio, record.ratio_error) = (None, None, None);
            (record.sample_trace, record.squared_grad_norm) = (None, None);
            record.noise_scale = None;
        }
        for record in &mut run.spectra {
            (record.eigenvalues, record.residuals) = (Vec::new(), Vec::new());
            (record.lambda_min, record.learning_rate_times_lambda_max) = (None, None);
            (record.update_share, record.overlap) = (None, None);
            (record.shares, record.density) = (Vec::new(), Vec::new());
        }
        let page = page(&[run.write(&dir.path().join("run"))?], dir.path())?;
        for why in ["No alignment is finite", "No covariance is finite", "No eigenvalue is finite"]
        {
            assert!(page.contains(why), "{why}");
        }
        for name in ["alignment", "decomposition", "covariance", "spectrum", "density"] {
            assert!(!dir.path().join(format!("figures/{name}.svg")).exists(), "{name}");
        }
        assert!(!page.contains("NaN"));
        Ok(())
    }

    #[test]
    fn a_single_null_is_a_gap_of_its_own() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let mut run = Fixture::new("a", 30, 20).with_curvature();
        run.alignments[4].alignment = None;
        run.spectra[1].learning_rate_times_lambda_max = None;
        write(&[run.write(&dir.path().join("run"))?], dir.path())?;
        let table = fs::read_to_string(dir.path().join("figures/alignment.csv"))?;
        assert!(table.contains("\na,10,1,10,3,2,2.5,"), "{table}");
        let table = fs::read_to_string(dir.path().join("figures/spectrum.csv"))?;
        assert!(table.contains("\na,10,1,1,12.0,1e-6,,0.25,0.75,20.0,2.0,40,true\n"), "{table}");
        Ok(())
    }

    #[test]
    fn one_epoch_and_one_batch_size_are_drawn() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let mut run = Fixture::new("a", 30, 1).with_curvature();
        run.alignments.retain(|record| record.epoch == 2 && record.batch_size == 100);
        run.covariances.truncate(1);
        run.spectra.truncate(1);
        write(&[run.write(&dir.path().join("run"))?], dir.path())?;
        for name in CURVATURE {
            let svg = fs::read_to_string(dir.path().join(format!("figures/{name}.svg")))?;
            assert!(svg.contains("<path") && !svg.contains("NaN"), "{name}");
        }
        Ok(())
    }

    #[test]
    fn a_run_without_curvature_is_compared_with_one_that_has_it() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let with = Fixture::new("with", 30, 20).with_curvature();
        let without = Fixture::new("without", 30, 20);
        let runs = [without.write(&dir.path().join("b"))?, with.write(&dir.path().join("a"))?];
        let page = page(&runs, dir.path())?;
        assert!(page.contains("with: after epoch 2") && !page.contains("without: after epoch"));
        Ok(())
    }

    #[test]
    fn the_page_needs_nothing_from_outside() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let runs = [Fixture::new("a", 30, 20).write(&dir.path().join("run"))?];
        let page = page(&runs, dir.path())?;
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("src="));
        Ok(())
    }

    #[test]
    fn a_diverged_run_says_so_and_its_nulls_are_gaps() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let runs =
            [Fixture::new("</script>&", 12, 12).diverged().write(&dir.path().join("run"))?];
        let page = page(&runs, dir.path())?;
        assert!(page.contains("Step 11: the loss is &lt;not&gt; finite"));
        assert!(page.contains("&lt;/script&gt;&amp;: diverged"));
        assert!(page.contains("null") && !page.contains("</script>&"));
        Ok(())
    }

    #[test]
    fn runs_of_one_step_and_without_lines_are_reported() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        for (steps, lines) in [(1, 0), (1, 1), (30, 0)] {
            let run = dir.path().join(format!("{steps}-{lines}"));
            let runs = [Fixture::new("a", steps, lines).write(&run)?];
            let page = page(&runs, &run)?;
            assert_eq!(page.contains("No loss along updates was measured in this run"), lines == 0);
        }
        Ok(())
    }

    #[test]
    fn runs_of_one_name_are_told_apart_by_their_folders() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let run = |folder: &str| Fixture::new("a", 30, 20).write(&dir.path().join(folder));
        let runs =
            [run("left")?, run("right")?, Fixture::new("b", 30, 0).write(&dir.path().join("b"))?];
        let page = page(&runs, dir.path())?;
        assert!(page.contains("<h1>a (left), a (right), b</h1>"));
        assert!(dir.path().join("figures/walk-2.svg").exists());
        Ok(())
    }

    #[test]
    fn nothing_to_report_is_an_error_that_says_what_to_do() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let empty = Fixture::new("a", 0, 0).write(&dir.path().join("run"))?;
        let error = write(&[empty], dir.path()).err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("no step is recorded yet")));
        assert!(matches!(write(&[], dir.path()), Err(ReportError::NoRuns)));
        Ok(())
    }
}

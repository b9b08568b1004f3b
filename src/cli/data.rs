//! `losswalk data`: which data sets there are, getting their files, checking them.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

use super::measured::warn_about_classes;
use super::output::show;
use crate::data::{
    DataError, DatasetEntry, Description, FetchOptions, FetchProgress, FileStatus, Finding, Format,
    PublishedSet, entries, fetch, find, load_uncached, names, verify,
};

/// The environment variable that replaces the mirrors.
const MIRROR_VARIABLE: &str = "LOSSWALK_MIRROR";

/// What to do about data.
#[derive(Debug, clap::Subcommand)]
pub enum DataCommand {
    /// List the data sets that an experiment can name
    List,
    /// Download a data set, resuming what was interrupted, and check it
    ///
    /// Files that are there already are checked and left alone. A download takes its name only when
    /// its SHA-256 is the published one.
    ///
    /// Behind a proxy, set HTTPS_PROXY. To download from a copy of your own, set LOSSWALK_MIRROR to
    /// a base URL that serves the files as NAME/FILE, for example
    /// http://intranet/data/mnist/train-images-idx3-ubyte.gz for http://intranet/data.
    Fetch {
        /// The data set
        #[arg(value_parser = PossibleValuesParser::new(names()))]
        name: String,
        /// The folder to put the files into; put the same into the experiment as `data.root`
        /// [default: data/NAME]
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Compare the files of a data set with the published ones
    ///
    /// Prints a line a file: right, absent (a test file, which no walk needs) or wrong, and why.
    /// Files may be gzipped or not; the content counts. A set of your own is read and its content
    /// named. Exits with 2 if anything is wrong.
    Verify {
        /// The data set
        #[arg(value_parser = PossibleValuesParser::new(names()))]
        name: String,
        /// The folder that has the files [default: data/NAME]
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
}

/// Runs the command. False: the data are not as they should be, and stdout says how.
pub fn run(command: DataCommand) -> anyhow::Result<bool> {
    match command {
        DataCommand::List => {
            show(list().trim_end())?;
            Ok(true)
        }
        DataCommand::Fetch { name, root } => match find(&name)? {
            DatasetEntry::BuiltIn(about) => print_built_in(about),
            DatasetEntry::Published(set) => run_fetch(set, &folder(set, root)),
            DatasetEntry::Own(set) => Err(DataError::NotPublished { name: set.name }.into()),
        },
        DataCommand::Verify { name, root } => match find(&name)? {
            DatasetEntry::BuiltIn(about) => print_built_in(about),
            DatasetEntry::Published(set) => print_findings(set, &folder(set, root)),
            DatasetEntry::Own(set) => print_content(set.name, root.as_deref()),
        },
    }
}

/// The folder to use: the one given, or else the default.
fn folder(set: &PublishedSet, root: Option<PathBuf>) -> PathBuf {
    root.unwrap_or_else(|| set.default_root())
}

fn list() -> String {
    let header = ["NAME", "TRAIN", "TEST", "IMAGE", "CLASSES", "DOWNLOAD", "CONTENT"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(entries().map(row));
    let credits = entries()
        .filter_map(DatasetEntry::description)
        .map(|about| format!("{}: {}; license {}\n", about.name, about.credit, about.license));
    let pixels = entries().map(|entry| match entry.description() {
        Some(about) => format!("{}: {}\n", about.name, about.normalisation),
        None => format!("{}: (x - 0.5) / 1, x = byte / 255\n", entry.name()),
    });
    format!(
        "{}\nWhat a network sees of a pixel, unless data.mean and data.std say otherwise:\n{}\n{}",
        table(&rows),
        pixels.collect::<String>(),
        credits.collect::<String>()
    )
}

fn row(entry: DatasetEntry) -> Vec<String> {
    let (about, download) = match entry {
        DatasetEntry::BuiltIn(about) => (about, "built in".to_owned()),
        DatasetEntry::Published(set) => {
            (&set.about, DecimalBytes(set.download_bytes()).to_string())
        }
        DatasetEntry::Own(set) => {
            let cells = [set.name, "any", "", "any", "any", "your own", set.title];
            return cells.map(str::to_owned).to_vec();
        }
    };
    vec![
        about.name.to_owned(),
        about.train.to_string(),
        about.test.to_string(),
        about.shape.to_string(),
        about.classes.to_string(),
        download,
        about.title.to_owned(),
    ]
}

fn run_fetch(set: &PublishedSet, root: &Path) -> anyhow::Result<bool> {
    let mirror = std::env::var(MIRROR_VARIABLE).ok().filter(|mirror| !mirror.is_empty());
    let options = FetchOptions { mirror, ..FetchOptions::default() };
    let mut display = Display::default();
    fetch(set, root, &options, &mut |progress| display.show(progress))?;
    print_findings(set, root)
}

fn print_built_in(about: &Description) -> anyhow::Result<bool> {
    let name = about.name;
    show(format!("{name} is built into losswalk: there are no files to fetch or verify"))?;
    Ok(true)
}

/// Reads every file of a set and says what is in it.
fn print_content(name: &str, root: Option<&Path>) -> anyhow::Result<bool> {
    let data = load_uncached(name, root)?;
    let (samples, classes, shape) = (data.len(), data.classes(), data.shape());
    show(format!("{name}: {samples} images of {shape} in {classes} classes, well formed"))?;
    warn_about_classes(name, &data.empty_classes());
    Ok(true)
}

fn print_findings(set: &PublishedSet, path: &Path) -> anyhow::Result<bool> {
    let (name, root) = (set.about.name, path.display());
    let findings = verify(set, path)?;
    let rows = table(&findings.iter().map(cells).collect::<Vec<_>>());
    show(format!("{name}: {root}\n{}", rows.trim_end()))?;
    let well = findings.iter().all(|finding| finding.status != FileStatus::Wrong);
    if !well {
        show(format!("delete what is wrong, then run `losswalk data fetch {name} --root {root}`"))?;
    } else if set.format == Format::TinyImagenet {
        return print_content(name, Some(path));
    }
    Ok(well)
}

fn cells(finding: &Finding) -> Vec<String> {
    let status = match finding.status {
        FileStatus::Right => "right",
        FileStatus::Absent => "absent",
        FileStatus::Wrong => "WRONG",
    };
    vec![finding.file.clone(), status.to_owned(), finding.detail.clone()]
}

/// Rows in columns as wide as their widest cell, two spaces apart.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}

/// Shows a fetch on stderr: a bar on a terminal, lines otherwise.
#[derive(Default)]
struct Display {
    bar: Option<ProgressBar>,
}

impl Display {
    fn show(&mut self, progress: FetchProgress<'_>) {
        match progress {
            FetchProgress::Present(file) => eprintln!("{}: already there", file.name),
            FetchProgress::Asking { file, url } => {
                eprintln!("fetching {url} ({})", DecimalBytes(file.bytes));
                self.bar = stderr().is_terminal().then(|| bar(file.bytes));
            }
            FetchProgress::Received(bytes) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(bytes);
                }
            }
            FetchProgress::Failed(problem) => {
                self.clear();
                eprintln!("  {problem}");
            }
            FetchProgress::Done(_) => self.clear(),
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "  {wide_bar} {decimal_bytes} of {decimal_total_bytes}, {eta} left",
    );
    let bar = ProgressBar::new(bytes);
    // The template is a constant; were it wrong, the default bar would do.
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_aligned_and_credits_every_set() {
        let text = list();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "NAME           TRAIN   TEST   IMAGE    CLASSES  DOWNLOAD   CONTENT");
        assert!(
            lines[2].starts_with("mnist          60000   10000  28x28x1  10       11.59 MB   ")
        );
        for about in entries().filter_map(DatasetEntry::description) {
            assert!(text.contains(&format!("{}: {}", about.name, about.credit)));
        }
    }
}

//! `losswalk data`: which data sets there are, getting their files, checking them.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

use super::output::show;
use crate::data::{
    DatasetEntry, FetchOptions, Finding, Format, Progress, Status, default_root, entries, fetch,
    find, load_uncached, names, verify,
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
        DataCommand::Fetch { name, root } => run_fetch(find(&name)?, &folder(&name, root)),
        DataCommand::Verify { name, root } => match find(&name)? {
            entry if entry.is_own() => print_content(entry, root.as_deref()),
            entry => print_findings(entry, &folder(&name, root)),
        },
    }
}

/// The folder to use: the one given, or else the default.
fn folder(name: &str, root: Option<PathBuf>) -> PathBuf {
    root.or_else(|| default_root(name)).unwrap_or_default()
}

fn list() -> String {
    let header = ["NAME", "TRAIN", "TEST", "IMAGE", "CLASSES", "DOWNLOAD", "CONTENT"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(entries().map(row));
    let credits = entries()
        .filter(|entry| !entry.is_own())
        .map(|entry| format!("{}: {}; license {}\n", entry.name, entry.credit, entry.license));
    format!("{}\n{}", table(&rows), credits.collect::<String>())
}

fn row(entry: &DatasetEntry) -> Vec<String> {
    if entry.is_own() {
        let cells = [entry.name, "any", "", "any", "any", "your own", entry.title];
        return cells.map(str::to_owned).to_vec();
    }
    let bytes = entry.download_bytes();
    let download = if bytes == 0 { "built in".to_owned() } else { DecimalBytes(bytes).to_string() };
    vec![
        entry.name.to_owned(),
        entry.train.to_string(),
        entry.test.to_string(),
        entry.shape.to_string(),
        entry.classes.to_string(),
        download,
        entry.title.to_owned(),
    ]
}

fn run_fetch(entry: &DatasetEntry, root: &Path) -> anyhow::Result<bool> {
    let mirror = std::env::var(MIRROR_VARIABLE).ok().filter(|mirror| !mirror.is_empty());
    let options = FetchOptions { mirror, ..FetchOptions::default() };
    let mut display = Display::default();
    fetch(entry, root, &options, &mut |progress| display.show(progress))?;
    print_findings(entry, root)
}

/// Reads every file of a set and says what is in it.
fn print_content(entry: &DatasetEntry, root: Option<&Path>) -> anyhow::Result<bool> {
    let data = load_uncached(entry.name, root)?;
    let (samples, classes, shape) = (data.len(), data.classes(), data.shape());
    show(format!("{}: {samples} images of {shape} in {classes} classes, well formed", entry.name))?;
    Ok(true)
}

fn print_findings(entry: &DatasetEntry, path: &Path) -> anyhow::Result<bool> {
    let name = entry.name;
    if entry.format == Format::BuiltIn {
        show(format!("{name} is built into losswalk: there are no files to fetch or verify"))?;
        return Ok(true);
    }
    let findings = verify(entry, path)?;
    let rows = table(&findings.iter().map(cells).collect::<Vec<_>>());
    let root = path.display();
    show(format!("{name}: {root}\n{}", rows.trim_end()))?;
    let well = findings.iter().all(|finding| finding.status != Status::Wrong);
    if !well {
        show(format!("delete what is wrong, then run `losswalk data fetch {name} --root {root}`"))?;
    } else if entry.format == Format::TinyImagenet {
        return print_content(entry, Some(path));
    }
    Ok(well)
}

fn cells(finding: &Finding) -> Vec<String> {
    let status = match finding.status {
        Status::Right => "right",
        Status::Absent => "absent",
        Status::Wrong => "WRONG",
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
    fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Present(file) => eprintln!("{}: already there", file.name),
            Progress::Asking { file, url } => {
                eprintln!("fetching {url} ({})", DecimalBytes(file.bytes));
                self.bar = stderr().is_terminal().then(|| bar(file.bytes));
            }
            Progress::Received(bytes) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(bytes);
                }
            }
            Progress::Failed(problem) => {
                self.clear();
                eprintln!("  {problem}");
            }
            Progress::Done(_) => self.clear(),
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
        for entry in entries().filter(|entry| !entry.is_own()) {
            assert!(text.contains(&format!("{}: {}", entry.name, entry.credit)));
        }
    }
}

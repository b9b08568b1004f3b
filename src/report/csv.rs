//! Tables of numbers for other programs (RFC 4180).

use std::fmt::Display;

/// A CSV file in the making.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Csv {
    /// Stem of the file.
    pub name: &'static str,
    pub text: String,
}

impl Csv {
    /// A table with its column names.
    pub fn new(name: &'static str, columns: &str) -> Self {
        Self { name, text: format!("{columns}\n") }
    }

    /// Adds a row: the run's name, then the values.
    pub fn row(&mut self, run: &str, values: &[&dyn Display]) {
        self.text.push_str(&quoted(run));
        for value in values {
            self.text.push_str(&format!(",{value}"));
        }
        self.text.push('\n');
    }
}

/// A value that may be missing: the shortest digits that read back as the same f64, or nothing.
pub(super) fn cell(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(|value| format!("{value:?}")).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_gaps_are_empty() {
        let mut csv = Csv::new("t", "run,step,value");
        csv.row("a, \"b\"", &[&3, &cell(Some(0.1))]);
        csv.row("c", &[&4, &cell(None)]);
        assert_eq!(csv.text, "run,step,value\n\"a, \"\"b\"\"\",3,0.1\nc,4,\n");
    }
}

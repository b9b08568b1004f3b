//! Tables of numbers for other programs (RFC 4180).

use serde::Serialize;

use super::ReportError;

/// A CSV file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Csv {
    /// Stem of the file.
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

impl Csv {
    /// A table of rows, tuples of the run's name and the values of the other columns, whose names stand
    /// in `columns` with commas between them. Numbers have the shortest digits that read back as the
    /// same; what is `None` is left empty.
    ///
    /// # Errors
    /// [`ReportError::Csv`] if a row has more or fewer values than there are columns.
    pub fn new(
        name: &'static str,
        columns: &str,
        rows: impl IntoIterator<Item = impl Serialize>,
    ) -> Result<Self, ReportError> {
        let written = encode(columns, rows);
        let bytes = written.map_err(|source| ReportError::Csv { table: name, source })?;
        Ok(Self { name, bytes })
    }
}

fn encode(
    columns: &str,
    rows: impl IntoIterator<Item = impl Serialize>,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.split(','))?;
    for row in rows {
        writer.serialize(row)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A value that may be missing; one that is not finite is.
pub(super) fn cell(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &str = "run,step,value,error";

    #[test]
    fn names_are_quoted_and_gaps_are_empty() -> Result<(), ReportError> {
        let rows = [("a, \"b\"", 3, [Some(0.1), Some(1e-9)]), ("c", 4, [None, Some(f64::NAN)])];
        let rows = rows.map(|(run, step, values)| (run, step, values.map(cell)));
        let csv = Csv::new("t", COLUMNS, rows)?;
        let expected = "run,step,value,error\n\"a, \"\"b\"\"\",3,0.1,1e-9\nc,4,,\n";
        assert_eq!(String::from_utf8_lossy(&csv.bytes), expected);
        Ok(())
    }

    #[test]
    fn a_row_that_does_not_fit_its_columns_is_an_error() {
        assert!(Csv::new("t", COLUMNS, [("a", 3, Some(0.1))]).is_err());
        assert!(Csv::new("t", COLUMNS, [("a", 3, [Some(0.1); 3])]).is_err());
    }
}

//! CSV (RFC 4180): null is an empty cell; a number has the shortest digits that read back as the same
//! double; lists and records are JSON, which holds the same digits.

use serde_json::Value;

use super::rows::{Rows, items};
use super::{ExportError, Kind};

/// The table as the bytes of a file.
pub(super) fn encode(rows: &Rows) -> Result<Vec<u8>, ExportError> {
    try_encode(rows).map_err(|source| ExportError::Csv { table: rows.table.name, source })
}

fn try_encode(rows: &Rows) -> Result<Vec<u8>, csv::Error> {
    let columns = rows.table.columns;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| column.name))?;
    for row in rows.iter() {
        writer
            .write_record(columns.iter().map(|column| cell(column.kind, row.get(column.name))))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn cell(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (_, Value::Null) => String::new(),
        (_, Value::String(text)) => text.clone(),
        (Kind::List(_), value) => Value::from(items(value)).to_string(),
        (_, value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_what_the_record_does() {
        let cases = [
            (Kind::Number, "null", ""),
            (Kind::Number, "0.1", "0.1"),
            (Kind::Number, "2.5e-17", "2.5e-17"),
            (Kind::Boolean, "true", "true"),
            (Kind::Text, "\"f32\"", "f32"),
            (Kind::List(&Kind::Integer), "45000", "[45000]"),
            (Kind::List(&Kind::Number), "[1.5,null]", "[1.5,null]"),
        ];
        for (kind, json, expected) in cases {
            let value = serde_json::from_str(json).unwrap_or_default();
            assert_eq!(cell(kind, &value), expected);
        }
    }
}

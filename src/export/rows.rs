//! The records of a table, and values as what their columns say.

use std::path::PathBuf;
use std::slice;

use serde_json::{Map, Value};

use crate::run::{RunFolder, read_records};

use super::{Column, ExportError, Kind, Table};

/// A table with its records.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) table: Table,
    path: PathBuf,
    records: Vec<Map<String, Value>>,
}

impl Rows {
    /// Reads a table; without records if the run has none.
    ///
    /// # Errors
    /// If the file cannot be read, or a value is not of its column's kind.
    pub(super) fn read(folder: &RunFolder, table: Table) -> Result<Self, ExportError> {
        let path = folder.path().join(format!("{}.jsonl", table.name));
        let records = read_records(&path)?;
        let rows = Self { table, path, records };
        rows.check()?;
        Ok(rows)
    }

    fn check(&self) -> Result<(), ExportError> {
        for (index, record) in self.records.iter().enumerate() {
            let wrong = |column: &&Column| {
                record.get(column.name).is_some_and(|value| !column.kind.has(value))
            };
            if let Some(&Column { name, kind }) = self.table.columns.iter().find(wrong) {
                return Err(ExportError::Value {
                    path: self.path.clone(),
                    line: index + 1,
                    column: name,
                    found: record.get(name).unwrap_or(&Value::Null).to_string(),
                    kind: kind.to_string(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(Row)
    }
}

/// A record.
#[derive(Clone, Copy)]
pub(super) struct Row<'r>(&'r Map<String, Value>);

impl<'r> Row<'r> {
    /// The value of a column; null if the record lacks it.
    pub(super) fn get(self, column: &str) -> &'r Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }
}

impl Kind {
    /// The value is null or of this kind.
    fn has(self, value: &Value) -> bool {
        value.is_null()
            || match self {
                Self::Integer => value.is_u64(),
                Self::Number => value.is_number(),
                Self::Boolean => value.is_boolean(),
                Self::Text => value.is_string(),
                Self::List(kind) => items(value).iter().all(|item| kind.has(item)),
                Self::Record(columns) => value.as_object().is_some_and(|object| {
                    let fits = |column: &Column| {
                        object.get(column.name).is_none_or(|value| column.kind.has(value))
                    };
                    columns.iter().all(fits)
                }),
            }
    }
}

/// The items of a list; a single value stands for a list of one.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| slice::from_ref(value), Vec::as_slice)
}

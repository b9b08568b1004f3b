//! Parquet: lists and records in a column keep their structure, and every value is optional.
//!
//! Parquet stores the leaves of a column's tree one by one. A value carries two levels: how many of
//! the optional and repeated nodes above it are there (definition), and at which repeated node it goes
//! on with a list instead of beginning one (repetition).

use std::sync::Arc;

use parquet::column::writer::ColumnWriter;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use super::rows::{Rows, items};
use super::{Column, ExportError, Kind};

/// The table as the bytes of a file, one row group.
pub(super) fn encode(rows: &Rows) -> Result<Vec<u8>, ExportError> {
    try_encode(rows).map_err(|source| ExportError::Parquet { table: rows.table.name, source })
}

fn try_encode(rows: &Rows) -> Result<Vec<u8>, ParquetError> {
    let columns = rows.table.columns;
    let schema =
        Arc::new(parse_message_type(&format!("message losswalk {{{}}}", fields(columns)))?);
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::default())?;
    let mut group = file.next_row_group()?;
    for column in columns {
        let mut leaves = vec![Leaf::default(); column.kind.leaves()];
        for row in rows.iter() {
            shred(column.kind, row.get(column.name), Levels::default(), &mut leaves);
        }
        for leaf in &leaves {
            let mut writer = group.next_column()?.ok_or_else(too_few)?;
            leaf.write(&mut writer)?;
            writer.close()?;
        }
    }
    group.close()?;
    file.close()?;
    Ok(bytes)
}

fn too_few() -> ParquetError {
    ParquetError::General("the schema has fewer columns than the table".to_owned())
}

/// Columns in the language of `parse_message_type`.
fn fields(columns: &[Column]) -> String {
    columns.iter().map(|column| field(column.name, column.kind)).collect()
}

fn field(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Integer => format!("optional int64 {name} (INTEGER(64,false)); "),
        Kind::Number => format!("optional double {name}; "),
        Kind::Boolean => format!("optional boolean {name}; "),
        Kind::Text => format!("optional binary {name} (STRING); "),
        Kind::List(kind) => {
            let element = field("element", *kind);
            format!("optional group {name} (LIST) {{ repeated group list {{ {element}}} }} ")
        }
        Kind::Record(columns) => format!("optional group {name} {{ {}}} ", fields(columns)),
    }
}

impl Kind {
    /// Leaves of its tree.
    fn leaves(self) -> usize {
        match self {
            Self::List(kind) => kind.leaves(),
            Self::Record(columns) => columns.iter().map(|column| column.kind.leaves()).sum(),
            _ => 1,
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Levels {
    definition: i16,
    repetition: i16,
    /// Repeated nodes above.
    depth: i16,
}

/// Values of one leaf, nulls left out, with the levels of all.
#[derive(Clone, Default)]
struct Leaf<'v> {
    values: Vec<&'v Value>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

/// Appends a value to the leaves of its kind.
fn shred<'v>(kind: Kind, value: &'v Value, at: Levels, leaves: &mut [Leaf<'v>]) {
    let defined = Levels { definition: at.definition + 1, ..at };
    match kind {
        _ if value.is_null() => leaves.iter_mut().for_each(|leaf| leaf.push(None, at)),
        Kind::List(_) if items(value).is_empty() => {
            leaves.iter_mut().for_each(|leaf| leaf.push(None, defined));
        }
        Kind::List(kind) => {
            let (definition, depth) = (at.definition + 2, at.depth + 1);
            for (index, item) in items(value).iter().enumerate() {
                let repetition = if index == 0 { at.repetition } else { depth };
                shred(*kind, item, Levels { definition, repetition, depth }, leaves);
            }
        }
        Kind::Record(columns) => {
            let mut rest = leaves;
            for column in columns {
                let (own, others) = rest.split_at_mut(column.kind.leaves());
                shred(column.kind, &value[column.name], defined, own);
                rest = others;
            }
        }
        _ => leaves.iter_mut().for_each(|leaf| leaf.push(Some(value), defined)),
    }
}

impl<'v> Leaf<'v> {
    fn push(&mut self, value: Option<&'v Value>, at: Levels) {
        self.values.extend(value);
        self.definitions.push(at.definition);
        self.repetitions.push(at.repetition);
    }

    /// The writer has the type that the schema gives the leaf; the values fit it, as [`Rows`] has seen.
    fn write(&self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = (Some(self.definitions.as_slice()), Some(self.repetitions.as_slice()));
        let (definitions, repetitions) = levels;
        match writer.untyped() {
            ColumnWriter::Int64ColumnWriter(_) => {
                let bits = |value: &Value| value.as_u64().map(u64::cast_signed);
                let values = self.all(bits);
                writer.typed::<Int64Type>().write_batch(&values, definitions, repetitions)
            }
            ColumnWriter::DoubleColumnWriter(_) => {
                let values = self.all(Value::as_f64);
                writer.typed::<DoubleType>().write_batch(&values, definitions, repetitions)
            }
            ColumnWriter::BoolColumnWriter(_) => {
                let values = self.all(Value::as_bool);
                writer.typed::<BoolType>().write_batch(&values, definitions, repetitions)
            }
            _ => {
                let values = self.all(|value| value.as_str().map(ByteArray::from));
                writer.typed::<ByteArrayType>().write_batch(&values, definitions, repetitions)
            }
        }
        .map(drop)
    }

    fn all<T>(&self, read: impl Fn(&'v Value) -> Option<T>) -> Vec<T> {
        self.values.iter().filter_map(|&value| read(value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_tell_null_from_empty_and_lists_of_lists_apart() {
        let value = serde_json::json!([[1.0, null], [], null, [2.0]]);
        let mut leaves = [Leaf::default()];
        let kind = Kind::List(&Kind::List(&Kind::Number));
        shred(kind, &value, Levels::default(), &mut leaves);
        shred(kind, &Value::Null, Levels::default(), &mut leaves);
        let [leaf] = leaves;
        assert_eq!(leaf.values, [1.0, 2.0]);
        assert_eq!(leaf.definitions, [5, 4, 3, 2, 5, 0]);
        assert_eq!(leaf.repetitions, [0, 2, 1, 1, 1, 0]);
    }
}

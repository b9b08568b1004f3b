//! Events of TensorBoard: numbers and truth values of every table over the step, lists of numbers item
//! by item.
//!
//! A file is a sequence of TFRecords: length, its checksum, data, its checksum. The data are messages of
//! protocol buffers, `Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary
//! summary = 5 }` with `Summary { repeated Value value = 1 }` and `Value { string tag = 1; float
//! simple_value = 2 }`.

use serde_json::Value;

use crate::run::{Manifest, TimingRecord, seconds_since_1970};

use super::Kind;
use super::rows::{Row, Rows, items};

/// Columns that say where a value is, and lists that are the same on every line.
const PLACES: [&str; 4] = ["step", "alphas", "reach_alphas", "batch"];

/// The file's name, which TensorBoard knows by `tfevents`, and its bytes.
pub(super) fn encode(
    manifest: &Manifest,
    timings: &[TimingRecord],
    tables: &[Rows],
) -> (String, Vec<u8>) {
    let started = manifest.started.as_deref().and_then(seconds_since_1970).unwrap_or(0);
    let clock = Clock::new(started as f64, timings);
    let mut bytes = Vec::new();
    record(&mut bytes, &[double(1, clock.start), text(3, "brain.Event:2")].concat());
    for rows in tables {
        for row in rows.iter() {
            let step = row.get("step").as_u64().unwrap_or(0);
            let summary = summary(rows, row);
            if !summary.is_empty() {
                let head = [double(1, clock.at(step)), whole(2, step)].concat();
                record(&mut bytes, &[head, message(5, &summary)].concat());
            }
        }
    }
    (format!("events.out.tfevents.{started:010}.losswalk"), bytes)
}

/// Every scalar of a record, under `TABLE/COLUMN`; where a step has records of several batch sizes,
/// under `TABLE/COLUMN/SIZE`.
fn summary(rows: &Rows, row: Row<'_>) -> Vec<u8> {
    let table = rows.table.name;
    let by_size = ["alignment", "covariance"].contains(&table);
    let size = if by_size { format!("/{}", row.get("batch_size")) } else { String::new() };
    let columns = rows.table.columns.iter().filter(|column| !PLACES.contains(&column.name));
    let mut values = Vec::new();
    for column in columns {
        let tag = format!("{table}/{}{size}", column.name);
        match column.kind {
            Kind::List(_) => {
                for (index, item) in items(row.get(column.name)).iter().enumerate() {
                    values.extend(scalar(&format!("{tag}/{index}"), item));
                }
            }
            _ => values.extend(scalar(&tag, row.get(column.name))),
        }
    }
    values
}

/// A value of a summary, rounded to single precision; nothing for what is no number.
fn scalar(tag: &str, value: &Value) -> Vec<u8> {
    let number = value.as_f64().or_else(|| value.as_bool().map(|value| f64::from(u8::from(value))));
    let one = |number| message(1, &[text(1, tag), single(2, number as f32)].concat());
    number.map(one).unwrap_or_default()
}

/// When a step was recorded, as far as `timing.jsonl` tells.
struct Clock {
    start: f64,
    /// The last step of each span, and the seconds at its end.
    spans: Vec<(u64, f64)>,
}

impl Clock {
    fn new(start: f64, timings: &[TimingRecord]) -> Self {
        let mut now = start;
        let spans = timings.iter().map(|span| {
            now += span.seconds();
            (span.step, now)
        });
        Self { start, spans: spans.collect() }
    }

    fn at(&self, step: u64) -> f64 {
        let span = self.spans.iter().find(|(last, _)| *last >= step).or(self.spans.last());
        span.map_or(self.start, |(_, end)| *end)
    }
}

// -- Protocol buffers: a field is a varint of (number << 3 | type), then its content. --

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn field(number: u64, kind: u64, content: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | kind), content].concat()
}

fn whole(number: u64, value: u64) -> Vec<u8> {
    field(number, 0, &varint(value))
}

fn double(number: u64, value: f64) -> Vec<u8> {
    field(number, 1, &value.to_le_bytes())
}

fn single(number: u64, value: f32) -> Vec<u8> {
    field(number, 5, &value.to_le_bytes())
}

fn message(number: u64, content: &[u8]) -> Vec<u8> {
    field(number, 2, &[&varint(content.len() as u64), content].concat())
}

fn text(number: u64, content: &str) -> Vec<u8> {
    message(number, content.as_bytes())
}

// -- TFRecord. --

fn record(bytes: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    for part in [&length[..], data] {
        bytes.extend(part);
        bytes.extend(masked(crc32c(part)).to_le_bytes());
    }
}

/// A checksum as TFRecord stores it, so that the checksum of data with checksums is not special.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The CRC with Castagnoli's polynomial (RFC 3720, B.4), bit by bit, lowest first.
fn crc32c(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shifted(crc));
    !bytes.iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4.
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&ascending), 0x46dd_794e);
    }

    /// Expected: what `RecordWriter` of TensorBoard 2.21 writes.
    #[test]
    fn records_have_masked_checksums() {
        let mut bytes = Vec::new();
        record(&mut bytes, b"walk");
        let length = [4, 0, 0, 0, 0, 0, 0, 0, 0x42, 0x45, 0x52, 0x04];
        let data = [b'w', b'a', b'l', b'k', 0x32, 0xc4, 0x2c, 0x62];
        assert_eq!(bytes, [&length[..], &data].concat());
    }

    /// Expected: the bytes of `tf.train.Event(wall_time=1.5, step=300)`, by the encoding's definition.
    #[test]
    fn fields_have_their_numbers_and_types() {
        let event = [double(1, 1.5), whole(2, 300)].concat();
        assert_eq!(event, [0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 0xac, 0x02]);
        assert_eq!(message(5, &text(1, "a")), [0x2a, 3, 0x0a, 1, b'a']);
    }

    #[test]
    fn a_step_is_dated_by_the_end_of_its_span() {
        let span = |step, train_seconds| TimingRecord {
            step,
            train_seconds,
            line_seconds: 0.0,
            curvature_seconds: 0.0,
            scores_seconds: 0.0,
            other_seconds: 0.5,
            sample_points: 0,
        };
        let clock = Clock::new(100.0, &[span(4, 1.0), span(9, 2.0)]);
        assert_eq!([0, 4, 5, 20].map(|step| clock.at(step)), [101.5, 101.5, 104.0, 104.0]);
        assert_eq!(Clock::new(7.0, &[]).at(3), 7.0);
    }
}

//! NumPy's `.npy` format, version 1.0, for the one array that a run saves: a vector of u32.
//!
//! Format: NumPy Enhancement Proposal 1.

use std::path::Path;

use super::{RunError, write_atomic};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Writes `values` as a one-dimensional little-endian u32 array.
pub fn write_u32(path: &Path, values: &[u32]) -> Result<(), RunError> {
    write_atomic(path, &encode(values))
}

/// Reads what [`write_u32`] wrote.
pub fn read_u32(path: &Path) -> Result<Vec<u32>, RunError> {
    let bytes = std::fs::read(path).map_err(RunError::io("read", path))?;
    decode(&bytes).ok_or_else(|| RunError::content(path, "not a one-dimensional u32 .npy array"))
}

fn header(length: usize) -> String {
    format!("{{'descr': '<u4', 'fortran_order': False, 'shape': ({length},), }}")
}

fn encode(values: &[u32]) -> Vec<u8> {
    let mut header = header(values.len());
    // Magic, two bytes of length, header and newline together fill a multiple of 64 bytes.
    while !(MAGIC.len() + 2 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<u32>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (found, data) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    let (words, remainder) = data.as_chunks::<4>();
    let expected = header(words.len());
    let is_ours = remainder.is_empty() && found.trim_ascii_end() == expected.as_bytes();
    is_ours.then(|| words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_cut_file_is_not() {
        let bytes = encode(&[3, 1, 4_000_000_000]);
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(decode(&bytes).as_deref(), Some(&[3, 1, 4_000_000_000][..]));
        assert_eq!(decode(&bytes[..bytes.len() - 4]), None);
        assert_eq!(decode(b""), None);
    }
}

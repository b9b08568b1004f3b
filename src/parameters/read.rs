//! Reading parameter files, whoever wrote them: safetensors, and everything that `torch.save` makes.
//!
//! The format is recognised by the content, not by the name. Of a PyTorch file every tensor is read,
//! however deep it lies in dictionaries, lists or a pickled module; its name is the path to it, with
//! dots. Pickles are parsed as data: nothing in them is executed. Files keep PyTorch's order of
//! dimensions, and so does the result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader};
use safetensors::tensor::{Dtype, SafeTensors};

use crate::memory;

use super::Tensors;

/// Why a file gives no parameters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterFileError {
    /// The operating system refused to read it.
    #[error("{}: cannot read the parameter file: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        error: std::io::Error,
    },
    /// Its content is no parameter file, or a damaged one.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl Tensors {
    /// Reads a parameter file, safetensors or anything that `torch.save` writes; numbers of all types
    /// are widened to f64.
    ///
    /// # Errors
    /// A file that cannot be read, that is damaged, or that holds no tensors.
    pub fn read(path: &Path) -> Result<Self, ParameterFileError> {
        let unreadable = |error| ParameterFileError::Unreadable { path: path.to_owned(), error };
        let bytes = memory::read(path).map_err(unreadable)?;
        let tensors = if bytes.is_empty() {
            Err("the file is empty".to_owned())
        } else if is_safetensors(&bytes) {
            from_safetensors(&bytes)
        } else {
            from_pytorch(path, bytes.len())
        };
        tensors.map_err(|problem| ParameterFileError::Content { path: path.to_owned(), problem })
    }

    fn insert(
        &mut self,
        name: String,
        shape: &[usize],
        dtype: Dtype,
        bytes: &[u8],
    ) -> Result<(), String> {
        let values = widen(dtype, bytes).ok_or_else(|| {
            format!(
                "entry `{name}` has type {dtype:?}, which is not read here; save it as F32 or F64"
            )
        })?;
        self.single &= dtype != Dtype::F64;
        self.entries.insert(name, (shape.to_vec(), values));
        Ok(())
    }
}

/// A safetensors file begins with the length of its header, which is JSON.
fn is_safetensors(bytes: &[u8]) -> bool {
    // No other format has this byte here after a length so small: pickles start with an opcode,
    // archives with letters, and both make the length astronomical.
    let length = bytes.first_chunk().map(|word| u64::from_le_bytes(*word));
    bytes.get(8) == Some(&b'{') && length.is_some_and(|length| length < 1 << 32)
}

fn from_safetensors(bytes: &[u8]) -> Result<Tensors, String> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| format!("not a complete safetensors file: {error}"))?;
    let mut tensors = Tensors { entries: BTreeMap::new(), single: true };
    for (name, view) in file.iter() {
        tensors.insert(name.to_owned(), view.shape(), view.dtype(), view.data())?;
    }
    Ok(tensors)
}

fn from_pytorch(path: &Path, file_size: usize) -> Result<Tensors, String> {
    let reader = PytorchReader::new(path).map_err(|error| {
        format!("neither a safetensors file nor a whole PyTorch file with a state dict: {error}")
    })?;
    let mut tensors = Tensors { entries: BTreeMap::new(), single: true };
    for (name, tensor) in reader.into_tensors() {
        // A tensor can repeat its numbers without end (stride 0), so a few bytes can ask for
        // all memory.
        if tensor.byte_len() > file_size {
            return Err(format!("entry `{name}` is larger than the file; save it contiguous"));
        }
        let bytes = tensor.read().map_err(|error| error.to_string())?;
        tensors.insert(name, tensor.shape(), safetensors_type(tensor.dtype()), &bytes)?;
    }
    if tensors.entries.is_empty() {
        return Err("holds no tensors; save the network's state_dict()".to_owned());
    }
    Ok(tensors)
}

fn safetensors_type(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    }
}

/// Little-endian numbers as f64; exact but for 64-bit integers beyond 2^53. None for types that
/// PyTorch has no plain storage of.
fn widen(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f64>> {
    Some(match dtype {
        Dtype::F64 => words(bytes, f64::from_le_bytes),
        Dtype::F32 => words(bytes, |word| f32::from_le_bytes(word).into()),
        Dtype::F16 => words(bytes, |word| f16::from_le_bytes(word).to_f64()),
        Dtype::BF16 => words(bytes, |word| bf16::from_le_bytes(word).to_f64()),
        Dtype::I64 => words(bytes, |word| i64::from_le_bytes(word) as f64),
        Dtype::I32 => words(bytes, |word| i32::from_le_bytes(word).into()),
        Dtype::I16 => words(bytes, |word| i16::from_le_bytes(word).into()),
        Dtype::I8 => words(bytes, |word| i8::from_le_bytes(word).into()),
        Dtype::U64 => words(bytes, |word| u64::from_le_bytes(word) as f64),
        Dtype::U32 => words(bytes, |word| u32::from_le_bytes(word).into()),
        Dtype::U16 => words(bytes, |word| u16::from_le_bytes(word).into()),
        Dtype::U8 | Dtype::BOOL => words(bytes, |[byte]| byte.into()),
        _ => return None,
    })
}

fn words<const SIZE: usize>(bytes: &[u8], number: impl Fn([u8; SIZE]) -> f64) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|&word| number(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_widened_exactly() {
        let cases: [(Dtype, &[u8], f64); 7] = [
            (Dtype::F64, &(-1.5f64).to_le_bytes(), -1.5),
            (Dtype::F32, &0.1f32.to_le_bytes(), 0.1f32.into()),
            // Half precision: sign, 5 bits of exponent (bias 15), 10 of mantissa.
            (Dtype::F16, &0xc100u16.to_le_bytes(), -2.5),
            (Dtype::F16, &0x0001u16.to_le_bytes(), 2f64.powi(-24)),
            (Dtype::BF16, &0xc020u16.to_le_bytes(), -2.5),
            (Dtype::I64, &(-7i64).to_le_bytes(), -7.0),
            (Dtype::BOOL, &[1], 1.0),
        ];
        for (dtype, bytes, value) in cases {
            assert_eq!(widen(dtype, bytes), Some(vec![value]), "{dtype:?}");
        }
        assert_eq!(widen(Dtype::C64, &[0; 8]), None);
    }

    #[test]
    fn a_cut_file_is_an_error_that_names_it() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("w.safetensors");
        let entries = BTreeMap::from([("w".to_owned(), (vec![2], vec![0.1, -2.0]))]);
        let whole = Tensors { entries, single: false };
        let bytes = whole.encode()?;
        std::fs::write(&path, &bytes)?;
        assert_eq!(Tensors::read(&path)?, whole);
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length])?;
            let message = Tensors::read(&path).err().map(|error| error.to_string());
            assert!(message.is_some_and(|text| text.contains("w.safetensors")), "{length}");
        }
        Ok(())
    }
}

//! NumPy's `.npy` format, versions 1 to 3: a header that is a Python dictionary, then the elements.
//!
//! Only arrays as `numpy.save` writes them by default are read: C order, nothing behind the last
//! element. Nothing is allocated for what a header promises, only for what is there. Format: NumPy
//! Enhancement Proposal 1 and `numpy.lib.format`.

/// What every file begins with; the version follows.
const MAGIC: &[u8] = b"\x93NUMPY";

/// What is wrong with a file of NumPy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// Another kind of file.
    #[error("is no .npy file; write it with numpy.save, or both arrays with numpy.savez")]
    Magic,
    /// A version that is not known.
    #[error("is of version {major} of the .npy format; versions 1 to 3 are read")]
    Version {
        /// The first byte of the version.
        major: u8,
    },
    /// The header goes on after the end of the file.
    #[error("is truncated in its header")]
    HeaderCut,
    /// The header is no dictionary of three entries that can be understood.
    #[error("its header has no readable `{key}`")]
    Header {
        /// The entry.
        key: &'static str,
    },
    /// Columns first.
    #[error("its elements are in Fortran order; save numpy.ascontiguousarray(array)")]
    Fortran,
    /// Fewer or more bytes than the header promises.
    #[error(
        "{found} bytes of elements, but its header promises the shape {shape:?}, {expected} bytes"
    )]
    Length {
        /// The shape.
        shape: Vec<usize>,
        /// Bytes that this takes, or the largest number that can be written here.
        expected: u64,
        /// Bytes there are.
        found: usize,
    },
}

/// An array as it lies in a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Array {
    /// The type of its elements as NumPy writes it, `|u1` for bytes.
    pub element: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements, the last dimension first to change.
    pub bytes: Vec<u8>,
}

impl Array {
    /// Takes a whole file apart. That the number of bytes fits the shape is for who knows the size of
    /// an element: see [`check_length`](Self::check_length).
    ///
    /// # Errors
    /// If the file is no `.npy` file, of an unknown version, cut in its header, or in Fortran order.
    pub fn parse(mut file: Vec<u8>) -> Result<Self, NpyError> {
        let (header, offset) = header(&file)?;
        if entry(header, "fortran_order")?.starts_with("True") {
            return Err(NpyError::Fortran);
        }
        let element = element(entry(header, "descr")?);
        let shape = shape(entry(header, "shape")?).ok_or(NpyError::Header { key: "shape" })?;
        file.drain(..offset);
        Ok(Self { element, shape, bytes: file })
    }

    /// Compares the bytes there are with those that the shape takes.
    ///
    /// # Errors
    /// [`NpyError::Length`] if they differ.
    pub fn check_length(&self, element_bytes: usize) -> Result<(), NpyError> {
        let factors = self.shape.iter().map(|&size| size as u64);
        let expected = factors.fold(element_bytes as u64, u64::saturating_mul);
        let found = self.bytes.len();
        if expected == found as u64 {
            return Ok(());
        }
        Err(NpyError::Length { shape: self.shape.clone(), expected, found })
    }
}

/// The file that `numpy.save` writes of a vector of little-endian u32, in version 1.0.
pub fn encode_u32(values: &[u32]) -> Vec<u8> {
    let length = values.len();
    let mut header = format!("{{'descr': '<u4', 'fortran_order': False, 'shape': ({length},), }}");
    // Magic, version, two bytes of length, header and newline together fill a multiple of 64 bytes.
    while !(MAGIC.len() + 4 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let header_bytes = (header.len() as u16).to_le_bytes();
    let elements = values.iter().flat_map(|value| value.to_le_bytes());
    [MAGIC, &[1, 0], &header_bytes, header.as_bytes()]
        .concat()
        .into_iter()
        .chain(elements)
        .collect()
}

/// The dictionary, and where the elements begin.
fn header(file: &[u8]) -> Result<(&str, usize), NpyError> {
    let [major, _, rest @ ..] = file.strip_prefix(MAGIC).ok_or(NpyError::Magic)? else {
        return Err(NpyError::HeaderCut);
    };
    let (length, rest) = match (major, rest) {
        (1, [a, b, rest @ ..]) => (u32::from(u16::from_le_bytes([*a, *b])), rest),
        (2 | 3, [a, b, c, d, rest @ ..]) => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        (1..=3, _) => return Err(NpyError::HeaderCut),
        _ => return Err(NpyError::Version { major: *major }),
    };
    let (text, elements) = rest.split_at_checked(length as usize).ok_or(NpyError::HeaderCut)?;
    let text = str::from_utf8(text).map_err(|_| NpyError::Header { key: "descr" })?;
    Ok((text, file.len() - elements.len()))
}

/// What follows a key of the dictionary.
fn entry<'a>(header: &'a str, key: &'static str) -> Result<&'a str, NpyError> {
    let (_, rest) = header.split_once(&format!("'{key}'")).ok_or(NpyError::Header { key })?;
    let value = rest.trim_start().strip_prefix(':').ok_or(NpyError::Header { key })?;
    Ok(value.trim_start())
}

/// The type between quotes; of records, what their description begins with.
fn element(value: &str) -> String {
    let quoted = value.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    quoted.map_or_else(|| value.chars().take(20).collect(), str::to_owned)
}

/// `(3, 2)` or `(3,)`.
fn shape(value: &str) -> Option<Vec<usize>> {
    let (inside, _) = value.strip_prefix('(')?.split_once(')')?;
    let sizes = inside.split(',').map(str::trim).filter(|size| !size.is_empty());
    sizes.map(|size| size.parse().ok()).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_read_whatever_its_order_and_spaces() {
        let text = "{ 'shape' : (2, 30,) ,'fortran_order':False, 'descr':  '<i8' }";
        let mut file = b"\x93NUMPY\x03\x00".to_vec();
        file.extend((text.len() as u32).to_le_bytes());
        file.extend(text.bytes().chain([7, 8]));
        let array = Array::parse(file).unwrap();
        assert_eq!((array.element.as_str(), array.shape.as_slice()), ("<i8", [2, 30].as_slice()));
        assert_eq!(array.bytes, [7, 8]);
        let message = array.check_length(8).unwrap_err().to_string();
        assert_eq!(
            message,
            "2 bytes of elements, but its header promises the shape [2, 30], 480 bytes"
        );
    }

    #[test]
    fn what_is_written_is_what_numpy_writes_and_is_read() {
        let file = encode_u32(&[3, 1, 4_000_000_000]);
        // numpy.save(file, numpy.array([3, 1, 4000000000], dtype="<u4")) by NumPy 2.
        let header = "{'descr': '<u4', 'fortran_order': False, 'shape': (3,), }";
        let numpy = format!("\u{1}\0v\0{header:117}\n");
        assert_eq!(&file[..6], MAGIC);
        assert_eq!(&file[6..128], numpy.as_bytes());
        let array = Array::parse(file).unwrap();
        assert_eq!((array.element.as_str(), array.shape.as_slice()), ("<u4", [3].as_slice()));
        let values = array.bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
        assert_eq!(values.collect::<Vec<_>>(), [3, 1, 4_000_000_000]);
    }

    proptest! {
        #[test]
        fn a_changed_byte_gives_an_array_or_an_error(at in 0..90usize, byte in any::<u8>()) {
            let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 4), }";
            let mut file = [MAGIC, &[1, 0, text.len() as u8, 0], text.as_bytes(), &[9; 24]].concat();
            let before = file[at];
            file[at] = byte;
            match Array::parse(file.clone()) {
                Ok(array) => prop_assert!(file.ends_with(&array.bytes)),
                Err(_) => prop_assert!(byte != before),
            }
        }
    }
}

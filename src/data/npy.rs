//! NumPy's `.npy` format, versions 1 to 3: a header that is a Python dictionary, then the elements.
//!
//! Only arrays as `numpy.save` writes them by default are read: C order, little endian, nothing
//! behind the last element. Format: NumPy Enhancement Proposal 1 and `numpy.lib.format`.

/// What every file begins with; the version follows.
const MAGIC: &[u8] = b"\x93NUMPY";

/// What is wrong with an array of NumPy, or with a pair of them.
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
    /// Images that are no bytes.
    #[error(
        "its elements are `{found}`, but images are bytes, uint8; if they run from 0 to 1, save numpy.round(255 * images).astype(numpy.uint8)"
    )]
    NoBytes {
        /// The type as NumPy writes it.
        found: String,
    },
    /// Labels that are no integers.
    #[error(
        "its elements are `{found}`, but labels are little-endian integers; save labels.astype(numpy.int64)"
    )]
    NoIntegers {
        /// The type as NumPy writes it.
        found: String,
    },
    /// Dimensions that no set of images has.
    #[error(
        "its shape is {found:?}, but images are [n, height, width], [n, height, width, 1] or [n, height, width, 3], channels last and none of them 0"
    )]
    ImageShape {
        /// The shape.
        found: Vec<usize>,
    },
    /// Dimensions that no list of labels has.
    #[error("its shape is {found:?}, but labels are [n], one for each of the {images} images")]
    LabelShape {
        /// The shape.
        found: Vec<usize>,
        /// The number of images.
        images: usize,
    },
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
    /// A label that is no class.
    #[error("element {index} is {label}; labels count the classes from 0 to at most {}", u16::MAX - 1)]
    Label {
        /// Which one, from 0.
        index: usize,
        /// What it is.
        label: String,
    },
    /// An archive that cannot be read.
    #[error("cannot be unpacked: {0}; write it with numpy.savez")]
    Zip(#[from] zip::result::ZipError),
    /// Neither pair of files nor archive.
    #[error("has neither images.npy and labels.npy nor data.npz")]
    Absent,
    /// Both a pair of files and an archive.
    #[error("has data.npz and images.npy or labels.npy beside it; move one of them elsewhere")]
    Ambiguous,
}

/// An array as it lies in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Array {
    /// The type of its elements as NumPy writes it, `|u1` for bytes.
    pub element: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its elements, the last dimension first to change.
    pub bytes: Vec<u8>,
}

impl Array {
    /// Takes a whole file apart. That the number of bytes fits the shape is for who knows the size of
    /// an element.
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

    /// An error unless there are as many bytes as the shape takes.
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

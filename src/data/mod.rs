//! The training data: which sets are known, how to get their files, and how to read them.
//!
//! Images stay in memory as the bytes of their files, channels last, and are normalised while a
//! batch is gathered. Nothing here knows a tensor framework.

mod adapt;
mod augment;
mod catalog;
mod checksum;
mod cifar;
mod class_folders;
mod dataset;
mod digits;
mod download;
mod error;
mod fetch;
mod idx;
mod image_file;
mod image_folder;
mod images;
mod load;
mod normalise;
mod numpy_arrays;
mod pixel_cache;
mod published;
mod published_set;
mod source;
mod tiny_imagenet;
mod unpack;
mod usual;
mod verify;

pub use augment::{Augment, CropFlip};
pub use catalog::{DatasetEntry, Description, OwnFormat, OwnSet, entries, find, names};
pub use cifar::CifarError;
pub use class_folders::FolderError;
pub use dataset::{DataFile, Dataset, DatasetError, ImageShape};
pub use error::{DataError, FormatError};
pub use fetch::{FetchOptions, FetchProgress, fetch};
pub use idx::IdxError;
pub use image_file::ImageError;
pub use load::{load, load_test, load_uncached};
pub use normalise::{Pixel, PixelNormalisation};
pub use numpy_arrays::ArraysError;
pub use published_set::{Archive, Download, FileKind, Format, PublishedFile, PublishedSet, Split};
pub use tiny_imagenet::WnidError;
pub use unpack::ArchiveError;
pub use usual::{UsualNormalisation, usual_normalisations};
pub use verify::{FileStatus, Finding, verify};

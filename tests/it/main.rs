//! Integration tests: one binary, since each one links the whole framework.

mod data_files;
mod data_formats;
mod fetch;

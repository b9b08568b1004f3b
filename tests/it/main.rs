//! Integration tests: one binary, since each one links the whole framework.

mod checkpoints;
mod data_files;
mod fetch;
mod networks;
mod protocol;

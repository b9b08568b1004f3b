//! Integration tests: one binary, since each one links the whole framework.

mod cli;
mod data_files;
mod fetch;
mod networks;
mod program;
mod protocol;
mod resume;

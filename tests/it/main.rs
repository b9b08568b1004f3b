//! Integration tests: one binary, since each one links the whole framework.

mod checkpoints;
mod cli;
mod closed_forms;
mod curvature;
mod curvature_walk;
mod data_files;
mod data_formats;
mod determinism;
mod experiments;
mod failures;
mod fetch;
mod image_folder;
mod lab;
mod memory;
mod networks;
mod numpy_arrays;
mod program;
mod protocol;
mod quadratic;
mod resume;
mod run_folder;
mod series;
mod subcommands;
mod tiny_imagenet;
mod trajectory;

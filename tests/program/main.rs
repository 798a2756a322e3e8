//! Tests that run the program, in one binary.

#[path = "../support/files.rs"]
mod files;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/stderr.rs"]
mod stderr;

mod after_training;
mod asked_for;
mod branches;
mod cache;
mod cli;
mod cli_arrays;
mod cli_data;
mod cli_media;
mod cli_rates;
mod cli_study;
mod cli_study_charts;
mod cli_tables;
mod compare;
mod cut_checkpoints;
mod fine_tuning;
mod first_weights;
mod folds;
mod help;
mod instruction_sets;
mod json;
mod kept_weights;
mod label_sets;
mod launched;
mod limits;
mod losses;
mod mistyped;
mod new_labels;
mod new_rows;
mod newest_weights;
mod onnx_rows;
mod outputs;
mod part_files;
mod recipes;
mod regression;
mod regression_parity;
mod run_status;
mod runs;
mod said_of_files;
mod scaling;
mod series;
mod settings_act;
mod several_targets;
mod shell;
mod signals;
#[cfg(unix)]
mod slips;
mod survives;
mod table_columns;
mod table_formats;
mod three_parts;
mod tune;
mod watch;
mod weight_column;
mod written_layers;

//! The program `unisono`: arguments to settings to a call. The only place that prints.
//!
//! Results go to stdout, progress and warnings to stderr. Exit codes: 0 done, 1 failed while
//! running, 2 bad input.

#[macro_use]
mod stdout;

mod args;
mod before_training;
mod bench;
mod built_in;
mod cache;
mod chart_files;
mod choices;
mod compare;
mod compare_facts;
mod compare_page;
mod compared_run;
mod config;
mod config_file;
mod data_options;
mod doctor;
mod document;
mod error;
mod eval;
mod export;
mod first_weights;
mod flag_error;
mod folds;
mod help;
mod inspect;
mod keys;
mod launched;
mod list;
mod loss;
mod lr;
mod message;
mod network;
mod optim;
mod options;
mod out_file;
mod output;
mod part_errors;
mod predict;
mod predicted_labels;
mod predicted_values;
mod program;
mod progress;
mod raw_rows;
mod reading;
mod recipe;
mod resume;
mod run_recorder;
mod runs;
mod runs_args;
mod saved_run;
mod scaling;
mod scaling_args;
mod settings_table;
mod shell;
mod short_help;
mod shown;
mod side_by_side;
mod signals;
mod study;
mod study_args;
mod study_kind;
mod study_live;
mod study_plan;
mod study_values;
mod summary;
mod table_format;
mod task;
mod terminal;
mod threads;
mod train;
mod tune;
mod units;
mod unreached;
mod watch;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use program::run;

//! Tests of the library, in one binary: each would link the whole crate again.

#[path = "../support/files.rs"]
mod files;
#[path = "../support/gradient.rs"]
mod gradient;
#[cfg(any(feature = "audio", feature = "image", feature = "npz"))]
#[path = "../support/mutations.rs"]
mod mutations;
#[path = "../support/real_data.rs"]
mod real_data;
#[path = "../support/mod.rs"]
mod support;

mod all_reduce;
mod assignments;
mod batch_policies;
#[cfg(feature = "study")]
mod batch_size_study;
mod between_fits;
mod bf16;
mod checkpoints;
mod counted_rows;
mod criteria;
#[cfg(feature = "npz")]
mod data_arrays;
mod data_augment;
mod data_files;
mod data_folds;
#[cfg(feature = "image")]
mod data_images;
mod data_parallel_equivalence;
#[cfg(feature = "image")]
mod data_pictures;
#[cfg(feature = "audio")]
mod data_sounds;
mod data_tables;
#[cfg(feature = "text")]
mod data_tokens;
#[cfg(feature = "audio")]
mod data_wav;
mod factors;
mod fine_tuning;
mod finite_differences;
mod gradient_checks;
mod gradients;
mod hand_overs;
#[cfg(feature = "export")]
mod import;
#[cfg(feature = "export")]
mod import_order;
#[cfg(feature = "run")]
mod inference;
mod interrupted_evaluations;
mod label_sets;
#[cfg(feature = "study")]
mod layers;
mod meetings;
mod metrics;
#[cfg(feature = "export")]
mod onnx;
mod open_ends;
mod optimizer_formulas;
mod optimizers;
mod parity;
mod random_configurations;
mod rank_failures;
mod ranks;
mod row_weights;
mod rows_on_disk;
mod same_bits;
#[cfg(feature = "study")]
mod scaling_ranks;
mod schedules;
mod sequences;
mod shard_norms;
#[cfg(feature = "study")]
mod statistics;
#[cfg(feature = "files")]
mod table_columns;
mod three_parts;
#[cfg(feature = "study")]
mod time_to_target;
mod training_rules;
mod warnings;
mod watched;
mod winograd;
mod worker_failure;

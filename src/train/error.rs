//! Errors of training.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::data::{DataError, Labels};
use crate::engine::EngineError;
use crate::nn::{NnError, Shape};
use crate::optim::OptimError;

use super::metric::Metric;

/// An error of training.
///
/// ```
/// use unisono::{Trainer, TrainError, data::digits, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let mut trainer = Trainer::new(Sequential::new(63).dense(10), Loss::SoftmaxCrossEntropy);
/// let error = trainer.fit(&train, &test).unwrap_err();
/// assert!(matches!(error, TrainError::InputWidth { expected: 63, got: 64, .. }));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The engine failed, or a replica panicked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The model is impossible.
    #[error(transparent)]
    Model(#[from] NnError),
    /// A hyperparameter is out of range.
    #[error(transparent)]
    Optim(#[from] OptimError),
    /// The data are unusable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A preset that cannot take the rows of the data.
    #[error("the preset {name} cannot take {} of shape {axes:?}; images (H, W, C) go with mlp, lenet and resnet20, texts with lstm and gpt, other rows with mlp",
        if *is_text { "sequences of tokens" } else { "rows" })]
    Preset {
        /// The preset.
        name: &'static str,
        /// The shape of a row.
        axes: Vec<usize>,
        /// Whether rows are sequences of tokens.
        is_text: bool,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}; make room, or choose another place", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A checkpoint that is damaged, or of another training.
    #[error("{}: expected {expected}, got {got}; resume from another checkpoint", path.display())]
    Checkpoint {
        /// Its file.
        path: PathBuf,
        /// What should stand there.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// A checkpoint of another training.
    #[error(
        "the checkpoint is of another training: {what} has {expected}, the checkpoint {got}; give the settings that it was made with"
    )]
    Resume {
        /// What differs.
        what: String,
        /// What the settings say.
        expected: String,
        /// What the checkpoint says.
        got: String,
    },
    /// Settings that differ from those of the checkpoint.
    #[error("these settings are not the checkpoint's, so the weights would not be those of an unbroken training: {}; set them back", differences.join(", "))]
    Changed {
        /// Each setting, what it was, what it is.
        differences: Vec<String>,
    },
    /// A model or a batch that the memory cannot hold.
    #[error("{params} parameters, and {shard_rows} rows at once, take {} MiB at least, {} MiB are free; make layers or batch smaller", needed >> 20, free >> 20)]
    Memory {
        /// The model's.
        params: u64,
        /// Rows that a worker works on at a time.
        shard_rows: usize,
        /// Bytes that training takes at the least.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A batch without rows.
    #[error("batch size must be at least 1, got 0; choose 1 or more")]
    EmptyBatch,
    /// Rows of another width than the model's input.
    #[error(
        "the {part} data has {got} values a row, the model takes {expected}; change the model's first layer or the data"
    )]
    InputWidth {
        /// "training", "test" or "given".
        part: &'static str,
        /// The model's inputs.
        expected: usize,
        /// The data's values a row.
        got: usize,
    },
    /// Labels that the loss or the model cannot take.
    #[error("the {part} data is labelled with {}, the loss and the model's outputs of shape {outputs} need {}; change the loss, the last layer or the data", labels_text(.got), labels_text(.expected))]
    LabelKind {
        /// "training", "test" or "given".
        part: &'static str,
        /// The shape of the model's outputs.
        outputs: Shape,
        /// What the loss needs.
        expected: Labels,
        /// What the data has.
        got: Labels,
    },
    /// Data without a row that counts in the loss.
    #[error(
        "no row of the {part} data counts: every label is ignored, or of a class of weight 0; change the loss's ignored class or class weights, or the data"
    )]
    NothingCounts {
        /// "training", "test" or "given".
        part: &'static str,
    },
    /// Settings of the loss that make no sense.
    #[error("{problem}; change the loss's settings")]
    Loss {
        /// What is wrong: the setting, the range, the value.
        problem: String,
    },
    /// Statistics of shards' gradients, and too few shards.
    #[error(
        "{what} compares the gradients of a batch's shards and needs at least 2 of them, got {shards}; set shards to 2 or more"
    )]
    TooFewShards {
        /// What needs them.
        what: String,
        /// Shards of a batch.
        shards: usize,
    },
    /// Batches of several sizes in several shards, and a model that carries states from each row of
    /// a batch to the same row of the next.
    #[error(
        "the model carries states from each row of a batch to the same row of the next, and batches are not of one size (policy {policy}, {batch} rows, {last} in the last of an epoch): other shards would hold the row; keep the batch fixed at a size that divides the rows, or take one shard"
    )]
    CarriedState {
        /// The batch policy.
        policy: String,
        /// The first batch's rows.
        batch: usize,
        /// Those that an epoch's whole batches of this size leave over.
        last: usize,
    },
    /// Batch norm over single rows.
    #[error(
        "batch norm would take single rows by themselves ({batch} rows in {shards} shards) and turn each into zeros; use at most {} shards, or a larger batch", (batch / 2).max(1)
    )]
    SingleRows {
        /// Rows of a batch.
        batch: usize,
        /// Its shards.
        shards: usize,
    },
    /// A setting that follows the test loss, and no test set.
    #[error(
        "{setting} follows the loss on test data, and there are none; give a test set, or leave it out"
    )]
    NoTest {
        /// The setting.
        setting: &'static str,
    },
    /// A metric that chooses, and that the data have not.
    #[error("the metric to watch must be one of {known}, got {}", metric.key())]
    Unwatchable {
        /// The metric.
        metric: Metric,
        /// Those that there are.
        known: String,
    },
    /// A metric that chooses, and has no value on the rows that choose.
    #[error(
        "{metric} has no value on the {part} part, whose rows are all of one kind or count for nothing; watch another metric, or give it more rows"
    )]
    NoValue {
        /// The metric.
        metric: Metric,
        /// The part.
        part: &'static str,
    },
    /// A step that cannot be made.
    #[error(
        "step {step}: the batch policy \"{policy}\" and the schedule \"{schedule}\" ask for {rows} rows at a learning rate of {lr}, expected {least} to {most} rows and a rate that is finite and at least 0; change the policy or the schedule"
    )]
    Plan {
        /// The step, from 0.
        step: u64,
        /// The policy.
        policy: String,
        /// The schedule.
        schedule: String,
        /// Rows of the batch that was asked for.
        rows: usize,
        /// The learning rate.
        lr: f32,
        /// The fewest rows that the policy says it asks for.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A range test whose rate does not rise.
    #[error(
        "a range test needs rates that rise from above 0 in at least 2 steps, got {from} to {to} in {steps} steps"
    )]
    LrRange {
        /// The first rate.
        from: f32,
        /// The last one.
        to: f32,
        /// Steps.
        steps: u32,
    },
    /// Early stopping that would stop at once.
    #[error(
        "the patience of early stopping must be at least 1, got 0; choose 1 or more evaluations"
    )]
    NoPatience,
    /// Loss or gradient became infinite or NaN; the step was not applied.
    #[error(
        "step {step} (epoch {epoch}) was not applied: the loss is {loss}{}, the gradient's norm {grad_norm}; lower the learning rate, or use on-non-finite skip",
        criterion.as_ref().map_or_else(String::new, |name| format!(" ({name})"))
    )]
    NonFinite {
        /// The step, from 0.
        step: u64,
        /// The epoch, from 1.
        epoch: u32,
        /// The batch's mean loss.
        loss: f64,
        /// The name of the loss, if it is a network's.
        criterion: Option<String>,
        /// The norm of its mean gradient.
        grad_norm: f64,
    },
}

impl TrainError {
    /// What becomes of a system's error while `path` is read.
    pub(super) fn read(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        |source| TrainError::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// The same while it is written.
    pub(super) fn write(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        |source| TrainError::Write {
            path: path.to_owned(),
            source,
        }
    }
}

fn labels_text(labels: &Labels) -> String {
    match labels {
        Labels::Classes(n) => format!("classes below {n}"),
        Labels::Sequence { classes, len } => format!("classes below {classes} at {len} positions"),
        Labels::Values(n) => format!("{n} values a row"),
        Labels::None => "rows without labels".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_was_expected_what_came_and_what_to_do() {
        let width = TrainError::InputWidth {
            part: "test",
            expected: 64,
            got: 63,
        };
        assert!(
            width
                .to_string()
                .starts_with("the test data has 63 values a row, the model takes 64;")
        );
        let (expected, got) = (Labels::Classes(10), Labels::Values(1));
        let kind = TrainError::LabelKind {
            part: "training",
            outputs: 10.into(),
            expected,
            got,
        }
        .to_string();
        assert!(
            kind.contains("labelled with 1 values a row, the loss and the model's outputs of shape 10 need classes below 10")
        );
        let diverged = TrainError::NonFinite {
            step: 7,
            epoch: 1,
            loss: f64::NAN,
            criterion: Some("L1".to_owned()),
            grad_norm: 1.0,
        }
        .to_string();
        assert!(diverged.starts_with("step 7 (epoch 1) was not applied: the loss is NaN"));
        assert!(diverged.contains("lower the learning rate"));
        assert!(
            TrainError::EmptyBatch
                .to_string()
                .contains("at least 1, got 0")
        );
    }
}

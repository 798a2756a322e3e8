//! The sections `[optimizer]` and `[batch]` of a configuration.

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices::{an_optimizer, optimizers};

use super::defaults::defaults;
use super::whole::{self, Word};
use super::{ranges, real};

fn optimizer_help() -> String {
    format!("Optimiser: {}", optimizers())
}

/// The optimiser and its learning rate.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OptimArgs {
    /// Learning rate
    #[arg(long, default_value_t = 0.05, value_parser = ranges::NOT_NEGATIVE.single())]
    #[serde(serialize_with = "real::serialize")]
    pub(crate) lr: f32,

    /// Momentum, for optimisers that have one
    #[arg(long, default_value_t = 0.9, value_parser = ranges::FRACTION.single())]
    #[serde(serialize_with = "real::serialize")]
    pub(crate) momentum: f32,

    // The optimiser.
    #[arg(long, default_value = "momentum", value_name = "NAME", value_parser = an_optimizer(), help = optimizer_help())]
    #[schemars(description = optimizer_help())]
    #[serde(rename = "name")]
    pub(crate) optimizer: String,

    /// Decoupled weight decay (adamw and lamb: 0.01 by default), not applied to biases and norms
    #[arg(long, value_name = "LAMBDA", value_parser = ranges::NOT_NEGATIVE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) weight_decay: Option<f32>,

    /// L2 penalty: the loss term lambda / 2 |w|^2
    #[arg(long, value_name = "LAMBDA", value_parser = ranges::NOT_NEGATIVE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) l2: Option<f32>,

    /// L1 penalty: the loss term lambda |w|, by its subgradient
    #[arg(long, value_name = "LAMBDA", value_parser = ranges::NOT_NEGATIVE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) l1: Option<f32>,

    /// L1 penalty by proximal steps: gives exact zeros
    #[arg(long, value_name = "LAMBDA", value_parser = ranges::NOT_NEGATIVE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) proximal_l1: Option<f32>,

    /// Apply decay, L2 and L1 to biases and norms too
    #[arg(long)]
    pub(crate) decay_all: bool,

    /// Clip the mean gradient to this norm
    #[arg(long, value_name = "NORM", value_parser = ranges::POSITIVE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) clip_norm: Option<f32>,

    /// Clip every element of the mean gradient to this magnitude
    #[arg(long, value_name = "LIMIT", value_parser = ranges::POSITIVE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) clip_value: Option<f32>,

    /// Evaluate an exponential moving average of the weights with this decay
    #[arg(long, value_name = "DECAY", value_parser = ranges::SHARE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) average: Option<f32>,

    /// Leave the tensors as they are whose names begin with one of these, such as "conv0,conv3"; not
    /// even a batch norm's running statistics among them move
    #[arg(long, value_name = "NAMES")]
    pub(crate) freeze: Option<String>,

    /// Factors of the learning rate for the tensors whose names begin so, such as
    /// "dense0=0.1,dense2=2"
    #[arg(long, value_name = "NAME=FACTOR,...")]
    pub(crate) layer_lr: Option<String>,

    /// The learning rate over time, such as "warmup 2 epochs, cosine to 0.01 over 30 epochs";
    /// shapes: constant, step F every N UNIT, multistep F at N,N UNIT, exponential F every N UNIT,
    /// linear, cosine, polynomial F [to F] over N UNIT, restarts [to F] first N UNIT [growth F],
    /// onecycle over N UNIT, wsd stable N decay N UNIT, rsqrt after N UNIT; "SHAPE for N UNIT then
    /// SHAPE" joins them; units: steps, epochs, examples
    #[arg(long, default_value = "constant", value_name = "TEXT")]
    pub(crate) schedule: String,
}

impl Default for OptimArgs {
    fn default() -> Self {
        defaults()
    }
}

/// The batch.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BatchArgs {
    /// Rows of a global batch
    #[arg(long, default_value_t = 32, value_name = "ROWS", value_parser = ranges::rows())]
    #[serde(rename = "size")]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(crate) batch_size: usize,

    /// How the batch grows: fixed, "staged to N", "adabatch F every N UNIT lr F to N", "cabs N..N",
    /// "noise N..N every N steps lr none|linear|sqrt|adam", "adascale from N"
    #[arg(long, default_value = "fixed", value_name = "TEXT")]
    #[serde(rename = "policy")]
    pub(crate) batch_policy: String,
}

impl Default for BatchArgs {
    fn default() -> Self {
        defaults()
    }
}

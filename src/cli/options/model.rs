//! The section `[model]` of a configuration.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices::{a_precision, a_preset, preset_names};
use crate::nn::Precision;

use super::defaults::defaults;

fn preset_help() -> String {
    let names = preset_names();
    format!(
        "A reference model: {names}; on synthetic data without --data. All but mlp_small have an \
         optimiser, a schedule and a batch size of their own where you name none"
    )
}

pub(crate) fn reference_help() -> String {
    format!("Reference model: {}", preset_names())
}

pub(crate) fn precision_help() -> String {
    format!(
        "Precision of the operands of matrix products: {}; bf16 is faster on CPUs with AVX512-BF16, \
         and gives the same bits on every CPU",
        Precision::names()
    )
}

/// The model.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelArgs {
    // A reference model.
    #[arg(long, value_name = "NAME", value_parser = a_preset(), help = preset_help())]
    #[schemars(description = preset_help())]
    pub(crate) preset: Option<String>,

    /// A custom model: its hidden layers, such as "dense 128, relu", for images "conv 16 3 pad 1,
    /// batch-norm, relu, max-pool 2", for sequences and sounds "lstm 32", for texts "embedding 64,
    /// positions, residual(layer-norm, attention 4 causal), lstm 64". Their output is flattened and
    /// followed by a dense layer for the classes; for texts, by one for the next token at every
    /// position. The end of `unisono train --help` lists all layers
    #[arg(long, value_name = "LAYERS", conflicts_with = "preset")]
    pub(crate) layers: Option<String>,

    // The precision of products.
    #[arg(long, default_value = "f32", value_name = "NAME", value_parser = a_precision(), help = precision_help())]
    #[schemars(description = precision_help())]
    pub(crate) precision: String,

    /// Start from these weights instead of random ones: a run's folder (with @best, @last or @STEP
    /// behind it for others than the newest), a safetensors file that `export` wrote, or with
    /// --weights-map one from PyTorch
    #[arg(long, value_name = "RUN|FILE")]
    pub(crate) weights: Option<PathBuf>,

    /// A TOML file with the name of each tensor of the model in PyTorch's file, such as
    /// "dense0.weight"="fc1.weight"; layers after a flatten are permuted to this crate's order,
    /// channels last
    #[arg(long, value_name = "FILE", requires = "weights")]
    pub(crate) weights_map: Option<PathBuf>,

    /// Draw the model's last layer anew, for other classes or values than --weights are of, whose
    /// other layers it keeps
    #[arg(long, requires = "weights")]
    pub(crate) new_head: bool,
}

impl Default for ModelArgs {
    fn default() -> Self {
        defaults()
    }
}

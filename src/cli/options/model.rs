//! The section `[model]` of a configuration.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices::preset_names;

use super::defaults::defaults;

fn preset_help() -> String {
    let names = preset_names();
    format!("A reference model: {names}; on made-up data where there is no --data")
}

/// What is trained.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelArgs {
    // A reference model.
    #[arg(long, value_name = "NAME", help = preset_help())]
    #[schemars(description = preset_help())]
    pub(crate) preset: Option<String>,

    /// A model of one's own: its hidden layers, such as "dense 128, relu", for images "conv 16 3
    /// pad 1, batch-norm, relu, max-pool 2", for sequences and sounds "lstm 32", for texts
    /// "embedding 64, positions, residual(layer-norm, attention 4 causal), lstm 64". What comes out
    /// is flattened and gets a dense layer for the classes; of texts every position gets one for
    /// the next token. The end of `unisono train --help` lists all layers
    #[arg(long, value_name = "LAYERS", conflicts_with = "preset")]
    pub(crate) layers: Option<String>,

    /// Begin with the weights of this safetensors file instead of drawing them: one that `export`
    /// wrote, or with --weights-map one of PyTorch's
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,

    /// A TOML file that says, for each tensor of the model, its name in PyTorch's file, such as
    /// "dense0.weight"="fc1.weight"; layers behind a flatten are put in the order of this crate,
    /// where channels come last
    #[arg(long, value_name = "FILE", requires = "weights")]
    pub(crate) weights_map: Option<PathBuf>,
}

impl Default for ModelArgs {
    fn default() -> Self {
        defaults()
    }
}

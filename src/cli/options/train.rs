//! All sections of a configuration.

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::DataArgs;
use super::engine::EngineArgs;
use super::loss::LossArgs;
use super::model::ModelArgs;
use super::optim::{BatchArgs, OptimArgs};
use super::run::RunArgs;

/// All options of a training.
#[derive(Clone, Debug, Default, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) data: DataArgs,

    #[command(flatten)]
    pub(crate) loss: LossArgs,

    #[command(flatten)]
    #[serde(rename = "optimizer")]
    pub(crate) optim: OptimArgs,

    #[command(flatten)]
    pub(crate) batch: BatchArgs,

    #[command(flatten)]
    pub(crate) engine: EngineArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

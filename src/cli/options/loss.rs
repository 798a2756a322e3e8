//! The section `[loss]` of a configuration.

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices;

use super::defaults::defaults;
use super::{ranges, real};

/// What training minimises.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LossArgs {
    /// The loss: cross-entropy to classify and of language; of a regression mse (the default), l1
    /// or huber, over standardised targets; of label sets (--task multi-label) bce
    #[arg(long, value_name = "NAME", value_parser = choices::LOSSES.parser())]
    #[serde(rename = "name")]
    pub(crate) loss: Option<String>,

    /// Of huber: the error, in deviations of the target, from where on it counts by its size and no
    /// more by its square; 1 by default
    #[arg(long, value_name = "DEVIATIONS", value_parser = ranges::POSITIVE.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) huber_delta: Option<f32>,

    /// Of cross-entropy: the share of each row's label that is spread over all classes
    #[arg(long, value_name = "SHARE", value_parser = ranges::FRACTION.single())]
    #[serde(serialize_with = "real::serialize_optional")]
    pub(crate) label_smoothing: Option<f32>,

    /// Of cross-entropy: how much the rows of each class count: balanced (the inverse of their
    /// number, 1 on average), a number for each class in order, or CLASS=NUMBER for some, separated
    /// by commas
    #[arg(long, value_name = "balanced|LIST")]
    pub(crate) class_weights: Option<String>,

    /// Of cross-entropy: a class whose rows are neither trained on nor evaluated
    #[arg(long, value_name = "CLASS")]
    pub(crate) ignore_label: Option<String>,

    /// Of bce: how much each label counts where it is there: balanced (as much as all rows without
    /// it), a number for each label in order, or LABEL=NUMBER for some, separated by commas
    #[arg(long, value_name = "balanced|LIST")]
    pub(crate) positive_weights: Option<String>,
}

impl Default for LossArgs {
    fn default() -> Self {
        defaults()
    }
}

//! Options of a training: each is a flag of `unisono train` and a key of a configuration, and its
//! help is the comment of the key.
//!
//! | file | what |
//! |---|---|
//! | `train` | [`TrainArgs`]: all of them |
//! | `model`, `data`, `loss`, `engine`, `optim`, `run` | the sections of a configuration |
//! | `from` | [`FromArgs`]: `--config` and `--set`; [`JsonArgs`] and [`TableArgs`]: `--json` and `--format` |
//! | `defaults` | the default of a section |
//! | `real` | real numbers, which survive a file as the same bits |
//! | `whole` | whole numbers, and words that may be numbers |

mod data;
mod defaults;
mod engine;
mod from;
mod loss;
mod model;
mod optim;
pub(super) mod ranges;
mod real;
mod run;
mod train;
pub(super) mod whole;

pub(super) use data::DataArgs;
pub(super) use engine::EngineArgs;
pub(super) use from::{FromArgs, JsonArgs, TableArgs};
pub(super) use loss::LossArgs;
pub(super) use model::{ModelArgs, precision_help, reference_help};
pub(super) use optim::{BatchArgs, OptimArgs};
pub(super) use run::{RunArgs, in_flag};
pub(super) use train::TrainArgs;

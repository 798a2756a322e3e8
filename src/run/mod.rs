//! Runs: a training as a folder that can be stopped, resumed, compared, inspected and shipped.
//!
//! ```text
//! runs/first/
//!   config.toml          the settings, every one of them
//!   manifest.json        what it ran on, what came out: versions, processor, threads, seed, hashes
//!   model.json           the model: what its weights are the weights of
//!   preparation.json     how files became rows: other files become such rows by it
//!   metrics.jsonl        one line a record: some steps of each epoch, every epoch
//!   events.out.tfevents* the same for TensorBoard
//!   checkpoints/         what a resume goes on from
//!   model.safetensors    the trained weights
//!   report.html          the curves, on one page without outside parts
//!   lock                 the process that has the run open
//! ```
//!
//! | file | what |
//! |---|---|
//! | `folder` | [`RunFolder`]: making, opening, locking |
//! | `reader` | [`RunReader`]: the network and what goes with it, beside a running training |
//! | `log` | [`MetricsLog`]: records to JSON lines and to TensorBoard |
//! | `record` | [`Record`]: what is logged of a step or an epoch |
//! | `manifest` | [`Manifest`] |
//! | `predictions` | [`predictions`]: what rows are taken for |
//! | `mistakes` | [`Mistakes`]: metrics of a classifier, wrong rows as pictures |
//! | `regression` | [`values_of`], [`TargetErrors`]: what a regression predicts, and its errors |
//! | `label_sets` | [`label_sets_of`]: which of several labels rows are given |
//! | `findings` | [`Findings`]: what was found on the test rows, as sections of the page |
//! | `picture` | rows as pictures |
//! | `saliency` | [`Saliency`]: what of a row counts |
//! | `generation` | [`Generation`]: text of a language model's own |
//! | `report` | the page |
//! | `tensorboard` | event files |
//! | `weights` | [`RunWeights`]: the newest weights, checked |

mod error;
mod findings;
mod folder;
mod generation;
mod label_sets;
mod log;
mod manifest;
mod mistakes;
mod picture;
mod predictions;
mod reader;
mod record;
mod regression;
mod report;
mod saliency;
mod tensorboard;
mod weights;
mod which;

pub use error::RunError;
pub use findings::Findings;
pub use folder::{NewRun, RunFolder};
pub use generation::Generation;
pub use label_sets::{PredictedLabels, label_sets_of, multi_label};
pub use log::MetricsLog;
pub use manifest::{Manifest, ModelFile, Status};
pub use mistakes::{Mistakes, WrongRow, classification};
pub use picture::{heat_map, picture};
pub use predictions::{Predicted, predictions, predictions_of};
pub use reader::RunReader;
#[cfg(feature = "cli")]
pub(crate) use record::points;
pub use record::{LastEpoch, Record};
#[cfg(feature = "cli")]
pub(crate) use regression::in_digits;
pub use regression::{ErrorUnits, PredictedValues, TargetErrors, UnitErrors, values_of};
pub use report::report;
pub use saliency::Saliency;
pub use weights::RunWeights;
pub use which::Which;

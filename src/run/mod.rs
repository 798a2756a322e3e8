//! A run as a folder, that can be stopped, resumed, compared, looked at and shipped.
//!
//! ```text
//! runs/first/
//!   config.toml          the settings, every one of them
//!   manifest.json        what it ran on, what came out: versions, processor, threads, seed, hashes
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
//! | `log` | [`MetricsLog`]: records to JSON lines and to TensorBoard |
//! | `manifest` | [`Manifest`] |
//! | `mistakes` | [`predictions`]; [`Mistakes`]: confusion matrix, wrong rows as pictures |
//! | `report` | the page |
//! | `tensorboard` | event files |

mod error;
mod folder;
mod log;
mod manifest;
mod mistakes;
mod report;
mod tensorboard;

pub use error::RunError;
pub use folder::RunFolder;
pub use log::{MetricsLog, Record};
pub use manifest::{Manifest, Status};
pub use mistakes::{Mistakes, Predicted, WrongRow, predictions};
pub use report::report;

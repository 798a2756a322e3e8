//! Training: **the** loop, where data, engine, network, optimiser and schedule meet, and only here.
//!
//! [`Trainer`] holds the settings and the state that a next call of [`Trainer::fit`] goes on from.
//!
//! | file | what |
//! |---|---|
//! | `trainer`, `config` | settings, and their checks |
//! | `model`, `trained_network` | what is trained: a network, or a model of one's own |
//! | `fit`, `fit_network`, `fit_replicas`, `parts` | a call of `fit`: the engine comes up, epochs run, the result is stored |
//! | `epoch`, `train_loop`, `judging`, `repeat` | an epoch on one page, what it works on, its evaluations; what is done again |
//! | `control` | schedule, batch policy, plateau and clipping decide on every step |
//! | `callback`, `metrics` | who is told, and of what |
//! | `metric`, `watcher`, `blocks` | by what is chosen: a metric, its value, the outputs of rows |
//! | `early_stopping`, `kept`, `verdict` | when it ends, which weights are kept, whether it came to anything |
//! | `checkpoint`, `checkpoints`, `aside`, `resume`, `fit_state`, `state`, `state_dict`, `restart` | going on later |
//! | `auto`, `setup`, `room` | what is chosen, said and refused before the first step |
//! | `evaluate`, `evaluations`, `range_test` | evaluations, and the learning-rate range test |
//! | `source`, `network_engine` | adapters between data sets, network, optimiser and engine |

mod aside;
mod auto;
mod blocks;
mod callback;
mod checkpoint;
mod checkpoints;
mod config;
mod control;
mod early_stopping;
mod epoch;
mod error;
mod evaluate;
mod evaluations;
mod fit;
mod fit_network;
mod fit_replicas;
mod fit_state;
mod judging;
mod kept;
mod metric;
mod metrics;
mod model;
mod network_engine;
mod parts;
mod range_test;
mod ranks;
mod repeat;
mod restart;
mod resume;
mod room;
mod rows;
mod setup;
mod source;
mod state;
mod state_dict;
mod train_loop;
mod trained_network;
mod trainer;
mod verdict;
mod watcher;

pub use auto::{model_shards, resolve_auto, worthwhile_threads};
#[cfg(feature = "run")]
pub(crate) use blocks::of_rows;
pub use callback::{Callback, StopHandle, View};
pub use checkpoint::Checkpoint;
pub use checkpoints::Checkpoints;
pub use config::{OnNonFinite, OnWorkerPanic};
pub use early_stopping::{EarlyStopping, EarlyStoppingState, Verdict};
pub use error::TrainError;
pub use evaluations::Evaluations;
pub use kept::{EvaluatedPart, Kept, KeptWeights, Scores};
pub use metric::{Metric, Watched};
pub use metrics::{EpochMetrics, Event, Report, Setup};
pub use model::{Model, ReplicaModel};
#[cfg(feature = "study")]
pub(crate) use network_engine::{NetworkEngine, network_replicas};
pub use parts::Parts;
pub use range_test::{LrCurve, LrPoint, LrRange};
pub use rows::RowCounts;
pub use source::{ChainUpdate, Sources};
pub use trainer::Trainer;
#[cfg(feature = "run")]
#[cfg(feature = "cli")]
pub(crate) use verdict::accuracy_of_a_constant;
#[cfg(feature = "run")]
pub(crate) use watcher::{sigmoids, softmax};

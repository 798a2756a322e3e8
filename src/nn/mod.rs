//! Models: layers, losses, initialisers and the kernels under them, behind the engine's `Replica`.
//!
//! | folder | what | takes from |
//! |---|---|---|
//! | `kernel` | single-threaded kernels: products, convolutions, elementwise functions | - |
//! | `shape`, `error` | files: the axes of a row; what may be wrong with a model | - |
//! | `core` | parameters, gradients, the traits `Spec` and `Layer` | `kernel` |
//! | `loss` | losses and their gradients | `kernel`, `core` |
//! | `layers` | layers, one a file, and `Sequential` | `kernel`, `core` |
//! | `model` | models as text, with parameters, predicting, and as the engine sees them | all |
//!
//! # Invariants
//! 1. Rows are independent: a row's output and input gradient do not depend on the rows that go
//!    along, so a worker runs all its shards as one block. Batch norm is the exception, and says so
//!    (`Properties::has_cross_row_stats`, `Properties::has_batch_stats`).
//! 2. Sums over rows (weight gradients, losses) are per shard, added in the order of the engine's
//!    tree.

mod core;
mod error;
/// Public for this crate's own benches and tests; it may change at any time. [`Isa`] is what users
/// name of it.
#[doc(hidden)]
#[expect(
    clippy::needless_range_loop,
    reason = "loops over constant ranges of indices are unrolled, and what they sum up stays in registers"
)]
pub mod kernel;
mod layers;
mod loss;
mod model;
mod shape;

pub use self::core::{
    Activation, BackwardArgs, BlockContext, Build, Destinations, FactorShape, Fan, Fans, Flops,
    Grads, InPlace, Init, Layer, Mode, Op, ParamLayout, Properties, RecurrentCell, Role, Spec,
    Tensor, TensorSpec, Workspace,
};
pub use error::NnError;
pub use kernel::{Isa, Precision};
pub use layers::{
    Attention, BatchNorm, Conv, Dense, Dropout, Embedding, Norm, Parallel, Pool, Positions,
    Recurrent, Reshape, Residual, Sequential, Softmax,
};
pub use loss::{Criterion, CrossEntropy, Loss, MseConvention, TargetKind, Targets, TargetsMut};
pub(crate) use model::KeptOutputs;
pub use model::{
    Difference, GradientCheck, LAYERS, Network, NetworkReplica, Predictor, ReplicaSettings,
    RowSource, check_criterion, check_gradient, largest, presets,
};
pub use shape::Shape;

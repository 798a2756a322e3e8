//! Models: layers, losses, initialisers and the kernels under them, behind the engine's `Replica`.
//!
//! | file | what |
//! |---|---|
//! | `layer` | the traits behind every layer: `Spec` (what it is), `Layer` (at work), and what a pass carries |
//! | `shape`, `params`, `init` | shapes of rows; the flat layout of all parameters; initial values |
//! | `spec`, `stages` | `Sequential`: layers one after another, as data and at work |
//! | `dense`, `conv`, `pool`, `recurrent`, `attention`, `embedding`, `positions` | layers, one a file: formula, forward, backward |
//! | `batch_norm`, `norm`, `dropout`, `activation`, `softmax`, `reshape` | more of them |
//! | `combine` | `Residual` and `Parallel` |
//! | `text`, `words`, `causal` | layers as text; whether a position sees only those before it |
//! | `loss` | losses and their gradients |
//! | `network`, `predictor` | a model with its parameters; the same at work: outputs, gradients of the inputs |
//! | `replica`, `work`, `blocks`, `factored` | the model as the engine sees it; how many rows go at once; gradients left to their owners |
//! | `presets` | the reference models |
//! | `kernel` | single-threaded kernels under them |
//!
//! # Invariants
//! 1. Rows are independent: a row's output and input gradient do not depend on the rows that go
//!    along, so a worker runs all its shards as one block. Batch norm is the exception, and says so
//!    (`Layer::couples_rows`, `Layer::couples_batch`).
//! 2. Sums over rows (weight gradients, losses) are per shard, added in the order of the engine's
//!    tree.

mod activation;
mod attention;
mod batch_norm;
mod blocks;
mod builder;
mod causal;
mod combine;
mod conv;
mod dense;
mod destinations;
mod dropout;
mod elementwise;
mod embedding;
mod error;
mod factored;
mod grads;
mod init;
pub mod kernel;
mod layer;
mod loss;
mod network;
mod norm;
mod op;
mod params;
mod pass;
mod pool;
mod positions;
mod predictor;
pub mod presets;
mod properties;
mod ranges;
mod recurrent;
mod replica;
mod reshape;
mod row_source;
mod shape;
mod softmax;
mod spec;
mod stages;
mod text;
mod weight;
mod words;
mod work;
mod workspace;

pub use activation::Activation;
pub use attention::Attention;
pub use batch_norm::BatchNorm;
pub use combine::{Parallel, Residual};
pub use conv::Conv;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use error::NnError;
pub use grads::{Destinations, Grads};
pub use init::{Fan, Init};
pub use layer::{Build, InPlace, Layer, Spec};
pub use loss::{CrossEntropy, Loss, MseConvention, TargetKind, Targets, TargetsMut};
pub use network::Network;
pub use norm::Norm;
pub use op::{Op, RecurrentCell};
pub use params::{ParamLayout, Role, Tensor, TensorSpec};
pub use pass::{Mode, Pass, Tape};
pub use pool::Pool;
pub use positions::Positions;
pub use predictor::{Predictor, largest};
pub use properties::{FactorShape, Flops};
pub use recurrent::Recurrent;
pub use replica::{NetworkReplica, ReplicaSettings};
pub use reshape::Reshape;
pub use row_source::RowSource;
pub use shape::Shape;
pub use softmax::Softmax;
pub use spec::Sequential;
pub use words::LAYERS;
pub use workspace::Workspace;

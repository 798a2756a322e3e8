//! The layers, one a file: formula, forward, backward; and `Sequential`, one after another.
//!
//! | file | what |
//! |---|---|
//! | `dense`, `conv`, `pool`, `pool_layer` | products and windows |
//! | `recurrent`, `attention`, `embedding`, `positions` | over sequences |
//! | `batch_norm`, `norm`, `dropout`, `elementwise`, `softmax`, `reshape` | between them |
//! | `sequential`, `sequential_layer` | layers one after another, as data and at work |
//! | `combine` | `Residual` and `Parallel` |
//! | `weight` | a matrix of parameters at work, in both directions |

mod attention;
mod batch_norm;
mod combine;
mod conv;
mod dense;
mod dropout;
mod elementwise;
mod embedding;
mod norm;
mod pool;
mod pool_layer;
mod positions;
mod recurrent;
mod reshape;
mod sequential;
mod sequential_layer;
mod softmax;
mod weight;

pub use attention::Attention;
pub use batch_norm::BatchNorm;
pub(in crate::nn) use combine::Join;
pub use combine::{Parallel, Residual};
pub use conv::Conv;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use norm::Norm;
pub use pool::Pool;
pub use positions::Positions;
pub use recurrent::Recurrent;
pub use reshape::Reshape;
pub use sequential::Sequential;
pub(in crate::nn) use sequential_layer::SequentialLayer;
pub use softmax::Softmax;

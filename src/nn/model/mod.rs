//! Whole models: written as text, with their parameters, and as the engine sees them.
//!
//! | file | what |
//! |---|---|
//! | `builder` | `Sequential`'s shorthand for its most frequent layers |
//! | `parse`, `layer_syntax` | layers as text |
//! | `structure`, `difference` | models as JSON, which files of weights hold; where two differ |
//! | `causal`, `row_kind` | whether a position sees only those before it; sequences or images |
//! | `new_head` | a trained network under a last layer of its own |
//! | `network`, `predictor` | a model with its parameters; the same at work: outputs, gradients of the inputs |
//! | `replica`, `model_state`, `row_source` | the model as the engine sees it; its buffers; where its rows come from |
//! | `kept_outputs` | the outputs of an evaluation's rows |
//! | `blocks`, `destinations`, `factored` | how many rows go at once; where gradients go; those left to their owners |
//! | `gradient_check` | gradients beside difference quotients |
//! | `presets` | the reference models |

mod blocks;
mod builder;
mod causal;
mod destinations;
mod difference;
mod factored;
mod gradient_check;
mod kept_outputs;
mod layer_syntax;
mod model_state;
mod network;
mod new_head;
mod parse;
mod predictor;
pub mod presets;
mod replica;
mod row_kind;
mod row_source;
mod structure;

pub use difference::Difference;
pub use gradient_check::{GradientCheck, check_criterion, check_gradient};
pub(crate) use kept_outputs::KeptOutputs;
pub use layer_syntax::LAYERS;
pub use network::Network;
pub use predictor::{Predictor, largest};
pub use replica::{NetworkReplica, ReplicaSettings};
pub use row_source::RowSource;

//! The base of every layer: parameters and gradients, and the traits behind a layer.
//!
//! | file | what |
//! |---|---|
//! | `layer` | the traits: `Spec` (a layer as data), `Layer` (at work), and what it is built with |
//! | `properties` | what a layer costs, and what those around it must know |
//! | `context` | a block of rows on its way through the model, and what backward is given |
//! | `params`, `init` | the flat layout of all parameters; initial values |
//! | `grads`, `workspace` | where layers leave gradients; memory that they borrow |
//! | `op`, `activation` | a layer's formula as plain data; elementwise functions |
//! | `json` | a layer with its settings as text |
//! | `ranges` | ranges of rows |

mod activation;
mod context;
mod grads;
mod init;
mod json;
mod layer;
mod op;
mod params;
mod properties;
mod ranges;
mod workspace;

pub use activation::Activation;
pub(in crate::nn) use activation::forward_with_slopes;
pub use context::{BackwardArgs, BlockContext, Mode};
pub use grads::{Destinations, Grads};
pub use init::{Fan, Fans, Init};
pub(in crate::nn) use json::{branches_json, layer_json, layers_json, tied_json};
pub use layer::{Build, InPlace, Layer, Spec};
pub use op::{Op, RecurrentCell};
pub use params::{ParamLayout, Role, Tensor, TensorSpec};
pub use properties::{FactorShape, Flops, Properties};
pub(in crate::nn) use ranges::{blocks, positions};
pub use workspace::Workspace;

//! Optimisers and schedules, over flat slices: no models, no threads.
//!
//! | file | what |
//! |---|---|
//! | `transform` | one small step from gradient to update; a chain of them is an optimiser |
//! | `momentum` | heavy ball, EMA, and Nesterov's form of each |
//! | `moments`, `decay` | Adam's rescaling, decoupled weight decay |
//! | `recipes` | optimisers by name |
//! | `schedule` | the learning rate over time |

mod decay;
mod error;
mod moments;
mod momentum;
mod recipes;
mod schedule;
mod transform;

pub use decay::DecayWeights;
pub use error::OptimError;
pub use moments::Adam;
pub use momentum::{Momentum, MomentumForm};
pub use recipes::Optimizer;
pub use schedule::{Progress, Schedule, Unit};
pub use transform::{Chain, MAX_BLOCK, StepScalars, Transform};

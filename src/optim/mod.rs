//! Optimisers, schedules and batch-size policies, over flat slices: no models, no threads.
//!
//! | file | what |
//! |---|---|
//! | `transform` | one small step from gradient to update |
//! | `chain` | transforms one after another: an optimiser |
//! | `momentum` | heavy ball, EMA, and Nesterov's form of each |
//! | `moments`, `adaptive` | Adam; Adagrad, RMSprop, Lion |
//! | `trust_ratio` | the trust ratios of LARS and LAMB |
//! | `decay`, `clip`, `average` | L2, L1, decoupled decay; clipping; averages of the weights |
//! | `groups` | which tensors are treated differently |
//! | `recipes`, `build` | optimisers by name, and their chains |
//! | `custom` | optimisers, schedules and policies of one's own |
//! | `noise_scale` | the gradient's variance and mean from its shards |
//! | `scaling` | hyperparameters for a larger batch |
//! | `batch_policy` | how large the next batch is |
//! | `schedule`, `plateau` | the learning rate over time, and after evaluations |

mod adaptive;
mod average;
mod batch_policy;
mod build;
mod chain;
mod clip;
mod custom;
mod decay;
mod error;
mod groups;
mod moments;
mod momentum;
mod noise_scale;
mod plateau;
mod recipes;
mod scaling;
mod schedule;
mod transform;
mod trust_ratio;

pub use adaptive::{Adagrad, Lion, RmsProp};
pub use average::{AVERAGE, WeightAverage};
pub use batch_policy::{
    BatchBounds, BatchPolicy, BatchRule, CustomPolicy, PlanContext, StepOutcome, StepPlan,
};
pub use chain::Chain;
pub use clip::{ClipValue, clip_factor};
pub use decay::{DecayWeights, L1, ProximalL1};
pub use error::OptimError;
pub use groups::{Groups, PartTable, TensorKind};
pub use moments::Adam;
pub use momentum::{Momentum, MomentumForm};
pub use noise_scale::{BatchMoments, NoiseScale};
pub use plateau::{Plateau, PlateauState};
pub use recipes::Optimizer;
pub use scaling::ScalingRule;
pub use schedule::{CustomShape, Progress, Schedule, Shape, Unit, Warmup};
pub use transform::{
    Finish, MAX_BLOCK, ParamGroup, Part, StepScalars, TrainedBy, Transform, UpdateContext,
};
pub use trust_ratio::TrustRatio;

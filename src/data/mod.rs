//! Data sets, from which each worker gathers its own rows; no models, no workers.
//!
//! | file | what |
//! |---|---|
//! | `dataset` | the trait `Dataset` |
//! | `arrays` | rows in memory, from `ndarray` or vectors, checked when they are built |
//! | `digits` | handwritten digits, embedded in the program |
//! | `synthetic` | made up data, for benchmarks and trials |
//! | `sampler` | the order of the rows in an epoch |

mod arrays;
mod dataset;
mod digits;
mod error;
mod sampler;
mod synthetic;

pub use arrays::ArrayDataset;
pub use dataset::{Dataset, Labels};
pub use digits::digits;
pub use error::DataError;
pub use sampler::epoch_order;
pub use synthetic::{synthetic_classes, synthetic_tokens};

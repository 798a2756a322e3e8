//! Measurements of training: what a step costs and where its time goes.
//!
//! | file | what |
//! |---|---|
//! | `bench` | steps of a preset on made-up data: times, throughput, share of the peak, split of the step |
//! | `peak` | the processor's own multiply-adds a second, as these kernels reach them |
//! | `stats` | medians and quantiles |

mod bench;
mod peak;
mod stats;

pub use bench::{Bench, BenchReport};
pub use peak::measured_peak_flops;
pub use stats::quantile;

//! Measurements and studies of training: the cost of a step, scaling with threads, the batch size.
//!
//! | file | what |
//! |---|---|
//! | `batch_size` | steps to a target, the critical batch size, recipes side by side |
//! | `bench` | steps of a preset on synthetic data: times, throughput, share of the peak, split of the step |
//! | `disturbance` | other processes, the host and heat, while something is measured |
//! | `synthetic` | data for a preset where there are none |
//! | `peak` | the processor's own multiply-adds a second, and the memory's bytes |
//! | `bench_runner` | an engine with a preset, ready for steps |
//! | `scaling` | how throughput grows with threads |

pub mod batch_size;
mod bench;
mod bench_runner;
mod disturbance;
mod peak;
pub mod scaling;
mod synthetic;

pub(crate) use bench::check_rows;
pub use bench::{Bench, BenchReport};
pub use disturbance::Disturbance;
pub use peak::{measured_bandwidth, measured_peak_flops};
pub use synthetic::synthetic_data;

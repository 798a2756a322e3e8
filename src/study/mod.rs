//! Measurements and studies of training: what a step costs, how it scales, what the batch size
//! does.
//!
//! | file | what |
//! |---|---|
//! | `batch_size` | steps to a target, the critical batch size, recipes side by side |
//! | `bench` | steps of a preset on made-up data: times, throughput, share of the peak, split of the step |
//! | `bootstrap` | intervals and ranges of values |
//! | `chart` | charts as SVG, as PNG and in the terminal |
//! | `estimate` | a value that says what its samples can bear |
//! | `fit` | least squares, and the laws of scaling |
//! | `lock` | a folder that one process at a time works in |
//! | `machine` | what a measurement ran on, and what disturbed it |
//! | `made_up` | data for a preset where there are none |
//! | `page` | a page of results that stands alone |
//! | `peak` | the processor's own multiply-adds a second, and the memory's bytes |
//! | `rig` | an engine with a preset, ready for steps |
//! | `scaling` | how throughput grows with threads |
//! | `stats` | quantiles, and a test for a shift |

pub mod batch_size;
mod bench;
mod bootstrap;
mod chart;
mod estimate;
mod fit;
mod lock;
mod machine;
mod made_up;
mod page;
mod peak;
mod rig;
pub mod scaling;
mod stats;

pub(crate) use bench::check_rows;
pub use bench::{Bench, BenchReport};
pub use bootstrap::{Bootstrap, RESAMPLES};
pub use chart::{Chart, LineChart, StackedBars};
pub use estimate::{Estimate, FEWEST, spread_text};
pub use fit::{Law, LawFit, least_squares};
pub(crate) use lock::lock_folder;
pub use machine::{Disturbance, Machine};
pub(crate) use machine::{cpu, line_of};
pub use made_up::made_up_data;
pub use page::Page;
pub use peak::{measured_bandwidth, measured_peak_flops};
pub use stats::{mann_whitney, quantile};

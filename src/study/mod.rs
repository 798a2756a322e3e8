//! Measurements of training: what a step costs and where its time goes.
//!
//! | file | what |
//! |---|---|
//! | `bench` | steps of a preset on made-up data: times, throughput, share of the peak, split of the step |
//! | `chart` | line charts, as SVG and in the terminal |
//! | `made_up` | data for a preset where there are none |
//! | `page` | a page of results that stands alone |
//! | `peak` | the processor's own multiply-adds a second, as these kernels reach them |
//! | `stats` | medians and quantiles |

mod bench;
mod chart;
mod made_up;
mod page;
mod peak;
mod stats;

pub use bench::{Bench, BenchReport};
pub use chart::LineChart;
pub use made_up::made_up_data;
pub use page::Page;
pub use peak::measured_peak_flops;
pub use stats::quantile;

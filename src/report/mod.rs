//! Reports: pages of results with charts, and the machine that they were made on.
//!
//! | file | what |
//! |---|---|
//! | `chart`, `bars` | charts of lines and of bars, as SVG, as PNG and in the terminal |
//! | `machine` | processor, cores, system, compiler and commit |
//! | `html` | a page of results that stands alone |

mod bars;
mod chart;
mod html;
mod machine;

pub use bars::StackedBars;
pub use chart::{Chart, LineChart};
pub use html::HtmlReport;
pub use machine::Machine;

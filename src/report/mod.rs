//! Reports: pages of results with charts, and the machine that they were made on.
//!
//! | file | what |
//! |---|---|
//! | `chart` | charts as SVG, as PNG and in the terminal |
//! | `machine` | processor, cores, system, compiler and commit |
//! | `html` | a page of results that stands alone |

mod chart;
mod html;
mod machine;

pub use chart::{Chart, LineChart, StackedBars};
pub use html::HtmlReport;
pub use machine::Machine;

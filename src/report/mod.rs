//! Reports: pages of results with charts, and the machine that they were made on.
//!
//! | file | what |
//! |---|---|
//! | `chart`, `chart_rows` | a chart as SVG, as PNG, in the terminal, and its numbers as a table |
//! | `line_chart`, `series`, `marks` | charts of lines and points; a series of one; what is drawn over all of them |
//! | `thinned` | of a line of very many points those that its picture needs |
//! | `bars` | charts of stacked bars |
//! | `machine` | processor, cores, system, compiler and commit |
//! | `html` | a page of results that stands alone |

mod bars;
mod chart;
mod chart_rows;
mod html;
mod line_chart;
mod machine;
mod marks;
mod series;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "run", test))]
mod thinned;

pub use bars::StackedBars;
pub use chart::Chart;
pub use html::HtmlReport;
pub use line_chart::LineChart;
pub use machine::Machine;
#[cfg(feature = "run")]
pub(crate) use thinned::{THINNED, is_long, thinned};

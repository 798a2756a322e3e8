//! Charts as files: SVG, PNG, the terminal, and the numbers as a table.

use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::backend::terminal::TerminalBackend;
use kuva::plot::legend::LegendPosition;
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
use kuva::render::render::Scene;

use super::chart_rows::{ChartRow, table};

/// Colours that the colour-blind tell apart (Okabe, Ito 2008), and two greys for stacks of more
/// than seven.
pub(super) const COLOURS: [&str; 9] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999",
    "#F0E442",
];

/// Width and height of a picture, in pixels.
const SIZE: (f64, f64) = (800.0, 440.0);

/// A picture of numbers: a [`LineChart`](super::LineChart) or [`StackedBars`](super::StackedBars).
///
/// ```
/// use unisono::report::{Chart, LineChart};
/// let chart: &dyn Chart = &LineChart::new("loss", "step", "nats").line("train", vec![(0.0, 2.3), (1.0, 1.1)]);
/// assert!(chart.svg().contains("</svg>"));
/// ```
#[allow(private_bounds)]
pub trait Chart: Drawn {
    /// As an SVG document, 800 pixels wide, which a page may show smaller.
    fn svg(&self) -> String {
        let scene = self.scene();
        let (width, height) = (scene.width, scene.height);
        let svg = SvgBackend::new().render_scene(&scene);
        // Without it a narrow page would cut the picture off.
        let head = format!("<svg viewBox=\"0 0 {width} {height}\" ");
        svg.replacen("<svg ", &head, 1)
    }

    /// As a PNG file of twice the size; `None` where no font is found.
    fn png(&self) -> Option<Vec<u8>> {
        PngBackend::new().render_scene(&self.scene()).ok()
    }

    /// For a terminal of `columns` x `rows` characters.
    fn terminal(&self, columns: usize, rows: usize) -> String {
        TerminalBackend::new(columns, rows).render_scene(&self.scene())
    }

    /// The numbers as a CSV table, a line for each point: `series`, `x`, `y`, the interval's ends
    /// `low` and `high`, `censored` (true where `y` is only what the value is at least), and `x_low`
    /// and `x_high` for an interval along x. What is not known is empty.
    ///
    /// ```
    /// use unisono::report::{Chart, LineChart};
    /// let chart = LineChart::new("steps", "rows", "steps").line("ours", vec![(8.0, 700.0)]).band(vec![(8.0, 650.0, 720.0)]);
    /// assert_eq!(chart.csv(), "series,x,y,low,high,censored,x_low,x_high\nours,8,700,650,720,false,,\n");
    /// ```
    fn csv(&self) -> String {
        table(&self.rows())
    }
}

/// What a chart draws, by the crate that draws it; and the numbers behind it.
pub(super) trait Drawn {
    fn scene(&self) -> Scene;

    fn rows(&self) -> Vec<ChartRow>;
}

pub(super) fn layout(plots: &[Plot], title: &str, x: &str, y: &str) -> Layout {
    Layout::auto_from_plots(plots)
        .with_width(SIZE.0)
        .with_height(SIZE.1)
        .with_legend_position(LegendPosition::OutsideRightTop)
        .with_title(title)
        .with_x_label(x)
        .with_y_label(y)
}

//! Line charts, as SVG and in the terminal.

use kuva::backend::svg::SvgBackend;
use kuva::backend::terminal::TerminalBackend;
use kuva::plot::LinePlot;
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;

/// Colours that the colour-blind tell apart (Okabe, Ito 2008).
const COLOURS: [&str; 7] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
];

/// A chart of one or more lines.
///
/// ```
/// use unisono::study::LineChart;
/// let chart = LineChart::new("loss", ("step", "nats")).line("train", vec![(0.0, 2.3), (1.0, 1.1)]);
/// assert!(chart.svg().starts_with("<svg"));
/// assert!(!chart.terminal(60, 16).is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct LineChart {
    title: String,
    axes: (String, String),
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl LineChart {
    /// An empty chart with the labels of its axes, units included.
    pub fn new(title: impl Into<String>, (x, y): (&str, &str)) -> Self {
        Self {
            title: title.into(),
            axes: (x.to_owned(), y.to_owned()),
            lines: Vec::new(),
        }
    }

    /// With one more line; with a single one there is no legend.
    pub fn line(mut self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        self.lines.push((name.into(), points));
        self
    }

    /// As an SVG document.
    pub fn svg(&self) -> String {
        let (plots, layout) = self.plots();
        SvgBackend::new().render_scene(&render_multiple(plots, layout))
    }

    /// For a terminal of `columns` x `rows` characters.
    pub fn terminal(&self, columns: usize, rows: usize) -> String {
        let (plots, layout) = self.plots();
        TerminalBackend::new(columns, rows).render_scene(&render_multiple(plots, layout))
    }

    fn plots(&self) -> (Vec<Plot>, Layout) {
        let lines = self.lines.iter().zip(COLOURS.iter().cycle());
        let plots: Vec<Plot> = lines
            .map(|((name, points), colour)| {
                let line = LinePlot::new()
                    .with_data(points.clone())
                    .with_color(*colour)
                    .with_stroke_width(2.0);
                if self.lines.len() > 1 {
                    line.with_legend(name.clone()).into()
                } else {
                    line.into()
                }
            })
            .collect();
        let layout = Layout::auto_from_plots(&plots)
            .with_title(self.title.clone())
            .with_x_label(self.axes.0.clone())
            .with_y_label(self.axes.1.clone());
        (plots, layout)
    }
}

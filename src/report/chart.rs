//! Charts of lines and of stacked bars, as SVG, as PNG and in the terminal.

use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::backend::terminal::TerminalBackend;
use kuva::plot::legend::LegendPosition;
use kuva::plot::{BandPlot, BarPlot, LinePlot, ScatterPlot};
use kuva::render::layout::Layout;
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};

/// Colours that the colour-blind tell apart (Okabe, Ito 2008), and two greys for stacks of more
/// than seven.
const COLOURS: [&str; 9] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999",
    "#F0E442",
];

/// Width and height of a picture, in pixels.
const SIZE: (f64, f64) = (800.0, 440.0);

/// A picture of numbers: a [`LineChart`] or [`StackedBars`].
///
/// ```
/// use unisono::report::{Chart, LineChart};
/// let chart: &dyn Chart = &LineChart::new("loss", "step", "nats").line("train", vec![(0.0, 2.3), (1.0, 1.1)]);
/// assert!(chart.svg().contains("</svg>"));
/// ```
#[allow(private_bounds)]
pub trait Chart: Drawn {
    /// As an SVG document, 800 pixels wide.
    fn svg(&self) -> String {
        SvgBackend::new().render_scene(&self.scene())
    }

    /// As a PNG file of twice the size; `None` where no font is found.
    fn png(&self) -> Option<Vec<u8>> {
        PngBackend::new().render_scene(&self.scene()).ok()
    }

    /// For a terminal of `columns` x `rows` characters.
    fn terminal(&self, columns: usize, rows: usize) -> String {
        TerminalBackend::new(columns, rows).render_scene(&self.scene())
    }
}

/// What a chart draws, by the crate that draws it.
trait Drawn {
    fn scene(&self) -> Scene;
}

/// How a series of points is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Line,
    Dashes,
    Points,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    mark: Mark,
    /// Lower and upper edge at some x.
    band: Vec<(f64, f64, f64)>,
    colour: &'static str,
}

/// A chart of one or more lines.
///
/// ```
/// use unisono::report::{Chart, LineChart};
/// let chart = LineChart::new("loss", "step", "nats").line("train", vec![(0.0, 2.3), (1.0, 1.1)]);
/// assert!(chart.svg().starts_with("<svg"));
/// assert!(!chart.terminal(60, 16).is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct LineChart {
    title: String,
    x: String,
    y: String,
    series: Vec<Series>,
    is_log_x: bool,
    is_log_y: bool,
}

impl LineChart {
    /// An empty chart with the labels of its axes, units included.
    pub fn new(title: impl Into<String>, x: &str, y: &str) -> Self {
        Self {
            title: title.into(),
            x: x.to_owned(),
            y: y.to_owned(),
            series: Vec::new(),
            is_log_x: false,
            is_log_y: false,
        }
    }

    /// With one more line; with a single one there is no legend.
    pub fn line(self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        self.with(name.into(), points, Mark::Line)
    }

    /// With one more line, of dashes: what is not measured.
    pub fn dashed(self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        self.with(name.into(), points, Mark::Dashes)
    }

    /// With a curve from elsewhere: dashes, or among points points.
    pub fn beside(self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        let has_lines = self.series.iter().any(|series| series.mark != Mark::Points);
        if has_lines && points.len() > 1 {
            self.dashed(name, points)
        } else {
            self.points(name, points)
        }
    }

    /// With points that are not joined.
    pub fn points(self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        self.with(name.into(), points, Mark::Points)
    }

    /// With an interval around what was added last: x, lower and upper end; for points a bar at
    /// each, for lines an area.
    pub fn band(mut self, edges: Vec<(f64, f64, f64)>) -> Self {
        if let Some(last) = self.series.last_mut() {
            last.band = edges;
        }
        self
    }

    /// In the colour of series `index`, for what was added last: the two belong together.
    pub fn like(mut self, index: usize) -> Self {
        if let Some(last) = self.series.last_mut() {
            last.colour = COLOURS[index % COLOURS.len()];
        }
        self
    }

    /// With a logarithmic x axis.
    pub fn log_x(mut self) -> Self {
        self.is_log_x = true;
        self
    }

    /// With a logarithmic y axis.
    pub fn log_y(mut self) -> Self {
        self.is_log_y = true;
        self
    }

    fn with(mut self, name: String, points: Vec<(f64, f64)>, mark: Mark) -> Self {
        let colour = COLOURS[self.series.len() % COLOURS.len()];
        self.series.push(Series {
            name,
            points,
            mark,
            band: Vec::new(),
            colour,
        });
        self
    }
}

impl Series {
    fn plots(&self, has_legend: bool) -> Vec<Plot> {
        let mut plots = Vec::new();
        // The intervals first: what is drawn later lies on top.
        if self.mark == Mark::Points {
            let bar = |&(x, low, high): &(f64, f64, f64)| {
                let line = LinePlot::new().with_data(vec![(x, low), (x, high)]);
                line.with_color(self.colour).with_stroke_width(1.5).into()
            };
            plots.extend(self.band.iter().map(bar));
        } else if !self.band.is_empty() {
            let edge =
                |of: fn(&(f64, f64, f64)) -> f64| self.band.iter().map(of).collect::<Vec<f64>>();
            let band = BandPlot::new(edge(|b| b.0), edge(|b| b.1), edge(|b| b.2));
            plots.push(Plot::Band(band.with_color(self.colour).with_opacity(0.2)));
        }
        // The points or the line.
        if self.mark == Mark::Points {
            let mut points = ScatterPlot::new()
                .with_data(self.points.clone())
                .with_color(self.colour)
                .with_size(4.5);
            if has_legend {
                points = points.with_legend(self.name.clone());
            }
            plots.push(points.into());
        } else {
            let mut line = LinePlot::new()
                .with_data(self.points.clone())
                .with_color(self.colour)
                .with_stroke_width(2.0);
            if self.mark == Mark::Dashes {
                line = line.with_dashed();
            }
            if has_legend {
                line = line.with_legend(self.name.clone());
            }
            plots.push(line.into());
        }
        plots
    }
}

impl Chart for LineChart {}

impl Drawn for LineChart {
    fn scene(&self) -> Scene {
        let has_legend = self.series.len() > 1;
        let can_be_drawn = |value: f64, is_log: bool| value.is_finite() && (!is_log || value > 0.0);
        let drawn = self.series.iter().filter_map(|series| {
            let mut drawn = series.clone();
            drawn
                .points
                .retain(|&(x, y)| can_be_drawn(x, self.is_log_x) && can_be_drawn(y, self.is_log_y));
            drawn.band.retain(|&(x, low, high)| {
                can_be_drawn(x, self.is_log_x)
                    && can_be_drawn(low, self.is_log_y)
                    && can_be_drawn(high, self.is_log_y)
            });
            (!drawn.points.is_empty()).then_some(drawn)
        });
        let plots: Vec<Plot> = drawn.flat_map(|series| series.plots(has_legend)).collect();
        let mut layout = layout(&plots, &self.title, &self.x, &self.y);
        if self.is_log_x {
            layout = layout.with_log_x();
        }
        if self.is_log_y {
            layout = layout.with_log_y();
        }
        render_multiple(plots, layout)
    }
}

/// A chart of bars, each a stack of the same parts.
///
/// ```
/// use unisono::report::{Chart, StackedBars};
/// let chart = StackedBars::new("a step", "threads", "ms", &["forward", "backward"]);
/// assert!(chart.bar("1", &[2.0, 4.0]).bar("2", &[1.0, 2.1]).svg().contains("backward"));
/// ```
#[derive(Clone, Debug)]
pub struct StackedBars {
    title: String,
    x: String,
    y: String,
    parts: Vec<String>,
    bars: Vec<(String, Vec<f64>)>,
}

impl StackedBars {
    /// An empty chart with the labels of its axes, units included, and the parts of a stack from
    /// below.
    pub fn new(title: impl Into<String>, x: &str, y: &str, parts: &[&str]) -> Self {
        Self {
            title: title.into(),
            x: x.to_owned(),
            y: y.to_owned(),
            parts: parts.iter().map(ToString::to_string).collect(),
            bars: Vec::new(),
        }
    }

    /// With one more stack.
    pub fn bar(mut self, label: impl Into<String>, parts: &[f64]) -> Self {
        self.bars.push((label.into(), parts.to_vec()));
        self
    }
}

impl Chart for StackedBars {}

impl Drawn for StackedBars {
    fn scene(&self) -> Scene {
        let mut bars = BarPlot::new().with_stacked().with_width(0.6);
        for (label, parts) in &self.bars {
            let coloured = parts.iter().zip(COLOURS.iter().cycle());
            let coloured = coloured.map(|(&value, &colour)| (value, colour));
            bars = bars.with_group(label.clone(), coloured);
        }
        let parts = self.parts.iter().map(String::as_str).collect();
        let plots = vec![Plot::Bar(bars.with_legend(parts))];
        let layout = layout(&plots, &self.title, &self.x, &self.y);
        render_multiple(plots, layout)
    }
}

fn layout(plots: &[Plot], title: &str, x: &str, y: &str) -> Layout {
    Layout::auto_from_plots(plots)
        .with_width(SIZE.0)
        .with_height(SIZE.1)
        .with_legend_position(LegendPosition::OutsideRightTop)
        .with_title(title)
        .with_x_label(x)
        .with_y_label(y)
}

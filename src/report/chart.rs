//! Charts of lines, as SVG, as PNG and in the terminal.

use std::sync::Arc;

use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::backend::terminal::TerminalBackend;
use kuva::plot::legend::LegendPosition;
use kuva::plot::line::LineStyle;
use kuva::plot::scatter::MarkerShape;
use kuva::plot::{BandPlot, LinePlot, ScatterPlot};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};

/// Colours that the colour-blind tell apart (Okabe, Ito 2008), and two greys for stacks of more
/// than seven.
pub(super) const COLOURS: [&str; 9] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999",
    "#F0E442",
];

/// Shapes of markers: with eight of them and nine colours the first 72 series differ.
const SHAPES: [MarkerShape; 8] = [
    MarkerShape::Circle,
    MarkerShape::Square,
    MarkerShape::Triangle,
    MarkerShape::Diamond,
    MarkerShape::TriangleDown,
    MarkerShape::Star,
    MarkerShape::Cross,
    MarkerShape::Plus,
];

/// Lines of up to this many points have a marker at each.
const MOST_MARKERS: usize = 40;

/// Width and height of a picture, in pixels.
const SIZE: (f64, f64) = (800.0, 440.0);

/// A picture of numbers: a [`LineChart`] or [`StackedBars`](super::StackedBars).
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
pub(super) trait Drawn {
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
    shape: MarkerShape,
}

/// How an axis is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    /// With ticks at powers of ten.
    Log,
    /// With ticks at powers of two.
    Log2,
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
    x_scale: Scale,
    y_scale: Scale,
}

impl LineChart {
    /// An empty chart with the labels of its axes, units included.
    pub fn new(title: impl Into<String>, x: &str, y: &str) -> Self {
        Self {
            title: title.into(),
            x: x.to_owned(),
            y: y.to_owned(),
            series: Vec::new(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
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

    /// With a logarithmic x axis, and ticks at powers of ten.
    pub fn log_x(mut self) -> Self {
        self.x_scale = Scale::Log;
        self
    }

    /// With a logarithmic x axis, and ticks at powers of two: for sizes of a batch.
    pub fn log2_x(mut self) -> Self {
        self.x_scale = Scale::Log2;
        self
    }

    /// With a logarithmic y axis, on which a value that is not positive has no place.
    ///
    /// ```
    /// use unisono::report::{Chart, LineChart};
    /// let chart = |y| LineChart::new("loss", "step", "nats").line("train", vec![(0.0, y)]).log_y();
    /// assert!(chart(0.5).svg().contains("circle") && !chart(0.0).svg().contains("circle"));
    /// ```
    pub fn log_y(mut self) -> Self {
        self.y_scale = Scale::Log;
        self
    }

    /// With a logarithmic y axis where all values are positive and the largest is at least a
    /// hundred times the smallest.
    pub fn log_y_of_decades(self) -> Self {
        let values = self.series.iter().flat_map(|series| &series.points);
        let values = values
            .map(|point| point.1)
            .filter(|value| value.is_finite());
        let (least, most) = values.fold((f64::MAX, 0.0), |(least, most), value| {
            (f64::min(least, value), f64::max(most, value))
        });
        match least > 0.0 && most >= 100.0 * least {
            true => self.log_y(),
            false => self,
        }
    }

    fn with(mut self, name: String, points: Vec<(f64, f64)>, mark: Mark) -> Self {
        let index = self.series.len();
        let (colour, shape) = (COLOURS[index % COLOURS.len()], SHAPES[index % SHAPES.len()]);
        self.series.push(Series {
            name,
            points,
            mark,
            band: Vec::new(),
            colour,
            shape,
        });
        self
    }
}

impl Series {
    fn markers(&self) -> ScatterPlot {
        ScatterPlot::new()
            .with_data(self.points.clone())
            .with_color(self.colour)
            .with_marker(self.shape)
            .with_size(4.5)
    }

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
            let mut points = self.markers();
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
                line = line.with_line_style(LineStyle::Dashed);
            }
            if has_legend {
                line = line.with_legend(self.name.clone());
            }
            plots.push(line.into());
            // What was measured, where it can be told apart.
            if self.mark == Mark::Line && self.points.len() <= MOST_MARKERS {
                plots.push(self.markers().into());
            }
        }
        plots
    }
}

impl Chart for LineChart {}

impl LineChart {
    /// The series as they are drawn: without values that the axes cannot show, and on an axis of
    /// powers of two by their exponents.
    fn drawn(&self) -> Vec<Series> {
        let is_on =
            |value: f64, scale| value.is_finite() && (scale == Scale::Linear || value > 0.0);
        let place = |x: f64| {
            if self.x_scale == Scale::Log2 {
                libm::log2(x)
            } else {
                x
            }
        };
        let drawn = self.series.iter().map(|series| {
            let mut drawn = series.clone();
            drawn
                .points
                .retain(|&(x, y)| is_on(x, self.x_scale) && is_on(y, self.y_scale));
            drawn.band.retain(|&(x, low, high)| {
                is_on(x, self.x_scale) && is_on(low, self.y_scale) && is_on(high, self.y_scale)
            });
            drawn
                .points
                .iter_mut()
                .for_each(|point| point.0 = place(point.0));
            drawn
                .band
                .iter_mut()
                .for_each(|edge| edge.0 = place(edge.0));
            drawn
        });
        drawn.filter(|series| !series.points.is_empty()).collect()
    }

    /// The x axis: it ends where the data end.
    fn x_axis(&self, layout: Layout, drawn: &[Series]) -> Layout {
        let places = drawn.iter().flat_map(|series| &series.points);
        let (least, most) = places.fold((f64::MAX, f64::MIN), |(least, most), &(x, _)| {
            (least.min(x), most.max(x))
        });
        if self.x_scale == Scale::Log {
            return layout.with_log_x();
        }
        let layout = match least < most {
            true => layout.with_x_axis_min(least).with_x_axis_max(most),
            false => layout,
        };
        if self.x_scale == Scale::Linear {
            return layout;
        }
        // A dozen powers at most.
        let every = ((most - least) / 12.0).ceil().max(1.0);
        let power = |exponent: f64| format!("{}", libm::exp2(exponent).round());
        layout
            .with_x_tick_step(every)
            .with_x_tick_format(TickFormat::Custom(Arc::new(power)))
    }
}

impl Drawn for LineChart {
    fn scene(&self) -> Scene {
        let drawn = self.drawn();
        let has_legend = self.series.len() > 1;
        let plots = drawn.iter().flat_map(|series| series.plots(has_legend));
        let plots: Vec<Plot> = plots.collect();
        let mut layout = layout(&plots, &self.title, &self.x, &self.y);
        // Without a value to show there is no decade to draw.
        if drawn.is_empty() {
            return render_multiple(plots, layout);
        }
        layout = self.x_axis(layout, &drawn);
        if self.y_scale == Scale::Log {
            layout = layout.with_log_y();
        }
        render_multiple(plots, layout)
    }
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

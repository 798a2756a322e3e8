//! Charts of lines and points.

use std::sync::Arc;

use kuva::render::layout::{ComputedLayout, Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};

use super::chart::{COLOURS, Chart, Drawn, layout};
use super::chart_rows::ChartRow;
use super::marks::{marks, uncut};
use super::series::{Mark, Series, from_zero};

/// What is said of open arrows.
const BEYOND: &str = "open arrows: at least so much";

/// Characters of a subtitle's line, and where a legend takes a part of the width.
const SUBTITLE: [usize; 2] = [105, 62];

/// Characters of all names of an axis, from where on they are written aslant.
const LEVEL_NAMES: usize = 70;

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
    subtitle: String,
    x: String,
    y: String,
    series: Vec<Series>,
    names: Vec<String>,
    x_scale: Scale,
    y_scale: Scale,
}

impl LineChart {
    /// An empty chart with the labels of its axes, units included.
    pub fn new(title: impl Into<String>, x: &str, y: &str) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            x: x.to_owned(),
            y: y.to_owned(),
            series: Vec::new(),
            names: Vec::new(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
        }
    }

    /// With a line below the title: the target and the setting that it was measured in.
    ///
    /// ```
    /// use unisono::report::{Chart, LineChart};
    /// let chart = LineChart::new("loss", "step", "nats").line("train", vec![(0.0, 2.3), (1.0, 1.1)]);
    /// assert!(chart.subtitle("lenet, batch 32").svg().contains("lenet, batch 32"));
    /// ```
    pub fn subtitle(mut self, text: impl Into<String>) -> Self {
        self.subtitle = text.into();
        self
    }

    /// With names on the x axis: that of place 1 first.
    ///
    /// ```
    /// use unisono::report::{Chart, LineChart};
    /// let chart = LineChart::new("error", "recipe", "%").names(vec!["plain".to_owned(), "warmup".to_owned()]);
    /// let chart = chart.points("error", vec![(1.0, 4.2), (2.0, 3.9)]);
    /// assert!(chart.svg().contains(">warmup<") && chart.csv().contains("error,warmup,3.9"));
    /// ```
    pub fn names(mut self, names: Vec<String>) -> Self {
        self.names = names;
        self
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

    /// With intervals along x around what was added last: y, left and right end, a bar at each.
    pub fn across(mut self, ends: Vec<(f64, f64, f64)>) -> Self {
        if let Some(last) = self.series.last_mut() {
            last.across = ends;
        }
        self
    }

    /// With open arrows beside what was added last, where the value is only known to be at least y:
    /// such as steps of a training that was ended before it reached its target.
    ///
    /// ```
    /// use unisono::report::{Chart, LineChart};
    /// let chart = LineChart::new("steps", "rows", "steps").line("ours", vec![(8.0, 700.0)]).censored(vec![(4.0, 900.0)]);
    /// assert!(chart.svg().contains("open arrows: at least so much"));
    /// assert!(chart.csv().ends_with("ours,4,900,900,,true,,\n"));
    /// ```
    pub fn censored(mut self, points: Vec<(f64, f64)>) -> Self {
        if let Some(last) = self.series.last_mut() {
            last.censored = points;
        }
        self
    }

    /// The same beside series `index`.
    pub fn censored_at(mut self, index: usize, points: Vec<(f64, f64)>) -> Self {
        if let Some(series) = self.series.get_mut(index) {
            series.censored = points;
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
        let series = Series::new(self.series.len(), name, points, mark);
        self.series.push(series);
        self
    }
}

impl Chart for LineChart {}

impl LineChart {
    /// The series as they are drawn: without values that the axes cannot show, and on an axis of
    /// powers of two by their exponents.
    fn drawn(&self) -> Vec<Series> {
        let is_on =
            |value: f64, scale| value.is_finite() && (scale == Scale::Linear || value > 0.0);
        let is_at = |x: f64, y: f64| is_on(x, self.x_scale) && is_on(y, self.y_scale);
        let place = |x: &mut f64| {
            if self.x_scale == Scale::Log2 {
                *x = libm::log2(*x);
            }
        };
        let drawn = self.series.iter().map(|series| {
            let mut drawn = series.clone();
            for points in [&mut drawn.points, &mut drawn.censored] {
                points.retain(|&(x, y)| is_at(x, y));
                points.iter_mut().for_each(|point| place(&mut point.0));
            }
            let band = &mut drawn.band;
            band.retain(|&(x, low, high)| is_at(x, low) && is_at(x, high));
            band.iter_mut().for_each(|edge| place(&mut edge.0));
            let across = &mut drawn.across;
            across.retain(|&(y, low, high)| is_at(low, y) && is_at(high, y));
            across.iter_mut().for_each(|(_, low, high)| {
                place(low);
                place(high);
            });
            drawn
        });
        drawn.filter(|series| !series.is_empty()).collect()
    }

    /// The x axis: it ends where the data end.
    fn x_axis(&self, layout: Layout, drawn: &[Series]) -> Layout {
        if !self.names.is_empty() {
            return self.axis_of_names(layout);
        }
        let places = drawn
            .iter()
            .flat_map(|one| one.points.iter().chain(&one.censored));
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

    /// An axis with a name at each place from 1 on.
    fn axis_of_names(&self, layout: Layout) -> Layout {
        let layout = layout
            .with_x_axis_min(0.5)
            .with_x_axis_max(self.names.len() as f64 + 0.5)
            .with_x_categories(self.names.clone());
        let longest = self.names.iter().map(|name| name.chars().count()).max();
        match longest.unwrap_or(0) * self.names.len() > LEVEL_NAMES {
            true => layout.with_x_tick_rotate(-25.0),
            false => layout,
        }
    }

    /// The y axis, with room above for arrows.
    fn y_axis(&self, layout: Layout, drawn: &[Series]) -> Layout {
        let layout = match self.y_scale {
            Scale::Linear => from_zero(layout, drawn),
            Scale::Log | Scale::Log2 => layout.with_log_y(),
        };
        let arrows = drawn.iter().flat_map(|one| &one.censored);
        let Some(highest) = arrows.map(|point| point.1).reduce(f64::max) else {
            return layout;
        };
        let heights = drawn.iter().flat_map(|one| {
            let points = one.points.iter().chain(&one.censored);
            let ends = one.band.iter().flat_map(|edge| [edge.1, edge.2]);
            points.map(|point| point.1).chain(ends)
        });
        let (least, most) = heights.fold((f64::MAX, f64::MIN), |(least, most), y| {
            (least.min(y), most.max(y))
        });
        // An arrow takes a twelfth of the height, a marker less.
        let (arrow, marker) = match self.y_scale {
            Scale::Linear => (
                highest + (most - least) / 10.0,
                most + (most - least) / 25.0,
            ),
            _ => {
                let ratio = (most / least).max(2.0);
                (
                    highest * libm::pow(ratio, 0.12),
                    most * libm::pow(ratio, 0.04),
                )
            }
        };
        layout.with_y_axis_max(arrow.max(marker))
    }

    /// What stands below the title.
    fn below_title(&self) -> String {
        let is_censored = self.series.iter().any(|one| !one.censored.is_empty());
        let parts = [
            self.subtitle.as_str(),
            if is_censored { BEYOND } else { "" },
        ];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("; ")
    }
}

impl Drawn for LineChart {
    fn scene(&self) -> Scene {
        let drawn = self.drawn();
        let has_legend = self.series.len() > 1;
        let plots = drawn.iter().enumerate().flat_map(|(at, series)| {
            let above = drawn[at + 1..]
                .iter()
                .filter(|other| series.is_under(other));
            series.plots(has_legend, above.count())
        });
        let plots: Vec<Plot> = plots.collect();
        let mut layout = layout(&plots, &self.title, &self.x, &self.y);
        let below = self.below_title();
        if !below.is_empty() {
            let most = SUBTITLE[usize::from(has_legend)];
            layout = layout.with_subtitle(below).with_subtitle_wrap(most);
        }
        // Without a value to show there is no decade to draw.
        if drawn.is_empty() {
            return render_multiple(plots, layout);
        }
        layout = self.x_axis(layout, &drawn);
        layout = self.y_axis(layout, &drawn);
        let computed = ComputedLayout::from_layout(&layout);
        let mut scene = render_multiple(plots, layout);
        uncut(&mut scene);
        scene.elements.extend(marks(&drawn, &computed));
        scene
    }

    fn rows(&self) -> Vec<ChartRow> {
        let name = |x: f64| {
            let place = (x - 1.0).round().max(0.0) as usize;
            let named = self.names.get(place);
            named.map_or_else(|| x.to_string(), Clone::clone)
        };
        let rows = self.series.iter().flat_map(|series| {
            let ends_at = |edges: &[(f64, f64, f64)], at: f64| {
                let found = edges.iter().find(|edge| edge.0 == at);
                found.map(|&(_, low, high)| (low, high))
            };
            let known = series.points.iter().map(move |&(x, y)| ChartRow {
                series: series.name.clone(),
                x: name(x),
                y,
                bounds: ends_at(&series.band, x),
                is_censored: false,
                x_bounds: ends_at(&series.across, y),
            });
            let beyond = series.censored.iter().map(move |&(x, y)| ChartRow {
                series: series.name.clone(),
                x: name(x),
                y,
                bounds: Some((y, f64::INFINITY)),
                is_censored: true,
                x_bounds: None,
            });
            known.chain(beyond)
        });
        rows.collect()
    }
}

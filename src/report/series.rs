//! Series of a line chart: their points, intervals and what is only known to be beyond, as they are
//! drawn.

use kuva::plot::line::LineStyle;
use kuva::plot::scatter::MarkerShape;
use kuva::plot::{BandPlot, LinePlot, ScatterPlot};
use kuva::render::layout::{ComputedLayout, Layout};
use kuva::render::plots::Plot;

use super::chart::COLOURS;

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

/// Widths of a line, and of what each line that hides it adds, in pixels.
const WIDTH: f64 = 2.0;
const WIDER: f64 = 3.0;

/// How a series of points is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    Line,
    Dashes,
    Points,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) mark: Mark,
    /// Lower and upper edge at some x.
    pub(super) band: Vec<(f64, f64, f64)>,
    /// Left and right end of an interval at some y.
    pub(super) across: Vec<(f64, f64, f64)>,
    /// Where the value is only known to be at least y.
    pub(super) censored: Vec<(f64, f64)>,
    pub(super) colour: &'static str,
    shape: MarkerShape,
}

impl Series {
    /// The series at this place among all.
    pub(super) fn new(index: usize, name: String, points: Vec<(f64, f64)>, mark: Mark) -> Self {
        Self {
            name,
            points,
            mark,
            band: Vec::new(),
            across: Vec::new(),
            censored: Vec::new(),
            colour: COLOURS[index % COLOURS.len()],
            shape: SHAPES[index % SHAPES.len()],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty() && self.censored.is_empty()
    }

    /// Whether each point has a marker: those of something measured.
    pub(super) fn has_markers(&self) -> bool {
        match self.mark {
            Mark::Points => true,
            Mark::Line => self.points.len() <= MOST_MARKERS,
            Mark::Dashes => false,
        }
    }

    /// Whether `other`, drawn on top, has the same points.
    pub(super) fn is_under(&self, other: &Self) -> bool {
        self.mark != Mark::Points && other.mark == self.mark && self.points == other.points
    }

    fn markers(&self) -> ScatterPlot {
        ScatterPlot::new()
            .with_data(self.points.clone())
            .with_color(self.colour)
            .with_marker(self.shape)
            .with_size(4.5)
    }

    /// The places of arrows, without a mark.
    fn places(&self) -> ScatterPlot {
        ScatterPlot::new()
            .with_data(self.censored.clone())
            .with_color(self.colour)
            .with_size(1.0)
            .with_marker_opacity(0.0)
    }

    /// A line of an interval.
    fn bar(&self, ends: [(f64, f64); 2]) -> Plot {
        let line = LinePlot::new().with_data(ends.to_vec());
        line.with_color(self.colour).with_stroke_width(1.5).into()
    }

    /// What is drawn; `hidden_by` lines with the same points lie on top of this.
    pub(super) fn plots(&self, has_legend: bool, hidden_by: usize) -> Vec<Plot> {
        // The intervals first: what is drawn later lies on top.
        let mut plots = self.intervals();
        // An arrow is drawn over all of them; its place makes room on the axes.
        if !self.censored.is_empty() {
            plots.push(self.places().into());
        }
        // The points or the line.
        if self.mark == Mark::Points || self.points.is_empty() {
            let mut points = self.markers();
            if has_legend {
                points = points.with_legend(self.name.clone());
            }
            plots.push(points.into());
            return plots;
        }
        let mut line = LinePlot::new()
            .with_data(self.points.clone())
            .with_color(self.colour)
            .with_stroke_width(WIDTH + WIDER * hidden_by as f64);
        if self.mark == Mark::Dashes {
            line = line.with_line_style(LineStyle::Dashed);
        }
        // The legend has a marker where there are some: it tells apart what is printed in grey.
        if has_legend && !self.has_markers() {
            line = line.with_legend(self.name.clone());
        }
        plots.push(line.into());
        // What was measured, where it can be told apart.
        if self.has_markers() {
            let mut markers = self.markers();
            if has_legend {
                markers = markers.with_legend(self.name.clone());
            }
            plots.push(markers.into());
        }
        plots
    }

    /// Of points a bar at each, of a line an area; of a line of one point a bar too.
    fn intervals(&self) -> Vec<Plot> {
        let upright = |&(x, low, high): &(f64, f64, f64)| self.bar([(x, low), (x, high)]);
        let level = |&(y, low, high): &(f64, f64, f64)| self.bar([(low, y), (high, y)]);
        let mut plots: Vec<Plot> = self.across.iter().map(level).collect();
        if self.mark == Mark::Points || self.band.len() == 1 {
            plots.extend(self.band.iter().map(upright));
        } else if !self.band.is_empty() {
            let edge =
                |of: fn(&(f64, f64, f64)) -> f64| self.band.iter().map(of).collect::<Vec<f64>>();
            let band = BandPlot::new(edge(|b| b.0), edge(|b| b.1), edge(|b| b.2));
            plots.push(Plot::Band(band.with_color(self.colour).with_opacity(0.2)));
        }
        plots
    }
}

/// Of values that are never negative the axis is not either: there is no room below 0.
pub(super) fn from_zero(layout: Layout, drawn: &[Series]) -> Layout {
    let mut heights = drawn.iter().flat_map(|one| {
        let points = one.points.iter().chain(&one.censored).map(|point| point.1);
        points.chain(one.band.iter().map(|edge| edge.1))
    });
    let is_never_negative = heights.all(|height| height >= 0.0);
    match is_never_negative && ComputedLayout::from_layout(&layout).y_range.0 < 0.0 {
        true => layout.with_y_axis_min(0.0),
        false => layout,
    }
}

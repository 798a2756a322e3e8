//! Charts of stacked bars.

use kuva::plot::BarPlot;
use kuva::render::plots::Plot;
use kuva::render::render::{Scene, render_multiple};

use super::chart::{COLOURS, Chart, Drawn, layout};
use super::chart_rows::ChartRow;

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
    subtitle: String,
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
            subtitle: String::new(),
            x: x.to_owned(),
            y: y.to_owned(),
            parts: parts.iter().map(ToString::to_string).collect(),
            bars: Vec::new(),
        }
    }

    /// With a line below the title: the setting that it was measured in.
    pub fn subtitle(mut self, text: impl Into<String>) -> Self {
        self.subtitle = text.into();
        self
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
        let mut layout = layout(&plots, &self.title, &self.x, &self.y);
        if !self.subtitle.is_empty() {
            layout = layout.with_subtitle(self.subtitle.clone());
        }
        render_multiple(plots, layout)
    }

    fn rows(&self) -> Vec<ChartRow> {
        let rows = self.bars.iter().flat_map(|(bar, values)| {
            let parts = self.parts.iter().zip(values);
            parts.map(move |(part, &y)| ChartRow {
                series: part.clone(),
                x: bar.clone(),
                y,
                bounds: None,
                is_censored: false,
                x_bounds: None,
            })
        });
        rows.collect()
    }
}

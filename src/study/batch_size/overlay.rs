//! Curves from elsewhere, drawn beside one's own.

use std::path::Path;

use serde::Deserialize;

use crate::input;
use crate::meant::{did_you_mean, nearest};
use crate::report::LineChart;

use super::error::StudyError;

/// A chart with the name of its files and what is to be seen in it.
///
/// Example: [`Published`].
pub type Figure = (&'static str, LineChart, String);

/// What a file of them holds.
const EXPECTED: &str = "a table with the columns chart, curve, x and y";

/// A curve that somebody else has published, for a chart of a study.
///
/// ```
/// use unisono::report::{Chart, LineChart};
/// use unisono::study::batch_size::Published;
/// let table = b"chart,curve,x,y\n# Their Table 2\nsteps,Theirs,8,900\nsteps,Theirs,64,150\n";
/// let published = Published::parse(table, "theirs.csv".as_ref())?;
/// assert_eq!(published[0].points, [(8.0, 900.0), (64.0, 150.0)]);
/// let mut figures = vec![("steps", LineChart::new("Steps", "rows", "steps").line("ours", vec![(8.0, 700.0)]), String::new())];
/// assert!(Published::draw(&published, &mut figures).is_empty());
/// assert!(figures[0].1.svg().contains("Theirs"));
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The name of the chart's files.
    pub chart: String,
    /// What it is called in the chart.
    pub curve: String,
    /// Where it lies, in the units of the chart.
    pub points: Vec<(f64, f64)>,
}

/// A line of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    chart: String,
    curve: String,
    x: f64,
    y: f64,
}

impl Published {
    /// Reads a table with the columns `chart`, `curve`, `x` and `y`, a line for each point; lines
    /// that begin with `#` are remarks.
    ///
    /// # Errors
    /// [`StudyError::Io`]; [`StudyError::File`] for another table, none or no finite numbers in it.
    pub fn read(path: &Path) -> Result<Vec<Self>, StudyError> {
        let bytes = input::read(path).map_err(StudyError::io("read", path))?;
        Self::parse(&bytes, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`Published::read`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Self>, StudyError> {
        let odd = |got: String| StudyError::File {
            path: path.to_owned(),
            expected: EXPECTED,
            got,
        };
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let mut curves: Vec<Self> = Vec::new();
        // Points of one curve need not follow each other.
        for row in reader.deserialize() {
            let Row { chart, curve, x, y } =
                row.map_err(|error: csv::Error| odd(error.to_string()))?;
            if !(x.is_finite() && y.is_finite()) {
                return Err(odd(format!("{curve} at {x}, {y}")));
            }
            let is_it = |known: &&mut Self| known.chart == chart && known.curve == curve;
            match curves.iter_mut().find(is_it) {
                Some(known) => known.points.push((x, y)),
                None => curves.push(Self {
                    chart,
                    curve,
                    points: vec![(x, y)],
                }),
            }
        }
        if curves.is_empty() {
            Err(odd("no lines below the head".to_owned()))
        } else {
            Ok(curves)
        }
    }

    /// Refuses a curve for a chart that there is not.
    ///
    /// # Errors
    /// [`StudyError::File`], with the names of the charts.
    pub fn check(curves: &[Self], charts: &[&str], path: &Path) -> Result<(), StudyError> {
        let is_odd = |curve: &&Self| !charts.contains(&curve.chart.as_str());
        curves.iter().find(is_odd).map_or(Ok(()), |curve| {
            let (chart, known) = (&curve.chart, charts.join(", "));
            let meant = did_you_mean(nearest(chart, charts.iter().copied()));
            Err(StudyError::File {
                path: path.to_owned(),
                expected: "a table of curves for the charts of this study",
                got: format!("a curve for {chart:?}; the charts are {known}{meant}"),
            })
        })
    }

    /// Draws each curve into its chart ([`LineChart::beside`]); gives those whose chart was not
    /// drawn.
    pub fn draw<'c>(curves: &'c [Self], figures: &mut [Figure]) -> Vec<&'c Self> {
        let mut left = Vec::new();
        for curve in curves {
            let is_it = |figure: &&mut Figure| figure.0 == curve.chart;
            let Some((_, chart, caption)) = figures.iter_mut().find(is_it) else {
                left.push(curve);
                continue;
            };
            let (name, points) = (curve.curve.clone(), curve.points.clone());
            *chart = chart.clone().beside(name, points);
            *caption += &format!(" Published: {}.", curve.curve);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_tables_are_refused_with_the_reason() {
        let parse = |text: &str| Published::parse(text.as_bytes(), "theirs.csv".as_ref());
        for (text, got) in [
            ("", "no lines"),
            ("chart,curve,x,y\n", "no lines"),
            ("chart,curve,x\nsteps,a,1\n", "missing field `y`"),
            ("chart,curve,x,y\nsteps,a,1,many\n", "line: 2"),
            ("chart,curve,x,y\nsteps,a,1,inf\n", "inf"),
            ("chart,curve,x,y,z\nsteps,a,1,2,3\n", "unknown field `z`"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(
                error.contains("theirs.csv") && error.contains(got),
                "{error}"
            );
        }
        let curves = parse("chart,curve,x,y\nstep,a,1,2\n").unwrap();
        let error = Published::check(&curves, &["steps", "examples"], "theirs.csv".as_ref());
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("\"step\"; the charts are steps, examples"),
            "{error}"
        );
    }

    #[test]
    fn a_curve_without_its_chart_is_given_back() {
        let curves = Published::parse(
            b"chart,curve,x,y\nsteps,a,1,2\nseconds,b,1,2\n",
            "x".as_ref(),
        )
        .unwrap();
        let mut figures = vec![("steps", LineChart::new("", "", ""), String::new())];
        let left = Published::draw(&curves, &mut figures);
        assert_eq!(left, [&curves[1]]);
        assert_eq!(figures[0].2, " Published: a.");
    }
}

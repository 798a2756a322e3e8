//! Rows of an ONNX model as files have them: nodes that prepare them, before its own.
//!
//! | rows | inputs |
//! |---|---|
//! | columns of numbers | `x`, f64 of shape (rows, ..., columns); NaN is a gap |
//! | columns of numbers and texts | one for each column and of its name, (rows, 1), f64 or text |
//! | bytes of images | `x`, u8 of shape (rows, height, width, channels) |
//!
//! # Why this way
//! A text becomes the place of its inputs in a table that holds them as the model takes them, so that
//! gaps, unknown values and those that come once need no nodes of their own. Numbers are prepared in
//! double precision, bytes in single, in the order of the training: bit for bit its rows.

use crate::nn::Shape;

use super::onnx::Value;
use super::onnx_format::{Attribute, Element, ValueInfo};
use super::onnx_graph::Graph;

/// How rows of files become rows of a model.
///
/// ```
/// use unisono::export::{OnnxParts, RawNumbers, RawRows, write_onnx_whole};
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(1).dense(2), 42)?;
/// let age = RawNumbers { fill: Some(28.0), means: vec![30.0], deviations: vec![14.0] };
/// let rows = RawRows::Numbers { axes: vec![], columns: vec![age] };
/// let file = std::env::temp_dir().join(format!("unisono-raw-{}.onnx", std::process::id()));
/// write_onnx_whole(&file, &network, &OnnxParts { rows: Some(&rows), ..OnnxParts::default() })?;
/// assert!(std::fs::read(&file)?.windows(5).any(|bytes| bytes == b"IsNaN"));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RawRows {
    /// Columns of numbers; of windows over them, `axes` has the rows of a window.
    Numbers {
        /// The axes between that of the rows and that of the columns.
        axes: Vec<usize>,
        /// The columns.
        columns: Vec<RawNumbers>,
    },
    /// Columns of numbers and texts.
    Columns(Vec<RawColumn>),
    /// Bytes of images.
    Bytes {
        /// Height, width and channels.
        axes: [usize; 3],
        /// The mean of each channel, whose bytes are 0..=1.
        means: Vec<f32>,
        /// Its standard deviation.
        deviations: Vec<f32>,
    },
}

/// A column of numbers.
///
/// Example: [`RawRows`].
#[derive(Clone, Debug, PartialEq)]
pub struct RawNumbers {
    /// What gaps (NaN) are filled with.
    pub fill: Option<f64>,
    /// The mean of the number; and that of the input which is 1 for gaps, if there is one.
    pub means: Vec<f64>,
    /// The same of the standard deviations.
    pub deviations: Vec<f64>,
}

/// A column of numbers or texts.
///
/// Example: [`RawCells`].
#[derive(Clone, Debug, PartialEq)]
pub struct RawColumn {
    /// Its name, which is that of the model's input.
    pub name: String,
    /// What it holds.
    pub cells: RawCells,
}

/// What a column holds.
///
/// ```
/// use unisono::export::{OnnxParts, RawCells, RawColumn, RawRows, write_onnx_whole};
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(2).dense(1), 42)?;
/// let texts = vec![("no".to_owned(), vec![1.0, 0.0]), ("yes".to_owned(), vec![0.0, 1.0])];
/// let cells = RawCells::Texts { texts, others: vec![0.0, 0.0] };
/// let rows = RawRows::Columns(vec![RawColumn { name: "sold".to_owned(), cells }]);
/// assert_eq!(rows.input_names(), ["sold"]);
/// let file = std::env::temp_dir().join(format!("unisono-texts-{}.onnx", std::process::id()));
/// write_onnx_whole(&file, &network, &OnnxParts { rows: Some(&rows), ..OnnxParts::default() })?;
/// assert!(std::fs::read(&file)?.windows(12).any(|bytes| bytes == b"LabelEncoder"));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RawCells {
    /// Numbers.
    Numbers(RawNumbers),
    /// Texts.
    Texts {
        /// The model's inputs for each text that is known.
        texts: Vec<(String, Vec<f32>)>,
        /// Those of all others.
        others: Vec<f32>,
    },
}

impl RawRows {
    /// The names of the model's inputs: those of the columns, or `x`. A column without a name, with one
    /// that another has, or that the file uses itself, is called by its place.
    pub fn input_names(&self) -> Vec<String> {
        let RawRows::Columns(columns) = self else {
            return vec!["x".to_owned()];
        };
        let names = columns.iter().map(|column| column.name.as_str());
        let name = |(at, name): (usize, &str)| {
            let is_first = names.clone().take(at).all(|other| other != name);
            match is_first && !name.is_empty() && !is_reserved(name) {
                true => name.to_owned(),
                false => format!("column {at}"),
            }
        };
        names.clone().enumerate().map(name).collect()
    }

    /// What the model's inputs are, by name.
    pub(super) fn inputs(&self) -> Vec<ValueInfo> {
        let names = self.input_names();
        let one = |element, axes: &[usize]| vec![ValueInfo::rows(&names[0], element, axes)];
        match self {
            RawRows::Numbers { axes, columns } => {
                one(Element::Double, &[&axes[..], &[columns.len()]].concat())
            }
            RawRows::Bytes { axes, .. } => one(Element::Byte, axes),
            RawRows::Columns(columns) => {
                let pairs = names.iter().zip(columns);
                let input = |(name, column): (&String, &RawColumn)| {
                    let element = match column.cells {
                        RawCells::Numbers(_) => Element::Double,
                        RawCells::Texts { .. } => Element::Text,
                    };
                    ValueInfo::rows(name, element, &[1])
                };
                pairs.map(input).collect()
            }
        }
    }
}

/// Whether a name is that of the output, or of a value within the file.
fn is_reserved(name: &str) -> bool {
    let digits = name.strip_prefix(['v', 'c']);
    let is_inner = digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    name == "y" || is_inner
}

impl Graph<'_> {
    /// The model's rows, which have this shape, from those of files.
    pub(super) fn prepared(&mut self, rows: &RawRows, shape: &Shape) -> Value {
        let names = rows.input_names();
        let mut value = match rows {
            RawRows::Numbers { axes, columns } => {
                let columns: Vec<&RawNumbers> = columns.iter().collect();
                let (name, width) = self.numbers(&names[0], &columns);
                Value {
                    name,
                    shape: Shape::from([&axes[..], &[width]].concat()),
                }
            }
            RawRows::Columns(columns) => self.columns(&names, columns),
            RawRows::Bytes {
                axes,
                means,
                deviations,
            } => Value {
                name: self.bytes(&names[0], means, deviations),
                shape: Shape::from(axes.to_vec()),
            },
        };
        assert_eq!(value.shape.len(), shape.len(), "an input of the model each");
        // A model without axes takes all values of a row one after another.
        if value.shape != *shape {
            let axes = shape.axes().iter().map(|&axis| axis as i64);
            let axes = self.integers([-1].into_iter().chain(axes).collect());
            value.name = self.add("Reshape", &[&value.name, &axes], Vec::new());
            value.shape = shape.clone();
        }
        value
    }

    /// Columns side by side in one value, and how many inputs there are.
    fn numbers(&mut self, name: &str, columns: &[&RawNumbers]) -> (String, usize) {
        let count = columns.len();
        let mut values = name.to_owned();
        // Gaps.
        let widths = columns.iter().map(|column| column.means.len());
        let has_gap_inputs = widths.clone().any(|width| width > 1);
        if has_gap_inputs || columns.iter().any(|column| column.fill.is_some()) {
            let fills = columns.iter().map(|column| column.fill.unwrap_or(f64::NAN));
            let fills = self.doubles(fills.collect());
            let gaps = self.add("IsNaN", &[name], Vec::new());
            values = self.add("Where", &[&gaps, &fills, name], Vec::new());
            if has_gap_inputs {
                let to_double = vec![Attribute::int("to", Element::Double as i64)];
                let gaps = self.add("Cast", &[&gaps], to_double);
                let last = || vec![Attribute::int("axis", -1)];
                let both = self.add("Concat", &[&values, &gaps], last());
                // Each number is followed by its gap's input, if it has one.
                let places = widths.enumerate().flat_map(|(at, width)| {
                    let places = [at as i64, (count + at) as i64];
                    places.into_iter().take(width)
                });
                let places = self.integers(places.collect());
                values = self.add("Gather", &[&both, &places], last());
            }
        }
        // Standardisation.
        let means: Vec<f64> = columns.iter().flat_map(|one| one.means.clone()).collect();
        let deviations = columns.iter().flat_map(|one| one.deviations.clone());
        let width = means.len();
        let (means, deviations) = (self.doubles(means), self.doubles(deviations.collect()));
        values = self.add("Sub", &[&values, &means], Vec::new());
        values = self.add("Div", &[&values, &deviations], Vec::new());
        (self.single(&values), width)
    }

    /// One input a column, then all of them side by side.
    fn columns(&mut self, names: &[String], columns: &[RawColumn]) -> Value {
        let (mut parts, mut all) = (Vec::new(), 0);
        for (name, column) in names.iter().zip(columns) {
            let (part, width) = match &column.cells {
                RawCells::Numbers(numbers) => self.numbers(name, &[numbers]),
                RawCells::Texts { texts, others } => {
                    (self.texts(name, texts, others), others.len())
                }
            };
            parts.push(part);
            all += width;
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let name = self.add("Concat", &parts, vec![Attribute::int("axis", 1)]);
        let shape = Shape::from(vec![all]);
        Value { name, shape }
    }

    /// The rows of a table of inputs: the last one is that of all other texts.
    fn texts(&mut self, name: &str, texts: &[(String, Vec<f32>)], others: &[f32]) -> String {
        let keys: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
        let places: Vec<usize> = (0..texts.len()).collect();
        let attributes = vec![
            Attribute::texts("keys_strings", &keys),
            Attribute::ints("values_int64s", &places),
            Attribute::int("default_int64", texts.len() as i64),
        ];
        let places = self.add_from("ai.onnx.ml", "LabelEncoder", &[name], attributes);
        let inputs = texts.iter().flat_map(|(_, inputs)| inputs).chain(others);
        let inputs: Vec<f32> = inputs.copied().collect();
        let table = self.floats(&[texts.len() + 1, others.len()], &inputs);
        let found = self.add("Gather", &[&table, &places], Vec::new());
        let flat = self.integers(vec![-1, others.len() as i64]);
        self.add("Reshape", &[&found, &flat], Vec::new())
    }

    fn bytes(&mut self, name: &str, means: &[f32], deviations: &[f32]) -> String {
        let channels = [means.len()];
        let largest = self.floats(&[1], &[255.0]);
        let means = self.floats(&channels, means);
        let deviations = self.floats(&channels, deviations);
        let mut values = self.single(name);
        for (kind, by) in [("Div", largest), ("Sub", means), ("Div", deviations)] {
            values = self.add(kind, &[&values, &by], Vec::new());
        }
        values
    }

    fn single(&mut self, name: &str) -> String {
        let to = vec![Attribute::int("to", Element::Single as i64)];
        self.add("Cast", &[name], to)
    }

    fn doubles(&mut self, values: Vec<f64>) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(&[values.len()], Element::Double as i32, bytes.collect())
    }
}

//! Preparation of rows: how files became rows, kept with a model so that other files become such
//! rows.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::input;

use super::column_encoder::ColumnEncoder;
use super::columns::Columns;
use super::error::DataError;
use super::images::{ChannelStatistics, ImageShape};
use super::real_targets::RealTargets;
use super::scale::Standardizer;
use super::spectrogram_settings::SpectrogramSettings;
use super::text_features::TextHasher;
use super::tokens::Tokenizer;
use super::windows::Windows;

/// Values of a row.
const MOST_VALUES: usize = 1 << 28;

/// Classes, or tokens.
const MOST_CLASSES: usize = 1 << 24;

/// The preparation of a training's rows: what they were made of, and their labels.
///
/// ```
/// use unisono::data::{DataError, Dataset, ImageShape, Preparation, RowKind};
/// let shape = ImageShape { height: 2, width: 2, channels: 1 };
/// let preparation = Preparation {
///     rows: RowKind::Images { shape, statistics: shape.plain() },
///     num_classes: 2,
///     class_names: vec!["cat".into(), "dog".into()],
///     targets: None,
///     is_multi_label: false,
/// };
/// let path = std::env::temp_dir().join(format!("unisono-prepared-{}.png", std::process::id()));
/// image::GrayImage::from_raw(4, 4, vec![255; 16]).unwrap().save(&path).unwrap();
/// let new = preparation.rows(&path)?;
/// let mut pixels = [0.0; 4];
/// new.data.gather_inputs(&[0], &mut pixels);
/// assert_eq!(pixels, [1.0; 4]);
/// assert_eq!(Preparation::parse(&preparation.to_json(), "a.json".as_ref())?.class(1), "dog");
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// The kind of rows: what they are made of.
    pub rows: RowKind,
    /// Classes, labels or tokens that rows are labelled with; 0 of a regression.
    pub num_classes: usize,
    /// The names of the classes or labels; none where they are numbers, or tokens.
    pub class_names: Vec<String>,
    /// The targets of a regression, in the place of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<RealTargets>,
    /// Whether a row has any number of the labels, each for itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_multi_label: bool,
}

/// What rows are made of.
///
/// ```
/// use unisono::data::{RowKind, Tokenizer};
/// let text = RowKind::Tokens { tokenizer: Tokenizer::Bytes, context: 64 };
/// assert_eq!(text.input_shape(), [64]);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RowKind {
    /// Columns of numbers, words or dates.
    Table {
        /// The columns besides the label.
        columns: Columns,
        /// How each becomes inputs; of runs that are older, none: all hold numbers without gaps.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        encoders: Vec<ColumnEncoder>,
        /// What each input is standardised with.
        scale: Standardizer,
    },
    /// Windows over a table whose rows are steps of time, (rows of a window, inputs of a row).
    Series {
        /// The columns, those of the targets among them.
        columns: Columns,
        /// How each becomes inputs.
        encoders: Vec<ColumnEncoder>,
        /// What each input of a row is standardised with.
        scale: Standardizer,
        /// The windows.
        windows: Windows,
    },
    /// Arrays of one shape.
    Array {
        /// The shape of a row.
        shape: Vec<usize>,
        /// What each value is standardised with; as they are (bytes as 0..=1) where there is none.
        scale: Option<Standardizer>,
    },
    /// Images of one size, standardised by channel.
    Images {
        /// The size that others are brought to (bilinear).
        shape: ImageShape,
        /// What channels are standardised with.
        statistics: ChannelStatistics,
    },
    /// Log-mel spectrograms of one length, standardised by band.
    Sounds {
        /// How spectrograms are made.
        settings: SpectrogramSettings,
        /// Frames of a row.
        frames: usize,
        /// What bands are standardised with.
        scale: Standardizer,
    },
    /// Hashed n-grams of texts.
    Texts {
        /// The columns that the text stands in.
        columns: Columns,
        /// How texts are hashed.
        hasher: TextHasher,
    },
    /// Windows of a text, a token a position.
    Tokens {
        /// What the tokens are.
        tokenizer: Tokenizer,
        /// Tokens of a window.
        context: usize,
    },
}

impl RowKind {
    /// The shape of a row.
    pub fn input_shape(&self) -> Vec<usize> {
        match self {
            RowKind::Table {
                columns, encoders, ..
            } => match &encoders[..] {
                [] => vec![columns.names.len()],
                all => vec![all.iter().map(ColumnEncoder::width).sum()],
            },
            RowKind::Series {
                encoders, windows, ..
            } => {
                let channels = encoders.iter().map(ColumnEncoder::width).sum();
                vec![windows.length, channels]
            }
            RowKind::Array { shape, .. } => shape.clone(),
            RowKind::Images { shape, .. } => vec![shape.height, shape.width, shape.channels],
            RowKind::Sounds { frames, scale, .. } => vec![*frames, scale.means.len(), 1],
            RowKind::Texts { hasher, .. } => vec![hasher.buckets()],
            RowKind::Tokens { context, .. } => vec![*context],
        }
    }

    /// The name of each input of a row; nothing where inputs have none.
    pub fn input_names(&self) -> Vec<String> {
        match self {
            RowKind::Table {
                columns, encoders, ..
            } if encoders.is_empty() => columns.names.clone(),
            RowKind::Table {
                columns, encoders, ..
            } => {
                let pairs = encoders.iter().zip(&columns.names);
                pairs
                    .flat_map(|(encoder, name)| encoder.input_names(name))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Which windows rows are, if they are windows over a series.
    pub fn windows(&self) -> Option<Windows> {
        match self {
            RowKind::Series { windows, .. } => Some(*windows),
            _ => None,
        }
    }

    /// Whether there are as many means and deviations as values that they belong to.
    fn fits(&self) -> bool {
        let mut axes = self.input_shape().into_iter();
        let values = axes.try_fold(1_usize, |all, axis| all.checked_mul(axis));
        let Some(values) = values.filter(|values| (1..=MOST_VALUES).contains(values)) else {
            return false;
        };
        let of = |scale: &Standardizer, count: usize| {
            (scale.means.len(), scale.deviations.len()) == (count, count)
        };
        match self {
            RowKind::Table {
                columns,
                encoders,
                scale,
            } => {
                let is_whole = [0, columns.names.len()].contains(&encoders.len());
                is_whole && encoders.iter().all(ColumnEncoder::fits) && of(scale, values)
            }
            RowKind::Series {
                columns,
                encoders,
                scale,
                windows,
            } => {
                let is_whole = columns.names.len() == encoders.len() && windows.fits();
                let channels = values / windows.length;
                is_whole && encoders.iter().all(ColumnEncoder::fits) && of(scale, channels)
            }
            RowKind::Array { shape, scale } => {
                let count = shape.iter().product();
                scale.as_ref().is_none_or(|scale| of(scale, count))
            }
            RowKind::Images { shape, statistics } => {
                let counts = (statistics.means.len(), statistics.deviations.len());
                counts == (shape.channels, shape.channels) && !shape.is_empty()
            }
            RowKind::Sounds {
                settings, scale, ..
            } => of(scale, settings.bands),
            RowKind::Texts { hasher, .. } => hasher.buckets() > 0,
            RowKind::Tokens { context, .. } => *context > 0,
        }
    }
}

impl Preparation {
    /// Reads a file that holds [`Preparation::to_json`].
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for what is no preparation.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        Self::parse(&input::read(path).map_err(DataError::io(path))?, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// [`DataError::Format`].
    pub fn parse(json: &[u8], path: &Path) -> Result<Self, DataError> {
        let odd = |got: String| {
            let expected = "a preparation of rows, as a run keeps it";
            DataError::format(path, expected, got)
        };
        let read: Self = serde_json::from_slice(json).map_err(|error| odd(error.to_string()))?;
        if read.num_classes > MOST_CLASSES {
            let got = format!("{} classes, of at most {MOST_CLASSES}", read.num_classes);
            return Err(odd(got));
        }
        if read.targets.as_ref().is_some_and(|targets| !targets.fits()) {
            return Err(odd(
                "targets with other means and deviations than one each".to_owned()
            ));
        }
        if read.rows.fits() {
            Ok(read)
        } else {
            Err(odd(format!(
                "rows of shape {:?} with means and deviations of another number of values, or of more than {MOST_VALUES}",
                read.rows.input_shape()
            )))
        }
    }

    /// Outputs of a model of such rows: one a class, or a target.
    pub fn num_outputs(&self) -> usize {
        let targets = self.targets.as_ref();
        targets.map_or(self.num_classes, |targets| targets.names.len())
    }

    /// As JSON, for [`Preparation::parse`].
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a preparation is plain values")
    }

    /// The name of a class: its number where it has none.
    pub fn class(&self, class: usize) -> String {
        let known = self.class_names.get(class).cloned();
        known.unwrap_or_else(|| class.to_string())
    }
}

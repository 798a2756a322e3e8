//! What a trained network gets wrong: the confusion matrix, and wrong rows as pictures.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use ndarray::{Array2, ArrayView2};

use crate::data::{Dataset, Labels};
use crate::nn::{Network, NnError};

/// Rows that are shown.
const SHOWN: usize = 36;

/// Rows that are predicted at a time.
const BLOCK: usize = 256;

/// How a classifier did on rows it was not trained on.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::Mistakes};
/// let (_, test) = digits();
/// let untrained = Network::new(Sequential::new(64).dense(10), 42)?;
/// let mistakes = Mistakes::of(&untrained, &test)?.unwrap();
/// assert_eq!(mistakes.confusion.sum(), 360);
/// assert!(mistakes.wrong.iter().all(|row| row.class != row.predicted));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mistakes {
    /// Rows of class i (down) that were taken for class j (across).
    pub confusion: Array2<usize>,
    /// The first rows that were wrong.
    pub wrong: Vec<WrongRow>,
}

/// A row that was taken for another class than its own.
///
/// ```
/// # use unisono::{data::digits, nn::{Network, Sequential}, run::Mistakes};
/// # let network = Network::new(Sequential::new(64).dense(10), 42)?;
/// let mistakes = Mistakes::of(&network, &digits().1)?.unwrap();
/// assert!(mistakes.wrong[0].row < 360 && mistakes.wrong[0].picture.is_some());
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WrongRow {
    /// Its number.
    pub row: usize,
    /// Its class.
    pub class: usize,
    /// What it was taken for.
    pub predicted: usize,
    /// It as a PNG file, if it is an image.
    pub picture: Option<Vec<u8>>,
}

impl Mistakes {
    /// Classifies every row of `data`; `None` where rows have no class of their own.
    ///
    /// # Errors
    /// [`NnError`] if the network takes other rows.
    pub fn of(network: &Network, data: &dyn Dataset) -> Result<Option<Self>, NnError> {
        let Some(rows) = predictions(network, data)? else {
            return Ok(None);
        };
        let classes = network.model().output_shape()?.len();
        let mut confusion = Array2::zeros((classes, classes));
        for row in &rows {
            confusion[[row.class, row.predicted]] += 1;
        }
        let wrong = rows.iter().filter(|row| row.class != row.predicted);
        let wrong = wrong.take(SHOWN).map(|row| {
            let mut values = vec![0.0; data.input_len()];
            data.gather_inputs(&[row.row as u32], &mut values);
            WrongRow {
                row: row.row,
                class: row.class,
                predicted: row.predicted,
                picture: picture(&data.input_shape(), &values),
            }
        });
        Ok(Some(Self {
            confusion,
            wrong: wrong.collect(),
        }))
    }
}

/// What a classifier takes a row for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicted {
    /// Its number.
    pub row: usize,
    /// Its class.
    pub class: usize,
    /// What it was taken for; of equals the first.
    pub predicted: usize,
    /// The probability of that, by softmax.
    pub probability: f64,
}

/// Classifies every row of `data`; `None` where rows have no class of their own, or other classes than the network.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::predictions};
/// let untrained = Network::new(Sequential::new(64).dense(10), 42)?;
/// let rows = predictions(&untrained, &digits().1)?.unwrap();
/// assert!(rows.len() == 360 && rows.iter().all(|row| row.probability >= 0.1));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// [`NnError`] if the network takes other rows.
pub fn predictions(
    network: &Network,
    data: &dyn Dataset,
) -> Result<Option<Vec<Predicted>>, NnError> {
    let outputs = network.model().output_shape()?.len();
    if !matches!(data.labels(), Labels::Classes(classes) if classes == outputs) {
        return Ok(None);
    }
    let all: Vec<u32> = (0..data.len() as u32).collect();
    let mut found = Vec::with_capacity(all.len());
    for rows in all.chunks(BLOCK) {
        let mut inputs = vec![0.0; rows.len() * data.input_len()];
        let mut classes = vec![0; rows.len()];
        data.gather_inputs(rows, &mut inputs);
        data.gather_classes(rows, &mut classes);
        let view = ArrayView2::from_shape((rows.len(), data.input_len()), &inputs)
            .expect("a row after another");
        let logits = network.predict(view)?;
        for ((&row, &class), logits) in rows.iter().zip(&classes).zip(logits.rows()) {
            let larger = |best: usize, at: usize| if logits[at] > logits[best] { at } else { best };
            let predicted = (1..logits.len()).fold(0, larger);
            let power = |logit: &f32| f64::from(logit - logits[predicted]).exp();
            found.push(Predicted {
                row: row as usize,
                class: class as usize,
                predicted,
                probability: 1.0 / logits.iter().map(power).sum::<f64>(),
            });
        }
    }
    Ok(Some(found))
}

/// The values as a PNG file, from black for the smallest to white for the largest: images of one or three channels, and square rows.
fn picture(shape: &[usize], values: &[f32]) -> Option<Vec<u8>> {
    let edge = values.len().isqrt();
    let (height, width, channels) = match *shape {
        [height, width] | [height, width, 1] => (height, width, 1),
        [height, width, 3] => (height, width, 3),
        [_] if edge > 4 && edge * edge == values.len() => (edge, edge, 1),
        _ => return None,
    };
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = 255.0 / (most - least).max(f32::MIN_POSITIVE);
    let pixels = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let at = (y as usize * width + x as usize) * channels;
        let level = |channel: usize| ((values[at + channel % channels] - least) * scale) as u8;
        Rgb([level(0), level(1), level(2)])
    });
    let mut file = Cursor::new(Vec::new());
    pixels.write_to(&mut file, ImageFormat::Png).ok()?;
    Some(file.into_inner())
}

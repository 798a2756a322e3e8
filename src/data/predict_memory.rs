//! Rows in memory as input of predictions: numbers, pixels, texts, and the bytes of files.

use std::path::{Path, PathBuf};

use ndarray::ArrayView2;

use super::error::DataError;
use super::images::ImageDataset;
#[cfg(feature = "image")]
use super::predict_images::image_bytes;
use super::predict_input::unlabelled;
#[cfg(feature = "audio")]
use super::predict_sounds::sounds_of;
use super::preparation::{Preparation, RowKind};
#[cfg(feature = "audio")]
use super::sound::Sound;
use super::table_encoder::TableEncoder;
use super::text_features::LabelledTexts;
use super::unlabelled::PredictInput;

/// What messages call rows that no file holds.
const MEMORY: &str = "rows in memory";

impl Preparation {
    /// Makes rows of numbers as a table or array of the training held them, (rows, values): they
    /// are standardised here. NaN is a gap of a table. Arrays without a scale are taken as they are;
    /// of bytes that means shares of 255.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::data::{DataError, Dataset, Preparation, RowKind, Standardizer};
    /// let scale = Standardizer { means: vec![5.0, 0.0], deviations: vec![2.0, 1.0] };
    /// let rows = RowKind::Array { shape: vec![2], scale: Some(scale) };
    /// let preparation = Preparation { rows, num_classes: 2, class_names: Vec::new(), targets: None, is_multi_label: false };
    /// let mut inputs = [0.0; 2];
    /// preparation.rows_of_values(array![[9.0, 3.0]].view())?.data.gather_inputs(&[0], &mut inputs);
    /// assert_eq!(inputs, [2.0, 3.0]);
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError`] for rows of another width or kind, or a value that is not finite or too large.
    pub fn rows_of_values(&self, values: ArrayView2<'_, f64>) -> Result<PredictInput, DataError> {
        let shape = self.rows.input_shape();
        let scale = match &self.rows {
            RowKind::Table {
                columns,
                encoders,
                scale,
            } => {
                let width = columns.names.len();
                let encoder = TableEncoder::kept(width, encoders, scale);
                if !encoder.takes_numbers() {
                    return Err(unfit(&self.rows, "numbers"));
                }
                check_width(values.ncols(), width, "values")?;
                return encoder.rows_of_codes(values, &[], Path::new(MEMORY));
            }
            RowKind::Array { scale, .. } => scale.as_ref(),
            other => return Err(unfit(other, "numbers")),
        };
        let (width, expected) = (values.ncols(), shape.iter().product());
        check_width(width, expected, "values")?;
        let values = match scale {
            Some(scale) => {
                scale.check(values, &[])?;
                scale.apply(values)
            }
            None => values.mapv(|value| value as f32),
        };
        Ok(PredictInput::of(unlabelled(values, &shape)?, Vec::new()))
    }

    /// Makes rows of images of the training's size, one after another: a byte a value, (H, W, C).
    ///
    /// ```
    /// use unisono::data::{DataError, Dataset, ImageShape, Preparation, RowKind};
    /// let shape = ImageShape { height: 1, width: 2, channels: 1 };
    /// let rows = RowKind::Images { shape, statistics: shape.plain() };
    /// let preparation = Preparation { rows, num_classes: 2, class_names: Vec::new(), targets: None, is_multi_label: false };
    /// assert_eq!(preparation.rows_of_pixels(&[0, 255, 255, 0])?.data.len(), 2);
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError`] for a part of an image, none, or rows of another kind.
    pub fn rows_of_pixels(&self, pixels: &[u8]) -> Result<PredictInput, DataError> {
        let RowKind::Images { shape, statistics } = &self.rows else {
            return Err(unfit(&self.rows, "pixels"));
        };
        let (rows, rest) = (pixels.len() / shape.len(), pixels.len() % shape.len());
        if rows > 0 {
            check_width(shape.len() + rest, shape.len(), "bytes")?;
        }
        let images = ImageDataset::new(
            pixels[..rows * shape.len()].to_vec(),
            *shape,
            vec![0; rows],
            1,
        )?;
        Ok(PredictInput::of(
            images.standardised(statistics),
            Vec::new(),
        ))
    }

    /// Makes rows of texts, one a row.
    ///
    /// ```
    /// use unisono::data::{Columns, DataError, Dataset, Preparation, RowKind, TextHasher};
    /// let texts = ["the cat".to_owned(), "the dog".to_owned()];
    /// let columns = Columns { names: vec!["text".into()], label: 0, has_header: false, left_out: Vec::new(), delimiter: None, labels: Vec::new(), is_series: false };
    /// let rows = RowKind::Texts { columns, hasher: TextHasher::fit(&texts, 64) };
    /// let preparation = Preparation { rows, num_classes: 2, class_names: Vec::new(), targets: None, is_multi_label: false };
    /// assert_eq!(preparation.rows_of_texts(&["a cat"])?.data.input_shape(), [64]);
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError`] for no text, or rows of another kind.
    pub fn rows_of_texts(&self, texts: &[&str]) -> Result<PredictInput, DataError> {
        let RowKind::Texts { columns, hasher } = &self.rows else {
            return Err(unfit(&self.rows, "texts"));
        };
        let labelled = LabelledTexts {
            labels: vec![0; texts.len()],
            classes: vec![String::new()],
            columns: columns.clone(),
            reading: Vec::new(),
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
        };
        Ok(PredictInput::of(hasher.dataset(&labelled)?, labelled.texts))
    }

    /// Makes rows of files that are in memory, such as uploads, a row each: images in one of
    /// `ImageFolder::read`'s formats (feature `image`), or WAV recordings (feature `audio`).
    ///
    /// ```
    /// use unisono::data::{DataError, Dataset, ImageShape, Preparation, RowKind};
    /// let shape = ImageShape { height: 1, width: 1, channels: 1 };
    /// let rows = RowKind::Images { shape, statistics: shape.plain() };
    /// let preparation = Preparation { rows, num_classes: 2, class_names: Vec::new(), targets: None, is_multi_label: false };
    /// let row = preparation.rows_of_bytes(&[b"P2 2 1 255 255 255"])?;
    /// let mut pixel = [0.0];
    /// row.data.gather_inputs(&[0], &mut pixel);
    /// assert_eq!(pixel, [1.0]);
    /// assert!(preparation.rows_of_bytes(&[b"no image"]).is_err());
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError`] for a file that cannot be decoded, none, or rows of another kind;
    /// [`DataError::Feature`] where the feature is off.
    pub fn rows_of_bytes(&self, files: &[&[u8]]) -> Result<PredictInput, DataError> {
        let names: Vec<PathBuf> = (0..files.len())
            .map(|at| format!("file {at} in memory").into())
            .collect();
        let files = names
            .iter()
            .map(PathBuf::as_path)
            .zip(files.iter().copied());
        match &self.rows {
            #[cfg(feature = "image")]
            RowKind::Images { shape, .. } => self.rows_of_pixels(&image_bytes(files, *shape)?),
            #[cfg(not(feature = "image"))]
            RowKind::Images { .. } => Err(DataError::no_feature(
                Path::new(MEMORY),
                "files of images",
                "image",
            )),
            #[cfg(feature = "audio")]
            RowKind::Sounds {
                settings,
                frames,
                scale,
            } => {
                let sound = |(name, bytes): (&Path, &[u8])| {
                    Ok((name.display().to_string(), Sound::parse(bytes, name)?))
                };
                let sounds = files.map(sound).collect::<Result<Vec<_>, DataError>>()?;
                sounds_of(sounds, *settings, *frames, scale)
            }
            #[cfg(not(feature = "audio"))]
            RowKind::Sounds { .. } => Err(DataError::no_feature(
                Path::new(MEMORY),
                "recordings",
                "audio",
            )),
            other => {
                let got = format!("{} files of images or recordings", files.len());
                Err(unfit(other, &got))
            }
        }
    }
}

/// The error of a model that takes other rows.
fn unfit(kind: &RowKind, got: &str) -> DataError {
    let (expected, remedy) = match kind {
        RowKind::Table { encoders, .. } if !encoders.is_empty() => {
            ("cells of a table", "Preparation::rows of a file")
        }
        RowKind::Series { .. } => ("rows of a series", "Preparation::rows of a file"),
        RowKind::Table { .. } | RowKind::Array { .. } => ("numbers", "rows_of_values"),
        RowKind::Images { .. } => ("images", "rows_of_pixels or rows_of_bytes"),
        RowKind::Sounds { .. } => ("recordings", "rows_of_bytes"),
        RowKind::Texts { .. } => ("texts", "rows_of_texts"),
        RowKind::Tokens { .. } => ("the beginning of a text", "a Generation with it"),
    };
    let remedy = format!("make them by {remedy}");
    DataError::unfit(Path::new(MEMORY), expected, got, remedy)
}

fn check_width(got: usize, expected: usize, what: &str) -> Result<(), DataError> {
    if got == expected {
        return Ok(());
    }
    let of = |count: usize| format!("{count} {what} a row");
    let remedy = "give rows of the shape that the model was trained on";
    Err(DataError::unfit(
        Path::new(MEMORY),
        of(expected),
        of(got),
        remedy,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ImageShape, Standardizer, Tokenizer};
    use ndarray::Array2;

    fn prepared(rows: RowKind) -> Preparation {
        Preparation {
            rows,
            num_classes: 2,
            class_names: Vec::new(),
            targets: None,
            is_multi_label: false,
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_refused_with_the_call_that_does() {
        let scale = Standardizer {
            means: vec![0.0; 3],
            deviations: vec![1.0; 3],
        };
        let array = prepared(RowKind::Array {
            shape: vec![3],
            scale: Some(scale),
        });
        let wide = array
            .rows_of_values(Array2::zeros((1, 4)).view())
            .unwrap_err();
        assert!(
            wide.to_string()
                .contains("expected 3 values a row, got 4 values a row"),
            "{wide}"
        );
        let none = array
            .rows_of_values(Array2::zeros((0, 3)).view())
            .unwrap_err();
        assert!(matches!(none, DataError::Empty));
        let odd = array
            .rows_of_values(Array2::from_elem((1, 3), f64::NAN).view())
            .unwrap_err();
        assert!(matches!(odd, DataError::NotFinite { row: 0, .. }));
        let told = array.rows_of_texts(&["a"]).unwrap_err().to_string();
        assert!(
            told.contains("expected numbers, got texts; make them by rows_of_values"),
            "{told}"
        );
        let shape = ImageShape {
            height: 1,
            width: 2,
            channels: 1,
        };
        let images = prepared(RowKind::Images {
            shape,
            statistics: shape.plain(),
        });
        let part = images.rows_of_pixels(&[1, 2, 3]).unwrap_err().to_string();
        assert!(
            part.contains("expected 2 bytes a row, got 3 bytes a row"),
            "{part}"
        );
        assert!(matches!(images.rows_of_pixels(&[]), Err(DataError::Empty)));
        assert!(images.rows_of_values(Array2::zeros((1, 2)).view()).is_err());
        let tokens = prepared(RowKind::Tokens {
            tokenizer: Tokenizer::Bytes,
            context: 4,
        });
        let told = tokens.rows_of_bytes(&[b"a"]).unwrap_err().to_string();
        assert!(told.contains("a Generation with it"), "{told}");
    }
}

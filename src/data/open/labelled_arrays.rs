//! Labelled rows of other arrays.

use std::path::Path;

use ndarray::Array2;

use crate::data::error::DataError;
use crate::data::files::has_end;
use crate::data::images::{ImageDataset, ImageShape};
use crate::data::listed::listed;
use crate::data::npy::Npy;
use crate::data::npz::Npz;
use crate::data::predict_input::{array_pixels, array_values};
use crate::data::preparation::Preparation;
use crate::data::scale::Standardizer;
use crate::data::unlabelled::PredictInput;

use super::array_labels::numbers;
use super::array_names::evaluated;
use super::kind::arrays_in;
use super::known_classes::KnownClasses;
use super::other_labels::OtherLabels;

/// Inputs and their labels.
pub(super) struct Pair {
    x: Npy,
    y: Array2<f64>,
    notes: Vec<String>,
}

impl Pair {
    /// Those of an archive or a folder.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let odd = |names: &[String]| {
            DataError::unfit(
                path,
                "arrays x and y, or x_test and y_test, inputs and labels",
                listed(names),
                "save both in a .npz, or as .npy files in a folder",
            )
        };
        let (x, y, names) = if path.is_dir() {
            let names = arrays_in(path)?;
            let pair = evaluated(&names).ok_or_else(|| odd(&names))?;
            let read = |name: &String| Npy::read(&path.join(format!("{name}.npy")));
            (read(&pair[0])?, read(&pair[1])?, pair)
        } else if has_end(path, &[".npz"]) {
            let mut found = Npz::read(path)?;
            let names: Vec<String> = found.arrays.keys().cloned().collect();
            let pair = evaluated(&names).ok_or_else(|| odd(&names))?;
            let mut taken = |name: &String| found.arrays.remove(name).expect("it is there");
            (taken(&pair[0]), taken(&pair[1]), pair)
        } else {
            return Err(odd(&["one array".to_owned()]));
        };
        let [x_name, y_name] = names;
        Ok(Self {
            y: numbers(&y, path, &y_name)?,
            x,
            notes: vec![format!("rows: {x_name}, labels {y_name}")],
        })
    }

    fn check_rows(&self) -> Result<(), DataError> {
        let (rows, labels) = (self.x.shape().first().copied(), self.y.nrows());
        match rows {
            Some(rows) if rows != labels => Err(DataError::LabelCount { rows, labels }),
            _ => Ok(()),
        }
    }

    /// The labels by the classes or the targets of the training.
    fn labels(&self, preparation: &Preparation, path: &Path) -> Result<OtherLabels, DataError> {
        let width = self.y.ncols();
        let wanted = preparation
            .targets
            .as_ref()
            .map_or(1, |all| all.names.len());
        if width != wanted {
            return Err(DataError::unfit(
                path,
                format!("labels of {wanted} columns, as in the training"),
                format!("{width}"),
                "save labels as (rows) or (rows, targets)",
            ));
        }
        if preparation.targets.is_some() {
            return Ok(OtherLabels::Values(self.y.clone()));
        }
        let known = KnownClasses::of(preparation);
        let rows = self.y.iter().map(|&label| (known.numbered(label), label));
        known.of_rows(rows, path).map(OtherLabels::Classes)
    }
}

pub(super) fn array(
    preparation: &Preparation,
    path: &Path,
    shape: &[usize],
    scale: Option<&Standardizer>,
) -> Result<PredictInput, DataError> {
    let pair = Pair::read(path)?;
    let inputs = array_values(&pair.x, shape, scale, path)?;
    pair.check_rows()?;
    let labels = pair.labels(preparation, path)?;
    let rows = labels.with(inputs, preparation)?;
    Ok(PredictInput::labelled(rows.shaped(shape)?, pair.notes))
}

/// Images whose bytes are an array.
pub(super) fn images(
    preparation: &Preparation,
    path: &Path,
    shape: ImageShape,
) -> Result<(ImageDataset, Vec<String>), DataError> {
    let pair = Pair::read(path)?;
    let pixels = array_pixels(&pair.x, shape, path)?;
    pair.check_rows()?;
    let OtherLabels::Classes(classes) = pair.labels(preparation, path)? else {
        unreachable!("images have classes")
    };
    let images = ImageDataset::new(pixels, shape, classes, preparation.num_classes)?;
    Ok((images, pair.notes))
}

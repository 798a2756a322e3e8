//! Rows that need no files: the embedded digits, and synthetic ones from the seed.

use ndarray::concatenate;

use crate::data::{
    ArrayDataset, Dataset, Fold, ImageShape, Preparation, RowKind, Split, digits, stratified_folds,
};
use crate::nn::presets::Preset;
use crate::study::synthetic_data;

use super::config::TrainSettings;
use super::error::{ArgError, refused};

/// Training and test rows of synthetic data.
const SYNTHETIC: (usize, usize) = (1024, 256);

/// Training and test part.
pub(super) struct BuiltIn {
    pub(super) data: [Box<dyn Dataset>; 2],
    /// The number of each test row among all rows.
    pub(super) test_rows: Vec<usize>,
}

/// The digits in their own parts, or in those of a fold.
pub(super) fn digit_rows(settings: &TrainSettings) -> Result<BuiltIn, ArgError> {
    let (train, test) = digits();
    if settings.data_options.fold.is_some() {
        let inputs = concatenate![ndarray::Axis(0), train.inputs(), test.inputs()];
        let classes = [&train, &test].map(|part| part.class_labels().unwrap_or_default());
        let all = ArrayDataset::classes(inputs, &classes.concat(), 10);
        return of_fold(settings, &all.expect("the digits are well-formed"));
    }
    Ok(BuiltIn {
        test_rows: (train.len()..train.len() + test.len()).collect(),
        data: [Box::new(train), Box::new(test)],
    })
}

/// Synthetic rows of a preset.
pub(super) fn synthetic_rows(
    settings: &TrainSettings,
    preset: &Preset,
) -> Result<BuiltIn, ArgError> {
    let (train, rows) = (SYNTHETIC.0, SYNTHETIC.0 + SYNTHETIC.1);
    let all = synthetic_data(preset, rows, settings.seed);
    match settings.data_options.fold {
        Some(_) => of_fold(settings, &all),
        None => Ok(parted(&all, (0..train).collect(), (train..rows).collect())),
    }
}

fn of_fold(settings: &TrainSettings, all: &ArrayDataset) -> Result<BuiltIn, ArgError> {
    let options = &settings.data_options;
    let fold = options.fold.unwrap_or(Fold { number: 1, of: 1 });
    if fold.of > all.len() {
        let expected = format!("at most {}, the number of rows", all.len());
        return Err(refused("folds", expected, &fold.of.to_string()));
    }
    let classes = match (all.class_labels(), &options.split) {
        (Some(classes), None | Some(Split::Stratified)) => classes.to_vec(),
        _ => vec![0; all.len()],
    };
    let parts = fold.parts(&stratified_folds(&classes, fold.of, options.drawn_with()));
    Ok(parted(all, parts.train, parts.test))
}

fn parted(all: &ArrayDataset, train: Vec<usize>, test: Vec<usize>) -> BuiltIn {
    BuiltIn {
        data: [Box::new(all.subset(&train)), Box::new(all.subset(&test))],
        test_rows: test,
    }
}

/// The embedded digits as what they are: images, whose values are shares of white.
pub(super) fn of_digits() -> Preparation {
    let shape = ImageShape {
        height: 8,
        width: 8,
        channels: 1,
    };
    Preparation {
        rows: RowKind::Images {
            shape,
            statistics: shape.plain(),
        },
        num_classes: 10,
        class_names: Vec::new(),
        targets: None,
        is_multi_label: false,
    }
}

//! Task of a training: the model and the data that the settings name.

use std::path::Path;
use std::sync::OnceLock;

use crate::data::{DataError, Dataset, Preparation, RealTargets, RowKind, Sampling};
use crate::nn::{Loss, Network, Sequential, presets};
use crate::run::{ErrorUnits, Manifest};
use crate::train::{Parts, TrainError, Trainer};

use super::built_in::{digit_rows, of_digits, synthetic_rows};
use super::config::TrainSettings;
use super::data_options::opened;
use super::error::CommandError;
use super::loss::loss;

/// Hidden units of the default network: 64-64-10 has 4,810 parameters.
const HIDDEN: usize = 64;

/// A trainer of `model` with these settings.
pub(super) fn trainer(settings: &TrainSettings, model: Sequential, loss: Loss) -> Trainer {
    configured(Trainer::new(model, loss), settings)
}

/// A trainer of a trained network with these settings.
pub(super) fn trainer_from(settings: &TrainSettings, network: Network, loss: Loss) -> Trainer {
    configured(Trainer::from_network(network, loss), settings)
}

/// A trainer of a model whose weights are drawn, or read where the settings name them; its rows are
/// prepared by `preparation`.
pub(super) fn first_trainer(
    settings: &TrainSettings,
    model: Sequential,
    loss: Loss,
    preparation: Option<&Preparation>,
) -> Result<Trainer, CommandError> {
    let Some(weights) = &settings.weights else {
        return Ok(trainer(settings, model, loss));
    };
    weights.check_classes(preparation)?;
    let network = weights.network(model, settings.seed)?;
    Ok(trainer_from(settings, network, loss))
}

fn configured(trainer: Trainer, settings: &TrainSettings) -> Trainer {
    let mut trainer = trainer
        .engine(settings.engine.clone())
        .batch_size(settings.batch_size)
        .batch_policy(settings.optim.batch_rule.clone())
        .epochs(settings.epochs)
        .optimizer(settings.optim.optimizer.clone())
        .schedule(settings.optim.schedule.clone())
        .seed(settings.seed)
        .on_non_finite(settings.on_non_finite)
        .on_worker_panic(settings.on_worker_panic);
    // What may be left out.
    if let Some(steps) = settings.max_steps {
        trainer = trainer.max_steps(steps);
    }
    trainer = trainer.watch(settings.watch);
    if let Some(rule) = settings.early_stopping {
        trainer = trainer.early_stopping(rule);
    }
    trainer
}

/// What is trained.
pub(super) struct Task {
    pub(super) model: Sequential,
    pub(super) loss: Loss,
    /// Training and test part.
    pub(super) data: [Box<dyn Dataset>; 2],
    /// The validation part, if there is one.
    pub(super) valid: Option<Box<dyn Dataset>>,
    pub(super) sampling: Sampling,
    /// The number of each test row among all rows, where the test part is drawn from them.
    pub(super) test_rows: Vec<usize>,
    /// The data in a line.
    pub(super) about: String,
    /// What the readers of files took, a line each.
    pub(super) reading: Vec<String>,
    /// How other files become such rows; none for synthetic rows.
    pub(super) preparation: Option<Preparation>,
    /// How many rows the classes have.
    pub(super) balance: Option<String>,
    /// The hash of all parts, once somebody has asked for it.
    sha256: OnceLock<String>,
}

impl Task {
    /// The targets of a regression.
    pub(super) fn targets(&self) -> Option<&RealTargets> {
        self.preparation.as_ref()?.targets.as_ref()
    }

    /// Whether rows have any number of labels.
    pub(super) fn is_multi_label(&self) -> bool {
        let preparation = self.preparation.as_ref();
        preparation.is_some_and(|preparation| preparation.is_multi_label)
    }

    /// The name of a class or label.
    pub(super) fn class(&self, class: usize) -> String {
        let known = self.preparation.as_ref();
        known.map_or_else(|| class.to_string(), |preparation| preparation.class(class))
    }

    /// What turns the errors of an evaluation after an epoch into the units of the targets.
    pub(super) fn units(&self) -> Option<ErrorUnits> {
        let [_, evaluated] = self.searched();
        let targets = self.targets();
        targets.map(|targets| ErrorUnits::of(targets, evaluated))
    }

    /// The parts as a training takes them.
    pub(super) fn parts(&self) -> Parts<'_> {
        let [train, test] = &self.data;
        let parts = Parts::new(&**train).test(&**test);
        match &self.valid {
            Some(valid) => parts.valid(&**valid),
            None => parts,
        }
    }

    /// What searches see: rows to train on and those that choose, which are the test part only
    /// where there is no validation part.
    pub(super) fn searched(&self) -> [&dyn Dataset; 2] {
        let Parts { train, valid, test } = self.parts();
        [train, valid.or(test).unwrap_or(train)]
    }

    /// The fingerprint of all parts.
    pub(super) fn data_sha256(&self) -> &str {
        self.sha256.get_or_init(|| {
            let Parts { train, valid, test } = self.parts();
            Manifest::data_sha256([Some(train), test, valid].into_iter().flatten())
        })
    }
}

/// A preset on files or synthetic data, or the small network on files or the embedded digits.
pub(super) fn task(settings: &TrainSettings) -> Result<Task, CommandError> {
    if let Some(path) = &settings.data {
        return own_data(settings, path);
    }
    // The embedded digits, or synthetic rows of a preset.
    let (rows, about, preparation) = match &settings.preset {
        None => (digit_rows(settings)?, "UCI digits (8x8)", Some(of_digits())),
        Some(preset) => (
            synthetic_rows(settings, preset)?,
            "synthetic, from the seed",
            None,
        ),
    };
    Ok(Task {
        model: model(settings, None)?,
        loss: loss(&settings.loss, preparation.as_ref(), &*rows.data[0])?,
        data: rows.data,
        valid: None,
        sampling: Sampling::Shuffle,
        test_rows: rows.test_rows,
        about: about.to_owned(),
        reading: Vec::new(),
        preparation,
        balance: None,
        sha256: OnceLock::new(),
    })
}

/// The model that the settings describe: on the user's files the preset in their shape, else the
/// layers that were named, else the small network, or a GPT for texts.
pub(super) fn model(
    settings: &TrainSettings,
    preparation: Option<&Preparation>,
) -> Result<Sequential, TrainError> {
    let model = described_model(settings, preparation)?;
    Ok(model.precision(settings.precision))
}

fn described_model(
    settings: &TrainSettings,
    preparation: Option<&Preparation>,
) -> Result<Sequential, TrainError> {
    let (Some(_), Some(preparation)) = (&settings.data, preparation) else {
        return match (&settings.preset, &settings.layers) {
            (Some(preset), _) => Ok(preset.model.clone()),
            (None, Some(layers)) => of_digits_model(layers),
            (None, None) => Ok(small(&[64], 10)),
        };
    };
    // A model in the shape of the data.
    let axes = preparation.rows.input_shape();
    let is_text = matches!(preparation.rows, RowKind::Tokens { .. });
    let classes = preparation.num_outputs();
    match (&settings.preset, &settings.layers) {
        (None, Some(layers)) if is_text => language_model(layers, &axes, classes),
        (None, Some(layers)) => classifier(layers, axes, classes),
        (None, None) if !is_text => Ok(small(&axes, classes)),
        (preset, _) => {
            let name = preset.as_ref().map_or("gpt", |preset| preset.name);
            let axes = as_image(axes);
            let fits = ["lstm", "gpt"].contains(&name) == is_text;
            let fitted = fits
                .then(|| presets::fitted(name, &axes, classes))
                .flatten();
            let odd = TrainError::Preset {
                name,
                axes,
                is_text,
            };
            Ok(fitted.ok_or(odd)?.model)
        }
    }
}

/// One hidden layer, and a dense one for the classes.
fn small(axes: &[usize], classes: usize) -> Sequential {
    Sequential::flat(axes).dense(HIDDEN).relu().dense(classes)
}

/// Rows of two axes as images: with an axis of one channel.
fn as_image(mut axes: Vec<usize>) -> Vec<usize> {
    if axes.len() == 2 {
        axes.push(1);
    }
    axes
}

/// The layers that were named, over the digits: 64 features, but 8 x 8 pixels or 8 rows of 8 where
/// the layers take images or sequences.
fn of_digits_model(layers: &str) -> Result<Sequential, TrainError> {
    let axes = match Sequential::part().parse_layers(layers)?.takes_sequences() {
        None => vec![64],
        Some(_) => vec![8, 8],
    };
    classifier(layers, axes, 10)
}

/// The layers that were named, flattened, and a dense one for the classes.
///
/// Rows of two axes, or of three with one channel, are sequences (T, C) where the first layer that
/// takes only sequences or only images takes sequences, such as an LSTM; else they are images (H,
/// W, 1).
fn classifier(layers: &str, axes: Vec<usize>, classes: usize) -> Result<Sequential, TrainError> {
    let takes = Sequential::part().parse_layers(layers);
    let is_sequence = takes.is_ok_and(|part| part.takes_sequences() == Some(true));
    let axes = match *axes {
        [length, channels] | [length, channels, 1] if is_sequence => vec![length, channels],
        _ => as_image(axes),
    };
    // Dense layers take what is flat, all others the data as it is.
    let input = if layers.trim_start().starts_with("dense") && !is_sequence {
        Sequential::flat(&axes)
    } else {
        Sequential::new(axes)
    };
    let hidden = input.parse_layers(layers)?;
    let is_flat = hidden.output_shape()?.axes().len() == 1;
    let flat = if is_flat { hidden } else { hidden.flatten() };
    Ok(flat.dense(classes))
}

/// The layers that were named, over the tokens of a text, and a dense one for the next token at
/// every position.
fn language_model(
    layers: &str,
    axes: &[usize],
    vocabulary: usize,
) -> Result<Sequential, TrainError> {
    let hidden = Sequential::new(axes.to_vec()).parse_layers_for_tokens(layers, vocabulary)?;
    hidden.check_causal()?;
    Ok(hidden.dense(vocabulary))
}

/// Refuses a change of colours where there are none.
fn check_colours(settings: &TrainSettings, preparation: &Preparation) -> Result<(), DataError> {
    let saturation = settings.data_options.augment.images.saturation;
    match preparation.rows {
        RowKind::Images { shape, .. } if saturation > 0.0 && shape.channels == 1 => {
            Err(DataError::Option {
                name: "augment",
                expected: "without saturation, which grey images have none of",
                got: format!("saturation {saturation}"),
            })
        }
        _ => Ok(()),
    }
}

/// The user's files.
fn own_data(settings: &TrainSettings, path: &Path) -> Result<Task, CommandError> {
    let opened = opened(path, &settings.data_options).map_err(TrainError::from)?;
    check_colours(settings, &opened.preparation).map_err(TrainError::from)?;
    Ok(Task {
        model: model(settings, Some(&opened.preparation))?,
        loss: loss(&settings.loss, Some(&opened.preparation), &*opened.train)?,
        balance: opened.balance(),
        sha256: OnceLock::new(),
        sampling: opened.sampling,
        test_rows: opened.test_rows,
        data: [opened.train, opened.test],
        valid: opened.valid,
        about: opened.about,
        reading: opened.reading,
        preparation: Some(opened.preparation),
    })
}

//! What is trained: model and data as the settings name them.

use crate::data::{Dataset, Labels, Sampling, digits};
use crate::nn::{Loss, Network, Sequential, presets};
use crate::study::made_up_data;
use crate::train::{TrainError, Trainer};

use super::config::TrainSettings;

/// Hidden units of the default network: 64-64-10 has 4,810 parameters.
const HIDDEN: usize = 64;

/// Characters of a text's windows, where no preset says otherwise.
const CONTEXT: usize = 64;

/// Training and test rows of made-up data.
const MADE_UP: (usize, usize) = (1024, 256);

/// A trainer of `model` with these settings.
pub(super) fn trainer(settings: &TrainSettings, model: Sequential) -> Trainer {
    configured(Trainer::new(model, Loss::SoftmaxCrossEntropy), settings)
}

/// A trainer of a trained network with these settings.
pub(super) fn trainer_from(settings: &TrainSettings, network: Network) -> Trainer {
    configured(
        Trainer::from_network(network, Loss::SoftmaxCrossEntropy),
        settings,
    )
}

fn configured(trainer: Trainer, settings: &TrainSettings) -> Trainer {
    let engine = &settings.engine;
    let mut trainer = trainer
        .threads(engine.threads)
        .pinning(engine.pinning)
        .batch_size(settings.batch_size)
        .batch_policy(settings.optim.batch_rule)
        .epochs(settings.epochs)
        .optimizer(settings.optim.optimizer.clone())
        .schedule(settings.optim.schedule.clone())
        .seed(settings.seed)
        .all_reduce(engine.all_reduce)
        .update(engine.update)
        .on_non_finite(settings.on_non_finite);
    if let Some(steps) = settings.max_steps {
        trainer = trainer.max_steps(steps);
    }
    if let Some(shards) = engine.shards {
        trainer = trainer.shards(shards);
    }
    if let Some(rule) = settings.early_stopping {
        trainer = trainer.early_stopping(rule);
    }
    if settings.tracks_noise_scale {
        trainer = trainer.track_noise_scale();
    }
    trainer
}

/// What is trained.
pub(super) struct Task {
    pub(super) model: Sequential,
    pub(super) data: [Box<dyn Dataset>; 2],
    pub(super) sampling: Sampling,
    /// The data in a line.
    pub(super) about: String,
    /// The names of the classes; none where they are numbers, or tokens.
    pub(super) class_names: Vec<String>,
    /// How many rows the classes have.
    pub(super) balance: Option<String>,
}

/// A preset on files or made-up data, or the small network on files or the embedded digits.
pub(super) fn task(settings: &TrainSettings) -> Result<Task, TrainError> {
    if let Some(path) = &settings.data {
        return own_data(settings, path);
    }
    let Some(preset) = &settings.preset else {
        let (train, test) = digits();
        return Ok(Task {
            model: flat_model(settings, &[64], 10)?,
            data: [Box::new(train), Box::new(test)],
            sampling: Sampling::Shuffle,
            about: "UCI digits (8x8)".to_owned(),
            class_names: Vec::new(),
            balance: None,
        });
    };
    let all = made_up_data(preset, MADE_UP.0 + MADE_UP.1, settings.seed);
    let part = |rows: std::ops::Range<usize>| -> Box<dyn Dataset> {
        Box::new(all.subset(&rows.collect::<Vec<_>>()))
    };
    Ok(Task {
        model: preset.model.clone(),
        data: [part(0..MADE_UP.0), part(MADE_UP.0..MADE_UP.0 + MADE_UP.1)],
        sampling: Sampling::Shuffle,
        about: "made up from the seed".to_owned(),
        class_names: Vec::new(),
        balance: None,
    })
}

/// The layers that were named, or one hidden layer; and a dense one for the classes.
fn flat_model(
    settings: &TrainSettings,
    axes: &[usize],
    classes: usize,
) -> Result<Sequential, TrainError> {
    let Some(layers) = &settings.layers else {
        return Ok(Sequential::flat(axes).dense(HIDDEN).relu().dense(classes));
    };
    // Dense layers take what is flat, all others the data as it is.
    let input = match layers.trim_start().starts_with("dense") {
        true => Sequential::flat(axes),
        false => Sequential::new(axes.to_vec()),
    };
    let hidden = input.written(layers)?;
    let is_flat = hidden.output_shape()?.axes().len() == 1;
    let flat = if is_flat { hidden } else { hidden.flatten() };
    Ok(flat.dense(classes))
}

/// A model on the user's files: the preset in the data's shape, else the small network, or a GPT for texts.
fn own_data(settings: &TrainSettings, path: &std::path::Path) -> Result<Task, TrainError> {
    let loaded = settings.load.load(path, CONTEXT, settings.seed)?;
    let (axes, is_text, classes) = match loaded.data[0].labels() {
        Labels::Classes(classes) => (loaded.axes(), false, classes),
        Labels::Sequence { classes, len } => (vec![len], true, classes),
        Labels::Values(values) => (loaded.axes(), false, values),
    };
    let model = match (&settings.preset, is_text) {
        (None, false) => flat_model(settings, &axes, classes)?,
        (preset, _) => {
            let name = preset.as_ref().map_or("gpt", |preset| preset.name);
            let fits = ["lstm", "gpt"].contains(&name) == is_text;
            let fitted = fits
                .then(|| presets::fitted(name, &axes, classes))
                .flatten();
            let odd = TrainError::Preset {
                name,
                axes,
                is_text,
            };
            fitted.ok_or(odd)?.model
        }
    };
    Ok(Task {
        model,
        sampling: settings.load.sampling(&loaded),
        balance: loaded.balance(),
        data: loaded.data,
        about: loaded.about,
        class_names: loaded.class_names,
    })
}

//! Trainings of a case: its data, its trainer, and what it ends with.

use ndarray::Array2;
use unisono::data::{
    ArrayDataset, Augmentation, Augmented, Dataset, ImageDataset, ImageShape, Sampling, Weighted,
};
use unisono::engine::{Balance, Shards, UpdateMode, all_reduce};
use unisono::nn::{
    BatchNorm, CrossEntropy, Isa, Loss, MseConvention, NnError, Recurrent, Sequential,
};
use unisono::optim::{Optimizer, Plateau};
use unisono::train::{Checkpoint, EarlyStopping, OnNonFinite};
use unisono::{TrainError, Trainer};

use super::case::{Case, Execution};
use crate::support::on_ranks;

/// Losses by name; the last two are of outputs at each position.
pub(super) const LOSSES: &[&str] = &[
    "classes",
    "mean squared",
    "smoothed classes",
    "half squared",
    "absolute",
    "huber",
    "binary",
    "weighted binary",
    "classes of positions",
    "ctc",
];

/// Makes an optimiser.
type Make = fn() -> Optimizer;

/// Optimisers by name.
pub(super) const OPTIMIZERS: [(&str, Make); 16] = [
    ("sgd", || Optimizer::sgd(0.1)),
    ("momentum", || Optimizer::sgd(0.05).with_momentum(0.9)),
    ("nesterov", || {
        Optimizer::sgd(0.05).with_momentum(0.8).with_nesterov()
    }),
    ("moving average of gradients", || {
        Optimizer::sgdw(0.3, 0.01).with_ema_momentum(0.9)
    }),
    ("adam", || Optimizer::adam(0.01)),
    ("adamw for all", || Optimizer::adam_w(0.01).decay_all()),
    ("adagrad", || Optimizer::adagrad(0.05)),
    ("rmsprop", || Optimizer::rms_prop(0.01).centred()),
    ("lion", || Optimizer::lion(0.003)),
    ("lars", || Optimizer::lars(0.5)),
    ("lamb", || Optimizer::lamb(0.01)),
    ("clipped", || Optimizer::sgd(0.5).with_clip_norm(0.1)),
    ("clipped by element", || {
        Optimizer::adam(0.02).with_clip_value(0.01)
    }),
    ("average", || Optimizer::adam_w(0.01).with_average(0.8)),
    ("sparse", || {
        Optimizer::sgd(0.1)
            .with_l2(0.01)
            .with_l1(0.001)
            .with_proximal_l1(0.01)
    }),
    ("unstable", || Optimizer::sgd(1e6)),
];

/// A number in -1..1 for each place, by no means exact to add.
fn value(row: usize, at: usize) -> f32 {
    ((row * 7919 + at * 104_729) % 2003) as f32 / 1001.5 - 1.0
}

/// The axes of a row of `data`, behind its first word.
fn axes(data: &str) -> Vec<usize> {
    let axes = data.split_whitespace().nth(1).expect("the axes of a row");
    let axes = axes.split('x').map(|axis| axis.parse().expect("an axis"));
    axes.collect()
}

/// Tokens that there are, if rows are of such.
fn vocabulary(data: &str) -> Option<usize> {
    let (_, words) = data.split_once(" of ")?;
    Some(words.parse().expect("a number of tokens"))
}

/// The model of `layers` on rows of `data`.
pub(super) fn model(data: &str, layers: &str) -> Result<Sequential, NnError> {
    let mut model = Sequential::new(axes(data));
    let mut rest = layers.trim();
    while !rest.is_empty() {
        // Up to the next comma that stands in no parentheses; two layers are not written elsewhere.
        let mut depth = 0;
        let end = rest.find(|sign| {
            depth += i32::from(sign == '(') - i32::from(sign == ')');
            sign == ',' && depth == 0
        });
        let (layer, behind) = rest.split_at(end.unwrap_or(rest.len()));
        let words: Vec<&str> = layer.split_whitespace().collect();
        model = match (words.as_slice(), vocabulary(data)) {
            (["batch-norm", "over", "the", "batch"], _) => {
                model.layer(BatchNorm::new().over_batch())
            }
            (["lstm", hidden, "carry"], _) => {
                let hidden = hidden.parse().expect("a number of units");
                model.layer(Recurrent::lstm(hidden).carry_state())
            }
            (_, Some(tokens)) => model.parse_layers_for_tokens(layer, tokens)?,
            (_, None) => model.parse_layers(layer)?,
        };
        rest = behind.trim_start_matches(',').trim();
    }
    Ok(model)
}

/// Rows of the case, and how they are drawn.
fn data(case: &Case, outputs: usize) -> Result<(Box<dyn Dataset>, Sampling), TrainError> {
    let (axes, rows) = (axes(&case.data), case.rows);
    let width = axes.iter().product();
    let inputs = Array2::from_shape_fn((rows, width), |(row, at)| value(row, at));
    let class = |row: usize, at: usize| (row * 31 + row / 7 + at * 5) % outputs;
    let classes: Vec<u32> = (0..rows).map(|row| class(row, 0) as u32).collect();
    let sampling = match case.sampling.as_str() {
        "in order" => Sampling::InOrder,
        "balanced" => Sampling::balanced(&classes, outputs),
        "windows" => Sampling::Windows(7),
        "by length" => Sampling::ByLength {
            lengths: (0..rows).map(|row| (row * 5 % 11) as u32).collect(),
            batch_size: case.batch,
        },
        _ => Sampling::Shuffle,
    };
    let data = if let Some(tokens) = vocabulary(&case.data) {
        let token = |(row, at): (usize, usize)| ((row * 7 + at * 5) % tokens) as u32;
        let tokens_of = Array2::from_shape_fn((rows, width), token);
        let next = tokens_of.mapv(|token| (token * 2 + 1) % tokens as u32);
        ArrayDataset::sequences(&tokens_of, next, tokens)?
    } else if case.loss.contains("classes") {
        if case.augmented && axes.len() == 3 {
            return Ok((augmented(case, &axes, &classes, outputs)?, sampling));
        }
        ArrayDataset::classes(inputs, &classes, outputs)?.shaped(axes)?
    } else if case.loss == "ctc" {
        // A label a row: class 0 is the blank.
        let labels: Vec<u32> = classes.iter().map(|&class| class.max(1)).collect();
        ArrayDataset::classes(inputs, &labels, outputs)?.shaped(axes)?
    } else {
        let is_share = case.loss.contains("binary");
        let labels = Array2::from_shape_fn((rows, outputs), |(row, at)| match is_share {
            true => (value(row + 13, at + 5) + 1.0) / 2.0,
            false => value(row + 13, at + 5),
        });
        ArrayDataset::values(inputs, labels)?.shaped(axes)?
    };
    Ok((weighted(case, data)?, sampling))
}

fn weighted(case: &Case, data: impl Dataset + 'static) -> Result<Box<dyn Dataset>, TrainError> {
    if !case.weighted || case.rows < 2 {
        return Ok(Box::new(data));
    }
    let weights: Vec<f32> = (0..case.rows).map(|row| row as f32 * 0.3).collect();
    Ok(Box::new(Weighted::new(data, weights)?))
}

fn augmented(
    case: &Case,
    axes: &[usize],
    classes: &[u32],
    outputs: usize,
) -> Result<Box<dyn Dataset>, TrainError> {
    let shape = ImageShape {
        height: axes[0],
        width: axes[1],
        channels: axes[2],
    };
    let len = case.rows * shape.len();
    let pixels: Vec<u8> = (0..len).map(|at| (at * 7919 % 251) as u8).collect();
    let images = ImageDataset::new(pixels, shape, classes.to_vec(), outputs)?;
    let images = images.clone().standardised(&images.statistics().unwrap());
    let augmentation = Augmentation {
        crop: 1,
        flip: true,
        rotate: 10.0,
        brightness: 0.2,
        ..Augmentation::default()
    };
    weighted(case, Augmented::new(images, augmentation, case.seed)?)
}

fn loss(case: &Case, outputs: usize) -> Loss {
    match case.loss.as_str() {
        "smoothed classes" => Loss::CrossEntropy(CrossEntropy::default().smoothing(0.1)),
        "mean squared" => Loss::Mse(MseConvention::MeanOverAll),
        "half squared" => Loss::Mse(MseConvention::HalfSumOverOutputs),
        "absolute" => Loss::L1,
        "huber" => Loss::Huber(0.3),
        "binary" => Loss::BinaryCrossEntropy,
        "weighted binary" => {
            let weights: Vec<f32> = (0..outputs).map(|at| 0.5 + at as f32).collect();
            Loss::WeightedBinaryCrossEntropy(weights.into())
        }
        "ctc" => Loss::Ctc { labels: 1 },
        _ => Loss::SoftmaxCrossEntropy,
    }
}

/// The case's trainer, on one rank.
fn trainer(case: &Case, model: Sequential, outputs: usize) -> Result<Trainer, TrainError> {
    let named = OPTIMIZERS
        .iter()
        .find(|(name, _)| *name == case.optimizer)
        .unwrap_or_else(|| panic!("no optimiser is called {}", case.optimizer));
    let trainer = Trainer::new(model, loss(case, outputs))
        .precision(case.precision.parse()?)
        .optimizer(named.1())
        .schedule(case.schedule.parse()?)
        .batch_policy(case.policy.parse()?)
        .batch_size(case.batch)
        .shards(Shards::Fixed(case.shards))
        .epochs(case.epochs)
        .seed(case.seed)
        .on_non_finite(OnNonFinite::Skip);
    Ok(match case.rule.as_str() {
        "early stopping" => trainer.early_stopping(EarlyStopping {
            patience: 1,
            ..EarlyStopping::default()
        }),
        "plateau" => trainer.plateau(Plateau {
            factor: 0.5,
            patience: 0,
            ..Plateau::default()
        }),
        _ => trainer,
    })
}

/// The checkpoint after `steps` steps, or after all; each rank's must be the same. `from` is one of
/// the same case.
fn run(
    case: &Case,
    by: &Execution,
    from: Option<&Checkpoint>,
    steps: Option<u64>,
) -> Result<Checkpoint, TrainError> {
    let model = model(&case.data, &case.layers)?;
    let outputs = model.output_shape()?.channels();
    let (rows, sampling) = data(case, outputs)?;
    let isa = Isa::ALL.iter().find(|isa| isa.name() == by.isa);
    let isa = *isa.unwrap_or_else(|| panic!("no instruction set is called {}", by.isa));
    let update = UpdateMode::ALL.iter().find(|one| one.name() == by.update);
    let balance = match by.balance {
        true => Balance::Measured,
        false => Balance::Even,
    };
    let fit = |ranks: Option<unisono::engine::Ranks>| {
        let mut trainer = trainer(case, model.clone(), outputs)?
            .sampling(sampling.clone())
            .threads(by.threads)
            .all_reduce(all_reduce::by_name(&by.all_reduce).expect("a name of one"))
            .update(*update.expect("a name of one"))
            .balance(balance)
            .isa(isa);
        if let Some(ranks) = ranks {
            trainer = trainer.ranks(ranks);
        }
        if let Some(steps) = steps {
            trainer = trainer.max_steps(steps);
        }
        if let Some(checkpoint) = from {
            trainer.resume(checkpoint.clone())?;
        }
        trainer.fit(&*rows, &*rows)?;
        trainer.checkpoint()
    };
    if by.ranks == 1 {
        return fit(None);
    }
    let mut ends = on_ranks(by.ranks, |ranks| fit(Some(ranks)));
    let first = ends.swap_remove(0)?;
    for end in ends {
        let end = end?;
        let [own, others] = [&first, &end].map(|end| (end.step(), weights(end)));
        assert_eq!(others, own, "the ranks differ");
    }
    Ok(first)
}

/// A hash of the weights.
fn weights(checkpoint: &Checkpoint) -> u64 {
    let params = checkpoint.params().iter();
    params.fold(0, |sum: u64, value| {
        sum.rotate_left(7) ^ u64::from(value.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

/// Everything in a checkpoint at a training's end, where no time that was taken is kept: of two floats that differ in any way the texts differ too.
fn all_of(checkpoint: &Checkpoint) -> String {
    format!("{checkpoint:?}")
}

/// What the case ends with, computed by whom it says, and in the plainest way; the text of the error
/// where it is refused.
pub(super) fn both(case: &Case) -> [Result<Checkpoint, String>; 2] {
    let text = |error: TrainError| error.to_string();
    let plain = run(case, &Execution::plain(), None, None).map_err(text);
    // A training that has come to its end would begin another one.
    let end = plain.as_ref().map_or(0, Checkpoint::step);
    let cut = match case.cut {
        steps if (1..end).contains(&steps) => run(case, &case.by, None, Some(steps))
            .and_then(|checkpoint| run(case, &case.then, Some(&checkpoint), None)),
        _ => run(case, &case.by, None, None),
    };
    [cut.map_err(text), plain]
}

/// Whether the case comes to the same, in the words of what differs; whether it was trained at all.
pub(super) fn compare(case: &Case) -> Result<bool, String> {
    match both(case) {
        [Ok(got), Ok(expected)] if all_of(&got) == all_of(&expected) => Ok(true),
        [Ok(got), Ok(expected)] => Err(format!(
            "other bits: weights {:x} after step {}, in the plainest way {:x} after step {}",
            weights(&got),
            got.step(),
            weights(&expected),
            expected.step()
        )),
        [Err(got), Err(expected)] if got == expected => Ok(false),
        [got, expected] => Err(format!(
            "one way of two: {:?}, in the plainest way {:?}",
            got.map(|_| "trained"),
            expected.map(|_| "trained")
        )),
    }
}

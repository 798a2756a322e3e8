//! Choices: the names that an option may have. Parser, help, completions and errors read one table.

use clap::builder::PossibleValuesParser;

use crate::data::{Header, MissingLabels, OnBadSample, Target};
use crate::engine::{Track, UpdateMode, all_reduce};
use crate::nn::{Precision, presets};
use crate::optim::{Optimizer, ScalingRule};
use crate::run::Saliency;
use crate::study::batch_size::Search;
use crate::train::{OnNonFinite, OnWorkerPanic};

use super::error::{ArgError, refused, refused_name};
use super::table_format::TableFormat;

/// The names that a flag takes, and what each stands for.
pub(crate) struct Choices<T: 'static> {
    flag: &'static str,
    table: &'static [(&'static str, T)],
}

const fn choices<T>(flag: &'static str, table: &'static [(&'static str, T)]) -> Choices<T> {
    Choices { flag, table }
}

pub(crate) static HEADERS: Choices<Header> = choices(
    "header",
    &[
        ("auto", Header::Auto),
        ("yes", Header::Yes),
        ("no", Header::No),
    ],
);

pub(crate) static MISSING_LABELS: Choices<MissingLabels> = choices(
    "missing-labels",
    &[
        ("refuse", MissingLabels::Refuse),
        ("drop", MissingLabels::Drop),
        ("class", MissingLabels::Class),
    ],
);

/// Ways to split; whatever else `--split` is given is a file.
pub(crate) const SPLITS: [&str; 4] = ["stratified", "random", "last", "groups"];

pub(crate) static TASKS: Choices<Target> = choices(
    "task",
    &[
        ("auto", Target::Auto),
        ("classify", Target::Classes),
        ("regress", Target::Values),
        ("multi-label", Target::Labels),
        ("language", Target::Auto),
    ],
);

pub(crate) static ON_BAD_SAMPLE: Choices<OnBadSample> = choices(
    "on-bad-sample",
    &[("error", OnBadSample::Error), ("skip", OnBadSample::Skip)],
);

pub(crate) static ON_NON_FINITE: Choices<OnNonFinite> = choices(
    "on-non-finite",
    &[("stop", OnNonFinite::Stop), ("skip", OnNonFinite::Skip)],
);

pub(crate) static ON_WORKER_PANIC: Choices<OnWorkerPanic> = choices(
    "on-worker-panic",
    &[
        ("stop", OnWorkerPanic::Stop),
        ("retry", OnWorkerPanic::Retry),
    ],
);

pub(crate) static TRACKS: Choices<Track> = choices("track", &[("noise-scale", Track::ShardNorms)]);

/// Searches of `tune` and of studies.
pub(crate) static SEARCHES: Choices<Search> = choices(
    "search",
    &[
        ("random", Search::Random),
        ("sobol", Search::Sobol),
        ("halving", Search::Halving),
    ],
);

/// Which loss a name is depends on the labels: `loss` makes it.
pub(crate) static LOSSES: Choices<()> = choices(
    "loss",
    &[
        ("cross-entropy", ()),
        ("mse", ()),
        ("l1", ()),
        ("huber", ()),
        ("bce", ()),
    ],
);

pub(crate) static PARTS: Choices<()> =
    choices("part", &[("train", ()), ("valid", ()), ("test", ())]);

/// What runs are listed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    Date,
    Loss,
    Accuracy,
    Lr,
}

pub(crate) static ORDERS: Choices<Order> = choices(
    "sort",
    &[
        ("name", Order::Name),
        ("date", Order::Date),
        ("loss", Order::Loss),
        ("accuracy", Order::Accuracy),
        ("lr", Order::Lr),
    ],
);

/// What `export` writes.
pub(crate) static FORMATS: Choices<()> =
    choices("format", &[("safetensors", ()), ("npz", ()), ("onnx", ())]);

/// Which rows an exported model takes: those of files, or prepared ones.
pub(crate) static EXPORTED_ROWS: Choices<bool> =
    choices("rows", &[("raw", true), ("prepared", false)]);

/// How tables are printed.
pub(crate) static TABLE_FORMATS: Choices<Option<TableFormat>> = choices(
    "format",
    &[
        ("text", None),
        ("markdown", Some(TableFormat::Markdown)),
        ("latex", Some(TableFormat::Latex)),
    ],
);

/// How a prediction is explained, by the points of a path.
pub(crate) static METHODS: Choices<fn(usize) -> Saliency> = choices(
    "method",
    &[
        ("integrated", |steps| Saliency::IntegratedGradients {
            steps,
        }),
        ("gradient-input", |_| Saliency::GradientTimesInput),
    ],
);

impl<T: Copy> Choices<T> {
    /// Reads one of the names, as the text that it is.
    pub(crate) fn parser(&self) -> PossibleValuesParser {
        one_of(self.table.iter().map(|(name, _)| *name))
    }

    /// What a name stands for.
    pub(crate) fn of(&self, text: &str) -> Result<T, ArgError> {
        let found = self.table.iter().find(|(name, _)| *name == text);
        let names: Vec<&str> = self.table.iter().map(|(name, _)| *name).collect();
        found.map(|(_, value)| *value).ok_or_else(|| {
            let refused = refused(self.flag, any_of(&names), text);
            refused_name(refused, text, names.iter().copied())
        })
    }
}

/// Reads one of these names.
fn one_of(names: impl Iterator<Item = &'static str>) -> PossibleValuesParser {
    PossibleValuesParser::new(names)
}

/// Reads the name of a reference model.
pub(crate) fn a_preset() -> PossibleValuesParser {
    one_of(presets::NAMES.iter().copied())
}

/// Reads the name of a precision.
pub(crate) fn a_precision() -> PossibleValuesParser {
    one_of(Precision::ALL.iter().map(|precision| precision.name()))
}

/// Reads the name of an optimiser.
pub(crate) fn an_optimizer() -> PossibleValuesParser {
    one_of(OPTIMIZERS.iter().map(|known| known.name))
}

/// Reads the name of an all-reduce algorithm.
pub(crate) fn an_all_reduce() -> PossibleValuesParser {
    one_of(all_reduce::ALL.iter().copied().map(|known| known.name()))
}

/// Reads the name of a way to execute the update.
pub(crate) fn an_update() -> PossibleValuesParser {
    one_of(UpdateMode::EACH.into_iter().map(UpdateMode::name))
}

/// Reads the name of a rule for the learning rate of a larger batch.
pub(crate) fn a_scaling_rule() -> PossibleValuesParser {
    one_of(ScalingRule::EACH.into_iter().map(ScalingRule::name))
}

/// An optimiser that can be asked for.
pub(crate) struct OptimizerChoice {
    pub(crate) name: &'static str,
    /// Whether --momentum acts on it.
    pub(crate) has_momentum: bool,
    /// Made of a learning rate and a momentum.
    pub(crate) make: fn(f32, f32) -> Optimizer,
}

const fn plain(name: &'static str, make: fn(f32, f32) -> Optimizer) -> OptimizerChoice {
    OptimizerChoice {
        name,
        has_momentum: false,
        make,
    }
}

const fn with_momentum(name: &'static str, make: fn(f32, f32) -> Optimizer) -> OptimizerChoice {
    OptimizerChoice {
        name,
        has_momentum: true,
        make,
    }
}

/// Every optimiser.
static OPTIMIZERS: [OptimizerChoice; 12] = [
    plain("sgd", |lr, _| Optimizer::sgd(lr)),
    with_momentum("momentum", |lr, m| Optimizer::sgd(lr).with_momentum(m)),
    with_momentum("nesterov", |lr, m| {
        Optimizer::sgd(lr).with_momentum(m).with_nesterov()
    }),
    with_momentum("ema-momentum", |lr, m| {
        Optimizer::sgd(lr).with_ema_momentum(m)
    }),
    with_momentum("ema-nesterov", |lr, m| {
        Optimizer::sgd(lr).with_ema_momentum(m).with_nesterov()
    }),
    plain("adagrad", |lr, _| Optimizer::adagrad(lr)),
    plain("rmsprop", |lr, _| Optimizer::rms_prop(lr)),
    plain("adam", |lr, _| Optimizer::adam(lr)),
    plain("adamw", |lr, _| Optimizer::adam_w(lr)),
    with_momentum("lars", |lr, m| Optimizer::lars(lr).with_momentum(m)),
    plain("lamb", |lr, _| Optimizer::lamb(lr)),
    plain("lion", |lr, _| Optimizer::lion(lr)),
];

/// The optimiser of this name.
pub(crate) fn optimizer(name: &str) -> Option<&'static OptimizerChoice> {
    OPTIMIZERS.iter().find(|known| known.name == name)
}

/// The names of optimisers.
pub(crate) fn optimizers() -> String {
    any_of(&OPTIMIZERS.each_ref().map(|known| known.name))
}

/// The names of reference models.
pub(crate) fn preset_names() -> String {
    any_of(presets::NAMES)
}

/// The names of all-reduce algorithms.
pub(crate) fn all_reduces() -> String {
    all_reduce::names()
}

/// The names of ways to execute the update.
pub(crate) fn update_modes() -> String {
    any_of(&UpdateMode::EACH.map(UpdateMode::name))
}

/// The names of rules for the learning rate of a larger batch.
pub(crate) fn scaling_rules() -> String {
    any_of(&ScalingRule::EACH.map(ScalingRule::name))
}

/// `a, b or c`.
pub(crate) fn any_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(any_of(&[]), "");
        assert_eq!(any_of(&["a"]), "a");
        assert_eq!(any_of(&["a", "b", "c"]), "a, b or c");
        assert_eq!(update_modes(), "fused or master");
        assert!(optimizers().ends_with("lars, lamb or lion"));
    }
}

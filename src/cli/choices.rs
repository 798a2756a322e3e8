//! Choices: the names that an option may have. Help, schema and errors read one table.

use crate::engine::{UpdateMode, all_reduce};
use crate::nn::presets;
use crate::optim::{Optimizer, ScalingRule};

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

//! Recipes: optimiser, schedule and batch of a preset, where nothing else is asked for.
//!
//! A recipe is a configuration whose values stand behind all others. Its optimiser is one piece:
//! who names another one gets that one's own defaults.

use serde_json::json;
use toml::{Table, Value};

use crate::data::{DataKind, DataOptions};

use super::keys::Key;
use super::options::TrainArgs;

/// Steps of a warm-up, but at most a tenth of the training.
const WARMUP: u64 = 100;

/// The defaults, with a rate that falls.
const FALLING: &str = r#"
    [optimizer]
    name = "momentum"
    schedule = "WARMUP, cosine over LENGTH"
    "#;

/// What the recipe of a preset says; `LENGTH` stands for the length of the training.
///
/// Sources: nanoGPT (Karpathy 2022, `config/train_shakespeare_char.py`) for `gpt`, with a larger
/// rate for its smaller batch; char-rnn (Karpathy 2015) clips `lstm` likewise; He et al. 2016,
/// section 4.2, for `resnet20`, with a cosine (Loshchilov and Hutter 2017) instead of two steps.
const RECIPES: [(&str, &str); 5] = [
    ("mlp", FALLING),
    ("lenet", FALLING),
    (
        "gpt",
        r#"
        [optimizer]
        name = "adamw"
        lr = 0.003
        weight_decay = 0.1
        clip_norm = 1.0
        schedule = "WARMUP, cosine to 0.1 over LENGTH"
        "#,
    ),
    (
        "lstm",
        r#"
        [optimizer]
        name = "adamw"
        lr = 0.005
        clip_norm = 1.0
        schedule = "WARMUP, cosine to 0.1 over LENGTH"
        "#,
    ),
    (
        "resnet20",
        r#"
        [optimizer]
        name = "momentum"
        lr = 0.1
        weight_decay = 0.0005
        schedule = "WARMUP, cosine to 0.001 over LENGTH"
        [batch]
        size = 128
        "#,
    ),
];

/// Values of a recipe that a training takes over.
#[derive(Clone, Debug, Default)]
pub(super) struct Recipe {
    /// The preset; empty where none is followed.
    pub(super) preset: &'static str,
    /// Keys and their values.
    pub(super) values: Vec<(Key, Value)>,
}

impl Recipe {
    /// What of its preset's recipe a training with these settings follows. Those in `asked` were
    /// asked for; all others have their defaults.
    pub(super) fn of(args: &TrainArgs, asked: &Table) -> Self {
        let named = |(name, _): &(&str, &str)| preset(args) == Some(*name);
        let Some((preset, text)) = RECIPES.into_iter().find(named) else {
            return Self::default();
        };
        let mut recipe: Table = text.parse().expect("recipes are well-formed");
        let of_optimizer = recipe["optimizer"].as_table_mut().expect("a section");
        // The schedule, as long as the training.
        let (steps, length) = match (args.run.max_steps, args.run.epochs) {
            (Some(steps), _) => (steps, format!("{steps} steps")),
            (None, epochs) => (u64::MAX * u64::from(epochs > 0), format!("{epochs} epochs")),
        };
        let shape = of_optimizer["schedule"].as_str().expect("a text");
        let schedule = match steps {
            0..10 => "constant".to_owned(),
            _ => {
                let warmup = format!("warmup {} steps", WARMUP.min(steps / 10));
                shape.replace("WARMUP", &warmup).replace("LENGTH", &length)
            }
        };
        of_optimizer.insert("schedule".to_owned(), Value::String(schedule));
        // All but what was asked for.
        let is_other = of_optimizer["name"].as_str() != Some(&args.optim.optimizer);
        let keys = Key::all();
        let is_named = |path: &str| {
            let mut keys = keys.iter().filter(|key| key.value(asked).is_some());
            keys.any(|key| key.path() == path)
        };
        let has_own_optimizer = is_other && is_named("optimizer.name");
        let follows = |key: &&Key| {
            let is_left_out = has_own_optimizer && key.section == "optimizer";
            key.value(asked).is_none() && !is_left_out
        };
        let value = |key: &Key| Some((key.clone(), key.value(&recipe)?.clone()));
        Self {
            preset,
            values: keys.iter().filter(follows).filter_map(value).collect(),
        }
    }

    /// Its keys with their values, as JSON; null where none is followed.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let value = |(key, value): &(Key, Value)| (key.path(), json!(value));
        match self.values.is_empty() {
            true => serde_json::Value::Null,
            false => self.values.iter().map(value).collect(),
        }
    }

    /// In words; `None` where none is followed.
    pub(super) fn text(&self) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let value = |(key, value): &(Key, Value)| format!("{} {value}", key.flag());
        let values: Vec<String> = self.values.iter().map(value).collect();
        let values = values.join(", ").replace('"', "");
        Some(format!("that of {} ({values})", self.preset))
    }
}

/// The preset that a training trains: that of its flag, or that of a text without other layers.
fn preset(args: &TrainArgs) -> Option<&str> {
    let model = &args.model;
    match (&model.preset, &model.layers, &args.data.data) {
        (Some(preset), _, _) => Some(preset),
        (None, None, Some(path)) => {
            // What cannot be read is said where it is read.
            let kind = DataKind::of(path, &DataOptions::default()).ok()?;
            (kind == DataKind::Text).then_some("gpt")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::TrainSettings;
    use crate::cli::options::OptimArgs;
    use crate::nn::presets;

    /// The settings of a training for which this was asked, in a file.
    fn followed(asked: &str) -> (TrainArgs, Recipe) {
        let asked: Table = asked.parse().unwrap();
        let args: TrainArgs = asked.clone().try_into().unwrap();
        let recipe = Recipe::of(&args, &asked);
        let mut all = asked;
        for (key, value) in &recipe.values {
            key.put(&mut all, value.clone());
        }
        (all.try_into().unwrap(), recipe)
    }

    #[test]
    fn every_recipe_is_of_a_preset_and_gives_settings_for_trainings_of_any_length() {
        for (name, text) in RECIPES {
            assert!(presets::by_name(name).is_some());
            let keys = text.lines().filter(|line| line.contains(" = ")).count();
            for length in [
                "epochs = 0",
                "epochs = 1",
                "epochs = 300",
                "max_steps = 0",
                "max_steps = 9",
                "max_steps = 10",
                "max_steps = 5000\nepochs = 1",
            ] {
                let asked = format!("[model]\npreset = \"{name}\"\n[run]\n{length}");
                let (args, recipe) = followed(&asked);
                assert_eq!(recipe.values.len(), keys, "{name}, {length}");
                TrainSettings::try_from(args).unwrap();
            }
        }
        let (args, _) = followed("[model]\npreset = \"gpt\"\n[run]\nmax_steps = 5000");
        let schedule = "warmup 100 steps, cosine to 0.1 over 5000 steps";
        assert_eq!(args.optim.schedule, schedule);
    }

    #[test]
    fn what_was_asked_for_stays_and_another_optimiser_has_its_own_defaults() {
        let (plain, own) = (
            TrainArgs::default(),
            "[model]\npreset = \"gpt\"\n[optimizer]\n",
        );
        let (args, _) = followed(&format!("{own}lr = 0.05\nschedule = \"constant\""));
        let OptimArgs {
            optimizer,
            lr,
            schedule,
            weight_decay,
            ..
        } = args.optim;
        assert_eq!((&*optimizer, lr, &*schedule), ("adamw", 0.05, "constant"));
        assert_eq!(weight_decay, Some(0.1));
        let (args, recipe) = followed(&format!("{own}name = \"lamb\""));
        let expected = OptimArgs {
            optimizer: "lamb".to_owned(),
            ..plain.optim.clone()
        };
        assert_eq!((args.optim, recipe.text()), (expected, None));
        // Without a preset, and with one that has no recipe, nothing changes.
        for none in [
            "",
            "[model]\npreset = \"mlp_small\"",
            "[model]\nlayers = \"dense 8\"",
        ] {
            let (args, recipe) = followed(none);
            assert_eq!((args.optim, recipe.text()), (plain.optim.clone(), None));
        }
    }
}

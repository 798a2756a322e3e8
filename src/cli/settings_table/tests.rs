//! Every setting acts or is refused: all arguments, all keys, all commands, all kinds of data.

use std::path::Path;

use clap::{CommandFactory, FromArgMatches};

use super::flags::FLAGS;
use super::inputs::{Inputs, name};
use super::keys::rows;
use super::values::{HARMLESS, VALUES};
use super::{By, refuse};
use crate::cli::args::{Args, Command};
use crate::cli::config::TrainSettings;
use crate::cli::document::ResolvedConfig;
use crate::cli::error::{CommandError, exit_code};
use crate::cli::keys::Key;
use crate::cli::message::message;
use crate::cli::options::{DataArgs, TrainArgs};
use crate::cli::study_args::StudyArgs;
use crate::cli::task::{first_trainer, task};
use crate::data::DataKind;

/// Every command that does something, by its name.
pub(super) fn commands() -> Vec<(String, clap::Command)> {
    fn leaves(name: &str, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
        if !command.has_subcommands() {
            found.push((name.to_owned(), command.clone()));
        }
        for inner in command.get_subcommands() {
            leaves(format!("{name} {}", inner.get_name()).trim(), inner, found);
        }
    }
    let mut found = Vec::new();
    leaves("", &Args::command(), &mut found);
    found
}

#[test]
fn every_argument_of_every_command_has_a_row_and_every_row_an_argument() {
    let (keys, study) = (Key::all(), Key::of::<StudyArgs>("study"));
    for key in keys.iter().chain(&study) {
        let rows = rows().filter(|row| row.key == key.path()).count();
        assert_eq!(rows, 1, "{} has {rows} rows", key.path());
    }
    assert_eq!(rows().count(), keys.len() + study.len());
    let all = commands();
    for (command, clap) in &all {
        let ids: Vec<&str> = clap
            .get_arguments()
            .map(|arg| arg.get_id().as_str())
            .collect();
        let reads = ids.contains(&"layers") || ids.contains(&"label");
        let is_key = |id: &&str| {
            let is = |key: &Key| key.id() == *id;
            reads && keys.iter().any(is) || ids.contains(&"batches") && study.iter().any(is)
        };
        let flags = FLAGS.iter().find(|flags| flags.command == command);
        let flags = flags.unwrap_or_else(|| panic!("`{command}` is not in the table"));
        let ruled = flags.rules.iter().map(|(id, _)| id);
        let known: Vec<&&str> = flags.acting.iter().chain(ruled).collect();
        let own = ids
            .iter()
            .filter(|id| !is_key(id) && **id != "help" && **id != "version");
        for id in own.clone() {
            let rows = known.iter().filter(|known| **known == id).count();
            assert_eq!(rows, 1, "`{command}`, {id} has {rows} rows");
        }
        assert_eq!(own.count(), known.len(), "`{command}`: {known:?}");
    }
    assert_eq!(all.len(), FLAGS.len());
}

#[test]
fn every_key_of_the_schema_is_a_key_of_the_table() {
    let schema = serde_json::to_value(schemars::schema_for!(TrainArgs)).unwrap();
    let mut paths = Vec::new();
    for (section, of) in schema["properties"].as_object().unwrap() {
        let name = of["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let keys = schema["$defs"][name]["properties"].as_object().unwrap();
        paths.extend(keys.keys().map(|key| format!("{section}.{key}")));
    }
    let mut keys: Vec<String> = Key::all().iter().map(Key::path).collect();
    paths.sort_unstable();
    keys.sort_unstable();
    assert_eq!(paths, keys);
    for key in keys {
        assert!(
            VALUES.iter().any(|known| known.0 == key),
            "{key} has no value here"
        );
    }
}

/// The settings of `unisono train` with these arguments, if all of them act.
pub(super) fn resolved(args: &[String], by: By<'_>) -> Result<ResolvedConfig, CommandError> {
    let line = ["unisono", "train"].into_iter().map(str::to_owned);
    let matches = Args::command()
        .try_get_matches_from(line.chain(args.iter().cloned()))
        .unwrap_or_else(|error| panic!("{args:?}: {error}"));
    let Command::Train(train) = Args::from_arg_matches(&matches).unwrap().command else {
        unreachable!("it says train");
    };
    let flags = matches.subcommand_matches("train").unwrap();
    let resolved = ResolvedConfig::new(&train.settings, flags, &train.from)?;
    refuse(&resolved, by)?;
    Ok(resolved)
}

/// What a training of these settings comes to.
fn trained(settings: &TrainSettings) -> Result<String, CommandError> {
    let task = task(settings)?;
    let mut trainer = first_trainer(settings, task.model, task.loss, task.preparation.as_ref())?
        .sampling(task.sampling);
    let report = trainer
        .fit(&*task.data[0], &*task.data[1])
        .map_err(CommandError::Train)?;
    let network = trainer.network().map_err(crate::train::TrainError::from)?;
    let valid = task.valid.map(|valid| trainer.evaluate(&*valid));
    let valid = valid.transpose().map_err(CommandError::Train)?;
    Ok(format!(
        "{} {} {valid:?} {:?}",
        network.weights_sha256(),
        report.test_loss(),
        task.preparation.map(|known| known.class_names)
    ))
}

/// That a value acts or is refused with exit code 2 and its name; gives whether it acts.
fn acts(base: &[String], key: &str, value: &str, unchanged: &str) -> bool {
    let setting = vec!["--set".to_owned(), format!("{key}={value}")];
    let args = [base, &setting].concat();
    let known = Key::all();
    let known = known.iter().find(|known| known.path() == key).unwrap();
    let outcome = resolved(&args, By::Train { keeps: true })
        .and_then(|resolved| trained(&resolved.settings()?));
    match outcome {
        Err(error) => {
            let (code, text) = (exit_code(&error), message(&error));
            assert_eq!(code, 2, "{args:?}: {text}");
            assert!(!text.contains('\n'), "{args:?}: {text}");
            let names = [
                format!("--{}", known.flag()),
                value.to_owned(),
                "layer ".to_owned(),
            ];
            // What is no table has no rows as one.
            let is_empty = key == "data.text" && text.contains("no rows");
            let is_named = is_empty || names.iter().any(|name| text.contains(name));
            assert!(is_named, "{args:?} is refused without its name: {text}");
            false
        }
        Ok(outcome) => {
            assert_ne!(outcome, unchanged, "{args:?} changes nothing");
            true
        }
    }
}

/// Arguments that train on data for two steps.
fn quick(data: Option<&Path>) -> Vec<String> {
    let mut args = vec!["--threads=1".to_owned(), "--epochs=2".to_owned()];
    match data {
        Some(path) => args.push(format!("--data={}", path.display())),
        None => args.push("--max-steps=3".to_owned()),
    }
    args
}

/// Arguments that train on data of every kind, and on the digits.
fn every_kind(inputs: &Inputs) -> Vec<Vec<String>> {
    let kinds = [
        DataKind::IdxFolder,
        DataKind::CifarFolder,
        DataKind::NpyFolder,
        DataKind::ImageFolder { has_parts: false },
        DataKind::ImageFolder { has_parts: true },
        DataKind::Sounds,
        DataKind::Npz,
        DataKind::Table,
        DataKind::Text,
    ];
    let mut data: Vec<Vec<String>> = kinds
        .iter()
        .map(|&kind| {
            let path = inputs.of(kind);
            assert_eq!(
                super::kind(&DataArgs {
                    data: Some(path.clone()),
                    ..DataArgs::default()
                }),
                Some(kind)
            );
            quick(Some(&path))
        })
        .collect();
    data.push(quick(Some(&inputs.path("sequences.npz"))));
    data.push(quick(Some(&inputs.path("parted.npz"))));
    data.push(
        [
            quick(Some(&inputs.path("texts.csv"))),
            vec!["--text".to_owned()],
        ]
        .concat(),
    );
    data.push(quick(Some(&inputs.path("series.csv"))));
    data.push(
        [
            quick(Some(&inputs.path("series.csv"))),
            vec!["--window=4".to_owned()],
        ]
        .concat(),
    );
    data.push(quick(None));
    data
}

#[test]
fn settings_of_model_and_data_act_on_every_kind_of_data_or_are_refused() {
    let inputs = Inputs::new("every-kind");
    let data = every_kind(&inputs);
    let mut acting = std::collections::BTreeSet::new();
    for base in &data {
        let unchanged = resolved(base, By::Train { keeps: true })
            .and_then(|resolved| trained(&resolved.settings()?))
            .unwrap_or_else(|error| panic!("{base:?}: {error}"));
        for (key, values) in VALUES {
            let is_of_kind = ["model.layers", "model.preset"].contains(&key)
                || key.starts_with("data.") && key != "data.path" && !HARMLESS.contains(&key);
            let is_base = key == "data.text" && base.contains(&"--text".to_owned());
            if !is_of_kind || is_base {
                continue;
            }
            // The parts of a series lie behind one another anyway.
            let is_series = base.iter().any(|arg| arg.starts_with("--window"));
            let is_taken = |value: &str| is_series && (key, value) == ("data.split", "last");
            for value in values.iter().filter(|value| !is_taken(value)) {
                let value = match *value {
                    name @ ("split.txt" | "valid.csv" | "test.csv") => {
                        inputs.path(name).display().to_string()
                    }
                    value => value.to_owned(),
                };
                if acts(base, key, &value, &unchanged) {
                    acting.insert((key, name(Path::new(&value))));
                }
            }
        }
    }
    for (key, values) in VALUES {
        let is_of_kind = key == "model.layers" || key.starts_with("data.") && key != "data.path";
        for value in values
            .iter()
            .filter(|_| is_of_kind && !HARMLESS.contains(&key))
        {
            assert!(
                acting.contains(&(key, (*value).to_owned())),
                "{key}={value} acts on nothing"
            );
        }
    }
}

#[test]
fn settings_of_the_training_act_or_are_refused() {
    let base = quick(None);
    let unchanged = trained(
        &resolved(&base, By::Train { keeps: true })
            .unwrap()
            .settings()
            .unwrap(),
    );
    let unchanged = unchanged.unwrap();
    for (key, values) in VALUES {
        let is_of_training = ["loss.", "optimizer.", "batch.", "run."]
            .iter()
            .any(|part| key.starts_with(part));
        // Losses of values have tests of their own: `tests/program/losses.rs`.
        let is_of_values =
            ["loss.name", "loss.huber_delta", "loss.positive_weights"].contains(&key);
        let is_other = !is_of_training && key != "engine.shards" || HARMLESS.contains(&key);
        if is_other || is_of_values {
            continue;
        }
        // Those that `quick` sets, and one that the optimiser's end needs.
        let base: Vec<String> = match key {
            "run.epochs" => vec!["--threads=1".to_owned()],
            "run.max_steps" => vec!["--threads=1".to_owned(), "--epochs=1".to_owned()],
            "optimizer.decay_all" => [&base[..], &["--l2=0.1".to_owned()]].concat(),
            _ => base.clone(),
        };
        let unchanged = match key {
            "run.epochs" | "run.max_steps" | "optimizer.decay_all" => trained(
                &resolved(&base, By::Train { keeps: true })
                    .unwrap()
                    .settings()
                    .unwrap(),
            )
            .unwrap(),
            _ => unchanged.clone(),
        };
        for value in values {
            assert!(
                acts(&base, key, value, &unchanged),
                "{key}={value} is refused"
            );
        }
    }
    for key in HARMLESS
        .iter()
        .filter(|key| !key.starts_with("data.") && **key != "engine.threads")
    {
        let value = VALUES.iter().find(|known| known.0 == *key).unwrap().1[0];
        let args = [&base[..], &["--set".to_owned(), format!("{key}={value}")]].concat();
        let settings = |args: &[String]| {
            let resolved = resolved(args, By::Train { keeps: true }).unwrap();
            format!("{:?}", resolved.settings().unwrap())
        };
        assert_ne!(settings(&args), settings(&base), "{key}");
    }
}

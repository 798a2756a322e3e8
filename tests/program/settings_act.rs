//! `schedule` and `lr-range` show a part of a training: every key changes what they print, or is
//! refused by name.

use crate::program::{stdout, unisono, value};

/// Values that are not the defaults.
const VALUES: [(&str, &str); 76] = [
    ("model.preset", "mlp_small"),
    ("model.layers", "dense 8"),
    ("model.precision", "bf16"),
    ("model.weights", "no.safetensors"),
    ("model.weights_map", "no.toml"),
    ("model.new_head", "true"),
    ("data.path", "no.csv"),
    ("data.label", "0"),
    ("data.target", "0"),
    ("data.weight_column", "0"),
    ("data.header", "no"),
    ("data.delimiter", "semicolon"),
    ("data.drop", "0"),
    ("data.columns", "0"),
    ("data.categories", "0"),
    ("data.missing_labels", "drop"),
    ("data.task", "classify"),
    ("data.text", "true"),
    ("data.window", "8"),
    ("data.horizon", "3"),
    ("data.tokens", "bytes"),
    ("data.split", "random"),
    ("data.test_share", "0.3"),
    ("data.valid_share", "0.3"),
    ("data.valid", "no.csv"),
    ("data.test", "no.csv"),
    ("data.folds", "3"),
    ("data.fold", "2"),
    ("data.split_seed", "9"),
    ("data.image_size", "6x5"),
    ("data.grey", "true"),
    ("data.on_bad_sample", "skip"),
    ("data.cache", "none"),
    ("data.augment", "flip"),
    ("data.sampling", "in-order"),
    ("loss.name", "l1"),
    ("loss.huber_delta", "0.5"),
    ("loss.label_smoothing", "0.1"),
    ("loss.class_weights", "balanced"),
    ("loss.ignore_label", "1"),
    ("loss.positive_weights", "balanced"),
    ("optimizer.lr", "0.01"),
    ("optimizer.momentum", "0.5"),
    ("optimizer.name", "nesterov"),
    ("optimizer.weight_decay", "0.1"),
    ("optimizer.l2", "0.1"),
    ("optimizer.l1", "0.1"),
    ("optimizer.proximal_l1", "0.1"),
    ("optimizer.decay_all", "true"),
    ("optimizer.freeze", "dense0"),
    ("optimizer.layer_lr", "dense0=0.1"),
    ("optimizer.clip_norm", "0.01"),
    ("optimizer.clip_value", "0.001"),
    ("optimizer.average", "0.5"),
    ("optimizer.schedule", "linear over 3 epochs"),
    ("batch.size", "8"),
    ("batch.policy", "adabatch 2 every 1 epochs lr 1 to 64"),
    ("engine.threads", "1"),
    ("engine.shards", "3"),
    ("engine.all_reduce", "naive"),
    ("engine.update", "master"),
    ("engine.pin", "true"),
    ("engine.no_pin", "true"),
    ("engine.no_balance", "true"),
    ("run.epochs", "3"),
    ("run.max_steps", "7"),
    ("run.early_stopping", "1"),
    ("run.watch", "f1"),
    ("run.track", "noise-scale"),
    ("run.seed", "7"),
    ("run.on_non_finite", "skip"),
    ("run.on_worker_panic", "retry"),
    ("run.watchdog", "60"),
    ("run.checkpoint_every_steps", "5"),
    ("run.checkpoint_every_epochs", "5"),
    ("run.keep", "5"),
];

/// How the engine works: the same bits, so the same losses; of shards the last bits, which are not
/// printed.
const SAME_BITS: [&str; 7] = [
    "engine.shards",
    "engine.threads",
    "engine.all_reduce",
    "engine.update",
    "engine.pin",
    "engine.no_pin",
    "engine.no_balance",
];

/// The keys of a configuration, and the flag of each in messages.
fn keys() -> Vec<(String, String)> {
    let (mut section, mut keys) = (String::new(), Vec::new());
    for line in stdout(&["config"]).lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((name, _)) = line.trim_start_matches("# ").split_once(" = ")
            && name
                .chars()
                .all(|sign| sign == '_' || sign.is_ascii_alphanumeric())
        {
            let flag = match (&*section, name) {
                ("data", "path") => "data",
                ("optimizer", "name") => "optimizer",
                ("loss", "name") => "loss",
                ("batch", "size") => "batch-size",
                ("batch", "policy") => "batch-policy",
                (_, name) => name,
            };
            keys.push((format!("{section}.{name}"), flag.replace('_', "-")));
        }
    }
    keys
}

#[test]
fn every_key_changes_what_is_shown_or_is_refused() {
    let keys = keys();
    assert_eq!(keys.len(), VALUES.len(), "{keys:?}");
    for command in [
        &["schedule", "--epochs", "2"][..],
        &["schedule", "--rows", "100", "--epochs", "2"],
        &["lr-range", "--steps", "6"],
    ] {
        let unchanged = stdout(command);
        assert_ne!(value(&unchanged, "steps"), "0");
        for (key, flag) in &keys {
            let known = VALUES.iter().find(|known| known.0 == key);
            let (_, value) = known.unwrap_or_else(|| panic!("{key} has no value here"));
            let is_set = *key == "run.epochs" && command[0] == "schedule";
            if is_set || command[0] == "lr-range" && SAME_BITS.contains(&&**key) {
                continue;
            }
            let setting = format!("{key}={value}");
            let args = [command, &["--set", &setting]].concat();
            let output = unisono(&args);
            let [out, err] =
                [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
            if output.status.success() {
                assert_ne!(out, unchanged, "{args:?} changes nothing");
                continue;
            }
            assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
            let is_named = err.contains(&format!("--{flag}")) || err.contains(value);
            assert!(is_named, "{args:?} is refused without its name: {err}");
        }
    }
}

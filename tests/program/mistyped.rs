//! Mistyped names: whatever reads names answers one that there is not with the one that was meant.

use crate::files::Folder;
use crate::program::{stdout, unisono};

/// Keys of a configuration that take names, alone or in a small language: each with a mistyped value,
/// what is answered, and more that the command needs.
const MISTYPED: &[(&str, &str, &str, &[&str])] = &[
    ("model.preset", "lente", "lenet", &[]),
    ("model.layers", "dense 8, rleu", "relu", &[]),
    (
        "model.layers",
        "residual(Layer_Norm, dens 4)",
        "layer-norm",
        &[],
    ),
    ("model.layers", "linear 8", "dense", &[]),
    ("model.layers", "lstm 8 bidirectoinal", "bidirectional", &[]),
    ("model.precision", "bf61", "bf16", &[]),
    ("data.label", "kidn", "kind", &[]),
    ("data.target", "ag", "age", &[]),
    ("data.weight_column", "Age", "age", &[]),
    ("data.header", "atuo", "auto", &[]),
    ("data.delimiter", "coma", "comma", &[]),
    ("data.drop", "agee", "age", &[]),
    ("data.columns", "siez", "size", &[]),
    ("data.categories", "siz", "size", &[]),
    ("data.missing_labels", "dorp", "drop", &[]),
    ("data.task", "regres", "regress", &[]),
    ("data.tokens", "byets", "bytes", &[]),
    ("data.split", "stratifed", "stratified", &[]),
    ("data.on_bad_sample", "skp", "skip", &[]),
    ("data.augment", "flip rotat 9", "rotate", &[]),
    ("data.sampling", "window 4", "windows", &[]),
    ("loss.name", "mes", "mse", &[]),
    ("loss.class_weights", "cta=2", "cat", &[]),
    ("loss.ignore_label", "dgo", "dog", &[]),
    (
        "loss.positive_weights",
        "agee=2",
        "age",
        &["--target", "age,size"],
    ),
    (
        "run.watch",
        "acuracy",
        "accuracy",
        &["--valid-share", "0.2", "--early-stopping", "1"],
    ),
    ("run.on_worker_panic", "rety", "retry", &[]),
    ("optimizer.name", "aadmw", "adamw", &[]),
    ("optimizer.schedule", "cosin over 3 epochs", "cosine", &[]),
    ("optimizer.schedule", "cosine ovr 3 epochs", "over", &[]),
    (
        "optimizer.schedule",
        "step 0.1 every 3 epcohs",
        "epochs",
        &[],
    ),
    (
        "optimizer.schedule",
        "restarts first 3 steps groth 2",
        "growth",
        &[],
    ),
    (
        "optimizer.schedule",
        "warm-up 3 steps, constant",
        "warmup",
        &[],
    ),
    ("batch.policy", "stage to 64", "staged", &[]),
    (
        "batch.policy",
        "adabatch 2 every 1 step lr 1 to 64",
        "steps",
        &[],
    ),
    (
        "batch.policy",
        "noise 8..64 every 4 steps lr sqr",
        "sqrt",
        &[],
    ),
    ("engine.threads", "atuo", "auto", &[]),
    ("engine.shards", "per_worker", "per-worker", &[]),
    ("engine.all_reduce", "segmentde", "segmented", &[]),
    ("engine.update", "fussed", "fused", &[]),
    ("run.track", "noise-scael", "noise-scale", &[]),
    ("run.on_non_finite", "sotp", "stop", &[]),
];

/// Those that take numbers, yes or no, or a path.
const OTHER: &[&str] = &[
    "model.new_head",
    "data.folds",
    "data.fold",
    "optimizer.freeze",
    "optimizer.layer_lr",
    "run.watchdog",
    "model.weights",
    "model.weights_map",
    "data.path",
    "data.text",
    "data.window",
    "data.horizon",
    "data.test_share",
    "data.valid_share",
    "data.valid",
    "data.test",
    "data.split_seed",
    "data.image_size",
    "data.grey",
    "data.cache",
    "loss.huber_delta",
    "loss.label_smoothing",
    "optimizer.lr",
    "optimizer.momentum",
    "optimizer.weight_decay",
    "optimizer.l2",
    "optimizer.l1",
    "optimizer.proximal_l1",
    "optimizer.decay_all",
    "optimizer.clip_norm",
    "optimizer.clip_value",
    "optimizer.average",
    "batch.size",
    "engine.pin",
    "engine.no_pin",
    "engine.no_balance",
    "run.epochs",
    "run.max_steps",
    "run.early_stopping",
    "run.seed",
    "run.checkpoint_every_steps",
    "run.checkpoint_every_epochs",
    "run.keep",
];

fn refusal(args: &[&str]) -> String {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    text
}

fn answers(args: &[&str], meant: &str) {
    let text = refusal(args);
    let found = ["", "`"].map(|tick| format!("did you mean {tick}{meant}{tick}?"));
    let is_said = found.iter().any(|said| text.contains(said));
    assert!(is_said, "{args:?}, expected {meant}: {text}");
}

fn table(folder: &Folder) -> String {
    let row = |at: usize| format!("{},{},{}\n", at % 2, at % 3 % 2, ["cat", "dog"][at % 2]);
    let rows: String = (0..40).map(row).collect();
    let path = folder.file("animals.csv", format!("age,size,kind\n{rows}").as_bytes());
    path.to_str().unwrap().to_owned()
}

#[test]
fn each_key_that_takes_names_answers_a_mistyped_one_with_the_one_that_was_meant() {
    let folder = Folder::new("mistyped");
    let data = table(&folder);
    for (key, value, meant, more) in MISTYPED {
        let set = format!("{key}={value}");
        let args = ["train", "--data", &data, "--epochs", "1", "--set", &set];
        answers(&[&args[..], *more].concat(), meant);
    }
}

#[test]
fn every_key_is_tried_or_takes_no_names() {
    let mut section = String::new();
    let schema: serde_json::Value = serde_json::from_str(&stdout(&["config", "--schema"])).unwrap();
    let mut keys = Vec::new();
    for (name, part) in schema["properties"].as_object().unwrap() {
        section.clone_from(name);
        let part = match part["$ref"].as_str() {
            Some(at) => schema.pointer(at.trim_start_matches('#')).unwrap(),
            None => part,
        };
        let names = part["properties"].as_object().unwrap().keys();
        keys.extend(names.map(|name| format!("{section}.{name}")));
    }
    assert!(keys.len() > 60, "{keys:?}");
    for key in &keys {
        let is_tried = MISTYPED.iter().any(|known| known.0 == key);
        let is_other = OTHER.contains(&key.as_str());
        assert!(is_tried != is_other, "{key} is in one of the two lists");
    }
}

#[test]
fn names_outside_a_configuration_are_answered_too() {
    let folder = Folder::new("mistyped-elsewhere");
    let curves = folder.file("theirs.csv", b"chart,curve,x,y\nstep,theirs,8,900\n");
    let curves = curves.to_str().unwrap();
    let out = folder.0.join("study");
    let out = out.to_str().unwrap();
    let lines: &[(&[&str], &str)] = &[
        (&["train", "--epoch", "1"], "--epochs"),
        (&["trian"], "train"),
        (&["train", "--set", "optimizer.rl=1"], "optimizer.lr"),
        (&["train", "--loss", "Huber"], "huber"),
        (&["scaling", "--mode", "strnog"], "strong"),
        (&["bench", "--preset", "lenet5"], "lenet"),
        (&["list", "--sort", "accurcy"], "accuracy"),
        (&["export", "run", "--format", "onx"], "onnx"),
        (&["eval", "run", "--part", "tset"], "test"),
        (
            &["explain", "run", "--method", "integrate", "--out", "o"],
            "integrated",
        ),
        (&["study", "steps", "--search", "halvng"], "halving"),
        (&["study", "branches", "--scaling", "liner"], "linear"),
        (
            &["study", "steps", "--overlay", curves, "--out", out],
            "steps",
        ),
        (&["eval", "run@bset"], "best"),
    ];
    for (args, meant) in lines {
        answers(args, meant);
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_unisono"))
        .args(["train", "--epochs", "1"])
        .env("UNISONO_ISA", "portabel")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("did you mean portable?"), "{text}");
}

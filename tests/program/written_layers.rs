//! `--layers` on texts and sequences, from training to what a run is used for.

use std::path::PathBuf;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

/// Layers over tokens, of every kind that a language model may have.
const TOKENS: &str = "embedding 8, positions, residual(layer-norm, attention 2 causal), conv1d 8 3 causal, gelu, lstm 6, rms-norm";

fn text(folder: &Folder) -> PathBuf {
    let text = "to be or not to be, that is the question. ".repeat(40);
    folder.file("text.txt", text.as_bytes())
}

fn refusal(args: &[&str]) -> String {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    let refusals = text.lines().filter(|line| line.starts_with("unisono: "));
    assert_eq!(refusals.count(), 1, "{text}");
    text
}

#[test]
fn layers_over_tokens_train_and_their_run_is_used_as_any_language_model() {
    let folder = Folder::new("layers-text");
    let data = text(&folder);
    let data = data.to_str().unwrap();
    let out = folder.0.join("run");
    let run = out.to_str().unwrap();
    let args = [
        "train",
        "--data",
        data,
        "--layers",
        TOKENS,
        "--batch-size",
        "4",
    ];
    let args = [&args[..], &["--optimizer", "adam", "--lr", "0.01"]].concat();
    let whole = stdout(&[&args[..], &["--epochs", "3"]].concat());
    let model = value(&whole, "model");
    assert!(
        model.starts_with(
            "64-embedding 64x8-positions-residual-conv1d-gelu-lstm 64x6-rms_norm-dense 64x"
        ),
        "{model}"
    );
    // A half, and the rest of it on other threads.
    let half = [
        &args[..],
        &["--epochs", "1", "--out", run, "--threads", "1"],
    ]
    .concat();
    stdout(&half);
    let rest = stdout(&["train", "--resume", run, "--epochs", "3", "--threads", "3"]);
    let hash = value(&whole, "weights sha256");
    assert_eq!(value(&rest, "weights sha256"), hash);
    let eval = stdout(&["eval", run]);
    assert_eq!(value(&eval, "weights sha256"), hash);
    let tested = value(&whole, "test loss");
    assert!(
        value(&eval, "loss").starts_with(tested.trim_end_matches('0')),
        "{tested}: {eval}"
    );
    assert!(stdout(&["inspect", run]).contains("residual2"));
    let made = stdout(&["generate", run, "--prompt", "to be", "--tokens", "20"]);
    assert_eq!(made.trim_end_matches('\n').chars().count(), 25, "{made}");
    let onnx = folder.0.join("model.onnx");
    stdout(&[
        "export",
        run,
        "--format",
        "onnx",
        "--out",
        onnx.to_str().unwrap(),
    ]);
    assert!(onnx.metadata().unwrap().len() > 1000);
    assert!(refusal(&["predict", run]).contains("of a classifier"));
}

#[test]
fn what_looks_ahead_and_what_is_no_layer_of_a_text_is_refused() {
    let folder = Folder::new("layers-text-odd");
    let data = text(&folder);
    let data = data.to_str().unwrap();
    for (layers, expected) in [
        (
            "dense 8",
            "layer 0 (dense) lets a position see what lies behind it",
        ),
        ("embedding 8, attention 2", "write `attention HEADS causal`"),
        (
            "embedding 8, lstm 4 bidirectional",
            "leave out reversed and bidirectional",
        ),
        ("embedding 8, flatten", "layer 1 (flatten)"),
        (
            "embedding 8, conv 8 3",
            "layer 1 (conv2d) expects rows of shape HxWxC",
        ),
        (
            "embedding 9, attention 2 causal",
            "channels in 2 equal heads",
        ),
        (
            "embeding 8",
            "--layers: layer 0 (`embeding 8`) must be one of dense N",
        ),
        (
            "embedding",
            "--layers: layer 0 (`embedding`) must be embedding N",
        ),
    ] {
        let out = folder.0.join("run");
        let args = ["train", "--data", data, "--layers", layers];
        let args = [&args[..], &["--out", out.to_str().unwrap()]].concat();
        let text = refusal(&args);
        assert!(text.contains(expected), "{layers}: {text}");
        assert!(!out.exists(), "{layers}");
    }
}

/// A NumPy file of single-precision values, or of bytes.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let len = (head.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], head.as_bytes(), values].concat()
}

/// Arrays of 12 positions with 4 values each.
fn sequences(folder: &Folder) {
    for (part, rows) in [("train", 60_u32), ("test", 20)] {
        let at = |place: u32| (place * place % 29) as f32 / 29.0 - 0.5;
        let values: Vec<u8> = (0..rows * 12 * 4)
            .flat_map(|place| at(place).to_le_bytes())
            .collect();
        let labels: Vec<u8> = (0..rows).map(|row| (row % 3) as u8).collect();
        let x = npy("<f4", &format!("({rows}, 12, 4)"), &values);
        folder.file(&format!("x_{part}.npy"), &x);
        folder.file(
            &format!("y_{part}.npy"),
            &npy("|u1", &format!("({rows},)"), &labels),
        );
    }
}

#[test]
fn arrays_of_two_axes_are_sequences_for_layers_of_sequences_and_else_images() {
    let folder = Folder::new("layers-sequences");
    sequences(&folder);
    let data = folder.0.to_str().unwrap();
    for (layers, model) in [
        ("lstm 16", "12x4-lstm 12x16-flatten 192-dense 3"),
        (
            "gru 5 bidirectional, global-average-pool",
            "12x4-gru 12x10-",
        ),
        ("layer-norm, rnn 3", "12x4-layer_norm-rnn 12x3-"),
        (
            "conv1d 8 3, relu, max-pool 2",
            "12x4-conv1d 10x8-relu-max_pool 5x8-",
        ),
        (
            "dense 8, attention 2",
            "12x4-dense 12x8-attention-flatten 96-",
        ),
        ("residual(positions, lstm 4)", "12x4-residual-flatten 48-"),
        ("conv 4 3, relu", "12x4x1-conv2d 10x2x4-relu-"),
        ("dense 8, relu", "12x4x1-flatten 48-dense 8-relu-dense 3"),
    ] {
        let out = folder.0.join(model);
        let args = ["train", "--data", data, "--layers", layers, "--epochs", "1"];
        let args = [&args[..], &["--out", out.to_str().unwrap()]].concat();
        let text = stdout(&args);
        assert!(value(&text, "model").starts_with(model), "{layers}: {text}");
        let run = out.to_str().unwrap();
        let again = stdout(&["eval", run]);
        assert_eq!(
            value(&again, "weights sha256"),
            value(&text, "weights sha256")
        );
        assert_eq!(stdout(&["predict", run]).lines().count(), 20);
        let onnx = folder.0.join("model.onnx");
        stdout(&[
            "export",
            run,
            "--format",
            "onnx",
            "--out",
            onnx.to_str().unwrap(),
            "--force",
        ]);
    }
    for (layers, expected) in [
        (
            "embedding 8",
            "layer 0 (embedding) expects the tokens of a text, got rows of 12x4x1 numbers",
        ),
        ("attention 3", "channels in 3 equal heads"),
        (
            "lstm 4, conv 3 3",
            "layer 1 (conv2d) expects rows of shape HxWxC, got 12x4",
        ),
    ] {
        let text = refusal(&["train", "--data", data, "--layers", layers]);
        assert!(text.contains(expected), "{layers}: {text}");
    }
}

#[test]
fn the_digits_are_images_or_sequences_for_layers_that_take_them() {
    for (layers, model) in [
        (
            "conv 4 3, relu",
            "8x8x1-conv2d 6x6x4-relu-flatten 144-dense 10",
        ),
        ("lstm 8", "8x8-lstm-flatten 64-dense 10"),
        ("tanh, dense 8", "64-tanh-dense 8-dense 10"),
    ] {
        let text = stdout(&["train", "--layers", layers, "--epochs", "1"]);
        assert!(value(&text, "model").starts_with(model), "{layers}: {text}");
    }
    let text = refusal(&["train", "--layers", "embedding 8"]);
    assert!(
        text.contains("layer 0 (embedding) expects the tokens of a text"),
        "{text}"
    );
    let help = stdout(&["train", "--help"]);
    for word in [
        "attention HEADS [causal]",
        "residual(LAYERS)",
        "embedding N",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

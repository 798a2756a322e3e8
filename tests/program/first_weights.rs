//! Weights that a training begins with, read by the program: its own, or PyTorch's by a map of
//! names.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use safetensors::tensor::{Dtype, TensorView};

fn refusal(args: &[&str]) -> String {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    text
}

/// (rows, columns) to (columns, rows).
fn turned(values: &[f32], columns: usize) -> Vec<u8> {
    let column = |at: usize| values.iter().skip(at).step_by(columns);
    let all = (0..columns).flat_map(column);
    all.flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn a_training_begins_with_weights_of_its_own_kind() {
    let folder = Folder::new("weights");
    let place = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (run, file) = (place("run"), place("a.safetensors"));
    let first = stdout(&["train", "--epochs", "2", "--out", &run]);
    stdout(&["export", &run, "--out", &file]);
    let none = stdout(&["train", "--epochs", "0", "--weights", &file]);
    assert_eq!(
        value(&none, "weights sha256"),
        value(&first, "weights sha256")
    );
    // As the library would: the same training from the same network.
    let again = place("again");
    let more = [
        "train",
        "--epochs",
        "1",
        "--weights",
        &file,
        "--out",
        &again,
    ];
    let tuned = stdout(&more);
    assert_ne!(
        value(&tuned, "weights sha256"),
        value(&first, "weights sha256")
    );
    // A resume needs the file no more.
    std::fs::remove_file(&file).unwrap();
    let resumed = stdout(&["train", "--resume", &again, "--epochs", "2"]);
    assert_eq!(value(&resumed, "steps"), "90 (0 skipped)");
    let gone = refusal(&["train", "--weights", &file]);
    assert!(gone.contains("cannot read"), "{gone}");
    let study = refusal(&["study", "steps", "--weights", &file]);
    assert!(
        study.contains("--weights does not apply to `unisono study steps`"),
        "{study}"
    );
}

/// A file of PyTorch's weights for the digits' model, the lines that name them, and the model's
/// parameters.
fn torch(folder: &Folder) -> (String, &'static str, Vec<f32>) {
    let value_of = |at: usize| ((at * 37) % 101) as f32 / 101.0 - 0.5;
    let tensor =
        |len: usize, from: usize| -> Vec<f32> { (from..from + len).map(value_of).collect() };
    let (one, two) = (tensor(64 * 64, 0), tensor(64 * 10, 7));
    let (bias_one, bias_two) = (tensor(64, 3), tensor(10, 5));
    let raw = |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let tensors = [
        ("fc1.weight", vec![64, 64], turned(&one, 64)),
        ("fc1.bias", vec![64], raw(&bias_one)),
        ("fc2.weight", vec![10, 64], turned(&two, 10)),
        ("fc2.bias", vec![10], raw(&bias_two)),
    ];
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
        (*name, view)
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    let file = folder.file("torch.safetensors", &bytes);
    let map = "\"dense0.weight\" = \"fc1.weight\"\n\"dense0.bias\" = \"fc1.bias\"\n\
               \"dense2.weight\" = \"fc2.weight\"\n\"dense2.bias\" = \"fc2.bias\"\n";
    let params = [one, bias_one, two, bias_two].concat();
    (file.to_str().unwrap().to_owned(), map, params)
}

#[test]
fn pytorchs_weights_come_by_a_map_whose_names_may_be_quoted_or_not() {
    let folder = Folder::new("weights-map");
    let (file, map, params) = torch(&folder);
    let model = unisono::nn::Sequential::new(64).dense(64).relu().dense(10);
    let expected = unisono::nn::Network::with_params(model, params).unwrap();
    // Names without quotes are keys in tables, and mean the same.
    let bare = "dense0.weight = \"fc1.weight\"\ndense0.bias = \"fc1.bias\"\n[dense2]\n\
                weight = \"fc2.weight\"\nbias = \"fc2.bias\"\n";
    for (name, map) in [("quoted", map), ("bare", bare)] {
        let map = folder.file(&format!("{name}.toml"), map.as_bytes());
        let (map, run) = (map.to_str().unwrap(), folder.0.join(name));
        let run = run.to_str().unwrap();
        let train = ["train", "--weights", &file, "--weights-map", map];
        let text = stdout(&[&train[..], &["--epochs", "0", "--out", run]].concat());
        assert_eq!(value(&text, "weights sha256"), expected.weights_sha256());
        assert!(value(&stdout(&["eval", run]), "rows").starts_with("360"));
    }
}

#[test]
fn odd_lines_of_a_map_are_explained() {
    let folder = Folder::new("weights-odd-map");
    let (file, ..) = torch(&folder);
    for (name, map, message) in [
        (
            "odd",
            "\"dense7.weight\" = \"fc1.weight\"",
            "odd.toml: the map names \"dense7.weight\", and the model has no such tensor, only dense0.weight",
        ),
        (
            "part",
            "\"dense0.weight\" = \"fc1.weight\"",
            "part.toml: the map has no line for dense0.bias, dense2.weight, dense2.bias of the model; no line names the file's fc1.bias, fc2",
        ),
        (
            "number",
            "\"dense0.weight\" = 3",
            "number.toml: the name in the file for dense0.weight must be a text in quotes, got 3",
        ),
        (
            "form",
            "\"dense0.bias\" = \"fc1.bias\"\ndense0.weight: fc1.weight",
            "form.toml: line 2: ",
        ),
        (
            "shape",
            "\"dense0.weight\" = \"fc2.weight\"\n\"dense0.bias\" = \"fc1.bias\"\n\"dense2.weight\" = \"fc2.weight\"\n\"dense2.bias\" = \"fc2.bias\"",
            "fc2.weight of shape [64, 64], for dense0.weight of shape [64, 64] here, got shape [10, 64]",
        ),
    ] {
        let map = folder.file(&format!("{name}.toml"), map.as_bytes());
        let map = map.to_str().unwrap();
        let text = refusal(&["train", "--weights", &file, "--weights-map", map]);
        assert!(text.contains(message), "{text}");
    }
}

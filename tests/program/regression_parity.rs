//! A regression through the program is the library's, and PyTorch's: from the lines of a table to
//! weights and errors in units, on the fixture of `tests/parity/make_regression_fixture.py`.

use std::path::PathBuf;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use unisono::Trainer;
use unisono::data::{Column, DataOptions, RowOrder, open};
use unisono::nn::{Loss, MseConvention, Network, Sequential};
use unisono::optim::Optimizer;
use unisono::run::TargetErrors;

use crate::files::Folder;
use crate::program::stdout;
use crate::regression::{json, text};

/// The fixture's model, PyTorch's names of its weights beside ours, and their shapes there.
const LAYERS: &str = "dense 8, tanh";
const NAMES: [(&str, &str, &[usize]); 4] = [
    ("dense0.weight", "0.weight", &[8, 4]),
    ("dense0.bias", "0.bias", &[8]),
    ("dense2.weight", "2.weight", &[3, 8]),
    ("dense2.bias", "2.bias", &[3]),
];

/// A thousandth of a per cent.
const TOLERANCE: f64 = 1e-5;

fn numbers(values: &Value) -> Vec<f64> {
    let values = values.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap()).collect()
}

/// Weights by PyTorch's names as our parameters: matrices are turned.
fn params(weights: &Value) -> Vec<f32> {
    let tensor = |&(_, name, shape): &(&str, &str, &[usize])| {
        let values = numbers(&weights[name]);
        let columns = if shape.len() == 2 { shape[1] } else { 1 };
        let rows = values.len() / columns;
        let at = move |at: usize| values[at % rows * columns + at / rows] as f32;
        (0..rows * columns).map(at).collect::<Vec<_>>()
    };
    NAMES.iter().flat_map(tensor).collect()
}

/// The tables, and PyTorch's weights before training with the map of their names.
struct Files {
    folder: Folder,
    train: PathBuf,
    test: PathBuf,
    weights: PathBuf,
    map: PathBuf,
}

fn files(fixture: &Value) -> Files {
    let folder = Folder::new("regression-parity");
    let table = |name: &str| {
        let lines = fixture[name].as_array().unwrap().iter();
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        folder.file(&format!("{name}.csv"), (lines.join("\n") + "\n").as_bytes())
    };
    let bytes = |name: &str| -> Vec<u8> {
        let values = numbers(&fixture["start"][name]);
        let bytes = values
            .into_iter()
            .flat_map(|value| (value as f32).to_le_bytes());
        bytes.collect()
    };
    let all = NAMES.map(|(_, name, shape)| (name, shape, bytes(name)));
    let views = all.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
        (*name, view)
    });
    let weights = safetensors::serialize(views, None).unwrap();
    let map = NAMES.map(|(ours, theirs, _)| format!("\"{ours}\" = \"{theirs}\"\n"));
    Files {
        train: table("train"),
        test: table("test"),
        weights: folder.file("start.safetensors", &weights),
        map: folder.file("map.toml", map.concat().as_bytes()),
        folder,
    }
}

/// The last line of the program's training, and a few predictions of its run.
fn by_program(files: &Files, fixture: &Value, loss: &[&str], threads: &str) -> (Value, Vec<Value>) {
    let run = files.folder.0.join(format!("{}-{threads}", loss.join("-")));
    let of = |key: &str| fixture[key].to_string();
    let (epochs, batch) = (of("epochs"), of("batch"));
    let (lr, momentum) = (of("lr"), of("momentum"));
    let data = ["train", "--data", text(&files.train), "--test"];
    let data = [&data[..], &[text(&files.test), "--sampling", "in-order"]].concat();
    let model = ["--target", "price,rent,score", "--layers", LAYERS];
    let start = ["--weights", text(&files.weights)];
    let start = [&start[..], &["--weights-map", text(&files.map)]].concat();
    let rule = ["--lr", &lr, "--momentum", &momentum, "--batch-size", &batch];
    let rest = ["--epochs", &epochs, "--threads", threads, "--json"];
    let out = ["--out", text(&run)];
    let all = [
        &data[..],
        &model,
        &start,
        &rule,
        &rest,
        &out,
        &["--loss"],
        loss,
    ];
    let last = json(&stdout(&all.concat())).pop().unwrap();
    (last, json(&stdout(&["predict", text(&run)])))
}

/// The library's network after the same training, and its errors.
fn by_library(files: &Files, fixture: &Value, loss: Loss) -> (Network, Vec<TargetErrors>) {
    let mut options = DataOptions::default();
    options.table.targets = ["price", "rent", "score"]
        .map(|name| Column::Name(name.to_owned()))
        .to_vec();
    options.test = Some(files.test.clone());
    options.sampling = RowOrder::InOrder;
    let opened = open(&files.train, &options).unwrap();
    let number = |key: &str| fixture[key].as_f64().unwrap();
    let model = Sequential::flat(&[4])
        .dense(8)
        .layer(unisono::nn::Activation::Tanh)
        .dense(3);
    let network = Network::with_params(model, params(&fixture["start"])).unwrap();
    let mut trainer = Trainer::from_network(network, loss)
        .optimizer(Optimizer::sgd(number("lr") as f32).with_momentum(number("momentum") as f32))
        .batch_size(number("batch") as usize)
        .epochs(number("epochs") as u32)
        .sampling(opened.sampling)
        .threads(2);
    trainer.fit(&*opened.train, &*opened.test).unwrap();
    let network = trainer.network().unwrap();
    let targets = opened.preparation.targets.unwrap();
    let errors = TargetErrors::of(&network, &*opened.test, &targets).unwrap();
    (network, errors.unwrap())
}

/// Weights relative to the largest one.
fn assert_weights(name: &str, got: &[f32], expected: &[f32]) {
    let largest = expected
        .iter()
        .fold(0.0_f32, |most, one| most.max(one.abs()));
    assert_eq!(got.len(), expected.len());
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = f64::from((got - expected).abs() / largest);
        assert!(error <= TOLERANCE, "{name}, weight {at}: {got}, {expected}");
    }
}

fn assert_near(name: &str, got: &Value, expected: &Value) {
    let (got, expected) = (got.as_f64().unwrap(), expected.as_f64().unwrap());
    let error = (got - expected).abs() / expected.abs();
    assert!(error <= TOLERANCE, "{name}: {got}, PyTorch has {expected}");
}

#[test]
fn a_regression_through_the_program_is_the_librarys_and_pytorchs() {
    let fixture = include_str!("../parity/regression.json");
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let files = files(&fixture);
    for (name, flags, loss) in [
        ("mse", &["mse"][..], Loss::Mse(MseConvention::MeanOverAll)),
        (
            "huber",
            &["huber", "--huber-delta", "0.5"],
            Loss::Huber(0.5),
        ),
        ("l1", &["l1"], Loss::L1),
    ] {
        let expected = &fixture["losses"][name];
        let (network, errors) = by_library(&files, &fixture, loss);
        let after = params(&expected["after"]);
        assert_weights(name, network.params(), &after);
        // Training has gone somewhere, and each loss elsewhere.
        let start = params(&fixture["start"]);
        let moved = start
            .iter()
            .zip(&after)
            .map(|(one, other)| (one - other).abs());
        assert!(moved.fold(0.0, f32::max) > 0.1, "{name}");
        for threads in ["1", "3"] {
            let (last, rows) = by_program(&files, &fixture, flags, threads);
            assert_eq!(last["weights_sha256"], network.weights_sha256(), "{name}");
            assert_eq!(last["targets"], serde_json::to_value(&errors).unwrap());
            assert_near(name, &last["test_loss"], &expected["test_loss"]);
            let targets = expected["targets"].as_array().unwrap();
            for (at, target) in targets.iter().enumerate() {
                let got = &last["targets"][at];
                assert_eq!(got["name"], target["name"]);
                for metric in ["rmse", "mae", "r2"] {
                    let what = format!("{name}, {metric} of {}", target["name"]);
                    assert_near(&what, &got[metric], &target[metric]);
                }
                // What is predicted for the first rows is given back to 1e-6 deviations.
                let deviation = got["rmse_of_mean"].as_f64().unwrap();
                let predicted = expected["predicted"].as_array().unwrap();
                for (row, predicted) in rows.iter().zip(predicted) {
                    let got = row["predicted"][target["name"].as_str().unwrap()].as_f64();
                    let miss = got.unwrap() - predicted[at].as_f64().unwrap();
                    assert!(
                        miss.abs() <= TOLERANCE * deviation,
                        "{name}: {row}, {predicted}"
                    );
                }
            }
        }
    }
}

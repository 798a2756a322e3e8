//! `--loss` and its settings: each is the library's to the bit, or is refused by name.

use unisono::Trainer;
use unisono::data::{DataOptions, Dataset, Opened, digits, open};
use unisono::nn::{Criterion, CrossEntropy, Loss, MseConvention, Sequential};
use unisono::optim::Optimizer;

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::stderr::refused;

/// A table of 300 rows: two numbers, a class (every fifth row is a dog, every seventh unknown), and
/// a price.
fn table(folder: &Folder, label: &str) -> String {
    let mut text = format!("a,b,{label}\n");
    for row in 0..300_usize {
        let (a, b) = (row * 37 % 101, row * row % 89);
        let class = match row {
            row if row % 7 == 0 => "unknown",
            row if row % 5 == 0 => "dog",
            _ => "cat",
        };
        text += &match label {
            "kind" => format!("{a},{b},{class}\n"),
            _ => format!("{a},{b},{}.5\n", 3 * a + 2 * b + row % 11),
        };
    }
    let path = folder.file(&format!("{label}.csv"), text.as_bytes());
    path.to_str().unwrap().to_owned()
}

/// The hash of the weights that the library trains with a loss.
fn of_library(
    train: &dyn Dataset,
    test: &dyn Dataset,
    outputs: usize,
    loss: impl Criterion + 'static,
) -> String {
    let model = Sequential::flat(&train.input_shape())
        .dense(64)
        .relu()
        .dense(outputs);
    let mut trainer = Trainer::new(model, loss)
        .optimizer(Optimizer::sgd(0.05).with_momentum(0.9))
        .batch_size(32)
        .epochs(2);
    trainer.fit(train, test).unwrap();
    trainer.network().unwrap().weights_sha256()
}

/// That of the program.
fn of_program(more: &[&str]) -> String {
    let text = stdout(&[&["train", "--epochs", "2", "--threads", "2"][..], more].concat());
    value(&text, "weights sha256").to_owned()
}

fn opened(path: &str) -> Opened {
    open(
        path.as_ref(),
        &DataOptions {
            seed: 42,
            ..DataOptions::default()
        },
    )
    .unwrap()
}

#[test]
fn losses_of_values_are_the_librarys() {
    let folder = Folder::new("losses-values");
    let path = table(&folder, "price");
    let data = opened(&path);
    let program = |more: &[&str]| of_program(&[&["--data", &path][..], more].concat());
    let library = |loss: Loss| of_library(&*data.train, &*data.test, 1, loss);
    let mse = library(Loss::Mse(MseConvention::MeanOverAll));
    assert_eq!(program(&[]), mse);
    assert_eq!(program(&["--loss", "mse"]), mse);
    assert_eq!(program(&["--loss", "l1"]), library(Loss::L1));
    assert_eq!(program(&["--loss", "huber"]), library(Loss::Huber(1.0)));
    let near = program(&["--loss", "huber", "--huber-delta", "0.1"]);
    assert_eq!(near, library(Loss::Huber(0.1)));
    assert_ne!(near, library(Loss::Huber(1.0)));
}

#[test]
fn settings_of_cross_entropy_are_the_librarys() {
    let (train, test) = digits();
    let smooth = CrossEntropy::default().smoothing(0.1);
    assert_eq!(
        of_program(&["--label-smoothing", "0.1"]),
        of_library(&train, &test, 10, Loss::CrossEntropy(smooth))
    );
    let plain = of_library(&train, &test, 10, Loss::SoftmaxCrossEntropy);
    assert_eq!(of_program(&["--loss", "cross-entropy"]), plain);
    assert_eq!(of_program(&["--label-smoothing", "0"]), plain);
    // Classes of a table: cat, dog, unknown.
    let folder = Folder::new("losses-classes");
    let path = table(&folder, "kind");
    let data = opened(&path);
    let library = |options| of_library(&*data.train, &*data.test, 3, Loss::CrossEntropy(options));
    let program = |more: &[&str]| of_program(&[&["--data", &path][..], more].concat());
    let weights = CrossEntropy::default().weights([1.0, 4.0, 0.5]);
    assert_eq!(
        program(&["--class-weights", "1,4,0.5"]),
        library(weights.clone())
    );
    assert_eq!(
        program(&["--class-weights", "unknown=0.5, dog=4"]),
        library(weights)
    );
    let ignored = CrossEntropy::default().ignore(2);
    assert_eq!(program(&["--ignore-label", "unknown"]), library(ignored));
    let mut counts = [0.0; 3];
    data.train_classes
        .as_ref()
        .unwrap()
        .iter()
        .for_each(|&class| counts[class as usize] += 1.0);
    let all: f64 = counts.iter().sum();
    let balanced = counts.map(|count| (all / (3.0 * count)) as f32);
    let balanced = CrossEntropy::default().weights(balanced);
    assert_eq!(program(&["--class-weights", "balanced"]), library(balanced));
}

#[test]
fn a_run_is_evaluated_with_its_loss_and_goes_on_with_it() {
    let folder = Folder::new("losses-run");
    let path = table(&folder, "kind");
    let [run, whole] = ["run", "whole"].map(|name| folder.0.join(name).display().to_string());
    let settings = [
        "--class-weights",
        "balanced",
        "--ignore-label",
        "unknown",
        "--label-smoothing",
        "0.05",
    ];
    let train = |epochs: &str, out: &str| {
        let args = ["train", "--data", &path, "--epochs", epochs, "--out", out];
        stdout(&[&args[..], &settings].concat())
    };
    let (said, longer) = (train("2", &run), train("4", &whole));
    let line = value(&said, "loss");
    assert!(
        line.starts_with("cross-entropy, label smoothing 0.05, class weights "),
        "{line}"
    );
    let evaluated = stdout(&["eval", &run]);
    assert_eq!(value(&evaluated, "loss"), value(&said, "test loss"));
    // The report counts the same rows.
    let page = std::fs::read_to_string(format!("{run}/report.html")).unwrap();
    let share = value(&evaluated, "balanced accuracy");
    assert!(
        page.contains(&format!("<td>balanced accuracy</td><td>{share}</td>")),
        "{share}"
    );
    let resumed = stdout(&["train", "--resume", &run, "--epochs", "4"]);
    assert_eq!(
        value(&resumed, "weights sha256"),
        value(&longer, "weights sha256")
    );
    let error = refused(&[
        "train",
        "--resume",
        &run,
        "--epochs",
        "6",
        "--label-smoothing",
        "0.2",
    ]);
    assert!(
        error.contains("loss.label_smoothing was 0.05, is 0.2"),
        "{error}"
    );
}

/// Data, flags, and what is said of them.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "kind",
        "--loss mse",
        "--loss must be cross-entropy for classes",
    ),
    (
        "kind",
        "--loss l3",
        "--loss must be cross-entropy, mse, l1, huber or bce",
    ),
    (
        "kind",
        "--huber-delta 2",
        "--huber-delta must be given beside --loss huber",
    ),
    (
        "kind",
        "--class-weights 1,2",
        "--class-weights must be balanced, 3 numbers",
    ),
    (
        "kind",
        "--class-weights cow=1",
        "must be one of the classes cat, dog, unknown",
    ),
    (
        "kind",
        "--ignore-label cow",
        "--ignore-label must be one of the classes",
    ),
    (
        "price",
        "--loss cross-entropy",
        "--loss must be mse, l1 or huber for a regression",
    ),
    (
        "price",
        "--label-smoothing 0.1",
        "--label-smoothing does not apply to a regression",
    ),
    (
        "price",
        "--class-weights balanced",
        "--class-weights does not apply to a regression",
    ),
    (
        "price",
        "--loss mse --huber-delta 2",
        "--huber-delta must be given beside",
    ),
    (
        "text",
        "--class-weights balanced",
        "--class-weights does not apply to a language",
    ),
    (
        "text",
        "--ignore-label b",
        "--ignore-label does not apply to a language model",
    ),
];

#[test]
fn what_a_loss_has_no_use_for_is_refused_by_name() {
    let folder = Folder::new("losses-odd");
    let text = folder.file("text.txt", "to be or not to be. ".repeat(40).as_bytes());
    for (data, flags, said) in REFUSED {
        let path = match *data {
            "text" => text.to_str().unwrap().to_owned(),
            label => table(&folder, label),
        };
        let flags: Vec<&str> = flags.split(' ').collect();
        let error = refused(&[&["train", "--data", &path][..], &flags].concat());
        assert!(error.contains(said), "{error}");
    }
    let error = refused(&["study", "steps", "--label-smoothing", "0.1"]);
    assert!(
        error.contains("--label-smoothing does not apply to"),
        "{error}"
    );
}

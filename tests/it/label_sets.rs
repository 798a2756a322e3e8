//! Rows with any number of labels: metrics are scikit-learn's, on fixtures made by
//! `tests/parity/make_label_sets_fixtures.py`; gradients are those of difference quotients.

use ndarray::Array2;
use serde_json::Value;
use unisono::metrics::{LabelAverages, MetricsError, MultiLabel};
use unisono::nn::{Loss, Targets, check_criterion};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn close(name: &str, got: f64, expected: &Value) {
    let expected = number(expected);
    assert!((got - expected).abs() < 1e-12, "{name}: {got}, {expected}");
}

/// A matrix of the fixture.
fn matrix<T>(value: &Value, of: fn(f64) -> T) -> Array2<T> {
    let rows = value.as_array().unwrap();
    let width = rows[0].as_array().unwrap().len();
    let cells = rows.iter().flat_map(|row| row.as_array().unwrap());
    let cells = cells.map(|cell| of(number(cell))).collect();
    Array2::from_shape_vec((rows.len(), width), cells).unwrap()
}

fn check_averages(name: &str, got: &LabelAverages, expected: &Value) {
    for (key, value) in [
        ("precision", got.precision),
        ("recall", got.recall),
        ("f1", got.f1),
        ("roc_auc", got.roc_auc.unwrap()),
        ("average_precision", got.average_precision.unwrap()),
    ] {
        close(&format!("{name} {key}"), value, &expected[key]);
    }
}

#[test]
fn metrics_of_label_sets_are_scikit_learns() {
    let cases: Value = serde_json::from_str(include_str!("../parity/label_sets.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let labels = matrix(&case["labels"], |cell| cell == 1.0);
        let probabilities = matrix(&case["probabilities"], |cell| cell);
        let got = MultiLabel::of(labels.view(), probabilities.view()).unwrap();
        assert_eq!(got.rows, labels.nrows());
        close(
            "subset accuracy",
            got.subset_accuracy,
            &case["subset_accuracy"],
        );
        close("majority", got.majority, &case["majority"]);
        close("hamming loss", got.hamming_loss, &case["hamming_loss"]);
        check_averages("micro", &got.micro, &case["micro"]);
        check_averages("macro", &got.macro_, &case["macro"]);
        let expected = case["by_label"].as_array().unwrap();
        assert_eq!(expected.len(), got.labels.len());
        for (label, expected) in got.labels.iter().zip(expected) {
            assert_eq!(label.rows as f64, number(&expected[0]));
            close("precision of a label", label.precision, &expected[1]);
            close("recall of a label", label.recall, &expected[2]);
            close("F1 of a label", label.f1, &expected[3]);
        }
    }
}

#[test]
fn predictions_that_are_none_are_named() {
    let labels = Array2::from_elem((2, 2), true);
    let of = |shape: (usize, usize), share: f64| {
        let probabilities = Array2::from_elem(shape, share);
        MultiLabel::of(labels.view(), probabilities.view()).unwrap_err()
    };
    let (expected, got) = (2, 3);
    assert_eq!(of((3, 2), 0.5), MetricsError::Rows { expected, got });
    assert_eq!(of((2, 3), 0.5), MetricsError::Labels { expected, got });
    assert_eq!(
        of((2, 3), 0.5).to_string(),
        "expected predictions of 2 labels a row, got 3"
    );
    assert_eq!(
        of((2, 2), 1.5).to_string(),
        "row 0: expected a probability in 0..=1, got 1.5"
    );
    let empty = Array2::from_elem((0, 2), true);
    let none = MultiLabel::of(empty.view(), Array2::zeros((0, 2)).view());
    assert_eq!(none.unwrap_err(), MetricsError::NoRows);
}

#[test]
fn the_gradient_of_weighted_binary_cross_entropy_is_that_of_its_loss() {
    let outputs = [0.3, -1.2, 2.0, 0.0, 0.5, -4.0];
    let targets = Targets::Values(&[1.0, 0.0, 0.25, 1.0, 0.0, 1.0]);
    for loss in [
        Loss::BinaryCrossEntropy,
        Loss::WeightedBinaryCrossEntropy([2.5, 0.5, 7.0].into()),
    ] {
        let check = check_criterion(&loss, &outputs, &3.into(), targets).unwrap();
        assert_eq!(check.compared, 6, "{check:?}");
    }
}

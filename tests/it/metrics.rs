//! Metrics of classifiers are scikit-learn's, on fixtures made by
//! `tests/parity/make_metrics_fixtures.py`.

use ndarray::Array2;
use serde_json::Value;
use unisono::metrics::{Classification, MetricsError};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn close(name: &str, got: f64, expected: &Value) {
    let expected = number(expected);
    assert!((got - expected).abs() < 1e-12, "{name}: {got}, {expected}");
}

#[test]
fn metrics_of_classifiers_are_scikit_learns() {
    let cases: Value = serde_json::from_str(include_str!("../parity/metrics.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let rows = case["probabilities"].as_array().unwrap();
        let width = rows[0].as_array().unwrap().len();
        let values = rows
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(number);
        let probabilities = Array2::from_shape_vec((rows.len(), width), values.collect()).unwrap();
        let classes = case["classes"].as_array().unwrap().iter();
        let classes: Vec<usize> = classes
            .map(|class| class.as_u64().unwrap() as usize)
            .collect();
        let got = Classification::of(&classes, probabilities.view()).unwrap();
        // Of all rows.
        for (name, value) in [
            ("accuracy", got.accuracy),
            ("balanced_accuracy", got.balanced_accuracy),
            ("precision", got.precision),
            ("recall", got.recall),
            ("f1", got.f1),
            ("log_loss", got.log_loss),
            ("roc_auc", got.roc_auc.unwrap()),
            ("average_precision", got.average_precision.unwrap()),
        ] {
            close(&format!("{} {name}", case["name"]), value, &case[name]);
        }
        assert_eq!(got.top_5.is_some(), width > 5);
        if let Some(top_5) = got.top_5 {
            close("top_5", top_5, &case["top_5"]);
        }
        // By class.
        for (class, expected) in got.classes.iter().zip(case["by_class"].as_array().unwrap()) {
            assert_eq!(class.rows as f64, number(&expected[0]));
            close("precision of a class", class.precision, &expected[1]);
            close("recall of a class", class.recall, &expected[2]);
            close("F1 of a class", class.f1, &expected[3]);
        }
        let confusion = serde_json::to_value(&got).unwrap()["confusion"].clone();
        assert_eq!(confusion, case["confusion"]);
    }
}

#[test]
fn predictions_that_are_none_are_named() {
    let of = |classes: &[usize], values: Vec<f64>| {
        let shape = (values.len() / 2, 2);
        let probabilities = Array2::from_shape_vec(shape, values).unwrap();
        Classification::of(classes, probabilities.view()).unwrap_err()
    };
    assert_eq!(of(&[], vec![]), MetricsError::NoRows);
    let (expected, got) = (2, 1);
    assert_eq!(
        of(&[0, 1], vec![0.5, 0.5]),
        MetricsError::Rows { expected, got }
    );
    let error = of(&[0], vec![f64::NAN, 0.5]).to_string();
    assert_eq!(error, "row 0: expected a probability in 0..=1, got NaN");
    let error = of(&[0, 0], vec![0.5, 0.5, 0.5, 1.5]).to_string();
    assert_eq!(error, "row 1: expected a probability in 0..=1, got 1.5");
}

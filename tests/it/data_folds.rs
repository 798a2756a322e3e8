//! Folds of a cross-validation beside scikit-learn's: the same rows of each class in each fold.

use serde_json::Value;

use unisono::data::stratified_folds;

fn numbers(value: &Value) -> Vec<usize> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|one| one.as_u64().unwrap() as usize).collect()
}

/// Rows of each class in each fold.
fn counts(classes: &[u32], of_rows: &[usize], folds: usize) -> Vec<Vec<usize>> {
    let all = *classes.iter().max().unwrap() as usize + 1;
    let mut counts = vec![vec![0; all]; folds];
    for (class, fold) in classes.iter().zip(of_rows) {
        counts[fold - 1][*class as usize] += 1;
    }
    counts
}

/// scikit-learn takes classes in the order in which they first come, and so they are numbered in the
/// fixture. Which rows of a class a fold gets is drawn there and here.
#[test]
fn folds_have_as_many_rows_of_each_class_as_those_of_scikit_learn() {
    let fixture: Value = serde_json::from_str(include_str!("../parity/folds.json")).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let name = &case["name"];
        let labels = numbers(&case["labels"]);
        let labels: Vec<u32> = labels.iter().map(|class| *class as u32).collect();
        let folds = case["folds"].as_u64().unwrap() as usize;
        let expected: Vec<Vec<usize>> = case["stratified"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let sizes: Vec<Vec<usize>> = numbers(&case["sizes"])
            .into_iter()
            .map(|size| vec![size])
            .collect();
        for seed in [0, 1, 42] {
            let of_rows = stratified_folds(&labels, folds, seed);
            assert_eq!(counts(&labels, &of_rows, folds), expected, "{name}, {seed}");
            // `--split random` leaves the classes aside, as KFold does.
            let alike = vec![0; labels.len()];
            let of_rows = stratified_folds(&alike, folds, seed);
            assert_eq!(counts(&alike, &of_rows, folds), sizes, "{name}, {seed}");
        }
    }
}

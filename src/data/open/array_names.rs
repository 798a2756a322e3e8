//! Arrays by name: which of an archive or a folder are inputs and labels, in capitals or not.

use crate::data::listed::listed;

/// Names of inputs and of labels, in the order in which they are looked for.
const INPUTS: [&str; 5] = ["x", "images", "data", "inputs", "features"];
const LABELS: [&str; 6] = ["y", "labels", "target", "targets", "label", "classes"];

/// Names of weights of rows.
const WEIGHTS: [&str; 3] = ["w", "sample_weight", "sample_weights"];

/// Names of parts.
const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 2] = ["test", "testing"];
const VALID: [&str; 4] = ["valid", "val", "validation", "dev"];

/// What arrays are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roles {
    /// Inputs and labels of the training part, or of all rows.
    pub(super) main: [String; 2],
    /// Those of the test part.
    pub(super) test: Option<[String; 2]>,
    /// Those of a validation part beside it.
    pub(super) valid: Option<[String; 2]>,
    /// Whether the test part is called one for validation.
    is_validation: bool,
    /// The weights of rows, of the parts that have some: training, validation, test.
    pub(super) weights: Vec<String>,
    /// Arrays of other names.
    others: Vec<String>,
}

impl Roles {
    /// Nothing if there are no inputs with labels.
    pub(super) fn of(names: &[String]) -> Option<Self> {
        let whole = || pair(names, &[""]);
        let main = pair(names, &TRAIN).or_else(whole)?;
        let (test, valid) = (pair(names, &TEST), pair(names, &VALID));
        let is_validation = test.is_none() && valid.is_some();
        let (test, valid) = if is_validation {
            (valid, None)
        } else {
            (test, valid)
        };
        let taken = [Some(&main), test.as_ref(), valid.as_ref()];
        // The weights of the same parts.
        let of_main: &[&str] = match pair(names, &TRAIN) {
            Some(_) => &TRAIN,
            None => &[""],
        };
        let of_test: &[&str] = if is_validation { &VALID } else { &TEST };
        let parts = [
            Some(of_main),
            valid.as_ref().map(|_| &VALID[..]),
            test.as_ref().map(|_| of_test),
        ];
        let parts = parts.into_iter().flatten();
        let weights: Vec<String> = parts.filter_map(|part| single(names, part)).collect();
        let taken = taken.into_iter().flatten().flatten().chain(&weights);
        let taken: Vec<&String> = taken.collect();
        let others = names.iter().filter(|name| !taken.contains(name));
        Some(Self {
            others: others.cloned().collect(),
            main,
            test,
            valid,
            is_validation,
            weights,
        })
    }

    /// The same where other files are the test part: what is named for validation is that.
    pub(super) fn beside_other_test(mut self) -> Self {
        if std::mem::take(&mut self.is_validation) {
            self.valid = self.test.take();
        }
        self
    }

    /// Whether there are parts beside the training part.
    pub(super) fn have_parts(&self) -> bool {
        self.test.is_some() || self.valid.is_some()
    }

    /// How many parts there are.
    pub(super) fn num_parts(&self) -> usize {
        1 + usize::from(self.valid.is_some()) + usize::from(self.test.is_some())
    }

    /// What is said of them.
    pub(super) fn reading(&self) -> Vec<String> {
        let [x, y] = &self.main;
        let mut lines = Vec::new();
        match (&self.test, self.is_validation) {
            (None, _) => match &self.valid {
                None => lines.push(format!("rows: {x}, labels {y}")),
                Some([valid_x, valid_y]) => lines.extend([
                    format!("training part: {x}, labels {y}"),
                    format!("validation part: {valid_x}, labels {valid_y}"),
                ]),
            },
            (Some([test_x, test_y]), is_validation) => {
                lines.push(format!("training part: {x}, labels {y}"));
                if let Some([x, y]) = &self.valid {
                    lines.push(format!("validation part: {x}, labels {y}"));
                }
                let note = if is_validation {
                    " (named for validation; it is evaluated, and not trained on)"
                } else {
                    ""
                };
                lines.push(format!("test part: {test_x}, labels {test_y}{note}"));
            }
        }
        // What is not used.
        if !self.others.is_empty() {
            let names = listed(&self.others);
            lines.push(format!("left out: {names} (arrays of other names)"));
        }
        lines
    }
}

/// Inputs and labels to evaluate on: those of a test part, or of all rows, or else of the first other
/// part that there is.
pub(super) fn evaluated(names: &[String]) -> Option<[String; 2]> {
    let parts: [&[&str]; 4] = [&TEST, &[""], &VALID, &TRAIN];
    parts.into_iter().find_map(|part| pair(names, part))
}

/// How the name of a part is put to another name; the last form is that of no part.
const FORMS: [fn(&str, &str) -> String; 3] = [
    |base, part| format!("{base}_{part}"),
    |base, part| format!("{part}_{base}"),
    |base, part| format!("{base}{part}"),
];

/// The forms of names of a part.
fn forms(part: &str) -> &'static [fn(&str, &str) -> String] {
    match part {
        "" => &FORMS[2..],
        _ => &FORMS,
    }
}

/// An array of this name, in capitals or not.
fn named(names: &[String], wanted: &str) -> Option<String> {
    let exact = names.iter().find(|name| *name == wanted);
    let alike = || names.iter().find(|name| name.eq_ignore_ascii_case(wanted));
    exact.or_else(alike).cloned()
}

/// The weights of a part's rows.
fn single(names: &[String], parts: &[&str]) -> Option<String> {
    let of_part = |part: &&str| {
        let mut wanted = WEIGHTS
            .iter()
            .flat_map(|base| forms(part).iter().map(move |form| form(base, part)));
        wanted.find_map(|wanted| named(names, &wanted))
    };
    parts.iter().find_map(of_part)
}

/// The first inputs and labels of a part that are both there.
fn pair(names: &[String], parts: &[&str]) -> Option<[String; 2]> {
    let find = |wanted: &str| named(names, wanted);
    // Inputs come first: each is looked for with labels beside it.
    for part in parts {
        let forms = forms(part);
        for input in INPUTS {
            for form in forms {
                let Some(x) = find(&form(input, part)) else {
                    continue;
                };
                let mut labels = LABELS.iter();
                if let Some(y) = labels.find_map(|label| find(&form(label, part))) {
                    return Some([x, y]);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &str) -> Option<Roles> {
        let names: Vec<String> = names.split(' ').map(str::to_owned).collect();
        Roles::of(&names)
    }

    #[test]
    fn arrays_are_known_by_their_names_in_capitals_or_not() {
        for (names, main, test) in [
            ("x y", "x y", None),
            ("X y ids", "X y", None),
            ("data target", "data target", None),
            ("images labels", "images labels", None),
            (
                "X_train Y_train X_test Y_test",
                "X_train Y_train",
                Some("X_test Y_test"),
            ),
            (
                "train_images train_labels test_images test_labels",
                "train_images train_labels",
                Some("test_images test_labels"),
            ),
            ("x y x_val y_val", "x y", Some("x_val y_val")),
        ] {
            let found = roles(names).unwrap();
            assert_eq!(found.main.join(" "), main);
            assert_eq!(found.test.map(|test| test.join(" ")).as_deref(), test);
        }
        assert_eq!(roles("a b"), None);
        assert_eq!(roles("x_train"), None);
    }

    #[test]
    fn an_evaluation_takes_the_test_part_or_all_rows() {
        for (names, expected) in [
            ("x y", "x y"),
            ("x_train y_train x_test y_test", "x_test y_test"),
            ("x y x_test y_test", "x_test y_test"),
            ("x y x_val y_val", "x y"),
            ("x_train y_train x_val y_val", "x_val y_val"),
        ] {
            let names: Vec<String> = names.split(' ').map(str::to_owned).collect();
            assert_eq!(evaluated(&names).unwrap().join(" "), expected);
        }
        assert_eq!(evaluated(&["x".to_owned()]), None);
    }

    #[test]
    fn a_validation_part_and_other_arrays_are_named() {
        let all = roles("x_train y_train x_valid y_valid x_test y_test ids").unwrap();
        let lines = all.reading().join("\n");
        assert!(
            lines.contains("test part: x_test, labels y_test\n"),
            "{lines}"
        );
        assert!(
            lines.contains("validation part: x_valid, labels y_valid\n"),
            "{lines}"
        );
        assert!(lines.contains("left out: ids"), "{lines}");
        let two = roles("x_train y_train x_valid y_valid").unwrap();
        let lines = two.reading().join("\n");
        assert!(
            lines.contains("x_valid, labels y_valid (named for validation"),
            "{lines}"
        );
    }
}

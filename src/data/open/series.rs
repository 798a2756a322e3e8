//! Tables whose rows are steps of time: windows over them are trained on, with values of later rows
//! as targets.
//!
//! # Invariants
//! 1. The parts lie behind one another: training, validation, test.
//! 2. No window, and no window and its target, lies in two parts.
//! 3. What is fitted (scales, categories, medians) is fitted to the rows of the training part.

use ndarray::{Array2, Axis};

use crate::data::error::DataError;
use crate::data::listed::listed;
use crate::data::preparation::RowKind;
use crate::data::row_labels::RowLabels;
use crate::data::split::{PartRows, last_parts};
use crate::data::table_encoder::TableEncoder;
use crate::data::table_options::TableOptions;
use crate::data::targets::{MissingLabels, Target};
use crate::data::windows::{Windowed, Windows};

use super::opened::ReadParts;
use super::options::Split;
use super::source::Source;
use super::tables::{real_targets, rounded, several_values};

/// A series: its steps, and the windows over them.
pub(super) fn series(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let windows = source.options.windows.expect("asked for by the caller");
    source.refuse_no_steps()?;
    let path = source.path;
    let options = TableOptions {
        target: Target::Values,
        is_series: true,
        ..source.options.table.clone()
    };
    let table = options.read(path)?;
    let columns = table.columns().clone();
    let mut reading = table.reading().to_vec();
    let (mut cells, labels, _) = table.into_parts();
    let RowLabels::Values { values, names } = &labels else {
        unreachable!("values were asked for")
    };
    several_values(values, names, path)?;
    // What is fitted to the training part.
    let parts = source.split_steps(values.nrows(), windows)?;
    let encoder = TableEncoder::fit(&mut cells, &columns.names, &parts.train, path)?;
    encoder.check(cells.codes.view(), &columns.names)?;
    reading.extend(rounded(&encoder, &cells, &columns.names));
    reading.extend(encoder.lines(&cells, &columns.names));
    let targets = real_targets(values, names, &parts)?;
    // The windows of each part.
    let part = |rows: &[usize]| -> Result<Windowed, DataError> {
        let inputs = encoder.apply(cells.codes.view(), rows, path)?;
        let values = values.select(Axis(0), rows);
        windows.labelled(inputs, targets.scale.apply(values.view()), path)
    };
    let Windows { length, horizon } = windows;
    reading.push(format!(
        "windows: {length} rows of {} inputs each, the target {horizon} behind the last",
        encoder.width()
    ));
    reading.push(by_time(&parts));
    reading.extend(naive(values, names, &parts.test, windows));
    Ok(ReadParts {
        train: Box::new(part(&parts.train)?),
        valid: parts.valid_part(part)?,
        test: parts.test_part(part)?,
        about: format!(
            "{}, windows of {length} rows, values of {}",
            path.display(),
            listed(names)
        ),
        class_names: Vec::new(),
        reading,
        images: None,
        train_classes: None,
        targets: Some(targets.clone()),
        rows: RowKind::Series {
            columns,
            encoders: encoder.encoders.clone(),
            scale: encoder.scale.clone(),
            windows,
        },
    })
}

impl Source<'_> {
    /// Refuses options that rows in the order of time have no use for.
    fn refuse_no_steps(&self) -> Result<(), DataError> {
        let (options, table) = (self.options, &self.options.table);
        let is_last = matches!(options.split, None | Some(Split::Last));
        let idle = [
            ("`text`", options.text),
            ("`task` classify", table.target == Target::Classes),
            ("`task` multi-label", table.target == Target::Labels),
            (
                "`missing_labels`",
                table.missing_labels != MissingLabels::Refuse,
            ),
            ("`weight_column`", table.weights.is_some()),
            ("`folds`", options.fold.is_some()),
            ("`split` other than last", !is_last),
            ("`split_seed`", options.split_seed.is_some()),
        ];
        match idle.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((name, _)) => Err(self.unused(
                name.to_owned(),
                "windows over a series (`window`), which are in the order of time and predict numbers",
            )),
        }
    }

    /// The steps of each part.
    fn split_steps(&self, steps: usize, windows: Windows) -> Result<PartRows, DataError> {
        if windows.count(steps) == 0 {
            let remedy = "give more rows, or take a shorter `window` or `horizon`";
            let expected = windows.expected("");
            return Err(DataError::unfit(
                self.path,
                expected,
                steps.to_string(),
                remedy,
            ));
        }
        let options = self.options;
        let parts = last_parts(steps, options.shares());
        let wanted = [
            ("training", &parts.train, true),
            ("validation", &parts.valid, options.valid_share.is_some()),
            ("test", &parts.test, options.test.is_none()),
        ];
        for (name, rows, is_wanted) in wanted {
            if is_wanted && windows.count(rows.len()) == 0 {
                return Err(DataError::unfit(
                    self.path,
                    windows.expected(&format!(" in the {name} part")),
                    format!("{} of {steps}", rows.len()),
                    "take other shares (`test_share`, `valid_share`), a shorter `window` or `horizon`, or give more rows",
                ));
            }
        }
        // The rows that are predicted: those with enough others of their part before them.
        let targets = |rows: &[usize]| {
            rows.get(windows.target_row(0)..)
                .unwrap_or_default()
                .to_vec()
        };
        self.drawn.get_or_init(|| PartRows {
            train: targets(&parts.train),
            valid: targets(&parts.valid),
            test: targets(&parts.test),
        });
        Ok(parts)
    }
}

/// Which rows are which part.
fn by_time(parts: &PartRows) -> String {
    let named = [
        ("training", &parts.train),
        ("validation", &parts.valid),
        ("test", &parts.test),
    ];
    let ends = named.into_iter().filter_map(|(name, rows)| {
        let (first, last) = (rows.first()?, rows.last()?);
        Some(format!("{name} rows {first} to {last}"))
    });
    let ends: Vec<String> = ends.collect();
    format!(
        "split: by time, {}; no window lies in two parts",
        ends.join(", ")
    )
}

/// What a forecast comes to that answers with the last value of a window, over the targets in
/// `rows`, which are behind one another.
fn naive(
    values: &Array2<f64>,
    names: &[String],
    rows: &[usize],
    windows: Windows,
) -> Option<String> {
    let targets = rows.get(windows.target_row(0)..)?;
    let count = targets.len() as f64;
    let of_column = |(column, name): (usize, &String)| {
        let value = |row: usize| values[[row, column]];
        let mean = targets.iter().map(|&row| value(row) / count).sum::<f64>();
        let sum = |distance: &dyn Fn(usize) -> f64| -> f64 {
            let squares = targets.iter().map(|&row| distance(row) * distance(row));
            squares.sum()
        };
        let errors = sum(&|row| value(row) - value(row - windows.horizon));
        let all = sum(&|row| value(row) - mean);
        let r2 = 1.0 - errors / all;
        match r2.is_finite() {
            true => format!("{name} {r2:.4}"),
            false => format!("{name} none, as it does not vary"),
        }
    };
    let said: Vec<String> = names.iter().enumerate().map(of_column).collect();
    let said = said.join(", ");
    (count > 0.0).then(|| {
        format!("naive forecast: the last value of a window, on the test part R2 of {said}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::open::{DataOptions, open};
    use ndarray::array;

    #[test]
    fn the_naive_forecast_is_judged_over_the_targets_of_the_windows() {
        // Targets in rows 3 to 5 of the part (5, 6, 7): values 4, 0, 8 after 2, 4, 0.
        let values = array![[9.0], [9.0], [9.0], [1.0], [2.0], [4.0], [0.0], [8.0]];
        let windows = Windows {
            length: 2,
            horizon: 1,
        };
        let said = naive(&values, &["a".to_owned()], &[3, 4, 5, 6, 7], windows).unwrap();
        // Squared errors 4, 16, 64; about the mean of 4: 0, 16, 16.
        assert!(said.ends_with("R2 of a -1.6250"), "{said}");
        assert!(naive(&values, &["a".to_owned()], &[], windows).is_none());
    }

    #[test]
    fn no_window_lies_in_two_parts_and_every_target_in_its_own() {
        let path = std::env::temp_dir().join(format!("unisono-steps-{}.csv", std::process::id()));
        let rows: String = (0..40).map(|row| format!("{},{row}\n", row % 3)).collect();
        std::fs::write(&path, format!("other,value\n{rows}")).unwrap();
        let windows = Windows {
            length: 3,
            horizon: 2,
        };
        let options = DataOptions {
            windows: Some(windows),
            test_share: Some(0.25),
            valid_share: Some(0.25),
            ..DataOptions::default()
        };
        let opened = open(&path, &options).unwrap();
        std::fs::remove_file(&path).unwrap();
        let targets = opened.preparation.targets.as_ref().unwrap();
        let valid = opened.valid.as_ref().unwrap();
        // Values are the numbers of their rows.
        for (part, rows) in [
            (&opened.train, 0..20),
            (valid, 20..30),
            (&opened.test, 30..40),
        ] {
            assert_eq!(part.input_shape(), [3, 2]);
            let all: Vec<u32> = (0..part.len() as u32).collect();
            assert_eq!(all.len(), rows.len() - 4);
            let (mut inputs, mut values) = (vec![0.0; all.len() * 6], vec![0.0; all.len()]);
            part.gather_inputs(&all, &mut inputs);
            part.gather_values(&all, &mut values);
            for (at, value) in values.iter().enumerate() {
                let first = rows.start + at;
                let own: Vec<f64> = (0..3)
                    .map(|step| targets.in_units(0, inputs[at * 6 + 2 * step + 1]))
                    .collect();
                let expected = [first, first + 1, first + 2].map(|row| row as f64);
                assert_eq!(own, expected);
                assert_eq!(targets.in_units(0, *value), (first + 4) as f64);
                assert!(rows.contains(&(first + 4)));
            }
        }
        assert_eq!(opened.test_rows, (34..40).collect::<Vec<_>>());
    }
}

//! Messages of errors: what is wrong where, and what to do.

use super::*;

#[test]
fn messages_name_row_value_and_remedy() {
    let not_finite = DataError::NotFinite {
        what: "input",
        row: 3,
        column: 2,
        got: f32::NAN,
    };
    assert!(
        not_finite
            .to_string()
            .starts_with("input 2 of row 3 is NaN, expected a finite number")
    );
    let class = DataError::ClassOutOfRange {
        row: 3,
        class: 10,
        num_classes: 10,
    };
    assert!(
        class
            .to_string()
            .starts_with("row 3 has class 10, expected a class below 10")
    );
    let length = DataError::RowLength {
        row: 1,
        expected: 3,
        got: 2,
    };
    assert!(
        length
            .to_string()
            .starts_with("row 1 has 2 values, expected 3")
    );
    let count = DataError::LabelCount { rows: 2, labels: 3 };
    assert!(
        count
            .to_string()
            .starts_with("there are 3 labels for 2 rows")
    );
    let far = DataError::OutOfReach {
        place: "input 3".to_owned(),
        row: 7,
        got: 3e38,
        expected: "less".to_owned(),
    };
    assert!(
        far.to_string()
            .starts_with("input 3 of row 7 is 3e38, expected less; fix or drop the row")
    );
    assert!(DataError::Empty.to_string().contains("no rows"));
    assert!(DataError::NoInputs.to_string().contains("no values"));
    assert!(
        DataError::TooManyRows {
            rows: 5_000_000_000
        }
        .to_string()
        .contains("5000000000 rows")
    );
}

#[test]
fn what_a_build_cannot_read_names_the_feature_that_reads_it() {
    let off = DataError::Feature {
        path: "new.wav".into(),
        what: "recordings",
        feature: "audio",
    };
    assert_eq!(
        off.to_string(),
        "new.wav: recordings need the feature `audio` of the crate unisono, which is off in this build; turn it on in Cargo.toml"
    );
    // It names its file itself.
    let text = off.to_string();
    assert_eq!(off.within("folder".as_ref()).to_string(), text);
}

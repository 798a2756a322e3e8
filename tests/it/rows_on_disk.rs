//! Rows that stay in their file: what becomes unreadable while they are in use ends the training
//! with an error that names file and row.

use std::fs::{File, OpenOptions};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::files::Folder;
use unisono::data::{ArrayFile, Augmentation, Augmented, DataError, Dataset, LabelsMut, Subset};
use unisono::engine::EngineError;
use unisono::nn::{Loss, Sequential};
use unisono::train::{Event, Parts, View};
use unisono::{TrainError, Trainer};

const ROWS: usize = 40;

/// Rows of 2 times 2 values, as NumPy writes them.
fn array(folder: &Folder, descr: &str, values: &[u8]) -> PathBuf {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({ROWS}, 2, 2), }}");
    let head = format!("{head:<117}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((head.len() as u16).to_le_bytes());
    file.extend(head.bytes());
    file.extend(values);
    folder.file("rows.npy", &file)
}

fn open(path: &Path) -> ArrayFile {
    let classes = (0..ROWS as u32).map(|row| row % 2).collect();
    ArrayFile::open(path, classes, 2).unwrap()
}

fn trainer() -> Trainer {
    let model = Sequential::new(4).dense(2);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(2)
        .batch_size(8)
        .epochs(1)
}

/// Cuts the last row off, and says what a training on the rows makes of it.
fn error_of_cut(path: &Path, data: &dyn Dataset) -> String {
    let (mut inputs, mut classes) = ([0.0; 4], [0]);
    let mut draw = |row: u32| {
        let labels = LabelsMut::Classes(&mut classes);
        data.try_draw(Some(0), &[row], &mut inputs, labels)
    };
    draw(39).unwrap();
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    // A row that is whole is of another file than the one that was opened.
    let changed = draw(38).unwrap_err();
    assert!(
        matches!(&changed, DataError::In { path: at, problem } if at == path && matches!(**problem, DataError::Changed)),
        "{changed:?}"
    );
    let error = draw(39).unwrap_err();
    assert!(
        matches!(&error, DataError::In { path: at, problem } if at == path && matches!(**problem, DataError::Row { row: 39, .. })),
        "{error:?}"
    );
    let failed = trainer().fit_without_test(data).unwrap_err();
    assert!(
        matches!(failed, TrainError::Engine(EngineError::WorkerFailed { .. })),
        "{failed}"
    );
    let (error, changed) = (error.to_string(), changed.to_string());
    let failed = failed.to_string();
    assert!(
        (failed.contains(&error) || failed.contains(&changed)) && !failed.contains("panicked"),
        "{failed}"
    );
    error
}

#[test]
fn a_file_that_is_cut_while_in_use_is_an_error_that_names_it_and_the_row() {
    let folder = Folder::new("cut-rows");
    let expected = |path: &Path| {
        let path = path.display();
        format!(
            "{path}: row 39 cannot be read: the file is shorter than when it was opened; do not change the file while it is in use"
        )
    };
    let path = array(&folder, "<f4", &[0; 16 * ROWS]);
    assert_eq!(error_of_cut(&path, &open(&path)), expected(&path));
    // By way of another data set,
    let path = array(&folder, "<f4", &[0; 16 * ROWS]);
    let subset = Subset::new(open(&path), (0..ROWS as u32).collect::<Vec<_>>()).unwrap();
    assert_eq!(error_of_cut(&path, &subset), expected(&path));
    // as images, and as images that each epoch changes.
    let path = array(&folder, "|u1", &[7; 4 * ROWS]);
    let images = open(&path).images().unwrap().unwrap();
    assert_eq!(error_of_cut(&path, &images), expected(&path));
    let path = array(&folder, "|u1", &[7; 4 * ROWS]);
    let images = open(&path).images().unwrap().unwrap();
    let flips = Augmentation {
        flip: true,
        ..Augmentation::default()
    };
    let changed = Augmented::new(images, flips, 42).unwrap();
    assert_eq!(error_of_cut(&path, &changed), expected(&path));
}

#[test]
fn a_file_that_is_rewritten_under_a_training_ends_it() {
    let folder = Folder::new("rewritten-rows");
    for descr in ["<f4", "|u1"] {
        let size = if descr == "<f4" { 16 } else { 4 };
        let path = array(&folder, descr, &vec![1; size * ROWS]);
        let opened = open(&path);
        let data: Box<dyn Dataset> = match descr {
            "<f4" => Box::new(opened),
            _ => Box::new(opened.images().unwrap().unwrap()),
        };
        let mut training = trainer().epochs(3);
        let mut epochs = 0;
        let callback = &mut |event: &Event<'_>, _: &View<'_>| {
            if let Event::Epoch(_) = event {
                epochs += 1;
                // As many bytes, in place, at a time that no clock's tick makes the same.
                array(&folder, descr, &vec![2; size * ROWS]);
                let file = OpenOptions::new().write(true).open(&path).unwrap();
                let later = SystemTime::now() + Duration::from_secs(9);
                file.set_modified(later).unwrap();
            }
            ControlFlow::Continue(())
        };
        let error = training
            .fit_parts_with(Parts::new(&*data), callback)
            .unwrap_err();
        let expected = format!(
            "{}: the file was written since it was opened",
            path.display()
        );
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!(epochs, 1);
        // What replaces the file as a whole leaves the rows that were opened as they are.
        let path = array(&folder, descr, &vec![1; size * ROWS]);
        let data = open(&path);
        std::fs::write(folder.0.join("other"), "another file").unwrap();
        std::fs::rename(folder.0.join("other"), &path).unwrap();
        trainer().epochs(2).fit_without_test(&data).unwrap();
    }
}

#[test]
fn a_value_that_single_precision_does_not_hold_is_an_error_that_names_its_place() {
    let folder = Folder::new("huge-rows");
    for (value, expected) in [
        (
            f64::NAN,
            "rows.npy: input 2 of row 5 is NaN, expected a finite number",
        ),
        (
            1e300,
            "rows.npy: input 2 of row 5 is 1e300, expected a value that single precision holds",
        ),
    ] {
        let mut values = vec![0.0; 4 * ROWS];
        values[4 * 5 + 2] = value;
        let bytes: Vec<u8> = values.into_iter().flat_map(f64::to_le_bytes).collect();
        let data = open(&array(&folder, "<f8", &bytes));
        let error = trainer().fit_without_test(&data).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_that_is_removed_while_in_use_is_read_to_its_end() {
    let folder = Folder::new("removed-rows");
    let path = array(&folder, "<f4", &[0; 16 * ROWS]);
    let data = open(&path);
    // Systems that let go of an open file keep its bytes until it is closed.
    if std::fs::remove_file(&path).is_ok() {
        assert!(File::open(&path).is_err());
        trainer().fit_without_test(&data).unwrap();
    }
}

//! Columns of words, dates and gaps: what they become, in training and prediction, with what the
//! training part holds alone.

use serde_json::Value;

use crate::files::Folder;
use unisono::data::{
    Column, ColumnCells, DataError, DataOptions, Dataset, Opened, Preparation, RowKind, Split,
    TableOptions, open,
};

fn gathered(data: &dyn Dataset) -> Vec<Vec<f32>> {
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    let mut values = vec![0.0; data.len() * data.input_len()];
    data.gather_inputs(&rows, &mut values);
    let rows = values.chunks_exact(data.input_len());
    rows.map(<[f32]>::to_vec).collect()
}

/// Opens a table whose last rows are the test part.
fn opened(
    folder: &Folder,
    text: &str,
    test_rows: &[usize],
    table: TableOptions,
) -> Result<Opened, DataError> {
    let rows: String = test_rows.iter().map(|row| format!("{row}\n")).collect();
    let options = DataOptions {
        table,
        split: Some(Split::File(folder.file("test_rows.txt", rows.as_bytes()))),
        ..DataOptions::default()
    };
    open(&folder.file("t.csv", text.as_bytes()), &options)
}

/// Rows of a number and cells of one column, `x`, and classes that take turns.
fn table(cells: &[&str]) -> String {
    let row = |(at, cell): (usize, &&str)| {
        let class = ["no", "yes"][at % 2];
        format!("{}.5,{cell},{class}\n", at * 7 % 11)
    };
    let rows: String = cells.iter().enumerate().map(row).collect();
    "size,x,kind\n".to_owned() + &rows
}

fn columns(names: &[&str]) -> Vec<Column> {
    let names = names.iter().map(|name| Column::Name((*name).to_owned()));
    names.collect()
}

fn refused(cells: &[&str]) -> String {
    let folder = Folder::new("columns-odd");
    let text = table(cells);
    let opened = opened(&folder, &text, &[0, 1], TableOptions::default());
    opened.unwrap_err().to_string()
}

#[test]
fn inputs_are_those_of_scikit_learn() {
    let fixture: Value = serde_json::from_str(include_str!("../parity/tables.json")).unwrap();
    let text = fixture["table"].as_str().unwrap();
    let test: Vec<usize> = serde_json::from_value(fixture["test"].clone()).unwrap();
    let expected: Vec<Vec<f64>> = serde_json::from_value(fixture["inputs"].clone()).unwrap();
    let folder = Folder::new("columns-parity");
    let opened = opened(&folder, text, &test, TableOptions::default()).unwrap();
    assert_eq!(
        opened.preparation.rows.input_names(),
        [
            "age",
            "age is missing",
            "city = Bern",
            "city = Lima",
            "city = Oslo",
            "city = Rome",
            "city = another value",
            "fare",
            "port = C",
            "port = Q",
            "port = S",
            "port is missing",
        ]
    );
    let same = |got: &[f32], row: usize| {
        let pairs = got.iter().zip(&expected[row]);
        let error = pairs.map(|(a, b)| (f64::from(*a) - b).abs());
        assert_eq!(got.len(), expected[row].len());
        assert!(error.fold(0.0, f64::max) < 1e-6, "{row}: {got:?}");
    };
    let train = (0..expected.len()).filter(|row| !test.contains(row));
    let (train_rows, test_rows) = (gathered(&*opened.train), gathered(&*opened.test));
    train.zip(&train_rows).for_each(|(row, got)| same(got, row));
    test.iter()
        .zip(&test_rows)
        .for_each(|(&row, got)| same(got, row));
    // What a run keeps makes the same bits of the file, all its rows at once.
    let json = opened.preparation.to_json();
    let kept = Preparation::parse(&json, "p.json".as_ref()).unwrap();
    let new = kept.rows(&folder.0.join("t.csv")).unwrap();
    let all = gathered(&*new.data);
    test.iter()
        .zip(&test_rows)
        .for_each(|(&row, got)| assert_eq!(&all[row], got));
    assert_eq!(all[0], train_rows[0]);
    assert!(
        new.notes[0].starts_with("gaps: age 9, port 4"),
        "{:?}",
        new.notes
    );
    assert!(
        new.notes[1].starts_with("unknown values: city"),
        "{:?}",
        new.notes
    );
}

#[test]
fn what_only_the_test_part_holds_is_in_no_statistic() {
    let folder = Folder::new("columns-leak");
    let with = |test: [&str; 2]| {
        let cells = ["a", "b", "a", "b", "a", "b", "b", "", "b", "a"];
        let text = table(&[&cells[..], &test].concat());
        let opened = opened(&folder, &text, &[10, 11], TableOptions::default()).unwrap();
        let rows = gathered(&*opened.test);
        (opened.preparation.to_json(), rows)
    };
    let (one, known) = with(["a", ""]);
    let (other, unknown) = with(["zebra", "quagga"]);
    assert_eq!(one, other);
    assert_eq!(
        known.iter().map(|row| &row[1..]).collect::<Vec<_>>(),
        [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    );
    assert!(unknown.iter().all(|row| row[1..] == [0.0; 3]));
}

/// Rows of every kind of columns.
fn flats() -> String {
    let rows: String = (0..12)
        .map(|at| {
            format!(
                "{at}.5,{},{},2024-0{}-1{},{}.0,{}\n",
                ["Red", "green"][at % 2],
                ["True", "False"][at / 6],
                1 + at % 3,
                at % 9,
                at % 2,
                ["no", "yes"][at % 2]
            )
        })
        .collect();
    format!("size,colour,sold,day,floor,kind\n{rows}")
}

#[test]
fn words_booleans_dates_and_asked_numbers_are_told_apart_and_said() {
    let folder = Folder::new("columns-kinds");
    let text = flats();
    let options = TableOptions {
        categories: columns(&["floor"]),
        columns: columns(&["colour", "sold", "day", "floor"]),
        ..TableOptions::default()
    };
    let opened = opened(&folder, &text, &[1, 2], options).unwrap();
    assert_eq!(
        opened.preparation.rows.input_names(),
        [
            "colour = Red",
            "colour = green",
            "sold = False",
            "sold = True",
            "day (days)",
            "day (year)",
            "day (month)",
            "day (weekday)",
            "floor = 0",
            "floor = 1",
        ]
    );
    let said = opened.reading.join("\n");
    for line in [
        "left out: size (none of `columns`)",
        "features: 4, colour, sold, day, floor",
        "categories: colour, 2 values, Red, green; unknown ones are none of them",
        "dates: day, as days, year, month, weekday",
        "inputs: 10, of 4 features",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // The year is the same in all rows.
    assert!(gathered(&*opened.train).iter().all(|row| row[5] == 0.0));
    let RowKind::Table { encoders, .. } = &opened.preparation.rows else {
        panic!("it is a table");
    };
    let kinds: Vec<&str> = encoders.iter().map(|one| one.cells.kind()).collect();
    assert_eq!(kinds, ["categories", "categories", "dates", "categories"]);
    // Whole numbers are categories only where that is said, however they are written.
    let new = folder.file(
        "new.csv",
        b"floor,day,sold,colour\n1,2024-01-10T08:00,True,Red\n",
    );
    let row = gathered(&*opened.preparation.rows(&new).unwrap().data).remove(0);
    assert_eq!((row[8], row[9], row[0]), (0.0, 1.0, 1.0));
}

#[test]
fn gaps_are_filled_and_counted_and_tables_without_them_stay_as_they_were() {
    let folder = Folder::new("columns-gaps");
    let cells = [
        "3", "NA", "5", "?", "null", "4", "NaN", "", "10", "4", "2", "1",
    ];
    let opened = opened(&folder, &table(&cells), &[10, 11], TableOptions::default()).unwrap();
    let said = opened.reading.join("\n");
    let line = "gaps: of 12 rows, x 5 (filled with the median, 4)";
    assert!(said.contains(line), "{said}");
    let rows = gathered(&*opened.train);
    let gaps: Vec<f32> = rows.iter().map(|row| row[2]).collect();
    assert_eq!(gaps, [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    assert!(rows.iter().all(|row| row[2] == 0.0 || row[1] == rows[5][1]));
    let full = ["3", "1", "5", "2", "1", "4", "3", "3", "10", "4", "2", "1"];
    let full = self::opened(&folder, &table(&full), &[10, 11], TableOptions::default()).unwrap();
    let said = full.reading.join("\n");
    assert!(
        !said.contains("gaps") && !said.contains("inputs:"),
        "{said}"
    );
    assert_eq!(full.train.input_len(), 2);
    // A gap that the training had not is filled too.
    let new = folder.file("new.csv", b"x,size\n,1\n3,1\n");
    let new = full.preparation.rows(&new).unwrap();
    let rows = gathered(&*new.data);
    assert_eq!(rows[0], rows[1]);
    assert_eq!(new.notes, ["gaps: x 1, filled as in the training"]);
}

#[test]
fn columns_that_cannot_be_learned_from_are_refused_by_name() {
    let names: Vec<String> = (0..60).map(|at| format!("row {at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many: Vec<String> = (0..900).map(|at| format!("word {}", at % 300)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (cells, said) in [
        (
            &names[..],
            &[
                "categories in column x",
                "58 in 58 training rows",
                "`drop` x",
            ][..],
        ),
        (
            &many,
            &[
                "at most 256 different",
                "300 in 898 training rows",
                "`columns`",
            ],
        ),
        (
            &[""; 12],
            &["values in column x, got a gap in each of 12 rows", "`drop`"],
        ),
        (
            &["a", "b", "", "NA", "?", "", "", ""],
            &["values in column x, got a gap in each of 6 training rows"],
        ),
        (
            &["1", "2", "x", "4", "5", "6"],
            &["line 4, column 1", "got \"x\"", "`drop`", "`categories`"],
        ),
        (&["0,5", "1", "2", "3", "4", "5"], &["columns in every row"]),
        (&["$5", "$6", "$7", "$8"], &["without signs of money"]),
        (
            &["2024-01-01", "2024-01-02", "soon", "2024-01-03"],
            &["dates such as 2024-05-31 in column x", "\"soon\" in line 4"],
        ),
        (
            &["later", "2024-01-01", "2024-01-02", "soon"],
            &["line 3, column 1"],
        ),
    ] {
        let error = refused(cells);
        for part in said {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn columns_that_are_said_to_be_something_are_it_or_are_refused() {
    let rest = ["a", "b", "a", "b", "a", "b"];
    // Every text is a word where that is said.
    let folder = Folder::new("columns-said");
    let options = TableOptions {
        categories: columns(&["x"]),
        ..TableOptions::default()
    };
    let mixed = ["1", "2", "1", "x", "x", "2", "1"];
    let opened = opened(&folder, &table(&mixed), &[5, 6], options).unwrap();
    assert_eq!(
        opened.preparation.rows.input_names()[1..],
        ["x = 1", "x = x", "x = another value"]
    );
    for options in [
        TableOptions {
            columns: columns(&["kind"]),
            ..TableOptions::default()
        },
        TableOptions {
            drop: columns(&["x"]),
            categories: columns(&["x"]),
            ..TableOptions::default()
        },
        TableOptions {
            columns: columns(&["weight"]),
            ..TableOptions::default()
        },
    ] {
        let error = self::opened(&folder, &table(&rest), &[4, 5], options).unwrap_err();
        assert!(matches!(error, DataError::Unfit { .. }), "{error}");
    }
}

#[test]
fn kept_tables_refuse_what_does_not_fit_them_and_older_ones_are_read() {
    let folder = Folder::new("columns-kept");
    let cells = ["a", "b", "a", "b", "a", "b", "b", "a", "b", "a"];
    let opened = opened(&folder, &table(&cells), &[8, 9], TableOptions::default()).unwrap();
    let kept = opened.preparation;
    let refusal = |text: &[u8]| {
        let error = kept.rows(&folder.file("new.csv", text)).unwrap_err();
        error.to_string()
    };
    let missing = refusal(b"size,y\n1,a\n");
    assert!(
        missing.contains("a header with a column called \"x\""),
        "{missing}"
    );
    let word = refusal(b"size,x\nbig,a\n");
    assert!(
        word.contains("line 2, column 0") && word.contains("\"big\""),
        "{word}"
    );
    let numbers = kept.rows_of_values(ndarray::array![[1.0, 0.0]].view());
    assert!(
        numbers
            .unwrap_err()
            .to_string()
            .contains("cells of a table")
    );
    // The table that it was, before its columns were kept as what they are.
    let old = br#"{"rows":{"kind":"table","columns":{"names":["a"],"label":1,"has_header":true},
        "scale":{"means":[2.0],"deviations":[2.0]}},"num_classes":2,"class_names":[]}"#;
    let old = Preparation::parse(old, "p.json".as_ref()).unwrap();
    let rows = old
        .rows(&folder.file("old.csv", b"a,b\n4,0\n0,1\n"))
        .unwrap();
    assert_eq!(gathered(&*rows.data), [[1.0], [-1.0]]);
    let gap = old
        .rows(&folder.file("gap.csv", b"a,b\n4,0\n,1\n"))
        .unwrap_err();
    assert!(matches!(gap, DataError::Cell { line: 3, .. }), "{gap}");
}

#[test]
fn encoders_that_do_not_fit_their_table_are_no_preparation() {
    let folder = Folder::new("columns-misfits");
    let cells = ["a", "b", "a", "b", "a", "b", "b", "a", "b", "a"];
    let opened = opened(&folder, &table(&cells), &[8, 9], TableOptions::default()).unwrap();
    let kept = opened.preparation;
    let RowKind::Table {
        columns,
        encoders,
        scale,
    } = kept.rows.clone()
    else {
        panic!("it is a table");
    };
    let mut odd = encoders.clone();
    if let ColumnCells::Categories { most_frequent, .. } = &mut odd[1].cells {
        *most_frequent = 9;
    }
    for encoders in [odd, encoders[..1].to_vec()] {
        let rows = RowKind::Table {
            columns: columns.clone(),
            encoders,
            scale: scale.clone(),
        };
        let odd = Preparation {
            rows,
            ..kept.clone()
        };
        assert!(Preparation::parse(&odd.to_json(), "p.json".as_ref()).is_err());
    }
}

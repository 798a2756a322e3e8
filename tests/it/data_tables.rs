//! Tables: what their first line and columns are, and the same rows in a file of new ones.

use std::path::Path;

use crate::files::Folder;
use unisono::data::{
    Column, CsvTable, DataError, Dataset, Header, Labels, MissingLabels, Preparation, RowKind,
    Standardizer, TableOptions, Target,
};

fn parse(text: &str) -> Result<CsvTable, DataError> {
    TableOptions::default().parse(text.as_bytes(), Path::new("t.csv"))
}

/// Lines of two decimals and a label of `labels`.
fn lines(labels: &[&str]) -> String {
    let line = |at: usize| {
        let label = labels[at % labels.len()];
        format!("{}.25,{}.5,{label}\n", at * 7 % 13, at * 5 % 11)
    };
    (0..24).map(line).collect()
}

#[test]
fn the_first_line_is_a_header_where_it_differs_in_kind() {
    let rows = lines(&["a", "b"]);
    for (head, is_header) in [
        ("x,y,kind\n", true),
        ("0,1,kind\n", true),
        ("1,2,kind\n", true),
        ("1990,1991,kind\n", true),
        ("\u{feff}x,y,kind\n", true),
        ("1.5,2.5,a\n", false),
        ("3,4,b\n", false),
        ("?,4,b\n", false),
        ("NA,4,b\n", false),
        ("", false),
    ] {
        let text = head.to_owned() + &rows;
        let options = TableOptions::default();
        let found = match parse(&text) {
            Ok(table) => table.columns().has_header,
            // A row that misses a number is one.
            Err(DataError::Cell { line: 1, .. }) => false,
            Err(error) => panic!("{head}: {error}"),
        };
        assert_eq!(found, is_header, "{head}");
        for (header, is_header) in [(Header::Yes, true), (Header::No, false)] {
            let options = TableOptions {
                header,
                ..options.clone()
            };
            match options.parse(text.as_bytes(), "t.csv".as_ref()) {
                Ok(table) => assert_eq!(table.columns().has_header, is_header),
                Err(error) => assert!(matches!(error, DataError::Cell { line: 1, .. }), "{error}"),
            }
        }
    }
    // Numbers for all columns' names, over numbers.
    let rows = lines(&["3", "7"]);
    for (head, is_header) in [("0,1,2\n", true), ("0,2,3\n", false), ("x,y,k\n", true)] {
        let table = parse(&(head.to_owned() + &rows)).unwrap();
        assert_eq!(table.columns().has_header, is_header, "{head}");
    }
    let names = parse(&format!("\u{feff}x,y,kind\n{}", lines(&["a", "b"]))).unwrap();
    assert_eq!(names.names(), ["x", "y"]);
}

#[test]
fn a_counting_first_column_is_an_index_unless_its_name_says_otherwise() {
    let rows = |from: usize| -> String {
        (0..24)
            .map(|at| format!("{},{}.5,{}\n", from + at, at * 7 % 13, ["a", "b"][at % 2]))
            .collect()
    };
    for (head, from, is_index) in [
        ("Id,x,k\n", 1, true),
        ("PassengerId,x,k\n", 1, true),
        (",x,k\n", 0, true),
        ("", 0, true),
        ("", 5, false),
        ("humid,x,k\n", 0, false),
        ("year,x,k\n", 0, false),
        ("Id,x,k\n", 7, false),
    ] {
        let table = parse(&(head.to_owned() + &rows(from))).unwrap();
        assert_eq!(
            table.names().len(),
            if is_index { 1 } else { 2 },
            "{head}{from}"
        );
        let said = table.reading().iter();
        let said = said.filter(|line| line.contains("only counts the rows"));
        assert_eq!(said.count(), usize::from(is_index));
    }
    // All that there is, and a few rows that happen to count.
    assert_eq!(parse("Id,k\n1,a\n2,b\n3,a\n").unwrap().names(), ["Id"]);
    assert_eq!(parse("1,5,a\n2,6,b\n3,5,a\n").unwrap().names().len(), 2);
}

#[test]
fn new_tables_have_the_features_of_the_training_whatever_was_left_out() {
    let folder = Folder::new("left-out");
    let kept = |text: &str, options: &TableOptions| {
        let table = options.parse(text.as_bytes(), "t.csv".as_ref()).unwrap();
        let rows = RowKind::Table {
            columns: table.columns().clone(),
            encoders: Vec::new(),
            scale: Standardizer::fit(table.values().view()),
        };
        let preparation = Preparation {
            rows,
            num_classes: 2,
            class_names: Vec::new(),
            targets: None,
            is_multi_label: false,
        };
        // As a run keeps it.
        Preparation::parse(&preparation.to_json(), "p.json".as_ref()).unwrap()
    };
    let rows = |preparation: &Preparation, text: &str| {
        let new = preparation.rows(&folder.file("new.csv", text.as_bytes()));
        let data = new.unwrap().data;
        let mut values = vec![0.0; data.len() * data.input_len()];
        data.gather_inputs(&(0..data.len() as u32).collect::<Vec<_>>(), &mut values);
        values
    };
    let options = TableOptions {
        label: Column::Index(1),
        drop: vec![Column::Index(0)],
        delimiter: Some(b'~'),
        ..TableOptions::default()
    };
    let without = kept("9~a~1~10\n8~b~3~30\n", &options);
    let expected = [-1.0, -1.0, 1.0, 1.0];
    for text in ["9~a~1~10\n8~b~3~30\n", "9~1~10\n8~3~30\n", "1~10\n3~30\n"] {
        assert_eq!(rows(&without, text), expected, "{text}");
    }
    let options = TableOptions {
        drop: vec![Column::Name("note".into())],
        ..TableOptions::default()
    };
    let named = kept("x,note,y,k\n1,u,10,a\n3,v,30,b\n", &options);
    assert_eq!(rows(&named, "y,x\n10,1\n30,3\n"), expected);
    assert_eq!(rows(&named, "x,note,y,k\n1,u,10,a\n3,v,30,b\n"), expected);
}

#[test]
fn labels_are_missing_equal_or_no_classes() {
    let options = |missing_labels, target| TableOptions {
        missing_labels,
        target,
        ..TableOptions::default()
    };
    let read = |text: &str, options: TableOptions| options.parse(text.as_bytes(), "t.csv".as_ref());
    for mark in ["", "NA", "nan", "?", "null", "None", "N/A"] {
        let text = format!("x,k\n1,a\n2,{mark}\n3,b\n4,a\n");
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains("none in 1 of 4 rows"), "{error}");
        let dropped = read(&text, options(MissingLabels::Drop, Target::Auto)).unwrap();
        assert_eq!(
            (dropped.labels(), dropped.values()[[1, 0]]),
            (&[0, 1, 0][..], 3.0)
        );
        let class = read(&text, options(MissingLabels::Class, Target::Auto)).unwrap();
        assert_eq!(class.classes().len(), 3);
    }
    // A word is a class.
    assert_eq!(
        parse("x,k\n1,none\n2,some\n").unwrap().classes(),
        ["none", "some"]
    );
    let error = read("x,k\n1,\n2,\n", options(MissingLabels::Drop, Target::Auto));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("none in 2 rows; name another column"),
        "{error}"
    );
    // Numbers that are equal are one class, however they are written.
    let table = parse("x,k\n1,1\n2,1.0\n3,0\n4,0.0\n").unwrap();
    assert_eq!(
        (table.labels(), table.classes().len()),
        (&[1, 1, 0, 0][..], 2)
    );
}

#[test]
fn labels_that_measure_are_values_unless_they_are_said_to_be_classes() {
    let read = |text: &str, target| {
        let options = TableOptions {
            target,
            ..TableOptions::default()
        };
        options.parse(text.as_bytes(), "t.csv".as_ref())
    };
    let prices: String = (0..30)
        .map(|at| format!("{at},{}\n", at as f64 * 0.37))
        .collect();
    let table = parse(&format!("x,price\n{prices}")).unwrap();
    assert_eq!(table.targets().unwrap()[[7, 0]], 7.0 * 0.37);
    assert!(table.classes().is_empty() && table.labels().is_empty());
    assert_eq!(table.dataset().unwrap().labels(), Labels::Values(1));
    let said = table.reading().last().unwrap();
    assert!(
        said.starts_with("target: price, 30 different real numbers"),
        "{said}"
    );
    let error = read("x,price\n1,2.5\n2,cheap\n", Target::Values);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("a number in column price of every row, got \"cheap\" in line 3"),
        "{error}"
    );
    let all = read(&format!("x,price\n{prices}"), Target::Classes);
    assert_eq!(all.unwrap().classes().len(), 30);
}

#[test]
fn years_are_names_where_the_rows_are_not_like_them() {
    let rows = lines(&["0", "1"]);
    let whole: String = (0..24)
        .map(|at| format!("{},{},{}\n", at * 7 % 13, at * 5 % 11, at % 2))
        .collect();
    for (head, rows, is_header) in [
        ("2019,2020,2021\n", &rows, true),
        ("2019,2020,2021\n", &whole, true),
        // Decimals are below whole numbers that do not count.
        ("10,20,30\n", &rows, true),
        // Whole numbers over whole numbers, a label that comes again, decimals.
        ("10,20,30\n", &whole, false),
        ("2019,2020,1\n", &whole, false),
        ("2019,2020,1\n", &rows, false),
        ("1.5,2.5,7\n", &rows, false),
    ] {
        let text = head.to_owned() + rows;
        let table = parse(&text).unwrap();
        assert_eq!(table.columns().has_header, is_header, "{head}{rows}");
        let said = table.reading().join("\n");
        let line = match (is_header, head) {
            (true, _) => {
                "header: line 1\nnames: numbers, as line 1 is not like the rows; `header` no"
            }
            (false, "10,20,30\n") => {
                "header: none, line 1 is taken for a row, though its numbers may be names"
            }
            (false, _) => "header: none, line 1 looks like a row; `header` yes takes it for names",
        };
        assert!(said.starts_with(line), "{said}");
    }
    // Rows that go up by one themselves.
    let steps: String = (0..24)
        .map(|at| format!("{},{},{}\n", at % 2, at % 2 + 1, at % 2 + 2))
        .collect();
    let table = parse(&format!("7,8,9\n{steps}")).unwrap();
    assert!(!table.columns().has_header);
    // What was said is not asked about.
    let said = TableOptions {
        header: Header::No,
        ..TableOptions::default()
    };
    let table = said.parse(rows.as_bytes(), "t.csv".as_ref()).unwrap();
    assert_eq!(table.reading()[0], "header: none");
}

#[test]
fn columns_of_one_name_and_numbers_that_are_names_are_told_apart() {
    let rows = lines(&["a", "b"]);
    let options = |label: Column, drop: Vec<Column>| TableOptions {
        label,
        drop,
        ..TableOptions::default()
    };
    let parse = |head: &str, options: TableOptions| {
        let text = format!("{head}\n{rows}");
        options.parse(text.as_bytes(), "t.csv".as_ref())
    };
    let name = |name: &str| Column::Name(name.to_owned());
    // Two columns have the name.
    for (label, drop, flag) in [
        (name("a"), vec![], "label"),
        (Column::Last, vec![name("a")], "drop"),
    ] {
        let error = parse("a,a,k", options(label, drop))
            .unwrap_err()
            .to_string();
        let expected = format!(
            "a column called \"a\", got several, at the places 0, 1; --{flag} takes one of these places"
        );
        assert!(error.contains(&expected), "{error}");
    }
    // A number is a place, and that is said where it is another column's name.
    let table = parse("x,y,1", options(Column::Index(1), vec![Column::Index(2)])).unwrap();
    assert_eq!(
        (table.names(), table.targets().unwrap()[[1, 0]]),
        (&["x".to_owned()][..], 5.5)
    );
    let said = table.reading().join("\n");
    assert!(
        said.contains(
            "columns: `label` 1 is the place from 0, of y; the column called 1 has the place 2"
        ),
        "{said}"
    );
    let table = parse("1,x,k", options(Column::Last, vec![Column::Index(1)])).unwrap();
    assert_eq!(table.names(), ["1"]);
    let said = table.reading().join("\n");
    assert!(
        said.contains(
            "columns: `drop` 1 is the place from 0, of x; the column called 1 has the place 0"
        ),
        "{said}"
    );
    // No place is so large: it is the name.
    let table = parse("x,2020,k", options(Column::Last, vec![Column::Index(2020)])).unwrap();
    assert_eq!(
        (table.names(), table.columns().has_header),
        (&["x".to_owned()][..], true)
    );
    let error = parse("x,y,k", options(Column::Last, vec![Column::Index(9)])).unwrap_err();
    assert!(
        error.to_string().contains("a column 9, got 3 columns"),
        "{error}"
    );
}

#[test]
fn labels_that_are_different_texts_of_one_number_stay_apart_and_it_is_said() {
    for (labels, classes, said) in [
        (
            &["1.1", "1.10", "2"][..],
            3,
            "labels: 1.1 and 1.10 are different classes",
        ),
        (
            &["02134", "2134", "10001"],
            3,
            "labels: 02134 and 2134 are different classes",
        ),
        (
            &["9", "9.0", "10"],
            2,
            "labels: 9 and 9.0 are one class, as they are one number",
        ),
    ] {
        let table = parse(&format!("x,y,kind\n{}", lines(labels))).unwrap();
        assert_eq!(table.classes().len(), classes, "{labels:?}");
        let reading = table.reading().join("\n");
        assert!(reading.contains(said), "{reading}");
    }
    let table = parse(&format!("x,y,kind\n{}", lines(&["1", "2"]))).unwrap();
    assert!(
        !table
            .reading()
            .iter()
            .any(|line| line.starts_with("labels:"))
    );
}

#[test]
fn whole_numbers_that_doubles_do_not_hold_are_said_and_large_ones_refused() {
    let large = 1_u64 << 53;
    let row = |at: u64| {
        format!(
            "{},{}.5,{}\n",
            large + at,
            at % 7,
            ["a", "b"][at as usize % 2]
        )
    };
    let rows: String = (0..24).map(row).collect();
    let table = parse(&format!("key,x,k\n{rows}")).unwrap();
    let said = table.reading().join("\n");
    assert!(
        said.contains("rounded: key: 24 different whole numbers become 13 in double precision"),
        "{said}"
    );
    let table = parse("x,k\n1e300,a\n2,b\n").unwrap();
    let error = table.dataset().unwrap_err().to_string();
    assert!(
        error.starts_with("column x of row 0 is 1e300, expected a size up to 3.4028235e38"),
        "{error}"
    );
}

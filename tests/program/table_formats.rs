//! `--format`: tables in LaTeX and Markdown, of every command that prints one.

use std::collections::BTreeSet;
use std::path::Path;

use crate::files::Folder;
use crate::program::{stdout, unisono};

/// The sources that print tables, and the commands that they are of.
const TABLES: &[(&str, &[&str])] = &[
    ("compare.rs", &["compare"]),
    ("eval.rs", &["eval"]),
    ("list.rs", &["list"]),
    ("network.rs", &["bench"]),
    ("runs.rs", &["inspect"]),
    ("scaling/command.rs", &["scaling"]),
    ("scaling/never_slower.rs", &["scaling"]),
    (
        "study.rs",
        &[
            "study steps",
            "study time",
            "study branches",
            "study recipes",
            "study adaptive",
            "study gap",
        ],
    ),
    ("tune/conclusion.rs", &["tune"]),
];

/// Sources below `folder` that print a table, by their path in it.
fn printing(folder: &Path, within: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            printing(&path, &format!("{within}{name}/"), found);
        } else if std::fs::read_to_string(&path)
            .unwrap()
            .contains(" aligned(")
            && name != "output.rs"
            // Of a training, whose numbers for others are those of --json.
            && !within.ends_with("folds/")
        {
            found.insert(format!("{within}{name}"));
        }
    }
}

#[test]
fn every_command_that_prints_a_table_has_the_formats() {
    let mut found = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    printing(&sources, "", &mut found);
    let known: BTreeSet<String> = TABLES.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, known);
    for command in TABLES.iter().flat_map(|(_, commands)| *commands) {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        assert!(stdout(&words).contains("--format <NAME>"), "{command}");
        let words = command.split(' ').chain(["--format", "latx"]);
        let output = unisono(&words.collect::<Vec<_>>());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("did you mean latex?"), "{command}: {text}");
    }
}

/// The lines of a table in LaTeX, which is all that was printed.
fn latex(args: &[&str]) -> Vec<String> {
    let text = stdout(&[args, &["--format", "latex"]].concat());
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "% Needs \\usepackage{booktabs}.", "{text}");
    assert!(lines[1].starts_with("\\begin{tabular}{"), "{text}");
    assert_eq!(lines.last().unwrap(), "\\end{tabular}", "{text}");
    assert_eq!(
        (lines[2].as_str(), lines[4].as_str()),
        ("\\toprule", "\\midrule")
    );
    lines
}

#[test]
fn tables_are_all_that_is_printed_with_the_numbers_of_the_text() {
    let folder = Folder::new("table-formats");
    let run = folder.0.join("a_first & only");
    let run = run.to_str().unwrap();
    stdout(&["train", "--epochs", "1", "--out", run]);
    let runs = folder.0.to_str().unwrap();
    let lines = latex(&["list", runs]);
    assert!(
        lines[3].starts_with("run & status & date & steps & best & "),
        "{}",
        lines[3]
    );
    assert!(
        lines[5].starts_with("a\\_first \\& only & finished & "),
        "{}",
        lines[5]
    );
    // The same cells as in the text, but for what LaTeX would read otherwise.
    let text = stdout(&["list", runs]);
    let (cells, words) = (
        lines[5].trim_end_matches(" \\\\"),
        text.lines().nth(1).unwrap(),
    );
    for cell in cells.split(" & ").skip(1) {
        assert!(words.contains(&cell.replace("\\%", "%")), "{cell}: {words}");
    }
    // Two tables, with a line between them.
    let other = folder.0.join("other");
    let other = other.to_str().unwrap();
    stdout(&["train", "--epochs", "1", "--seed", "1", "--out", other]);
    let both = stdout(&["compare", run, other, "--format", "markdown"]);
    let rules = both.lines().filter(|line| line.starts_with("|---"));
    assert!(
        rules.count() == 2
            && both
                .lines()
                .all(|line| line.is_empty() || line.starts_with('|')),
        "{both}"
    );
    assert!(latex(&["inspect", run]).len() > 7);
    assert!(latex(&["eval", run, "--classes"]).len() > 15);
    // Facts are a table where there is no other.
    let facts = latex(&["eval", run]);
    assert!(
        facts.iter().any(|line| line.starts_with("accuracy & ")),
        "{facts:?}"
    );
}

#[test]
fn bench_and_studies_print_tables_too() {
    let bench = [
        "bench",
        "--preset",
        "mlp_small",
        "--steps",
        "2",
        "--warmup",
        "0",
    ];
    let facts = latex(&[&bench[..], &["--threads", "1"]].concat());
    assert!(
        facts.iter().any(|line| line.starts_with("throughput & ")),
        "{facts:?}"
    );
    let study = [
        "study",
        "recipes",
        "--batches",
        "16,64",
        "--epochs",
        "1",
        "--repeats",
        "1",
    ];
    let table = latex(&study);
    assert!(
        table[3].starts_with("recipe & trainings & test accuracy, \\% & "),
        "{}",
        table[3]
    );
    let output = unisono(&[&study[..], &["--format", "latex", "--json"]].concat());
    assert_eq!(output.status.code(), Some(2));
}

//! Output of `unisono study`: what it says before it starts, its charts, and published curves in
//! them.

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::stderr::stderr;

const SMALL: [&str; 6] = ["--batches", "16,64", "--epochs", "3", "--repeats", "2"];

#[test]
fn a_study_says_before_it_starts_what_it_will_take() {
    let search = [&["study", "steps", "--candidates", "3"], &SMALL[..]].concat();
    let text = stderr(&search, 0);
    let before = text.lines().nth(1).unwrap();
    assert!(
        before.starts_with("before the start: an epoch of each takes "),
        "{text}"
    );
    assert!(before.ends_with("; they end at the target"), "{text}");
    // And while it runs, a row for each batch size that is through.
    let rows: Vec<&str> = text.lines().skip(3).map(str::trim).collect();
    assert!(
        rows.len() == 2 && rows[0].starts_with("16 ") && rows[1].starts_with("64 "),
        "{text}"
    );
    assert!(rows.iter().all(|row| row.ends_with(" of 3")), "{text}");
    let recipes = [&["study", "recipes"], &SMALL[..]].concat();
    let text = stderr(&recipes, 0);
    let first = text.lines().next().unwrap();
    assert!(
        first.contains(" trainings, about ") && first.ends_with(" in all"),
        "{text}"
    );
    let points = ["--branch-at", "0.5,1", "--optimizer", "sgd"];
    let branches = [
        &["study", "branches", "--batches", "16,64", "--repeats", "2"],
        &points[..],
    ]
    .concat();
    let text = stderr(&branches, 0);
    assert!(text.starts_with("8 branches, about "), "{text}");
}

#[test]
fn recipes_leave_charts_of_errors_and_of_the_way_to_the_target() {
    let folder = Folder::new("study-charts");
    let out = folder.0.join("gap");
    let path = out.to_str().unwrap();
    let gap = [
        &["study", "gap", "--target-error", "0.5", "--out", path],
        &SMALL[..],
    ]
    .concat();
    let kept = value(&stdout(&gap), "report").to_owned();
    assert_eq!(std::path::Path::new(&kept), out.join("report.html"));
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert_eq!(report.matches("<figure>").count(), 2);
    for name in ["error", "to_target"] {
        let svg = std::fs::read_to_string(out.join(format!("{name}.svg"))).unwrap();
        assert!(
            svg.contains("small batch 16") && svg.contains("adapted"),
            "{name}"
        );
    }
}

#[test]
fn published_curves_stand_beside_ones_own_or_are_refused_before_anything_runs() {
    let folder = Folder::new("study-overlay");
    let table = folder.file(
        "theirs.csv",
        b"chart,curve,x,y\nsteps,Theirs,16,300\nsteps,Theirs,64,90\nnoise_scale,Scale,16,50\n",
    );
    let (table, out) = (table.to_str().unwrap(), folder.0.join("steps"));
    let path = out.to_str().unwrap();
    let steps = [
        &["study", "steps", "--candidates", "3", "--epochs", "9"],
        &SMALL[..2],
    ]
    .concat();
    let kept = [
        &steps[..],
        &["--target-error", "0.3", "--out", path, "--overlay", table],
    ]
    .concat();
    let text = stderr(&kept, 0);
    // Nothing tracked the noise scale, so there is no chart of it.
    assert!(text.contains("warning: Scale is left out"), "{text}");
    for file in ["steps.svg", "report.html"] {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        assert!(text.contains("Theirs"), "{file}");
    }
    // A study that has begun is not timed again.
    assert!(text.contains("before the start"), "{text}");
    let again = stderr(&kept, 0);
    assert!(!again.contains("before the start"), "{again}");
    let examples = std::fs::read_to_string(out.join("examples.svg")).unwrap();
    assert!(!examples.contains("Theirs"));
    let text = stderr(&[&steps[..], &["--overlay", table]].concat(), 2);
    assert!(text.contains("--out"), "{text}");
    let other = folder.0.join("recipes");
    let recipes = [
        "study",
        "recipes",
        "--overlay",
        table,
        "--out",
        other.to_str().unwrap(),
    ];
    let text = stderr(&recipes, 2);
    assert!(text.contains("the charts are error, to_target"), "{text}");
    assert!(!other.exists());
}

//! How a run stands, told by who looks: it runs while its process is there, and a run without a step
//! begins.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::runs::{LONG, error, spawn, text, wait_for_checkpoint};

#[test]
fn a_run_is_running_as_long_as_its_process_is_there() {
    let folder = Folder::new("status");
    let [run, other] = ["run", "other"].map(|name| folder.0.join(name));
    let endless = LONG.map(|word| if word == "200" { "100000" } else { word });
    let mut child = spawn(&[&endless[..], &["--out", text(&run)]].concat());
    wait_for_checkpoint(&mut child, &run);
    let listed = || stdout(&["list", text(&folder.0)]);
    assert!(listed().contains(" running "), "{}", listed());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(listed().contains(" stopped (killed) "), "{}", listed());
    stdout(&[&LONG[..3], &["--epochs", "1", "--out", text(&other)]].concat());
    let both = stdout(&["diff", text(&run), text(&other)]);
    assert_eq!(value(&both, "status"), "stopped (killed), finished");
}

#[test]
fn a_run_without_a_step_goes_on_from_its_first_weights() {
    let folder = Folder::new("no-step");
    let run = folder.0.join("run");
    let first = stdout(&["train", "--epochs", "0", "--out", text(&run)]);
    assert_eq!(value(&first, "throughput"), "none, no step was made");
    let again = unisono(&["train", "--resume", text(&run)]);
    assert_eq!(again.status.code(), Some(2));
    assert!(error(&again).contains("is finished after 0 steps"));
    let rest = stdout(&["train", "--resume", text(&run), "--epochs", "2"]);
    let whole = stdout(&["train", "--epochs", "2"]);
    let hash = |text| value(text, "weights sha256").to_owned();
    assert_eq!(hash(&rest), hash(&whole));
    let stored = std::fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(stored.contains("\nepochs = 2\n"), "{stored}");
    // A run that has made steps and lost its checkpoints does not begin anew.
    std::fs::remove_dir_all(run.join("checkpoints")).unwrap();
    let lost = unisono(&["train", "--resume", text(&run), "--epochs", "3"]);
    assert_eq!(lost.status.code(), Some(2));
    assert!(
        error(&lost).contains("has no checkpoint"),
        "{}",
        error(&lost)
    );
}

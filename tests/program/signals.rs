//! Signals stop a run after its step, where whoever started it has not asked that they be ignored.

use std::process::{Child, Command};

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::runs::{LONG, error, send, start, text, unbroken, wait_for_checkpoint};

/// The program with hangups at their `default`, or on `ignore` as under nohup, whatever these tests were started with.
fn spawn_with_hangups(at: &str, args: &[&str]) -> Child {
    let at = format!("--{at}-signal=HUP");
    start(
        Command::new("env")
            .args([&at, env!("CARGO_BIN_EXE_unisono")])
            .args(args),
    )
}

#[test]
fn a_signal_stops_after_the_step_and_the_resumed_run_has_the_same_weights() {
    let unbroken = unbroken();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129), ("-XCPU", 152)] {
        let folder = Folder::new(&format!("signal{signal}"));
        let run = folder.0.join("run");
        let args = [&LONG[..], &["--out", text(&run), "--threads", "3"]].concat();
        let mut child = spawn_with_hangups("default", &args);
        wait_for_checkpoint(&mut child, &run);
        // A terminal and a shell may each send one: together they are one wish.
        send(signal, &child);
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", error(&output));
        assert!(
            error(&output).contains("go on with --resume"),
            "{}",
            error(&output)
        );
        let manifest = std::fs::read_to_string(run.join("manifest.json")).unwrap();
        assert!(manifest.contains("\"status\": \"stopped\""));
        let rest = stdout(&["train", "--resume", text(&run), "--threads", "1"]);
        assert_eq!(
            value(&rest, "weights sha256"),
            value(&unbroken, "weights sha256")
        );
        let again = unisono(&["train", "--resume", text(&run)]);
        assert_eq!(again.status.code(), Some(2));
        assert!(
            error(&again).contains("is finished after 6400 steps"),
            "{}",
            error(&again)
        );
    }
}

#[test]
fn a_hangup_that_is_ignored_as_under_nohup_stops_nothing() {
    let folder = Folder::new("ignored-hangup");
    let run = folder.0.join("run");
    let args = [&LONG[..], &["--out", text(&run)]].concat();
    let mut child = spawn_with_hangups("ignore", &args);
    wait_for_checkpoint(&mut child, &run);
    send("-HUP", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        value(&printed, "weights sha256"),
        value(&unbroken(), "weights sha256")
    );
}

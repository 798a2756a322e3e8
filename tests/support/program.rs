//! Runs the program, and reads what it prints.

use std::process::{Command, Output};

pub(crate) fn unisono(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_unisono"))
        .args(args)
        .output()
        .unwrap()
}

pub(crate) fn stdout(args: &[&str]) -> String {
    let output = unisono(args);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no line `{key}: ...` in {text}"))
}

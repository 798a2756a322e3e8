//! Completions and pages for `man`, made of the arguments.

use std::fs;
use std::process::Command;

use crate::files::Folder;
use crate::program::{stdout, unisono};

#[test]
fn every_shell_completes_commands_flags_and_the_names_that_they_take() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(&["completions", shell]);
        for word in [
            "lr-range",
            "threads",
            "early-stopping",
            "ema-nesterov",
            "resnet20",
        ] {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
    let output = unisono(&["completions", "bosh"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains("powershell or zsh, got \"bosh\"; did you mean bash?"),
        "{error}"
    );
}

#[test]
fn bash_completes_what_was_begun() {
    let folder = Folder::new("shell-bash");
    let script = folder.file("unisono.bash", stdout(&["completions", "bash"]).as_bytes());
    let completed = |words: &str| {
        let all: Vec<&str> = words.split(' ').collect();
        let (last, before) = (all[all.len() - 1], all[all.len() - 2]);
        let line = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={}; _unisono unisono '{last}' '{before}'; echo \"${{COMPREPLY[@]}}\"",
            script.display(),
            all.len() - 1
        );
        let output = Command::new("bash").args(["-c", &line]).output().unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    assert_eq!(completed("unisono tra"), "train");
    assert_eq!(completed("unisono train --early"), "--early-stopping");
    assert_eq!(
        completed("unisono train --optimizer ada"),
        "adagrad adam adamw"
    );
    assert_eq!(completed("unisono export --format o"), "onnx");
}

#[test]
fn man_pages_are_written_for_every_command_and_over_none_of_others() {
    let folder = Folder::new("shell-man");
    let pages = folder.0.join("man1");
    let path = pages.to_str().unwrap();
    let text = stdout(&["man", path]);
    assert!(
        text.starts_with("pages: ") && text.contains("unisono.1"),
        "{text}"
    );
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap();
    let all: Vec<_> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(all.len(), 32, "{all:?}");
    for path in &all {
        let text = fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(text.contains(&format!(".TH {name} 1")), "{name}: {text}");
        assert!(
            text.contains(".SH SYNOPSIS") && !text.contains("says more of each"),
            "{name}"
        );
    }
    let train = page("unisono-train.1");
    for words in [
        "\\-\\-early\\-stopping",
        "Learning rate",
        "residual(LAYERS)",
        "[DATA] OF",
    ] {
        assert!(train.contains(words), "{words}: {train}");
    }
    assert!(page("unisono-study-steps.1").contains("critical batch size"));
    // What lies there stays, unless it is to be replaced.
    let output = unisono(&["man", path]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("is there already; choose another file, or add --force"),
        "{error}"
    );
    stdout(&["man", path, "--force"]);
}

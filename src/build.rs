//! Tells the program which compiler made it, and from which commit.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or("rustc".to_owned());
    let version = output(&rustc, &["--version"]).unwrap_or("rustc, version not known".to_owned());
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    let changes = output("git", &["status", "--porcelain", "--untracked-files=no"]);
    let mark = if changes.is_some_and(|changes| !changes.is_empty()) {
        "+"
    } else {
        ""
    };
    let commit = commit.map_or("not known".to_owned(), |commit| commit + mark);
    println!("cargo:rustc-env=UNISONO_RUSTC={version}");
    println!("cargo:rustc-env=UNISONO_COMMIT={commit}");
    for path in ["src", "Cargo.toml", ".git/HEAD", ".git/refs/heads"] {
        if std::path::Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

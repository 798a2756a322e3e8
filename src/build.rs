//! Tells the program which compiler made it, and from which commit.
//!
//! The commit is this crate's: what `cargo package` wrote down, or that of a repository whose top
//! is this folder. One that lies around it is somebody else's.

use std::path::Path;
use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or("rustc".to_owned());
    let version = output(Command::new(rustc).arg("--version"));
    let version = version.unwrap_or("rustc, version not known".to_owned());
    let commit = commit_of(Path::new(".")).unwrap_or("not known".to_owned());
    println!("cargo:rustc-env=UNISONO_RUSTC={version}");
    println!("cargo:rustc-env=UNISONO_COMMIT={commit}");
    for path in [
        "src",
        "Cargo.toml",
        PACKAGED,
        ".git/HEAD",
        ".git/refs/heads",
    ] {
        if Path::new(path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

/// Where `cargo package` writes down the commit.
const PACKAGED: &str = ".cargo_vcs_info.json";

/// The commit of the crate in `folder`; a `+` behind it says that something has been changed since.
pub(crate) fn commit_of(folder: &Path) -> Option<String> {
    packaged(folder).or_else(|| checked_out(folder))
}

/// That of a package: `"sha1": "..."`, and `"dirty": true` if there were changes.
fn packaged(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(PACKAGED)).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit: String = rest
        .chars()
        .skip_while(|c| !c.is_ascii_hexdigit())
        .take_while(char::is_ascii_hexdigit)
        .take(12)
        .collect();
    let is_changed = text.split_once("\"dirty\"").is_some_and(|(_, rest)| {
        let value = rest.trim_start_matches([':', ' ']);
        value.starts_with("true")
    });
    let mark = if is_changed { "+" } else { "" };
    (commit.len() == 12).then(|| commit + mark)
}

/// That of a repository whose top is this folder.
fn checked_out(folder: &Path) -> Option<String> {
    let git = |args: &[&str]| output(Command::new("git").arg("-C").arg(folder).args(args));
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let is_here = Path::new(&top).canonicalize().ok()? == folder.canonicalize().ok()?;
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| is_here)?;
    let mark = match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if !changes.is_empty() => "+",
        _ => "",
    };
    Some(commit + mark)
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

//! The commit that the program names is that of this crate, never of a repository that lies around
//! it.

#[path = "../src/build.rs"]
#[expect(dead_code, reason = "the build script's own main")]
mod build;
#[path = "support/files.rs"]
mod files;

use std::path::Path;
use std::process::Command;

use files::Folder;

/// Whether git did it.
fn git(folder: &Path, args: &[&str]) -> bool {
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    let git = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(who)
        .args(args)
        .output();
    git.is_ok_and(|output| output.status.success())
}

#[test]
fn a_package_names_what_it_was_made_from_and_a_repository_only_its_top() {
    let folder = Folder::new("commit");
    let crate_folder = folder.0.join("vendor").join("unisono");
    std::fs::create_dir_all(&crate_folder).unwrap();
    if !git(&folder.0, &["init"]) {
        println!("skipped: there is no git");
        return;
    }
    folder.file("vendor/unisono/a", b"1");
    assert!(git(&folder.0, &["add", "."]) && git(&folder.0, &["commit", "-m", "around"]));
    // Around it lies a repository that is somebody else's.
    assert_eq!(build::commit_of(&crate_folder), None);
    let around = build::commit_of(&folder.0).unwrap();
    assert!(around.len() == 12 && !around.ends_with('+'), "{around}");
    folder.file("vendor/unisono/a", b"2");
    assert_eq!(build::commit_of(&folder.0), Some(format!("{around}+")));
    // One of its own.
    assert!(git(&crate_folder, &["init"]) && git(&crate_folder, &["add", "."]));
    assert!(git(&crate_folder, &["commit", "-m", "own"]));
    let own = build::commit_of(&crate_folder).unwrap();
    assert!(own.len() == 12 && own != around);
    // A package says it itself.
    let info = |text: &str| folder.file("vendor/unisono/.cargo_vcs_info.json", text.as_bytes());
    info(r#"{ "git": { "sha1": "0123456789abcdef0123456789abcdef01234567" }, "path_in_vcs": "" }"#);
    assert_eq!(
        build::commit_of(&crate_folder).as_deref(),
        Some("0123456789ab")
    );
    info(r#"{ "git": { "sha1": "0123456789abcdef0123456789abcdef01234567", "dirty": true } }"#);
    assert_eq!(
        build::commit_of(&crate_folder).as_deref(),
        Some("0123456789ab+")
    );
    info("{}");
    assert_eq!(build::commit_of(&crate_folder), Some(own));
}

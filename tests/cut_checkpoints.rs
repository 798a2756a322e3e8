//! A checkpoint that was cut short is named, and the one before it is offered.

#[path = "support/files.rs"]
mod files;
#[path = "support/program.rs"]
mod program;

use std::path::{Path, PathBuf};

use files::Folder;
use program::{stdout, unisono, value};
use unisono::train::Checkpoints;

#[test]
fn a_checkpoint_cut_at_any_thousandth_byte_is_named_and_the_one_before_it_offered() {
    let folder = Folder::new("cut");
    let note = folder.file("run/notes.txt", b"");
    let run = note.parent().unwrap();
    std::fs::remove_dir_all(run).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let run = text(run);
    let begun = stdout(&["train", "--epochs", "2", "--out", &run, "--quiet"]);
    assert_eq!(value(&begun, "run"), run);
    let all: Vec<PathBuf> = Checkpoints::all(&Path::new(&run).join("checkpoints")).unwrap();
    let [before, newest] = &all[..] else {
        panic!("two epochs leave two checkpoints, got {all:?}");
    };
    let resume = ["train", "--resume", &run, "--epochs", "3", "--quiet"];
    let name = newest.file_stem().unwrap().to_str().unwrap();
    let mut cuts = 0;
    for file in [newest.with_extension("safetensors"), newest.clone()] {
        let whole = std::fs::read(&file).unwrap();
        for len in (0..whole.len()).step_by(1000) {
            std::fs::write(&file, &whole[..len]).unwrap();
            let output = unisono(&resume);
            let message = String::from_utf8(output.stderr).unwrap();
            assert!(message.contains(name), "{len}: {message}");
            assert!(message.contains(&text(before)), "{len}: {message}");
            let first = message.lines().next();
            assert_eq!(first, Some("changed: run.epochs was 2, is 3"));
            let lines = message.lines().count();
            assert_eq!((output.status.code(), lines), (Some(2), 2), "{message}");
            cuts += 1;
        }
        std::fs::write(&file, &whole).unwrap();
    }
    assert!(cuts > 20, "{cuts}");
    stdout(&resume);
}

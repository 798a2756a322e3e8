//! A checkpoint that was cut short is named, and the one before it is offered.

use std::path::{Path, PathBuf};

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use unisono::train::Checkpoints;

#[test]
fn a_checkpoint_cut_at_any_thousandth_byte_is_named_and_the_one_before_it_offered() {
    let folder = Folder::new("cut");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let run = text(&folder.0.join("run"));
    stdout(&["train", "--epochs", "2", "--out", &run, "--quiet"]);
    let all: Vec<PathBuf> = Checkpoints::all(&Path::new(&run).join("checkpoints")).unwrap();
    let [before, newest] = &all[..] else {
        panic!("two epochs leave two checkpoints, got {all:?}");
    };
    let resume = ["train", "--resume", &run, "--epochs", "3", "--quiet"];
    let name = newest.file_stem().unwrap().to_str().unwrap();
    let mut cuts = 0;
    for file in [newest.with_extension("safetensors"), newest.clone()] {
        let whole = std::fs::read(&file).unwrap();
        let name_of_file = text(file.strip_prefix(&folder.0).unwrap());
        for len in (0..whole.len()).step_by(1000) {
            folder.file(&name_of_file, &whole[..len]);
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
        folder.file(&name_of_file, &whole);
    }
    assert!(cuts > 20, "{cuts}");
    assert_eq!(value(&stdout(&resume), "steps"), "135 (0 skipped)");
}

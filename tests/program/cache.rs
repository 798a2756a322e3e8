//! `unisono cache clear` removes what trainings on images have left, and nothing else.

use crate::files::Folder;
use crate::program::stdout;
use crate::runs::text;

/// A picture of 2 x 2 pixels, all of one grey, as PGM.
fn picture(grey: u8) -> Vec<u8> {
    [&b"P5 2 2 255\n"[..], &[grey; 4]].concat()
}

#[test]
fn caches_are_cleared_and_made_anew_to_the_same_weights() {
    let folder = Folder::new("cache-clear");
    for (class, grey) in [("dark", 0), ("light", 200)] {
        for at in 0..12_u8 {
            folder.file(&format!("data/{class}/{at}.pgm"), &picture(grey + at));
        }
    }
    let (data, cache) = (folder.0.join("data"), folder.0.join("cache"));
    let kept = folder.file("cache/notes.images", b"not a cache");
    let train = || {
        let args = ["train", "--data", text(&data), "--cache", text(&cache)];
        stdout(&[&args[..], &["--epochs", "1", "--quiet"]].concat())
    };
    let hash = |printed: &str| crate::program::value(printed, "weights sha256").to_owned();
    let files = || std::fs::read_dir(&cache).unwrap().count();
    let first = hash(&train());
    assert_eq!(files(), 2);
    let clear = || stdout(&["cache", "clear", "--cache", text(&cache)]);
    let said = clear();
    assert!(
        said.starts_with("removed: 1 caches of decoded images, 0.0 MB, from "),
        "{said}"
    );
    assert!(files() == 1 && kept.exists());
    assert_eq!(hash(&train()), first);
    assert!(clear().starts_with("removed: 1 caches"));
    assert!(clear().starts_with("removed: 0 caches"));
}

//! Files that tests make and remove, and what chance does to them.

use std::fs;
use std::path::PathBuf;

use ndarray_rand::rand::Rng;
use unisono::seed::{Purpose, Stream};

/// A folder that is removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("unisono-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Random bytes, and mutations of `good`: bytes changed, parts cut out, doubled, or lost at the end.
pub(crate) fn mutations(good: &[u8], count: u32) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..count).map(move |round| {
        let mut random = Stream::new(42, Purpose::Synthetic, round, 9);
        if round % 10 == 0 {
            return (0..random.below(300))
                .map(|_| random.below(256) as u8)
                .collect();
        }
        let mut odd = good.to_vec();
        for _ in 0..random.random_range(1..5) {
            if odd.is_empty() {
                break;
            }
            let at = random.random_range(0..odd.len());
            let end = (at + random.random_range(1..20)).min(odd.len());
            match random.below(8) {
                0 => odd.truncate(at),
                1 => drop(odd.drain(at..end)),
                2 => odd.extend_from_within(at..end),
                3 => odd[at] = 0xff,
                4 => odd[at] = 0,
                _ => odd[at] ^= 1 << random.below(8),
            }
        }
        odd
    })
}

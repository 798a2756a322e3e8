//! Files that are left out: counted, so that nothing is left out silently.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Numbers of files of a folder or an archive that were not read, by kind.
///
/// ```
/// use unisono::data::LeftOut;
/// let mut left_out = LeftOut::default();
/// ["notes.txt", "b.TXT", ".DS_Store", "README"].iter().for_each(|name| left_out.add(name.as_ref()));
/// assert_eq!((left_out.len(), left_out.to_string().as_str()), (4, "2 .txt, 1 hidden, 1 without an extension"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeMap<String, usize>);

impl LeftOut {
    /// Counts one.
    pub fn add(&mut self, path: &Path) {
        let kind = match path.extension() {
            _ if is_hidden(path) => "hidden".to_owned(),
            Some(end) => format!(".{}", end.to_string_lossy().to_lowercase()),
            None => "without an extension".to_owned(),
        };
        self.count(&kind);
    }

    /// Counts one that is named so.
    pub fn count(&mut self, kind: &str) {
        self.add_kind(kind, 1);
    }

    fn add_kind(&mut self, kind: &str, count: usize) {
        if count > 0 {
            *self.0.entry(kind.to_owned()).or_default() += count;
        }
    }

    /// Counts those of another folder, too.
    pub fn merge(&mut self, other: &Self) {
        let kinds = other.0.iter();
        kinds.for_each(|(kind, count)| self.add_kind(kind, *count));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().sum()
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for LeftOut {
    /// The most first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<(&String, &usize)> = self.0.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let all = kinds.iter().map(|(kind, count)| format!("{count} {kind}"));
        f.write_str(&all.collect::<Vec<_>>().join(", "))
    }
}

/// Whether a file or a folder that it lies in is hidden.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().as_encoded_bytes();
        name.starts_with(b".") && name != b"." && name != b".."
    })
}

/// Whether `path` is a link from `folder` to itself or to a folder around it, which would never
/// end.
pub(super) fn leads_back(path: &Path, folder: &Path) -> bool {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    path.is_symlink()
        && whole(path).is_some_and(|to| whole(folder).is_some_and(|from| from.starts_with(to)))
}

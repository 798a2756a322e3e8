//! Caches of images in a folder: what they take, what is removed where it is too much, and the
//! removal of all.
//!
//! A cache may be removed while a training reads it: the system keeps the rows of an open file. Where
//! it does not (Windows), the removal fails, and the next one tries again.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::input;
use crate::output;

use super::error::DataError;
use super::image_cache::{ImageCache, MAGIC};

/// How the names of caches end.
pub(super) const CACHE_END: &str = ".images";

/// Letters of a cache's name before that: the beginning of its key.
pub(super) const KEY_LETTERS: usize = 32;

/// Bytes that the caches of a folder may take besides the newest one.
pub(super) const MOST_BYTES: u64 = 64 << 30;

/// Caches that were removed.
///
/// Example: [`ImageCache::clear`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClearedCaches {
    /// How many.
    pub files: usize,
    /// What they took on the disk, in bytes.
    pub bytes: u64,
}

impl ImageCache {
    /// Removes the caches that [`crate::data::ImageFolder::read`] has left in `folder`, and nothing
    /// else: files whose names and first bytes are those of a cache. What is in use is made anew by
    /// the next training. A folder that is not there has none.
    ///
    /// ```
    /// use unisono::data::ImageCache;
    /// let folder = std::env::temp_dir().join(format!("unisono-doc-{}-caches", std::process::id()));
    /// std::fs::create_dir(&folder).unwrap();
    /// let name = format!("{}.images", "0123456789abcdef".repeat(2));
    /// std::fs::write(folder.join(&name), "another's file").unwrap();
    /// assert_eq!(ImageCache::clear(&folder)?.files, 0);
    /// std::fs::write(folder.join(&name), b"UNISIMG\0").unwrap();
    /// assert_eq!(ImageCache::clear(&folder)?.bytes, 8);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub fn clear(folder: &Path) -> Result<ClearedCaches, DataError> {
        if !folder.exists() {
            return Ok(ClearedCaches::default());
        }
        let failed = DataError::io(folder);
        // What processes that are gone have begun counts for nothing, but goes too.
        output::sweep(folder, |name| name.ends_with(CACHE_END)).map_err(failed)?;
        let mut cleared = ClearedCaches::default();
        for cache in caches(folder).map_err(failed)? {
            output::remove(&cache.path).map_err(DataError::io(&cache.path))?;
            cleared.files += 1;
            cleared.bytes += cache.bytes;
        }
        Ok(cleared)
    }
}

/// Removes caches beside the one at `newest`, which is about to be written: those first that were not
/// used for longest, until the others take at most `most` bytes; says so. One that cannot be removed
/// stays.
pub(super) fn make_room(newest: &Path, most: u64) -> Option<String> {
    let folder = newest.parent()?;
    let mut others = caches(folder).ok()?;
    others.retain(|cache| cache.path != newest);
    others.sort_by_key(|cache| cache.used);
    let mut all: u64 = others.iter().map(|cache| cache.bytes).sum();
    let mut removed = 0;
    for cache in others {
        if all <= most {
            break;
        }
        if output::remove(&cache.path).is_ok() {
            all -= cache.bytes;
            removed += 1;
        }
    }
    let folder = folder.display();
    (removed > 0).then(|| {
        format!(
            "decoded images of other folders took more than {most} bytes in {folder}: {removed} caches, not used for longest, are removed"
        )
    })
}

/// A file that is a cache.
struct CacheFile {
    path: PathBuf,
    bytes: u64,
    /// When it was last read or written, as far as the system keeps it: often to a day.
    used: Option<SystemTime>,
}

/// The caches in a folder.
fn caches(folder: &Path) -> std::io::Result<Vec<CacheFile>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let path = entry.path();
        // Links, folders and whatever else has such a name are others'.
        if metadata.is_file() && has_name(&path) && begins_as_cache(&path) {
            found.push(CacheFile {
                path,
                bytes: metadata.len(),
                used: metadata.accessed().ok().max(metadata.modified().ok()),
            });
        }
    }
    Ok(found)
}

fn has_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_str();
    let key = name.and_then(|name| name.strip_suffix(CACHE_END));
    key.is_some_and(|key| {
        key.len() == KEY_LETTERS && key.bytes().all(|letter| letter.is_ascii_hexdigit())
    })
}

/// Of whatever version.
fn begins_as_cache(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let read = input::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *MAGIC
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::data::{ImageDataset, ImageKinds, ImageShape};

    /// Writes a cache that was last used so many seconds after 1970.
    fn cache(folder: &Path, letter: char, used: u64) -> PathBuf {
        let path = folder.join(format!(
            "{}.images",
            String::from(letter).repeat(KEY_LETTERS)
        ));
        let shape = ImageShape {
            height: 1,
            width: 2,
            channels: 1,
        };
        let cache = ImageCache {
            images: ImageDataset::new(vec![0, 255], shape, vec![0], 1).unwrap(),
            class_names: vec!["left".to_owned()],
            skipped: vec![],
            kinds: ImageKinds::default(),
        };
        cache.write(&path, "key").unwrap();
        let used = SystemTime::UNIX_EPOCH + Duration::from_secs(used);
        let times = fs::FileTimes::new().set_accessed(used).set_modified(used);
        fs::File::open(&path).unwrap().set_times(times).unwrap();
        path
    }

    #[test]
    fn caches_that_were_not_used_for_longest_make_room_and_nothing_else_does() {
        let folder = std::env::temp_dir().join(format!("unisono-caches-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let [old, middle, newest, recent] = [('a', 1_000), ('b', 2_000), ('c', 500), ('d', 3_000)]
            .map(|(letter, used)| cache(&folder, letter, used));
        let strange = folder.join(format!("{}.images", "e".repeat(KEY_LETTERS)));
        fs::write(&strange, [7; 4_000]).unwrap();
        let size = fs::metadata(&old).unwrap().len();
        let there = || [&old, &middle, &newest, &recent, &strange].map(|path| path.exists());
        assert_eq!(make_room(&newest, 3 * size), None);
        assert_eq!(there(), [true; 5]);
        let said = make_room(&newest, 2 * size).unwrap();
        assert!(said.contains("1 caches"), "{said}");
        assert_eq!(there(), [false, true, true, true, true]);
        make_room(&newest, 0).unwrap();
        assert_eq!(there(), [false, false, true, false, true]);
        let cleared = ImageCache::clear(&folder).unwrap();
        assert_eq!((cleared.files, cleared.bytes), (1, size));
        assert_eq!(there(), [false, false, false, false, true]);
        assert_eq!(ImageCache::clear(&folder.join("none")).unwrap().files, 0);
        fs::remove_dir_all(folder).unwrap();
    }
}

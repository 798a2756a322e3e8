//! Files whose names do not say what they are: images and sounds are known by how they begin.

use std::io::Read;
use std::path::Path;

use crate::input;

#[cfg(feature = "audio")]
use super::files::SOUNDS;
use super::files::has_end;
#[cfg(feature = "image")]
use super::picture::IMAGES;

/// Bytes that are looked at.
const LOOKED_AT: u64 = 16;

/// Whether a file is an image by its name, or by its first bytes where the name has no extension.
#[cfg(feature = "image")]
pub(super) fn is_image(path: &Path) -> bool {
    has_end(path, &IMAGES) || start(path).is_some_and(|start| begins_image(&start))
}

/// The same of a sound.
#[cfg(feature = "audio")]
pub(super) fn is_sound(path: &Path) -> bool {
    has_end(path, &SOUNDS) || start(path).is_some_and(|start| begins_sound(&start))
}

/// Whether bytes begin as an image does. A text may begin with the two letters of BMP or PNM:
/// these are known by their names alone.
#[cfg(feature = "image")]
fn begins_image(start: &[u8]) -> bool {
    let known: [&[u8]; 5] = [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF8",
        b"II*\0",
        b"MM\0*",
    ];
    let is_webp = start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP");
    is_webp || known.iter().any(|magic| start.starts_with(magic))
}

/// Whether bytes begin as a WAV file does.
#[cfg(feature = "audio")]
pub(super) fn begins_sound(start: &[u8]) -> bool {
    let heads: [&[u8]; 4] = [b"RIFF", b"RIFX", b"RF64", b"BW64"];
    heads.iter().any(|head| start.starts_with(head)) && start.get(8..12) == Some(b"WAVE")
}

/// The first bytes of a plain file without an extension.
fn start(path: &Path) -> Option<Vec<u8>> {
    if path.extension().is_some() || !path.is_file() {
        return None;
    }
    let mut start = Vec::new();
    let mut file = input::open(path).ok()?.take(LOOKED_AT);
    file.read_to_end(&mut start).ok().map(|_| start)
}

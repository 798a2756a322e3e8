//! The chunks of a WAV file, whatever its writer knew of their sizes.
//!
//! # Layout
//! ```text
//! RIFF | RIFX | RF64 | BW64, size (u32), WAVE
//! chunks: name (4 bytes), size (u32), so many bytes, and a pad byte if they are odd
//!   ds64   the size of the samples where 32 bits are too few (RF64, BW64)
//!   fmt    what a sample is
//!   data   samples, the channels of a frame side by side
//! ```
//! All numbers are little-endian, in RIFX big-endian. Chunks may come in any order, and others
//! among them are passed over.
//!
//! # What is taken as it is meant
//! - A writer that forgets the pad byte: the next chunk's name is looked for at both places.
//! - A size of 0, or one of 2 GiB and more that the file has not: a pipe's, whose writer did not
//!   know it. The samples go on to the end of the file.
//! - A last frame that is not whole is left out.
//!
//! # References
//! Microsoft, IBM: "Multimedia programming interface and data specifications 1.0", 1991; ITU-R
//! BS.2088 (BW64).

/// Sizes from here on that the file has not are a pipe's.
const PIPE: u64 = 0x7fff_0000;

/// Chunks that may follow one without a pad byte.
const CHUNKS: [&[u8; 4]; 16] = [
    b"data", b"fmt ", b"fact", b"LIST", b"bext", b"JUNK", b"junk", b"PEAK", b"cue ", b"smpl",
    b"inst", b"id3 ", b"ID3 ", b"iXML", b"axml", b"ds64",
];

/// Why bytes are not read.
#[derive(Debug)]
pub(super) enum Odd {
    /// They are no WAV, or not whole: what was found.
    Damaged(String),
    /// They are something else, which other programs read.
    Other(String),
    /// They can be read in more than one way.
    Ambiguous(String),
}

impl From<String> for Odd {
    fn from(got: String) -> Self {
        Odd::Damaged(got)
    }
}

impl From<&str> for Odd {
    fn from(got: &str) -> Self {
        Odd::Damaged(got.to_owned())
    }
}

/// A chunk, as much of it as there is.
pub(super) struct Chunk<'b> {
    pub(super) name: [u8; 4],
    pub(super) bytes: &'b [u8],
    /// Bytes that it should have besides, unless its writer did not know how many there would be.
    pub(super) missing: u64,
}

/// The chunks of a file.
pub(super) struct Chunks<'b> {
    bytes: &'b [u8],
    at: usize,
    pub(super) is_big_endian: bool,
    /// The size of the samples, where a `ds64` chunk has it.
    long: Option<u64>,
}

impl<'b> Chunks<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Result<Self, Odd> {
        let is_big_endian = bytes.starts_with(b"RIFX");
        let heads: [&[u8]; 4] = [b"RIFF", b"RIFX", b"RF64", b"BW64"];
        if heads.iter().all(|head| !bytes.starts_with(head)) {
            return Err(match (other_format(bytes), bytes.is_empty()) {
                (Some(name), _) => Odd::Other(format!("a file in the format {name}")),
                (None, true) => "an empty file".into(),
                (None, false) => "a file that does not begin with RIFF".into(),
            });
        }
        match bytes.get(8..12) {
            Some(b"WAVE") => Ok(Self {
                bytes,
                at: 12,
                is_big_endian,
                long: None,
            }),
            _ => Err("a RIFF file without WAVE in its head".into()),
        }
    }

    /// Whether a chunk may begin at `at`.
    fn has_name(&self, at: usize, is_known: bool) -> bool {
        let Some(name) = self.bytes.get(at..at + 4) else {
            return false;
        };
        if is_known {
            CHUNKS.iter().any(|known| name == *known)
        } else {
            name.iter().all(|byte| (b' '..=b'~').contains(byte))
        }
    }

    /// Where the chunk behind one that ends at `end` begins.
    fn behind(&self, end: usize, size: usize) -> usize {
        if size.is_multiple_of(2) || self.has_name(end + 1, true) {
            return end + size % 2;
        }
        let is_pad = self.bytes.get(end).is_none_or(|byte| *byte == 0);
        let has_no_pad = self.has_name(end, true) || !is_pad && self.has_name(end, false);
        end + usize::from(!has_no_pad)
    }

    /// Whether whole chunks, at least one, fill the file from `at` on.
    fn are_chunks(&self, at: usize) -> bool {
        let mut rest = Chunks { at, ..*self };
        let mut count = 0;
        while rest.has_name(rest.at, false) && rest.at + 8 <= self.bytes.len() {
            let size = number(&self.bytes[rest.at + 4..rest.at + 8], self.is_big_endian);
            let end = (rest.at as u64 + 8).saturating_add(size);
            if end > self.bytes.len() as u64 {
                return false;
            }
            rest.at = self.behind(end as usize, size as usize);
            count += 1;
        }
        count > 0 && rest.at >= self.bytes.len()
    }
}

impl<'b> Iterator for Chunks<'b> {
    type Item = Chunk<'b>;

    fn next(&mut self) -> Option<Chunk<'b>> {
        let head = self.bytes.get(self.at..self.at + 8)?;
        let name = [head[0], head[1], head[2], head[3]];
        let (start, mut size) = (self.at + 8, number(&head[4..], self.is_big_endian));
        let left = (self.bytes.len() - start) as u64;
        if name == *b"data" {
            if let (0xffff_ffff, Some(long)) = (size, self.long) {
                size = long;
            }
            let is_empty = size == 0 && (left == 0 || self.are_chunks(start));
            if size == 0 && !is_empty || size >= PIPE && size > left {
                size = left;
            }
        }
        let bytes = &self.bytes[start..][..size.min(left) as usize];
        if name == *b"ds64" && bytes.len() >= 16 {
            self.long = Some(number(&bytes[8..16], self.is_big_endian));
        }
        self.at = self.behind(start + bytes.len(), bytes.len());
        Some(Chunk {
            name,
            bytes,
            missing: size - bytes.len() as u64,
        })
    }
}

/// An unsigned number of up to 8 bytes.
pub(super) fn number(bytes: &[u8], is_big_endian: bool) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    if is_big_endian {
        bytes.iter().fold(0, add)
    } else {
        bytes.iter().rev().fold(0, add)
    }
}

/// The name of a sound file that is not WAV.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    let has = |at: usize, magic: &[u8]| bytes.get(at..at + magic.len()) == Some(magic);
    let known: [(usize, &[u8], &str); 13] = [
        (0, b"fLaC", "FLAC"),
        (0, b"OggS", "Ogg"),
        (0, b"ID3", "MP3"),
        (0, b"\xff\xfb", "MP3"),
        (0, b"\xff\xf3", "MP3"),
        (4, b"ftyp", "MP4 or M4A"),
        (0, b"FORM", "AIFF"),
        (0, b".snd", "Sun AU"),
        (0, b"caff", "Core Audio"),
        (0, b"riff\x2e\x91\xcf\x11", "Wave64"),
        (0, b"NIST_1A", "NIST SPHERE"),
        (0, b"#!AMR", "AMR"),
        (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    ];
    let found = known.iter().find(|(at, magic, _)| has(*at, magic));
    found.map(|(_, _, name)| *name)
}

//! WAV as recorders, pipes and programs write it: what samples look like.
//!
//! # References
//! Microsoft: "Multiple channel audio data and WAVE files", 2007; ITU-T G.711 (A-law, mu-law).

use std::fmt;

use super::wave_chunks::{Chunks, Odd, number};

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coding {
    /// Integers in so many bytes, of which so many bits from the lowest on are theirs; one byte is
    /// unsigned.
    Pcm { bytes: usize, bits: u32 },
    /// Floating-point numbers of 4 or 8 bytes.
    Float { bytes: usize },
    /// Logarithmic, of a byte (G.711).
    ALaw,
    /// The same as in North America and Japan.
    MuLaw,
}

impl Coding {
    fn bytes(self) -> usize {
        match self {
            Coding::Pcm { bytes, .. } | Coding::Float { bytes } => bytes,
            Coding::ALaw | Coding::MuLaw => 1,
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Coding::Pcm { bits, .. } => write!(f, "{bits}-bit PCM"),
            Coding::Float { bytes } => write!(f, "{}-bit float", 8 * bytes),
            Coding::ALaw => f.write_str("A-law"),
            Coding::MuLaw => f.write_str("mu-law"),
        }
    }
}

/// The largest size of a sample that is read: floats with the scale of 32-bit integers.
pub(super) const LARGEST: f32 = 2_147_483_648.0;

/// A sample that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OddSample {
    pub(super) value: f32,
    pub(super) frame: usize,
    pub(super) channel: usize,
}

/// What makes other formats readable.
pub(super) const CONVERT: &str =
    "convert it, for instance by `ffmpeg -i FILE -c:a pcm_s16le OUT.wav`, or leave it out";

/// What a WAV file says of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wave<'b> {
    pub(super) coding: Coding,
    pub(super) channels: usize,
    pub(super) rate: u32,
    /// Bytes from one frame to the next.
    stride: usize,
    is_big_endian: bool,
    samples: &'b [u8],
}

impl<'b> Wave<'b> {
    /// Finds format and samples.
    ///
    /// # Errors
    /// What was found instead of it.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, Odd> {
        let chunks = Chunks::new(bytes)?;
        let is_big_endian = chunks.is_big_endian;
        let (mut format, mut samples) = (None, None);
        for chunk in chunks {
            match (&chunk.name, &samples) {
                (b"fmt ", _) => {
                    let found = Format::parse(chunk.bytes, is_big_endian)?;
                    if *format.get_or_insert(found) != found {
                        return Err(Odd::Ambiguous("two `fmt ` chunks that differ".to_owned()));
                    }
                }
                (b"data", None) => samples = Some(chunk),
                // Which of them is meant, or whether both are, cannot be known.
                (b"data", Some(first)) if !chunk.bytes.is_empty() => {
                    let (first, second) = (first.bytes.len(), chunk.bytes.len());
                    return Err(Odd::Ambiguous(format!(
                        "samples in two `data` chunks, of {first} and {second} bytes"
                    )));
                }
                _ => {}
            }
        }
        let format = format.ok_or("no `fmt ` chunk, which says what a sample is")?;
        let samples = samples.ok_or("no `data` chunk, which holds the samples")?;
        // A file may end within a frame.
        let missing = samples.missing;
        if missing >= format.stride as u64 {
            let got = samples.bytes.len();
            let promised = (got as u64).saturating_add(missing);
            return Err(
                format!("{got} bytes of samples where its head promises {promised}").into(),
            );
        }
        Ok(Self {
            coding: format.coding,
            channels: format.channels,
            rate: format.rate,
            stride: format.stride,
            is_big_endian,
            samples: samples.bytes,
        })
    }

    /// Whole frames.
    pub(super) fn frames(&self) -> usize {
        self.samples.len() / self.stride
    }

    /// The first sample that is not finite, or beyond any scale.
    pub(super) fn odd_sample(&self) -> Option<OddSample> {
        let Coding::Float { bytes } = self.coding else {
            return None;
        };
        let frames = self.samples.chunks_exact(self.stride).enumerate();
        let samples = frames.flat_map(|(frame, all)| {
            let channels = all.chunks_exact(bytes).take(self.channels).enumerate();
            channels.map(move |(channel, sample)| OddSample {
                value: self.value(sample),
                frame,
                channel,
            })
        });
        let is_odd = |sample: &OddSample| sample.value.is_nan() || sample.value.abs() > LARGEST;
        samples.into_iter().find(is_odd)
    }

    /// One value a frame: the average of its channels, in -1..=1.
    pub(super) fn mono(&self) -> Vec<f32> {
        let width = self.coding.bytes();
        let frame = |frame: &[u8]| {
            let channels = frame.chunks_exact(width).take(self.channels);
            channels.map(|sample| self.value(sample)).sum::<f32>() / self.channels as f32
        };
        self.samples.chunks_exact(self.stride).map(frame).collect()
    }

    fn value(&self, sample: &[u8]) -> f32 {
        let mut bytes = [0; 8];
        bytes[..sample.len()].copy_from_slice(sample);
        if self.is_big_endian {
            bytes[..sample.len()].reverse();
        }
        let [low, high] = [0, 4].map(|at| {
            let word = &bytes[at..at + 4];
            u32::from_le_bytes([word[0], word[1], word[2], word[3]])
        });
        match self.coding {
            Coding::Pcm { bytes: 1, .. } => (f32::from(sample[0]) - 128.0) / 128.0,
            Coding::Pcm { bits, .. } => {
                let unused = 32 - bits;
                let signed = (low << unused) as i32 >> unused;
                signed as f32 * f32::from_bits((128 - bits) << 23)
            }
            Coding::Float { bytes: 4 } => f32::from_bits(low),
            Coding::Float { .. } => f64::from_bits(u64::from(high) << 32 | u64::from(low)) as f32,
            Coding::ALaw => f32::from(a_law(sample[0])) / 32768.0,
            Coding::MuLaw => f32::from(mu_law(sample[0])) / 32768.0,
        }
    }
}

/// What the `fmt ` chunk says.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Format {
    coding: Coding,
    channels: usize,
    rate: u32,
    stride: usize,
}

impl Format {
    fn parse(bytes: &[u8], is_big_endian: bool) -> Result<Self, Odd> {
        if bytes.len() < 16 {
            return Err(format!("a `fmt ` chunk of {} bytes", bytes.len()).into());
        }
        let short = |at: usize| number(&bytes[at..at + 2], is_big_endian) as usize;
        let mut tag = short(0);
        let (channels, rate) = (short(2), number(&bytes[4..8], is_big_endian) as u32);
        let (block, bits) = (short(12), short(14));
        if tag == 0xfffe && bytes.len() >= 26 {
            // The first two bytes of the subformat are the tag that it stands for.
            tag = short(24);
        }
        if channels == 0 {
            return Err("no channels".into());
        }
        // Bytes of a sample.
        let own = bits.div_ceil(8);
        // Some writers leave the block's size out, or give that of one channel.
        let width = if block < own * channels {
            own
        } else {
            block / channels
        };
        let coding = match (tag, width, bits) {
            (1, 4, 24) => Coding::Pcm { bytes: 4, bits: 24 },
            (1, 1..=4, 1..) if own == width => Coding::Pcm {
                bytes: width,
                bits: 8 * width as u32,
            },
            (3, 4, 32) | (3, 8, 64) => Coding::Float { bytes: width },
            (6, 1, _) => Coding::ALaw,
            (7, 1, _) => Coding::MuLaw,
            (1 | 3, ..) => {
                let got = format!("samples of {bits} bits in {width} bytes, of format {tag}");
                return Err(got.into());
            }
            _ => return Err(Odd::Other(codec(tag))),
        };
        Ok(Self {
            coding,
            channels,
            rate,
            stride: block.max(width * channels),
        })
    }
}

/// The name of what is no plain samples.
fn codec(tag: usize) -> String {
    let name = match tag {
        0x02 => "Microsoft ADPCM",
        0x11 => "IMA ADPCM",
        0x31 => "GSM 6.10",
        0x50 => "MPEG audio",
        0x55 => "MP3",
        0xff | 0x1600 | 0x1610 => "AAC",
        0x160..=0x163 => "Windows Media Audio",
        0x674f..=0x6771 => "Vorbis",
        _ => return format!("samples of the codec {tag:#06x}"),
    };
    format!("samples compressed as {name}")
}

/// A sample of 16 bits.
fn a_law(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let (segment, step) = ((code >> 4) & 7, i16::from(code & 15));
    let size = match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (segment - 1),
    };
    if code & 0x80 == 0 { -size } else { size }
}

/// The same by the other law.
fn mu_law(byte: u8) -> i16 {
    let code = !byte;
    let size = ((i16::from(code & 15) << 3) + 0x84) << ((code >> 4) & 7);
    if code & 0x80 == 0 {
        size - 0x84
    } else {
        0x84 - size
    }
}

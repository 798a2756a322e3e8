//! WAV files as recorders, pipes and programs write them give the samples that libsndfile reads.

use crate::mutations::mutations;
use unisono::data::Sound;

/// A chunk with its pad byte.
fn chunk(name: &[u8; 4], bytes: &[u8]) -> Vec<u8> {
    let pad = &[0][..bytes.len() % 2];
    [name, &(bytes.len() as u32).to_le_bytes()[..], bytes, pad].concat()
}

/// The `fmt ` chunk of mono samples at 8 kHz, with what an extensible one has besides.
fn format(tag: u16, bits: u16, more: &[u8]) -> Vec<u8> {
    let width = bits.div_ceil(8);
    let mut bytes = [tag, 1].map(u16::to_le_bytes).concat();
    bytes.extend(8000_u32.to_le_bytes());
    bytes.extend((8000 * u32::from(width)).to_le_bytes());
    bytes.extend([width, bits].map(u16::to_le_bytes).concat());
    chunk(b"fmt ", &[&bytes, more].concat())
}

/// A whole file of these chunks.
fn riff(chunks: &[&[u8]]) -> Vec<u8> {
    let body = [&b"WAVE"[..], &chunks.concat()].concat();
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// 16-bit samples that no other format rounds, as they are and in bytes.
fn tone() -> (Vec<f32>, Vec<u8>) {
    let pcm: Vec<i16> = (0..200).map(|at| (at * 163 % 601 - 300) * 64).collect();
    let bytes = pcm.iter().flat_map(|value| value.to_le_bytes()).collect();
    let samples = pcm.iter().map(|&value| f32::from(value) / 32768.0);
    (samples.collect(), bytes)
}

fn samples(bytes: &[u8], name: &str) -> Vec<f32> {
    let sound = Sound::parse(bytes, name.as_ref()).unwrap();
    assert_eq!(sound.rate, 8000, "{name}");
    sound.samples
}

#[test]
fn every_way_to_write_a_tone_gives_the_same_samples() {
    let (tone, pcm) = tone();
    let (fmt, data) = (format(1, 16, &[]), chunk(b"data", &pcm));
    let of = |each: fn(f32) -> Vec<u8>| -> Vec<u8> { tone.iter().flat_map(|&v| each(v)).collect() };
    // 22 bytes more: 16 valid bits, the mask of channels, and a GUID that begins with the tag.
    let extensible = |tag: u8, bits: u16| {
        let guid = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
        let more = [&[22, 0, 16, 0, 4, 0, 0, 0, tag, 0][..], guid].concat();
        format(0xfffe, bits, &more)
    };
    let double = of(|v| f64::from(v).to_le_bytes().to_vec());
    let single = of(|v| v.to_le_bytes().to_vec());
    let wide = of(|v| {
        ((f64::from(v) * 2_f64.powi(31)) as i32)
            .to_le_bytes()
            .to_vec()
    });
    let middle = of(|v| ((v * 8_388_608.0) as i32).to_le_bytes()[..3].to_vec());
    // 32 bits of which 24 are valid: those on top, as the standard has it.
    let [float, fact] = [format(3, 32, &[0, 0]), chunk(b"fact", &[200, 0, 0, 0])];
    let bext = chunk(b"bext", &[b'x'; 17]);
    let list = chunk(b"LIST", b"INFOIART\x04\0\0\0me\0\0");
    for (name, bytes) in [
        ("plain", riff(&[&fmt, &data])),
        ("an odd chunk before", riff(&[&fmt, &bext, &data])),
        ("an odd chunk first", riff(&[&bext, &fmt, &list, &data])),
        ("without its pad byte", riff(&[&fmt, &bext[..25], &data])),
        (
            "with a pad byte that is not 0",
            riff(&[&fmt, &bext[..25], b"z", &data]),
        ),
        ("chunks behind", riff(&[&fmt, &data, &bext, &list])),
        ("fmt of 18 bytes", riff(&[&format(1, 16, &[0, 0]), &data])),
        ("extensible", riff(&[&extensible(1, 16), &fact, &data])),
        (
            "24 bits",
            riff(&[&format(1, 24, &[]), &chunk(b"data", &middle)]),
        ),
        (
            "32 bits",
            riff(&[&format(1, 32, &[]), &chunk(b"data", &wide)]),
        ),
        (
            "32 bits, extensible",
            riff(&[&extensible(1, 32), &chunk(b"data", &wide)]),
        ),
        ("float", riff(&[&float, &fact, &chunk(b"data", &single)])),
        (
            "double",
            riff(&[&format(3, 64, &[]), &chunk(b"data", &double)]),
        ),
        (
            "double, extensible",
            riff(&[&extensible(3, 64), &chunk(b"data", &double)]),
        ),
    ] {
        assert_eq!(samples(&bytes, name), tone, "{name}");
    }
}

#[test]
fn pipes_and_large_files_whose_sizes_do_not_say_it_are_read_to_the_end() {
    let (tone, pcm) = tone();
    let fmt = format(1, 16, &[]);
    let sized = |size: u32| [&b"data"[..], &size.to_le_bytes(), &pcm].concat();
    for size in [0, u32::MAX, u32::MAX - 36, 0x7fff_ffff, 0x8000_0000] {
        assert_eq!(
            samples(&riff(&[&fmt, &sized(size)]), "pipe"),
            tone,
            "{size}"
        );
    }
    let ds64 = [0, pcm.len() as u64, 200].map(u64::to_le_bytes).concat();
    let ds64 = chunk(b"ds64", &[&ds64[..], &[0; 4]].concat());
    for head in [b"RF64", b"BW64"] {
        let mut bytes = riff(&[&ds64, &fmt, &sized(u32::MAX), &chunk(b"LIST", &[1; 8])]);
        bytes[..4].copy_from_slice(head);
        assert_eq!(samples(&bytes, "long"), tone);
    }
    // The last frame is not whole.
    let part = riff(&[&fmt, &chunk(b"data", &[&pcm[..], &[7]].concat())]);
    assert_eq!(samples(&part, "part"), tone);
    let cut = riff(&[&fmt, &sized(400)]);
    assert_eq!(samples(&cut[..cut.len() - 1], "cut"), tone[..199]);
    // Nothing was recorded, and a list follows.
    let empty = riff(&[&fmt, &chunk(b"data", &[]), &chunk(b"LIST", &[1; 8])]);
    let error = Sound::parse(&empty, "empty.wav".as_ref()).unwrap_err();
    assert!(
        error.to_string().contains("at least 1, got none"),
        "{error}"
    );
}

#[test]
fn big_endian_files_and_those_of_telephones_are_read_and_other_codecs_named() {
    let (tone, pcm) = tone();
    let turned: Vec<u8> = pcm
        .chunks_exact(2)
        .flat_map(|pair| [pair[1], pair[0]])
        .collect();
    let fmt: Vec<u8> = [1_u16, 1].iter().flat_map(|v| v.to_be_bytes()).collect();
    let fmt = [
        &fmt[..],
        &8000_u32.to_be_bytes(),
        &16_000_u32.to_be_bytes(),
        &[0, 2, 0, 16],
    ]
    .concat();
    let sized =
        |name: &[u8], bytes: &[u8]| [name, &(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let body = [
        &b"WAVE"[..],
        &sized(b"fmt ", &fmt),
        &sized(b"data", &turned),
    ]
    .concat();
    assert_eq!(samples(&sized(b"RIFX", &body), "rifx"), tone);
    // ITU-T G.711 as audioop and libsndfile decode it.
    for (tag, bytes, expected) in [
        (
            6,
            [0xd5, 0x55, 0xaa, 0x2a, 0x80],
            [8, -8, 32256, -32256, 5504],
        ),
        (
            7,
            [0xff, 0x7f, 0x80, 0x00, 0xe0],
            [0, 0, 32124, -32124, 372],
        ),
    ] {
        let expected = expected.map(|value: i16| f32::from(value) / 32768.0);
        let file = riff(&[&format(tag, 8, &[0, 0]), &chunk(b"data", &bytes)]);
        assert_eq!(samples(&file, "law"), expected, "format {tag}");
    }
    let codec = riff(&[&format(0x11, 4, &[2, 0, 0xf9, 1]), &chunk(b"data", &pcm)]);
    for (bytes, got) in [
        (&codec[..], "got samples compressed as IMA ADPCM"),
        (b"fLaC\0\0\0\x22", "got a file in the format FLAC"),
        (b"ID3\x04\0", "got a file in the format MP3"),
        (b"\0\0\0\x20ftypM4A ", "got a file in the format MP4 or M4A"),
    ] {
        let error = Sound::parse(bytes, "a.wav".as_ref())
            .unwrap_err()
            .to_string();
        assert!(error.contains(got) && error.contains("ffmpeg"), "{error}");
        assert!(!error.contains("damaged"), "{error}");
    }
}

/// Floats of this many channels, at 8 kHz.
fn floats(channels: u16, samples: &[f32]) -> Vec<u8> {
    let mut fmt = format(3, 32, &[]);
    fmt[10..12].copy_from_slice(&channels.to_le_bytes());
    fmt[20..22].copy_from_slice(&(4 * channels).to_le_bytes());
    let bytes: Vec<u8> = samples.iter().flat_map(|v| v.to_le_bytes()).collect();
    riff(&[&fmt, &chunk(b"data", &bytes)])
}

#[test]
fn samples_that_no_scale_has_are_refused_by_their_place() {
    let refused = |channels: u16, samples: &[f32]| {
        let error = Sound::parse(&floats(channels, samples), "a.wav".as_ref()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("a.wav: expected finite samples"),
            "{error}"
        );
        assert!(!error.contains("damaged"), "{error}");
        error
    };
    let error = refused(1, &[0.5, -0.25, 3e38]);
    assert!(error.contains("got 3e38 in frame 2, channel 0"), "{error}");
    // Two of them cancel in the average of the channels.
    let error = refused(2, &[0.5, 0.5, 3e38, -3e38]);
    assert!(error.contains("got 3e38 in frame 1, channel 0"), "{error}");
    let error = refused(2, &[0.5, f32::NAN]);
    assert!(error.contains("got NaN in frame 0, channel 1"), "{error}");
    // Beyond -1 to 1 there are recordings, and floats with the scale of integers.
    for loud in [1.7, 32767.0, -2_147_483_648.0] {
        assert_eq!(samples(&floats(1, &[loud, 0.0]), "loud"), [loud, 0.0]);
    }
}

#[test]
fn samples_in_two_places_are_refused_and_chunks_behind_them_are_not() {
    let (tone, pcm) = tone();
    let (fmt, data) = (format(1, 16, &[]), chunk(b"data", &pcm));
    let of = |chunks: &[&[u8]]| Sound::parse(&riff(chunks), "a.wav".as_ref());
    let error = of(&[&fmt, &data, &chunk(b"LIST", &[1; 8]), &data]).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("got samples in two `data` chunks, of 400 and 400 bytes"),
        "{error}"
    );
    assert!(!error.contains("damaged"), "{error}");
    let other = of(&[&fmt, &format(3, 32, &[]), &data]).unwrap_err();
    assert!(
        other.to_string().contains("two `fmt ` chunks that differ"),
        "{other}"
    );
    // The same twice, an empty one, and what stands behind the samples.
    let empty = chunk(b"data", &[]);
    let whole = riff(&[&fmt, &fmt, &data, &empty, &chunk(b"LIST", &[1; 8])]);
    assert_eq!(samples(&whole, "whole"), tone);
}

#[test]
fn mutated_files_never_panic() {
    let (_, pcm) = tone();
    let ds64 = [0, pcm.len() as u64, 200].map(u64::to_le_bytes).concat();
    let mut long = riff(&[
        &chunk(b"ds64", &ds64),
        &chunk(b"bext", &[b'x'; 17]),
        &format(3, 64, &[]),
        &chunk(b"data", &pcm),
    ]);
    long[..4].copy_from_slice(b"RF64");
    for odd in mutations(&long, 10_000) {
        let _ = Sound::parse(&odd, "odd.wav".as_ref());
    }
}

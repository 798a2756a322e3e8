//! WAV files, spectrograms, and rows of them.

use std::io::{Cursor, Write};

use crate::files::Folder;
use crate::mutations::mutations;
use crate::real_data::real_data;
use hound::{SampleFormat, WavSpec, WavWriter};
use ndarray::Array2;
use unisono::data::{
    Dataset, LabelsMut, LoadedSounds, Sound, SpectrogramAugmentation, SpectrogramDataset,
    SpectrogramSettings, read_sounds,
};

fn wav(channels: u16, bits: u16, samples: &[f32]) -> Vec<u8> {
    let is_float = bits == 32;
    let spec = WavSpec {
        channels,
        sample_rate: 8000,
        bits_per_sample: bits,
        sample_format: if is_float {
            SampleFormat::Float
        } else {
            SampleFormat::Int
        },
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for &sample in samples {
        if is_float {
            writer.write_sample(sample).unwrap();
        } else {
            let scale = 2_f32.powi(i32::from(bits) - 1);
            writer.write_sample((sample * scale) as i32).unwrap();
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn every_depth_and_number_of_channels_is_read() {
    let samples = [0.5, -0.25, 0.0, 0.75];
    for bits in [8, 16, 24, 32] {
        let mono = Sound::parse(&wav(1, bits, &samples), "a.wav".as_ref()).unwrap();
        assert_eq!(
            (mono.samples.as_slice(), mono.rate),
            (&samples[..], 8000),
            "{bits} bits"
        );
        let stereo = Sound::parse(&wav(2, bits, &samples), "a.wav".as_ref()).unwrap();
        assert_eq!(stereo.samples, [0.125, 0.375], "{bits} bits");
    }
}

#[test]
fn odd_files_are_refused_by_name_and_mutated_ones_never_panic() {
    let good = wav(1, 16, &[0.5; 20]);
    for (bytes, name, got) in [
        (&b""[..], "empty", "got an empty file"),
        (
            &good[..good.len() - 5],
            "cut",
            "got 35 bytes of samples where its head promises 40",
        ),
        (
            &good[..44],
            "headless",
            "got 0 bytes of samples where its head promises 40",
        ),
        (b"text", "text", "got a file that does not begin with RIFF"),
    ] {
        let error = Sound::parse(bytes, name.as_ref()).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{name}: expected a WAV file")) && error.contains(got),
            "{error}"
        );
        assert!(
            error.ends_with("; the file is damaged or of another format"),
            "{error}"
        );
    }
    for good in [wav(2, 16, &[0.5; 40]), wav(2, 32, &[0.5; 40])] {
        for odd in mutations(&good, 5_000) {
            let _ = Sound::parse(&odd, "odd.wav".as_ref());
        }
    }
}

/// The files, in a gzipped archive.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&builder.into_inner().unwrap()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_folder_and_an_archive_hold_the_same_sounds() {
    let (one, two) = (wav(1, 16, &[0.5; 8]), wav(1, 8, &[0.25; 9]));
    let files: [(&str, &[u8]); 3] = [
        ("b/two.wav", &two),
        ("a/one.wav", &one),
        ("notes.txt", b"no"),
    ];
    let folder = Folder::new("sounds");
    files
        .iter()
        .for_each(|(name, bytes)| drop(folder.file(name, bytes)));
    let packed = Folder::new("packed-sounds");
    let path = packed.file("all.tar.gz", &archive(&files));
    let sounds = read_sounds(&folder.0).unwrap();
    assert_eq!(sounds, read_sounds(&path).unwrap());
    let names: Vec<&str> = sounds.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a/one", "b/two"]);
    folder.file("a/.hidden.wav", &one);
    let loaded = LoadedSounds::read(&folder.0).unwrap();
    assert_eq!(loaded.sounds, sounds);
    assert_eq!(loaded.left_out.to_string(), "1 .txt, 1 hidden");
    let formats = ["16-bit PCM, 8000 Hz, mono", "8-bit PCM, 8000 Hz, mono"];
    assert_eq!(loaded.formats, formats.map(|format| (format.to_owned(), 1)));
    let empty = Folder::new("no-sounds");
    assert!(read_sounds(&empty.0).is_err());
    for odd in mutations(&archive(&files), 1_000) {
        let _ = read_sounds(&packed.file("odd.tar.gz", &odd));
    }
}

#[test]
fn sounds_without_an_extension_are_known_by_their_first_bytes() {
    let (low, high) = (wav(1, 16, &[0.25; 20]), wav(1, 16, &[0.5; 20]));
    let files: [(&str, &[u8]); 4] = [
        ("low/1", &low),
        ("high/2.WAV", &high),
        ("low/README", b"RIFF is what they begin with"),
        ("high/notes.txt", &high),
    ];
    let folder = Folder::new("unnamed-sounds");
    for (name, bytes) in files {
        folder.file(name, bytes);
    }
    let packed = Folder::new("unnamed-packed");
    let packed = packed.file("sounds.tar.gz", &archive(&files));
    for path in [&folder.0, &packed] {
        let loaded = LoadedSounds::read(path).unwrap();
        let names: Vec<&str> = loaded.sounds.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["high/2", "low/1"]);
        assert_eq!(loaded.left_out.len(), 2, "{}", loaded.left_out);
    }
    // Errors name the file as it is called.
    let folder = Folder::new("unnamed-cut");
    folder.file("low/cut", &low[..low.len() - 5]);
    let error = LoadedSounds::read(&folder.0).unwrap_err().to_string();
    assert!(error.contains("low/cut: expected"), "{error}");
}

#[test]
fn a_band_is_the_power_that_a_slow_transform_finds_under_its_triangle() {
    let settings = SpectrogramSettings {
        bands: 10,
        ..SpectrogramSettings::default()
    };
    let samples: Vec<f32> = (0..600)
        .map(|i| (i as f32 * 0.7).sin() + 0.3 * (i as f32 * 1.9).cos())
        .collect();
    let bands = settings.spectrogram().log_mel(&samples);
    assert_eq!(bands.dim(), (6, 10));
    let (tau, mel) = (std::f64::consts::TAU, |hz: f64| {
        2595.0 * (1.0 + hz / 700.0).log10()
    });
    let hz = |mel: f64| 700.0 * (10_f64.powf(mel / 2595.0) - 1.0);
    let (frame, step) = (3, (mel(4000.0) - mel(20.0)) / 11.0);
    let power = |bin: usize| {
        let (mut re, mut im) = (0.0, 0.0);
        for i in 0..200 {
            let window = 0.5 - 0.5 * (tau * (i as f64 + 0.5) / 200.0).cos();
            let value = f64::from(samples[frame * 80 + i]) * window;
            let angle = tau * (bin * i) as f64 / 256.0;
            (re, im) = (re + value * angle.cos(), im - value * angle.sin());
        }
        re * re + im * im
    };
    for band in 0..10 {
        let edge = |i: usize| hz(mel(20.0) + step * (band + i) as f64);
        let weight = |bin: usize| {
            let at = bin as f64 * 8000.0 / 256.0;
            let rise = (at - edge(0)) / (edge(1) - edge(0));
            rise.min((edge(2) - at) / (edge(2) - edge(1))).max(0.0)
        };
        let sum: f64 = (0..=128).map(|bin| weight(bin) * power(bin)).sum();
        let (got, expected) = (f64::from(bands[[frame, band]]), (sum + 1e-6).ln());
        assert!(
            (got - expected).abs() < 1e-3,
            "band {band}: {got}, expected {expected}"
        );
    }
}

#[test]
fn spectrograms_move_and_are_masked_in_training_only() {
    let one = Array2::from_shape_fn((6, 3), |(t, f)| (1 + 3 * t + f) as f32);
    let data = SpectrogramDataset::new(&[one.clone(), one + 40.0], 6, vec![0, 1], 2).unwrap();
    let mut plain = vec![0.0; 18];
    data.gather_inputs(&[0], &mut plain);
    let draw = |augmentation: SpectrogramAugmentation, epoch| {
        let data = data.clone().augmented(augmentation, 5);
        let (mut row, mut class) = (vec![9.0; 18], [9]);
        data.draw(epoch, &[0], &mut row, LabelsMut::Classes(&mut class));
        let mut same = vec![0.0; 18];
        data.gather_inputs(&[0], &mut same);
        assert_eq!((same, class), (plain.clone(), [0]));
        row
    };
    assert_eq!(draw(SpectrogramAugmentation::default(), 0), plain);
    let shift = SpectrogramAugmentation {
        shift: 2,
        ..SpectrogramAugmentation::default()
    };
    let zeros = [0.0; 6];
    let moved = [
        plain[6..].iter().chain(&zeros).copied().collect(),
        plain[3..].iter().chain(&zeros[3..]).copied().collect(),
        plain.clone(),
        zeros[3..].iter().chain(&plain[..15]).copied().collect(),
        zeros
            .iter()
            .chain(&plain[..12])
            .copied()
            .collect::<Vec<f32>>(),
    ];
    let mut seen = [0; 5];
    for epoch in 0..200 {
        let row = draw(shift, epoch);
        seen[moved
            .iter()
            .position(|one| *one == row)
            .expect("a whole number of frames")] += 1;
    }
    assert!(seen.iter().all(|&count| count > 20), "{seen:?}");
    let masks = SpectrogramAugmentation {
        time_masks: (1, 2),
        band_masks: (1, 1),
        ..SpectrogramAugmentation::default()
    };
    for epoch in 0..50 {
        let row = draw(masks, epoch);
        let hidden = row.iter().zip(&plain).filter(|(a, b)| a != b);
        assert!(hidden.clone().all(|(a, _)| *a == 0.0) && hidden.count() <= 10);
    }
}

#[test]
fn the_spoken_digits_are_what_they_should_be() {
    let Some(path) = real_data("spoken_digits/recordings.tar.gz") else {
        return;
    };
    let sounds = read_sounds(&path).unwrap();
    assert_eq!(sounds.len(), 3000);
    assert!(sounds.iter().all(|(_, sound)| sound.rate == 8000));
    assert!(sounds[0].0.ends_with("0_george_0"));
}

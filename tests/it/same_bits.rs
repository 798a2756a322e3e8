//! Hashes of draws and of what data pass through, recorded once in `same_bits.txt`: the same on every
//! processor and with every C library.
//!
//! A hash that is to change is taken from the message of the test that fails.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};
use unisono::data::{
    Augmentation, Augmented, Dataset, ImageDataset, ImageShape, LabelsMut, TextHasher,
    synthetic_classes, synthetic_tokens,
};
use unisono::nn::{Activation, Criterion, Fan, Fans, Init, Loss, Targets};
use unisono::optim::Shape;
use unisono::seed::{Purpose, Stream};

/// Numbers of a distribution, values of a function.
const COUNT: usize = 100_000;

type Hashes = BTreeMap<String, String>;

/// 64 bits of a hash: as many as a mistake needs to be seen.
fn hash_of<const N: usize>(values: impl IntoIterator<Item = [u8; N]>) -> String {
    let mut hash = Sha256::new();
    values.into_iter().for_each(|bytes| hash.update(bytes));
    let bytes = hash.finalize();
    bytes[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn hash(values: impl IntoIterator<Item = f32>) -> String {
    hash_of(values.into_iter().map(f32::to_le_bytes))
}

fn wide(values: impl IntoIterator<Item = f64>) -> String {
    hash_of(values.into_iter().map(f64::to_le_bytes))
}

fn stream() -> Stream {
    Stream::new(42, Purpose::Trial, 1, 2)
}

/// Uniform in -reach..reach.
fn uniform(len: usize, reach: f32) -> Vec<f32> {
    let mut stream = stream();
    let draw = || reach * (2.0 * stream.uniform_f32() - 1.0);
    std::iter::repeat_with(draw).take(len).collect()
}

/// Compares with what is recorded under these names, all of which begin with `part`.
fn check(part: &str, found: &Hashes) {
    let recorded = include_str!("same_bits.txt");
    let lines = recorded.lines().filter(|line| !line.starts_with('#'));
    let recorded: Hashes = lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter(|(name, _)| name.starts_with(part))
        .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
        .collect();
    let mut lines = String::new();
    for (name, hash) in found
        .iter()
        .filter(|(name, hash)| recorded.get(*name) != Some(hash))
    {
        let _ = writeln!(lines, "{name} {hash}");
    }
    assert!(lines.is_empty(), "other bits than those recorded:\n{lines}");
    let names: Vec<_> = recorded
        .keys()
        .filter(|name| !found.contains_key(*name))
        .collect();
    assert!(names.is_empty(), "recorded, but not computed: {names:?}");
}

#[test]
fn draws_are_those_recorded() {
    let mut found = Hashes::new();
    let mut add = |name: &str, hash| found.insert(format!("draw {name}"), hash);
    let mut random = stream();
    add("normal", wide((0..COUNT).map(|_| random.normal())));
    for alpha in [0.01, 0.2, 0.4, 1.0, 1.5, 8.0] {
        let mut random = stream();
        let draws = (0..COUNT).map(|_| random.beta(alpha));
        add(&format!("beta {alpha}"), hash(draws));
    }
    add("uniform", hash(uniform(COUNT, 1.0)));
    let order = stream().permutation(COUNT as u32);
    add("permutation", wide(order.iter().map(|&row| f64::from(row))));
    // Weights of a layer of 100 rows of 1,000 columns, or of 1,000 values where that takes long.
    for init in [
        Init::Uniform(0.1),
        Init::Normal(0.02),
        Init::TruncatedNormal(0.02),
        Init::Torch,
        Init::KaimingUniform(Fan::Out, 0.1),
        Init::KaimingNormal(Fan::In, 0.0),
        Init::LecunUniform,
        Init::LecunNormal,
        Init::Orthogonal(1.0),
        Init::XavierUniform,
        Init::XavierNormal,
        Init::HeUniform,
        Init::HeNormal,
    ] {
        let mut weights = vec![0.0; COUNT];
        let fans = Fans {
            inputs: 1000,
            outputs: 100,
        };
        init.fill(&mut weights, fans, 42, 3);
        add(&format!("{init:?}"), hash(weights));
    }
    let (classes, tokens) = (
        synthetic_classes([1000, 100], 10, 7),
        synthetic_tokens([1000, 100], 65, 7),
    );
    add("classes", hash(inputs_of(&classes)));
    add("tokens", hash(inputs_of(&tokens)));
    check("draw", &found);
}

fn inputs_of(data: &dyn Dataset) -> Vec<f32> {
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    let mut inputs = vec![0.0; rows.len() * data.input_len()];
    data.gather_inputs(&rows, &mut inputs);
    inputs
}

#[test]
fn activations_and_losses_are_those_recorded() {
    let mut found = Hashes::new();
    let mut add = |name: &str, hash| found.insert(format!("function {name}"), hash);
    let values = uniform(COUNT, 20.0);
    for activation in Activation::ALL {
        let mut images = values.clone();
        activation.forward(&mut images);
        let mut slopes = vec![1.0; COUNT];
        let is_of_inputs = matches!(
            activation,
            Activation::Silu | Activation::Gelu | Activation::GeluTanh
        );
        activation.backward(if is_of_inputs { &values } else { &images }, &mut slopes);
        add(&format!("{activation:?}"), hash([images, slopes].concat()));
    }
    // Rows of 100 outputs: of classes, of values in 0..1, of sequences of 4 classes.
    let classes: Vec<u32> = (0..COUNT as u32 / 100).map(|row| row * 7 % 100).collect();
    let shares: Vec<f32> = uniform(COUNT, 0.5)
        .iter()
        .map(|value| value + 0.5)
        .collect();
    for loss in Loss::ALL {
        let targets = match loss {
            Loss::SoftmaxCrossEntropy => Targets::Classes(&classes),
            _ => Targets::Values(&shares),
        };
        let mut gradient = vec![0.0; COUNT];
        let sums = loss.sums(&values, &100.into(), targets, Some(&mut gradient));
        let of_loss = wide([sums.loss]);
        add(&format!("{loss:?}"), format!("{of_loss}{}", hash(gradient)));
    }
    check("function", &found);
}

#[test]
fn schedules_are_those_recorded() {
    let mut found = Hashes::new();
    let (to, over) = (0.01, COUNT as u64);
    for shape in [
        Shape::Step {
            factor: 0.93,
            every: 100,
        },
        Shape::MultiStep {
            factor: 0.3,
            at: (1..12).map(|k| k * 1000).collect(),
        },
        Shape::Exponential {
            gamma: 0.97,
            every: 321,
        },
        Shape::Linear { to, over },
        Shape::Cosine { to, over },
        Shape::Restarts {
            to,
            first: 1000,
            growth: 1.7,
        },
        Shape::Polynomial {
            power: 0.9,
            to,
            over,
        },
        Shape::OneCycle {
            over,
            rise: 0.3,
            from: 0.04,
            to: 0.001,
        },
        Shape::StableDecay {
            stable: 5000,
            decay: 90_000,
            to,
        },
        Shape::InverseSqrt { after: 77 },
    ] {
        let factors = (0..COUNT).map(|t| shape.factor(t as f64));
        found.insert(format!("schedule {shape:?}"), wide(factors));
    }
    check("schedule", &found);
}

#[test]
fn augmented_images_are_those_recorded() {
    let shape = ImageShape {
        height: 12,
        width: 10,
        channels: 3,
    };
    let (rows, len) = (300, shape.len());
    let pixels: Vec<u8> = (0..rows * len).map(|i| (i * 7919 % 251) as u8).collect();
    let labels: Vec<u32> = (0..rows as u32).map(|row| row % 10).collect();
    let images = ImageDataset::new(pixels, shape, labels, 10).unwrap();
    let images = images.clone().standardised(&images.statistics().unwrap());
    type Change = fn(&mut Augmentation);
    let all: [(&str, Change); 12] = [
        ("shift", |all| all.shift = 2.5),
        ("crop", |all| all.crop = 3),
        ("rotate", |all| all.rotate = 30.0),
        ("scale", |all| all.scale = 0.3),
        ("flip", |all| all.flip = true),
        ("brightness", |all| all.brightness = 0.4),
        ("contrast", |all| all.contrast = 0.4),
        ("saturation", |all| all.saturation = 0.4),
        ("noise", |all| all.noise = 0.1),
        ("cutout", |all| all.cutout = 4),
        ("mixup", |all| all.mixup = 0.2),
        ("cutmix", |all| all.cutmix = 1.0),
    ];
    let rows: Vec<u32> = (0..rows as u32).collect();
    let mut found = Hashes::new();
    for (name, set) in all {
        let mut augmentation = Augmentation::default();
        set(&mut augmentation);
        let augmented = Augmented::new(images.clone(), augmentation, 42).unwrap();
        let (mut seen, mut classes) = (vec![0.0; rows.len() * len], vec![0; rows.len()]);
        augmented.draw(3, &rows, &mut seen, LabelsMut::Classes(&mut classes));
        seen.extend(classes.iter().map(|&class| class as f32));
        found.insert(format!("image {name}"), hash(seen));
    }
    check("image", &found);
}

#[test]
fn features_of_texts_are_those_recorded() {
    let word = |i: usize| ["one", "two", "three", "four", "five", "six"][i % 6];
    let text = |row: usize| -> String {
        let words = (0..row % 40 + 1).map(|i| format!("{}{} ", word(i * row), i % 9));
        words.collect()
    };
    let texts: Vec<String> = (0..500).map(text).collect();
    let hasher = TextHasher::fit(&texts, 512);
    let values = texts.iter().flat_map(|text| hasher.row(text));
    let values = values.flat_map(|(bucket, value)| [bucket as f32, value]);
    check(
        "text",
        &Hashes::from([("text features".to_owned(), hash(values))]),
    );
}

#[cfg(feature = "audio")]
#[test]
fn sounds_are_those_recorded() {
    use unisono::data::{Sound, SpectrogramSettings};
    let mut found = Hashes::new();
    for rate in [16_000, 44_100, 6_000] {
        let sound = Sound {
            samples: uniform(rate as usize, 1.0),
            rate,
        };
        let slower = sound.resampled(8000);
        let bands = SpectrogramSettings::default().spectrogram();
        let (log_mel, mfcc) = (
            bands.log_mel(&slower.samples),
            bands.mfcc(&slower.samples, 13),
        );
        found.insert(format!("sound {rate} Hz"), hash(slower.samples));
        found.insert(format!("sound {rate} Hz, log-mel"), hash(log_mel));
        found.insert(format!("sound {rate} Hz, mfcc"), hash(mfcc));
    }
    check("sound", &found);
}

/// The planner of Fourier transforms takes sines and cosines of the C library, in `f64`, and rounds
/// them to `f32`. For every length up to 2^20 each lies so far from the middle between two `f32`
/// that a library may be wrong by 8 units in the last place and it is the same `f32`.
#[cfg(feature = "audio")]
#[test]
fn no_sine_of_a_fourier_transform_lies_next_to_the_middle_between_two_floats() {
    // Angles of shorter transforms, of a power of 2, are among these.
    let len = 1_u64 << 20;
    for index in 0..len {
        let angle = -2.0 * std::f64::consts::PI / len as f64 * index as f64;
        for exact in [libm::cos(angle), libm::sin(angle)] {
            let [below, above] = [-8_i64, 8].map(|ulps| {
                let bits = exact.abs().to_bits().saturating_add_signed(ulps);
                f64::from_bits(bits) as f32
            });
            assert_eq!(below, above, "{index} of {len}: {exact}");
        }
    }
}

#[cfg(feature = "image")]
#[test]
fn decoded_and_resized_images_are_those_recorded() {
    use image::{DynamicImage, ImageFormat, RgbImage};
    use unisono::data::ImageFolder;
    let mut random = stream();
    let mut waves = |x: u32, y: u32| {
        let noise = random.below(40);
        image::Rgb([x * 4 + noise, y * 5 + noise, (x * y) / 9 + noise].map(|v| (v % 256) as u8))
    };
    let picture = DynamicImage::from(RgbImage::from_fn(61, 47, &mut waves));
    let mut found = Hashes::new();
    for (name, format) in [
        ("png", ImageFormat::Png),
        ("jpg", ImageFormat::Jpeg),
        ("webp", ImageFormat::WebP),
        ("bmp", ImageFormat::Bmp),
    ] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        let folder = crate::files::Folder::new("same-bits");
        for class in ["a", "b"] {
            folder.file(&format!("{class}/1.{name}"), bytes.get_ref());
        }
        for (size, is_grey) in [
            (None, false),
            (Some((32, 32)), false),
            (Some((80, 90)), true),
        ] {
            let how = ImageFolder {
                size,
                is_grey,
                ..ImageFolder::default()
            };
            let loaded = how.read(&folder.0, &|_| {}).unwrap();
            let pixels = loaded.images.pixels(0).unwrap().to_vec();
            let pixels = pixels.iter().map(|&pixel| f32::from(pixel));
            found.insert(format!("picture {name} {size:?}"), hash(pixels));
        }
    }
    check("picture", &found);
}

#[cfg(feature = "study")]
#[test]
fn rates_of_a_search_are_those_recorded() {
    use unisono::study::batch_size::Range;
    let range = Range::new(0.003, 7.0).unwrap();
    let rates = (0..COUNT).map(|k| range.at(k as f64 / COUNT as f64));
    check(
        "search",
        &Hashes::from([("search rates".to_owned(), wide(rates))]),
    );
}

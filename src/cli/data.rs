//! What `--data` and `--augment` mean: a folder with MNIST's four files, or a text.

use std::path::Path;

use crate::data::{Augmentation, Augmented, DataError, Dataset, ImageDataset, TextDataset};

use super::config::{ArgError, refused};

/// Training and test part, and what they are.
pub(super) struct Loaded {
    pub(super) data: [Box<dyn Dataset>; 2],
    pub(super) about: String,
}

/// The share of a text that is its test part: the last tenth.
const TEST_SHARE: f64 = 0.1;

/// Reads what lies at `path`; texts are cut into windows of `context` characters.
pub(super) fn load(
    path: &Path,
    (augmentation, context): (Augmentation, usize),
    seed: u64,
) -> Result<Loaded, DataError> {
    if !path.is_dir() {
        let (train, test, vocabulary) = TextDataset::from_file(path, context, (TEST_SHARE, seed))?;
        let about = format!(
            "{}, {} different characters, windows of {context}",
            path.display(),
            vocabulary.len()
        );
        return Ok(Loaded {
            data: [Box::new(train), Box::new(test)],
            about,
        });
    }
    let part = |name: &str| {
        let file = |kind: &str| {
            let plain = path.join(format!("{name}-{kind}-ubyte"));
            let packed = plain.with_added_extension("gz");
            if packed.exists() { packed } else { plain }
        };
        ImageDataset::from_idx(&file("images-idx3"), &file("labels-idx1"))
    };
    let (train, test) = (part("train")?, part("t10k")?);
    let statistics = train.statistics();
    let shape = train.shape();
    let train = Augmented::new(train.standardised(&statistics), augmentation, seed)?;
    Ok(Loaded {
        data: [Box::new(train), Box::new(test.standardised(&statistics))],
        about: format!(
            "{}, images of {} x {} x {}, mean {:.4} and deviation {:.4} taken from the training part",
            path.display(),
            shape.height,
            shape.width,
            shape.channels,
            statistics.means[0],
            statistics.deviations[0]
        ),
    })
}

/// `shift 2 rotate 10 scale 0.1 flip cutout 8`, any of them, or `none`.
pub(super) fn augmentation(text: &str) -> Result<Augmentation, ArgError> {
    let expected =
        "none, or some of: shift PIXELS, rotate DEGREES, scale SHARE, flip, cutout PIXELS";
    let odd = || refused("augment", expected, text);
    let mut found = Augmentation::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let mut number = || {
            words
                .next()
                .and_then(|word| word.parse::<f32>().ok())
                .ok_or_else(odd)
        };
        match word {
            "none" => {}
            "flip" => found.flip = true,
            "shift" => found.shift = number()?,
            "rotate" => found.rotate = number()?,
            "scale" => found.scale = number()?,
            "cutout" => found.cutout = number()? as usize,
            _ => return Err(odd()),
        }
    }
    Ok(found)
}

//! `--augment` in words.

use crate::data::Augmentations;

use crate::cli::error::{ArgError, refused};

/// `shift 2 rotate 10 flip`, any of the words, or `none`.
pub(super) fn augmentations(text: &str) -> Result<Augmentations, ArgError> {
    let expected = "none, or some of: shift PIXELS, crop PIXELS, rotate DEGREES, scale SHARE, flip, brightness SHARE, \
        contrast SHARE, saturation SHARE, noise DEVIATION, cutout PIXELS, mixup ALPHA, cutmix ALPHA, \
        time-shift FRAMES, time-mask FRAMES, band-mask BANDS, token-dropout SHARE";
    let odd = || refused("augment", expected, text);
    let mut found = Augmentations::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word == "flip" {
            found.images.flip = true;
            continue;
        }
        if word == "none" {
            continue;
        }
        let number = words.next().and_then(|word| word.parse::<f32>().ok());
        let number = number.ok_or_else(odd)?;
        if !set(&mut found, word, number) {
            return Err(odd());
        }
    }
    Ok(found)
}

/// Sets the augmentation that a word names; whether there is one, and it may have this number.
fn set(to: &mut Augmentations, word: &str, number: f32) -> bool {
    let (images, sounds) = (&mut to.images, &mut to.sounds);
    // Pixels, frames and bands are counted.
    let counts = ["crop", "cutout", "time-shift", "time-mask", "band-mask"];
    if counts.contains(&word) && !(number.fract() == 0.0 && (0.0..1e6).contains(&number)) {
        return false;
    }
    let whole = number as usize;
    match word {
        "shift" => images.shift = number,
        "crop" => images.crop = whole,
        "rotate" => images.rotate = number,
        "scale" => images.scale = number,
        "brightness" => images.brightness = number,
        "contrast" => images.contrast = number,
        "saturation" => images.saturation = number,
        "noise" => images.noise = number,
        "cutout" => images.cutout = whole,
        "mixup" => images.mixup = number,
        "cutmix" => images.cutmix = number,
        "time-shift" => sounds.shift = whole,
        "time-mask" => sounds.time_masks = (1, whole),
        "band-mask" => sounds.band_masks = (1, whole),
        "token-dropout" => to.token_dropout = number,
        _ => return false,
    }
    true
}

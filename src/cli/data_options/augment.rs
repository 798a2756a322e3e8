//! `--augment` in words.

use crate::cli::error::{ArgError, refused, refused_name};
use crate::data::Augmentations;
use crate::real::{Misread, single};

/// A word that a number follows.
struct Word {
    name: &'static str,
    /// What the number must be, where it is to change anything.
    expected: &'static str,
    holds: fn(f32) -> bool,
    set: fn(&mut Augmentations, f32),
}

const ABOVE_0: &str = "finite and above 0";
const COUNT: &str = "a whole number from 1 to 999999";
const SHARE: &str = "above 0 and at most 1";
const BELOW_1: &str = "above 0 and below 1";

fn is_count(number: f32) -> bool {
    number.fract() == 0.0 && (1.0..1e6).contains(&number)
}

fn is_share(number: f32) -> bool {
    number > 0.0 && number <= 1.0
}

fn is_below_1(number: f32) -> bool {
    number > 0.0 && number < 1.0
}

fn is_positive(number: f32) -> bool {
    number > 0.0 && number.is_finite()
}

const fn word(
    name: &'static str,
    expected: &'static str,
    holds: fn(f32) -> bool,
    set: fn(&mut Augmentations, f32),
) -> Word {
    Word {
        name,
        expected,
        holds,
        set,
    }
}

/// Every word with a number.
static WORDS: [Word; 15] = [
    word("shift", ABOVE_0, is_positive, |to, n| to.images.shift = n),
    word("crop", COUNT, is_count, |to, n| to.images.crop = n as usize),
    word(
        "rotate",
        "above 0 and at most 180",
        |n| n > 0.0 && n <= 180.0,
        |to, n| to.images.rotate = n,
    ),
    word("scale", BELOW_1, is_below_1, |to, n| to.images.scale = n),
    word("brightness", SHARE, is_share, |to, n| {
        to.images.brightness = n;
    }),
    word("contrast", SHARE, is_share, |to, n| to.images.contrast = n),
    word("saturation", SHARE, is_share, |to, n| {
        to.images.saturation = n;
    }),
    word("noise", ABOVE_0, is_positive, |to, n| to.images.noise = n),
    word("cutout", COUNT, is_count, |to, n| {
        to.images.cutout = n as usize;
    }),
    word("mixup", ABOVE_0, is_positive, |to, n| to.images.mixup = n),
    word("cutmix", ABOVE_0, is_positive, |to, n| to.images.cutmix = n),
    word("time-shift", COUNT, is_count, |to, n| {
        to.sounds.shift = n as usize;
    }),
    word("time-mask", COUNT, is_count, |to, n| {
        to.sounds.time_masks = (1, n as usize);
    }),
    word("band-mask", COUNT, is_count, |to, n| {
        to.sounds.band_masks = (1, n as usize);
    }),
    word("token-dropout", SHARE, is_share, |to, n| {
        to.token_dropout = n;
    }),
];

/// `shift 2 rotate 10 flip`, any of the words, or `none`.
pub(super) fn augmentations(text: &str) -> Result<Augmentations, ArgError> {
    let expected = "none, or some of: shift PIXELS, crop PIXELS, rotate DEGREES, scale SHARE, flip, brightness SHARE, \
        contrast SHARE, saturation SHARE, noise DEVIATION, cutout PIXELS, mixup ALPHA, cutmix ALPHA, \
        time-shift FRAMES, time-mask FRAMES, band-mask BANDS, token-dropout SHARE; each once";
    let odd = || refused("augment", expected, text);
    let mut found = Augmentations::default();
    if text.trim() == "none" {
        return Ok(found);
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(name) = words.next() {
        if seen.contains(&name) {
            return Err(odd());
        }
        seen.push(name);
        if name == "flip" {
            found.images.flip = true;
            continue;
        }
        let word = WORDS.iter().find(|word| word.name == name);
        let names = || {
            ["flip", "none"]
                .into_iter()
                .chain(WORDS.iter().map(|word| word.name))
        };
        let word = word.ok_or_else(|| refused_name(odd(), name, names()))?;
        (word.set)(&mut found, number(word, words.next().ok_or_else(odd)?)?);
    }
    if seen.is_empty() {
        return Err(odd());
    }
    Ok(found)
}

/// The number behind a word. One of 0, or one that would be used as 0, changes nothing.
fn number(word: &Word, text: &str) -> Result<f32, ArgError> {
    let read = single(text);
    match read {
        Ok(number) if (word.holds)(number) => return Ok(number),
        _ => {}
    }
    let (name, expected) = (word.name, word.expected);
    let cure = match read {
        Ok(0.0) => "; leave the word out for no change",
        Err(Misread::Vanishes) => ", and at least 1e-45 (single precision)",
        _ => "",
    };
    let message = format!("{name} must be {expected}, got {text:?}{cure}");
    Err(ArgError::text("augment", &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_sets_something_and_no_word_takes_0() {
        for word in &WORDS {
            let name = word.name;
            let some = augmentations(&format!(
                "{name} {}",
                if (word.holds)(0.5) { 0.5 } else { 2.0 }
            ));
            assert_ne!(some.unwrap(), Augmentations::default(), "{name}");
            for odd in ["0", "0.0", "-1", "nan", "inf", "1e-60", "1e400", "x"] {
                let error = augmentations(&format!("{name} {odd}"))
                    .unwrap_err()
                    .to_string();
                let expected = format!("--augment: {name} must be ");
                assert!(error.starts_with(&expected), "{error}");
                assert!(error.contains(&format!("got {odd:?}")), "{error}");
            }
        }
        for odd in [
            "",
            " ",
            "none flip",
            "flip flip",
            "crop 1 crop 2",
            "shift",
            "flop",
        ] {
            assert!(augmentations(odd).is_err(), "{odd:?}");
        }
        assert_eq!(augmentations("none").unwrap(), Augmentations::default());
    }
}

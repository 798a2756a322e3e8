//! `--augment` in words.

use crate::data::{Augmentation, SpectrogramAugmentation};

use super::super::error::{ArgError, refused};
use super::kind::Kind;

/// What may happen to training rows: each kind of data takes its own part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) images: Augmentation,
    pub(super) sounds: SpectrogramAugmentation,
    pub(super) token_dropout: f32,
}

impl Changes {
    /// `shift 2 rotate 10 flip`, any of the words, or `none`.
    pub(super) fn parse(text: &str) -> Result<Self, ArgError> {
        let expected = "none, or some of: shift PIXELS, crop PIXELS, rotate DEGREES, scale SHARE, flip, brightness SHARE, \
            contrast SHARE, saturation SHARE, noise DEVIATION, cutout PIXELS, mixup ALPHA, cutmix ALPHA, \
            time-shift FRAMES, time-mask FRAMES, band-mask BANDS, token-dropout SHARE";
        let odd = || refused("augment", expected, text);
        let mut found = Self::default();
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
            if !found.set(word, number) {
                return Err(odd());
            }
        }
        Ok(found)
    }

    /// Whether there is such a word, and may have this number.
    fn set(&mut self, word: &str, number: f32) -> bool {
        let (images, sounds) = (&mut self.images, &mut self.sounds);
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
            "token-dropout" => self.token_dropout = number,
            _ => return false,
        }
        true
    }

    pub(super) fn changes_images(&self) -> bool {
        self.images != Augmentation::default()
    }

    /// Whether the data can have all of it.
    fn fit(&self, takes: Takes) -> bool {
        let changes_sounds = self.sounds != SpectrogramAugmentation::default();
        (!self.changes_images() || takes == Takes::Images)
            && (!changes_sounds || takes == Takes::Sounds)
            && (self.token_dropout == 0.0 || takes == Takes::Tokens)
    }
}

/// Whether a kind of data takes all words of a text; one that cannot be read is an error of its
/// own.
pub(crate) fn takes_augment(text: &str, kind: Kind, is_text: bool) -> bool {
    let takes = match kind {
        Kind::IdxFolder
        | Kind::CifarFolder
        | Kind::ImageFolder { .. }
        | Kind::Npz
        | Kind::NpyFolder => Takes::Images,
        Kind::Sounds => Takes::Sounds,
        Kind::Text => Takes::Tokens,
        Kind::Table if is_text => Takes::Tokens,
        Kind::Idx | Kind::Npy | Kind::Table => Takes::Nothing,
    };
    Changes::parse(text).map_or(true, |changes| changes.fit(takes))
}

/// The kind of changes that data takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    Images,
    Sounds,
    Tokens,
}

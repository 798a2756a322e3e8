//! Augmentations: changes of training rows from epoch to epoch, each for one kind of data.

use crate::data::augment::Augmentation;
use crate::data::speech::SpectrogramAugmentation;

/// Changes of training rows; each part is for one kind of data.
///
/// ```
/// use unisono::data::{Augmentation, Augmentations};
/// let images = Augmentation { flip: true, ..Augmentation::default() };
/// let flips = Augmentations { images, ..Augmentations::default() };
/// assert!(flips.changes_images() && !flips.changes_sounds() && !flips.changes_tokens());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augmentations {
    /// Of images.
    pub images: Augmentation,
    /// Of spectrograms.
    pub sounds: SpectrogramAugmentation,
    /// The share of a text's tokens that are left out.
    pub token_dropout: f32,
}

impl Augmentations {
    /// Whether images change.
    pub fn changes_images(&self) -> bool {
        self.images != Augmentation::default()
    }

    /// Whether spectrograms change.
    pub fn changes_sounds(&self) -> bool {
        self.sounds != SpectrogramAugmentation::default()
    }

    /// Whether tokens change.
    pub fn changes_tokens(&self) -> bool {
        self.token_dropout != 0.0
    }
}

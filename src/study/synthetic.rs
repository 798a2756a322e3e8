//! Synthetic data for a preset.

use crate::data::{ArrayDataset, synthetic_classes, synthetic_tokens};
use crate::nn::presets::{Inputs, Preset};

/// `rows` rows for `preset`, synthetic, from `seed`: learnable, of ten classes or of the preset's
/// tokens.
///
/// ```
/// use unisono::{data::Dataset, nn::presets, study::synthetic_data};
/// let lstm = presets::by_name("lstm").unwrap();
/// assert_eq!(synthetic_data(&lstm, 8, 42).input_len(), 64);
/// ```
///
/// # Panics
/// If `rows` is 0.
pub fn synthetic_data(preset: &Preset, rows: usize, seed: u64) -> ArrayDataset {
    let shape = [rows, preset.model.inputs()];
    match preset.inputs {
        Inputs::Values => synthetic_classes(shape, 10, seed),
        Inputs::Tokens(vocabulary) => synthetic_tokens(shape, vocabulary, seed),
    }
}

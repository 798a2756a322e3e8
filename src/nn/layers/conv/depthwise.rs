//! Loops over channels, for convolutions that do not mix them (groups = C = O).

use super::padded_input::PaddedInput;
use crate::nn::kernel::Windows;

pub(super) fn forward(
    y: &mut [f32],
    padded: &[f32],
    windows: &Windows,
    weight: &[f32],
    bias: &[f32],
) {
    let channels = weight.len() / windows.runs.len();
    let positions = windows.offsets.len();
    for (position, y) in y.chunks_exact_mut(channels).enumerate() {
        let base = position / positions * windows.image + windows.offsets[position % positions];
        if bias.is_empty() {
            y.fill(0.0);
        } else {
            y.copy_from_slice(bias);
        }
        for (run, w) in windows.runs.iter().zip(weight.chunks_exact(channels)) {
            let x = &padded[base + run.0..][..channels];
            for ((y, x), w) in y.iter_mut().zip(x).zip(w) {
                *y += x * w;
            }
        }
    }
}

pub(super) fn add_gradient(dw: &mut [f32], x: &[f32], windows: &Windows, dy: &[f32]) {
    let channels = dw.len() / windows.runs.len();
    for (base, dy) in windows.offsets.iter().zip(dy.chunks_exact(channels)) {
        for (run, dw) in windows.runs.iter().zip(dw.chunks_exact_mut(channels)) {
            let x = &x[base + run.0..][..channels];
            for ((dw, x), dy) in dw.iter_mut().zip(x).zip(dy) {
                *dw += x * dy;
            }
        }
    }
}

/// Scatters dy into the padded input, then takes the padding off. The padded input is overwritten.
pub(super) fn backward(
    dx: &mut [f32],
    input: &mut PaddedInput,
    weight: &[f32],
    dy: &[f32],
    image: usize,
) {
    let (columns, channels) = (input.values.columns, input.values.channels);
    let rows = dx.len() / image;
    let per_image = dy.len() / rows;
    let padded = &mut input.data[..rows * input.windows.image];
    padded.fill(0.0);
    for (r, dx) in dx.chunks_exact_mut(image).enumerate() {
        let to = &mut padded[r * input.windows.image..][..input.windows.image];
        let dy = &dy[r * per_image..][..per_image];
        for (base, dy) in input.windows.offsets.iter().zip(dy.chunks_exact(channels)) {
            for (run, w) in input.windows.runs.iter().zip(weight.chunks_exact(channels)) {
                let to = &mut to[base + run.0..][..channels];
                for ((to, dy), w) in to.iter_mut().zip(dy).zip(w) {
                    *to += dy * w;
                }
            }
        }
        for (i, dx) in dx.chunks_exact_mut(columns * channels).enumerate() {
            let from = &mut to[input.first + i * input.steps.rows..][..columns * channels];
            dx.copy_from_slice(from);
        }
        // The border must be zeros again.
        to.fill(0.0);
    }
}

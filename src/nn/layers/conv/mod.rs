//! Convolution over images (`conv2d`) and sequences (`conv1d`): cross-correlation, as everywhere in
//! the field.
//!
//! `y[i, j, o] = b[o] + sum over (u, v, c) of x[s i + d u - p, s j + d v - p, c] w[u, v, c, o]`,
//! with stride s, dilation d, padding p; out = floor((n + 2 p - d (k - 1) - 1) / s) + 1.
//!
//! # Shapes
//! X: (B, H, W, C), Y: (B, H', W', O), W: (KH, KW, C / groups, O), b: (O). A sequence (T, C) is an
//! image of height 1.
//!
//! # How
//! Forward copies the input once, with its padding, and runs `kernel::conv` over it. The input's
//! gradient is such a convolution of the gradient with the flipped kernel, for each of the stride's
//! phases; the kernel's gradient is folded shard by shard. Depthwise convolution (groups = C = O)
//! has loops of its own, over channels, and `winograd` what most nets consist of: 3 x 3 and 5 x 5
//! kernels at stride 1 between multiples of 16 channels, by a quarter of the multiplications.

mod build;
mod depthwise;
mod input_gradient;
mod layer;
mod padded_input;
mod spec;
mod winograd;

pub use spec::Conv;

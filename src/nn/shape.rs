//! The shape of a row: its axes without the batch axis, the last one varying fastest.
//!
//! Features are `[C]`, sequences `[T, C]`, images `[H, W, C]`; token sequences `[T]`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The axes of one row.
///
/// ```
/// use unisono::nn::Shape;
/// let image = Shape::from([28, 28, 1]);
/// assert_eq!((image.len(), image.channels(), image.positions()), (784, 1, 784));
/// assert_eq!(image.to_string(), "28x28x1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// The axes, outermost first.
    pub fn axes(&self) -> &[usize] {
        &self.0
    }

    /// Values in a row.
    pub fn len(&self) -> usize {
        product(&self.0)
    }

    /// Whether a row has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last axis.
    pub fn channels(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }

    /// The product of all axes but the last: how often a row repeats its channels.
    pub fn positions(&self) -> usize {
        product(&self.0[..self.0.len().saturating_sub(1)])
    }

    /// The same axes with another last one.
    pub fn with_channels(&self, channels: usize) -> Self {
        let mut axes = self.0.clone();
        match axes.last_mut() {
            Some(last) => *last = channels,
            None => axes.push(channels),
        }
        Self(axes)
    }
}

/// The product of axes; the largest number for one beyond all.
pub(in crate::nn) fn product(axes: &[usize]) -> usize {
    axes.iter()
        .fold(1, |all: usize, &axis| all.saturating_mul(axis))
}

impl From<usize> for Shape {
    fn from(len: usize) -> Self {
        Self(vec![len])
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(axes: [usize; N]) -> Self {
        Self(axes.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(axes: Vec<usize>) -> Self {
        Self(axes)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&axes.join("x"))
    }
}

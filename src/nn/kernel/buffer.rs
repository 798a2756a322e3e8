//! Values that begin on a cache line.
//!
//! # Why this way
//! An allocator leaves its header in front of a large vector, which so begins 16 bytes behind a line: of the loads of 64 bytes each
//! then touches two lines, of those of 32 bytes every second. Layers keep what kernels stream through in such buffers, never in
//! a `Vec<f32>`.

use std::ops::{Deref, DerefMut};

use aligned_vec::AVec;

/// Values that begin on a cache line, and keep their memory from one use to the next; a slice in everything else.
///
/// ```
/// use unisono::nn::kernel::Buffer;
/// let mut buffer = Buffer::default();
/// buffer.grow(2).copy_from_slice(&[1.0, 2.0]);
/// assert_eq!(buffer.grow(3), [1.0, 2.0, 0.0]);
/// assert_eq!(buffer.as_ptr().align_offset(64), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Buffer(AVec<f32>);

impl Buffer {
    /// `len` zeros.
    ///
    /// ```
    /// assert_eq!(unisono::nn::kernel::Buffer::zeros(2)[..], [0.0, 0.0]);
    /// ```
    pub fn zeros(len: usize) -> Self {
        let mut buffer = Self::default();
        buffer.grow(len);
        buffer
    }

    /// Makes room for at least `len` values, and gives the first `len`: what they were, new ones zero.
    pub fn grow(&mut self, len: usize) -> &mut [f32] {
        if self.0.len() < len {
            self.0.resize(len, 0.0);
        }
        &mut self.0[..len]
    }

    /// The first `len` values, made zero.
    ///
    /// ```
    /// let mut buffer = unisono::nn::kernel::Buffer::zeros(2);
    /// buffer.fill(1.0);
    /// assert_eq!(buffer.zeroed(1), [0.0]);
    /// assert_eq!(buffer[..], [0.0, 1.0]);
    /// ```
    pub fn zeroed(&mut self, len: usize) -> &mut [f32] {
        let values = self.grow(len);
        values.fill(0.0);
        values
    }
}

impl Default for Buffer {
    /// No values; nothing is allocated.
    fn default() -> Self {
        Self(AVec::new(align_of::<f32>()))
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_on_a_cache_line_however_it_grew_and_keeps_its_values() {
        let mut buffer = Buffer::default();
        assert!(buffer.is_empty());
        for len in (1..40).map(|k| 37 * k * k) {
            let before = buffer.len();
            buffer.grow(len)[before..].fill(len as f32);
            assert_eq!(buffer.as_ptr().align_offset(64), 0, "{len} values");
            assert_eq!(buffer.clone().as_ptr().align_offset(64), 0);
        }
        assert_eq!(
            [buffer[0], buffer[37 * 4 - 1], buffer[37 * 4]],
            [37.0, 148.0, 333.0]
        );
    }
}

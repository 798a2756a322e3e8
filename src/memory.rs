//! Values that begin on a cache line, and large ones on huge pages.
//!
//! # Why this way
//! An allocator leaves its header in front of a large vector, which so begins 16 bytes behind a
//! line: of the loads of 64 bytes each then touches two lines, of those of 32 bytes every second.
//! Layers keep what kernels stream through in such buffers, never in a `Vec<f32>`.
//!
//! A step streams through all of a worker's memory. Many Linux systems have pages of 4 KiB unless a
//! program asks for those of 2 MiB; a core then looks up a page every 64 lines, and fetches nothing
//! ahead from beyond its end. On huge pages steps are 1.03 to 1.05 times as fast, `resnet20` 1.14
//! (2026-11, Zen 4). Of a replica's buffers most are smaller than a huge page, so they are cut from
//! slabs, a thread's from its own: each on a page of its own took 2.5 times the memory and was 1 %
//! slower, only the large ones on such pages 2 to 6 %.

use std::cell::RefCell;
use std::fmt::{self, Debug, Formatter};
use std::ops::{Deref, DerefMut};

use bytes::BytesMut;

use crate::sys::pages;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Bytes of a huge page of x86-64, and the most usual of others.
const HUGE: usize = 2 << 20;

/// Bytes of a thread's first slab; each is twice as large as the one before, up to a huge page.
const FIRST_SLAB: usize = 1 << 16;

/// What small buffers of a thread are cut from, and how large it was.
#[derive(Default)]
struct Slab {
    rest: BytesMut,
    len: usize,
}

thread_local! {
    static SLAB: RefCell<Slab> = RefCell::default();
}

impl Slab {
    fn cut(&mut self, bytes: usize) -> BytesMut {
        let bytes = bytes.next_multiple_of(LINE);
        if self.rest.len() < bytes {
            self.len = (2 * self.len).clamp(FIRST_SLAB, HUGE).max(bytes);
            self.rest = reserve(self.len);
        }
        self.rest.split_to(bytes)
    }
}

/// `len` zeros that begin on a cache line, and if they fill half a huge page on one of these;
/// nothing else is in their memory.
pub(crate) fn zeros(len: usize) -> BytesMut {
    let bytes = len * size_of::<f32>();
    let mut memory = reserve(bytes);
    memory.truncate(bytes);
    memory
}

/// At least `bytes` zero bytes: whole huge pages, if the last one is at least half full, else what
/// fills none is left over at the end.
fn reserve(bytes: usize) -> BytesMut {
    let huge = (bytes + HUGE / 2) / HUGE * HUGE;
    let align = if huge > 0 { HUGE } else { LINE };
    let bytes = bytes.max(huge);
    let mut memory = BytesMut::zeroed(bytes + align);
    let misaligned = memory.as_ptr().align_offset(align);
    drop(memory.split_to(misaligned));
    memory.truncate(bytes);
    pages::ask_for_huge(&mut memory[..bytes / HUGE * HUGE]);
    memory
}

/// Values from their bytes; no bytes may lie anywhere.
pub(crate) fn floats(bytes: &[u8]) -> &[f32] {
    match bytes {
        [] => &[],
        bytes => bytemuck::cast_slice(bytes),
    }
}

pub(crate) fn floats_mut(bytes: &mut [u8]) -> &mut [f32] {
    match bytes {
        [] => &mut [],
        bytes => bytemuck::cast_slice_mut(bytes),
    }
}

/// Values that begin on a cache line, and keep their memory from one use to the next; a slice in
/// everything else.
///
/// ```
/// use unisono::nn::kernel::Buffer;
/// let mut buffer = Buffer::default();
/// buffer.grow(2).copy_from_slice(&[1.0, 2.0]);
/// assert_eq!(buffer.grow(3), [1.0, 2.0, 0.0]);
/// assert_eq!(buffer.as_ptr().align_offset(64), 0);
/// ```
#[derive(Default)]
pub struct Buffer(BytesMut);

impl Buffer {
    /// `len` zeros.
    ///
    /// ```
    /// assert_eq!(unisono::nn::kernel::Buffer::zeros(2)[..], [0.0, 0.0]);
    /// ```
    pub fn zeros(len: usize) -> Self {
        let bytes = len * size_of::<f32>();
        if bytes >= HUGE / 2 {
            return Self(zeros(len));
        }
        let mut memory = SLAB.with_borrow_mut(|slab| slab.cut(bytes));
        memory.truncate(bytes);
        Self(memory)
    }

    /// Makes room for at least `len` values, and gives the first `len`: what they were, new ones
    /// zero.
    pub fn grow(&mut self, len: usize) -> &mut [f32] {
        if self.len() < len {
            let mut more = Self::zeros(len);
            more[..self.len()].copy_from_slice(self);
            *self = more;
        }
        &mut self[..len]
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

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut clone = Self::zeros(self.len());
        clone.copy_from_slice(self);
        clone
    }
}

impl Debug for Buffer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Buffer").field(&&self[..]).finish()
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        floats(&self.0)
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        floats_mut(&mut self.0)
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
            assert_eq!(buffer.as_ptr().align_offset(LINE), 0, "{len} values");
            assert_eq!(buffer.clone().as_ptr().align_offset(LINE), 0);
        }
        assert_eq!(
            [buffer[0], buffer[37 * 4 - 1], buffer[37 * 4]],
            [37.0, 148.0, 333.0]
        );
        assert_eq!(buffer.clone()[..], buffer[..]);
    }

    #[test]
    fn buffers_of_a_slab_are_zero_and_share_nothing() {
        for len in [1, 16, 1000, 100_000] {
            let mut buffers: Vec<Buffer> = (0..9).map(|_| Buffer::zeros(len)).collect();
            for (i, buffer) in buffers.iter_mut().enumerate() {
                assert!(buffer.iter().all(|&value| value == 0.0));
                buffer.fill(1.0 + i as f32);
            }
            for (i, buffer) in buffers.iter().enumerate() {
                assert!(buffer.iter().all(|&value| value == 1.0 + i as f32));
            }
        }
    }

    #[test]
    fn large_memory_lies_on_huge_pages_and_only_the_last_may_be_half_empty() {
        for (bytes, huge) in [(HUGE / 2, 1), (HUGE, 1), (HUGE * 5 / 4, 1), (2 * HUGE, 2)] {
            let memory = zeros(bytes / size_of::<f32>());
            assert_eq!(memory.len(), bytes);
            assert_eq!(memory.as_ptr().align_offset(HUGE), 0);
            assert_eq!(reserve(bytes).len(), bytes.max(huge * HUGE));
        }
        assert_eq!(reserve(HUGE / 2 - 1).len(), HUGE / 2 - 1);
    }
}

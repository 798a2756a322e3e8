//! Gradient buffers: one slice while its owner writes it, segments that travel while it is reduced.
//!
//! # States
//! | state | who holds the memory |
//! |---|---|
//! | whole | the owner; [`GradBuffer::as_mut_slice`] works |
//! | split | whoever holds a [`Segment`]; the owner has the ones that were not sent, or came home |
//!
//! # Why this way
//! Ownership of disjoint parts of one allocation, without `unsafe` of ours: `bytes::BytesMut`
//! splits and joins in constant time and without allocating. The plain alternatives were an own
//! raw-pointer type (unsafe), or a vector for each segment and a copy from the flat gradient (one
//! more read and write of every element).

use std::ops::Range;

use bytes::BytesMut;

use crate::memory::{floats, floats_mut, zeros};

/// A part of a gradient or of the parameters, owned.
#[derive(Debug, Default)]
pub(crate) struct Segment(BytesMut);

impl Segment {
    /// Zeros that are no part of a buffer.
    pub(crate) fn zeros(len: usize) -> Self {
        Self(zeros(len))
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        floats(&self.0)
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        floats_mut(&mut self.0)
    }
}

impl From<BytesMut> for Segment {
    fn from(bytes: BytesMut) -> Self {
        Self(bytes)
    }
}

impl From<Segment> for BytesMut {
    fn from(Segment(bytes): Segment) -> Self {
        bytes
    }
}

/// A gradient of fixed length, cut at fixed places.
#[derive(Debug)]
pub(crate) struct GradBuffer {
    whole: BytesMut,
    parts: Vec<Option<Segment>>,
    cuts: Vec<Range<usize>>,
}

impl GradBuffer {
    /// Zeros, to be cut into `cuts`: contiguous ranges that cover `0..len`.
    pub(crate) fn new(cuts: &[Range<usize>]) -> Self {
        Self {
            whole: zeros(cuts.last().map_or(0, |last| last.end)),
            parts: cuts.iter().map(|_| None).collect(),
            cuts: cuts.to_vec(),
        }
    }

    /// The whole gradient.
    ///
    /// # Panics
    /// If it is split.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        assert!(
            self.parts.iter().all(Option::is_none),
            "the gradient is split into segments"
        );
        floats_mut(&mut self.whole)
    }

    /// Cuts the gradient into its segments.
    pub(crate) fn split(&mut self) {
        split(&mut self.whole, &self.cuts, &mut self.parts);
    }

    /// Takes segment `index` away.
    pub(crate) fn take(&mut self, index: usize) -> Segment {
        self.parts[index]
            .take()
            .expect("a segment leaves its buffer once a step")
    }

    /// Brings segment `index` home.
    pub(crate) fn put_back(&mut self, index: usize, segment: Segment) {
        self.parts[index] = Some(segment);
    }

    /// Joins the segments, all of which must be home.
    pub(crate) fn join(&mut self) {
        if self.parts.iter().any(Option::is_some) {
            self.whole = join(&mut self.parts);
        }
    }
}

/// Cuts `whole` into `parts`; nothing is left of it.
pub(super) fn split(whole: &mut BytesMut, cuts: &[Range<usize>], parts: &mut [Option<Segment>]) {
    for (part, cut) in parts.iter_mut().zip(cuts) {
        *part = Some(Segment(whole.split_to(cut.len() * size_of::<f32>())));
    }
}

/// Joins `parts` again, in place.
pub(super) fn join(parts: &mut [Option<Segment>]) -> BytesMut {
    let mut whole = BytesMut::new();
    for Segment(bytes) in parts.iter_mut().filter_map(Option::take) {
        // An empty part would replace the start of the buffer by its own empty memory.
        if whole.is_empty() && !bytes.is_empty() {
            whole = bytes;
        } else if !bytes.is_empty() {
            whole.unsplit(bytes);
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::single_range_in_vec_init,
        reason = "a buffer may have one segment"
    )]
    fn a_buffer_survives_splitting_and_joining_in_place() {
        for cuts in [
            vec![0..0],
            vec![0..1],
            vec![0..3, 3..3, 3..10],
            vec![0..0, 0..5],
            vec![0..4096, 4096..5000],
        ] {
            let mut buffer = GradBuffer::new(&cuts);
            let len = cuts.last().unwrap().end;
            let address = buffer.as_mut_slice().as_ptr();
            for round in 0..3 {
                buffer
                    .as_mut_slice()
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, v)| *v = (i + round) as f32);
                buffer.split();
                let away: Vec<_> = (0..cuts.len())
                    .map(|index| (index, buffer.take(index)))
                    .collect();
                for (index, mut segment) in away.into_iter().rev() {
                    segment.as_mut_slice().iter_mut().for_each(|v| *v += 1.0);
                    buffer.put_back(index, segment);
                }
                buffer.join();
                let whole = buffer.as_mut_slice();
                assert_eq!(whole.len(), len);
                assert!(
                    whole
                        .iter()
                        .enumerate()
                        .all(|(i, &v)| v == (i + round + 1) as f32)
                );
                if len > 0 {
                    assert_eq!(whole.as_ptr(), address, "joining must not copy");
                    assert_eq!(whole.as_ptr().align_offset(64), 0);
                }
            }
        }
    }
}

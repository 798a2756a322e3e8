//! Parameters: one vector that all workers read during a step, and that owners write between steps,
//! each its segments.
//!
//! # States
//! | state | who holds the memory |
//! |---|---|
//! | shared | nobody may write; every worker has a [`Params`] |
//! | split | the owner of each [`Segment`] may write it |
//!
//! # Why this way
//! Workers run on cores of one machine and read the same weights. A copy for each costs every
//! worker a pass over all of them in every step, and their caches a copy each of what they could
//! share. Behind the ownership is `bytes`, as behind a gradient's segments: `Bytes` is shared and
//! read, and turns into `BytesMut`, without a copy, in the hands of its last holder: whose acquire of
//! the count pairs with the release by which each other holder gave its handle up.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::memory::{floats, zeros};

use super::segment::{Segment, join, split};

/// A handle of the shared parameters; empty while they are split.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Bytes);

impl Params {
    pub(crate) fn as_slice(&self) -> &[f32] {
        floats(&self.0)
    }

    /// Zeros, cut into `cuts` to be written by the pieces' owners.
    pub(crate) fn zeros(cuts: &[Range<usize>]) -> Vec<Option<Segment>> {
        let mut whole = zeros(cuts.last().map_or(0, |last| last.end));
        let mut parts: Vec<_> = cuts.iter().map(|_| None).collect();
        split(&mut whole, cuts, &mut parts);
        parts
    }

    /// Cuts the parameters into `parts`. Of other handles none may be left, or this is a copy.
    pub(crate) fn split(self, cuts: &[Range<usize>], parts: &mut [Option<Segment>]) {
        debug_assert!(
            self.0.is_empty() || self.0.is_unique(),
            "every handle comes home before an update"
        );
        split(&mut BytesMut::from(self.0), cuts, parts);
    }

    /// Joins the parts.
    pub(crate) fn join(parts: &mut [Option<Segment>]) -> Self {
        Self(join(parts).freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_survive_being_split_and_shared_in_place() {
        let cuts = [vec![0..5; 1], vec![0..3, 3..3, 3..10], vec![0..0, 0..5]];
        for cuts in cuts {
            let mut parts = Params::zeros(&cuts);
            let mut address = None;
            for round in 1..4 {
                for part in parts.iter_mut().flatten() {
                    part.as_mut_slice().iter_mut().for_each(|v| *v += 1.0);
                }
                let params = Params::join(&mut parts);
                let other = params.clone();
                assert_eq!(
                    other.as_slice(),
                    vec![round as f32; cuts.last().unwrap().end]
                );
                let at = other.as_slice().as_ptr();
                assert_eq!(*address.get_or_insert(at), at, "nothing may be copied");
                assert_eq!(at.align_offset(64), 0);
                drop(other);
                params.split(&cuts, &mut parts);
            }
        }
    }
}

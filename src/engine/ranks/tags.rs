//! Tags: the numbers of the messages between two ranks.

use super::peers::Tag;

/// Values of the all-reduce, by their number in the receiver's plan, from 0.
const GRADIENTS: u32 = 0;

/// Segments of the new parameters, by number.
const PARAMS: u32 = 1 << 22;

/// Letters of a step: two tags.
pub(crate) const REPORTS: Tag = Tag(Tag::END - 16);

/// Letters within a pass: two tags.
pub(crate) const PASS_GATHERS: Tag = Tag(Tag::END - 14);

/// Letters outside a run: two tags.
pub(crate) const GATHERS: Tag = Tag(Tag::END - 12);

/// Signs of life.
pub(crate) const BEATS: Tag = Tag(Tag::END - 1);

/// Message `number` of an all-reduce.
pub(crate) fn gradient(number: usize) -> Tag {
    debug_assert!(number < (PARAMS - GRADIENTS) as usize);
    Tag(GRADIENTS + number as u32)
}

/// Segment `segment` of the new parameters.
pub(crate) fn params(segment: usize) -> Tag {
    debug_assert!(segment < (REPORTS.0 - PARAMS) as usize);
    Tag(PARAMS + segment as u32)
}

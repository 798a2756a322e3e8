//! Ranges of rows: cut into blocks, or turned into ranges of positions.

use std::ops::Range;

/// Ranges of `step` that make up `0..count`; the last may be shorter.
pub(in crate::nn) fn blocks(
    count: usize,
    step: usize,
) -> impl Iterator<Item = Range<usize>> + use<> {
    let starts = (0..count).step_by(step);
    starts.map(move |first| first..(first + step).min(count))
}

/// Row ranges of shards as ranges of positions.
pub(in crate::nn) fn positions(
    shards: &[Range<usize>],
    factor: usize,
    into: &mut Vec<Range<usize>>,
) {
    into.clear();
    into.extend(
        shards
            .iter()
            .map(|shard| shard.start * factor..shard.end * factor),
    );
}

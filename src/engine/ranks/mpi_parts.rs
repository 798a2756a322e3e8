//! Parts of a message: MPI's lengths are `int`, so longer messages go in several.

use std::ops::Range;

/// Most bytes of one message, and most values of one sum.
pub(crate) const PART: usize = 1 << 30;

/// Whether bytes go to the other rank or come from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    To,
    From,
}

/// What a request moves.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) slot: usize,
    pub(crate) direction: Direction,
    pub(crate) rank: usize,
    pub(crate) bytes: usize,
}

/// The parts in which a message goes, at least one.
pub(crate) fn parts(bytes: usize) -> impl Iterator<Item = Range<usize>> {
    let num_parts = bytes.div_ceil(PART).max(1);
    (0..num_parts).map(move |i| i * PART..bytes.min((i + 1) * PART))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_go_in_parts_that_meet() {
        let lengths = |bytes| parts(bytes).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0), [0]);
        assert_eq!(lengths(7), [7]);
        assert_eq!(lengths(PART), [PART]);
        assert_eq!(lengths(2 * PART + 1), [PART, PART, 1]);
        let mut ends = parts(2 * PART + 1).map(|part| part.end);
        assert!(
            parts(2 * PART + 1)
                .skip(1)
                .all(|part| Some(part.start) == ends.next())
        );
    }
}

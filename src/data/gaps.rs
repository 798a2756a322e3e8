//! Gaps: cells of a table that say that there is no value.

use super::cells::is_missing;
use super::targets::{is_missing_label, missing_labels};

/// Whether a cell is a gap among numbers or dates.
pub(super) fn is_gap(cell: &str) -> bool {
    is_missing(cell) || is_missing_label(cell)
}

/// Whether a cell is a gap among words, of which `none` may be one.
pub(super) fn is_gap_in_words(cell: &str) -> bool {
    is_missing_label(cell)
}

/// Gaps among words, as programs write them.
pub(super) fn gaps_in_words() -> impl Iterator<Item = String> {
    missing_labels()
}

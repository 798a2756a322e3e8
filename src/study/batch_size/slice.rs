//! Slices of a study, which are made apart, on several machines say, and merged.

use super::error::StudyError;

/// A part of a study: every `of`-th trial from the `part`-th on, counted from 1.
///
/// ```
/// use unisono::study::batch_size::Slice;
/// assert!(Slice::WHOLE.is_whole() && !Slice { part: 2, of: 3 }.is_whole());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which part, from 1 to `of`.
    pub part: usize,
    /// How many parts there are.
    pub of: usize,
}

impl Slice {
    /// All of it.
    pub const WHOLE: Self = Self { part: 1, of: 1 };

    /// Whether it is all of it.
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Those of `all` that belong to it.
    pub(super) fn take<T>(self, all: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        all.skip(self.part - 1).step_by(self.of)
    }

    /// Refuses a part that there is not.
    pub(super) fn check(self) -> Result<(), StudyError> {
        if (1..=self.of).contains(&self.part) {
            return Ok(());
        }
        Err(StudyError::Value {
            what: "a slice",
            expected: "K/N with K from 1 to N",
            got: format!("{}/{}", self.part, self.of),
        })
    }
}

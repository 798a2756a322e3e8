//! Memory for rows on their way: each worker's own, so that a steady step allocates nothing. Data
//! sets made of others take one piece each.

use std::cell::RefCell;
use std::thread::LocalKey;

type Pieces<T> = RefCell<Vec<Vec<T>>>;

thread_local! {
    /// Numbers of rows.
    pub(super) static ROWS: Pieces<u32> = const { RefCell::new(Vec::new()) };
    /// Values of rows.
    pub(super) static VALUES: Pieces<f32> = const { RefCell::new(Vec::new()) };
}

/// Calls `with` with an empty piece.
pub(super) fn with_scratch<T, R>(
    pieces: &'static LocalKey<Pieces<T>>,
    with: impl FnOnce(&mut Vec<T>) -> R,
) -> R {
    let mut piece = pieces.with_borrow_mut(Vec::pop).unwrap_or_default();
    piece.clear();
    let result = with(&mut piece);
    pieces.with_borrow_mut(|pieces| pieces.push(piece));
    result
}

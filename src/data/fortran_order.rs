//! Arrays in Fortran's order, whose rows do not lie together.

use std::path::Path;

use super::error::DataError;
use super::files::Source;
use super::npy::Head;

/// The values of an array in Fortran's order, row by row: of `size` bytes each, from `begin` on.
pub(super) fn in_rows(
    path: &Path,
    begin: usize,
    head: &Head,
    size: usize,
) -> Result<Vec<u8>, DataError> {
    let bytes = Source::open(path)?.all()?;
    let values = bytes.get(begin..).unwrap_or_default();
    let count = values.len() / size;
    let shape = &head.shape;
    let mut ordered = Vec::with_capacity(values.len());
    let mut at = vec![0; shape.len()];
    for _ in 0..count {
        let place = at.iter().zip(shape).rev();
        let place = place.fold(0, |place, (&at, &axis): (&usize, &usize)| place * axis + at);
        ordered.extend_from_slice(&values[place * size..][..size]);
        // The last axis runs fastest.
        for (at, axis) in at.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < *axis {
                break;
            }
            *at = 0;
        }
    }
    Ok(ordered)
}

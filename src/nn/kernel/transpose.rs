//! Transposition, `C = A'`: for the few results that are cheaper to transpose than the operands they
//! come from.

use multiversion::multiversion;

use super::operands::{LINE, Out};

/// `c = a'`, where `a` is row-major with rows of `rows` values, so that `c` gets `rows` rows.
///
/// ```
/// use unisono::nn::kernel::{Out, transpose};
/// let mut c = [0.0; 6];
/// transpose(Out::dense(&mut c, 2), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
/// assert_eq!(c, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
/// ```
///
/// # Panics
/// If `c` has no room for them.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn transpose(c: Out<'_>, a: &[f32], rows: usize) {
    if a.is_empty() {
        return;
    }
    let columns = a.len() / rows;
    // Blocks whose both sides are whole lines.
    for first in (0..columns).step_by(LINE) {
        let block = &a[first * rows..(first + LINE).min(columns) * rows];
        for (row, out) in c.data.chunks_mut(c.stride).take(rows).enumerate() {
            let out = &mut out[first..(first + LINE).min(columns)];
            if let Some(out) = out.first_chunk_mut::<LINE>() {
                let line: [f32; LINE] = std::array::from_fn(|i| block[i * rows + row]);
                *out = line;
            } else {
                for (value, from) in out.iter_mut().zip(block.chunks_exact(rows)) {
                    *value = from[row];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_changes_its_place_and_the_gaps_keep_theirs() {
        for (rows, columns) in [(1, 1), (3, 5), (16, 16), (7, 40), (33, 17), (64, 100)] {
            let a: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
            let stride = columns + 3;
            let mut c = vec![-1.0; rows * stride];
            let out = Out {
                data: &mut c,
                stride,
            };
            transpose(out, &a, rows);
            for (i, row) in c.chunks(stride).enumerate() {
                assert!((0..columns).all(|j| row[j] == a[j * rows + i]));
                assert!(row[columns..].iter().all(|&gap| gap == -1.0));
            }
        }
    }
}

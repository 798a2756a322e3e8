//! Synthetic data for benchmarks and trials: learnable, of any size, a function of the seed.

use ndarray::Array2;

use super::arrays::ArrayDataset;
use crate::seed::{Purpose, Stream};

/// `shape` is of rows and columns: rows of normal values around one of `classes` centres, the row's class.
///
/// ```
/// use unisono::data::{Dataset, synthetic_classes};
/// let data = synthetic_classes([100, 20], 3, 7);
/// assert_eq!((data.len(), data.input_len()), (100, 20));
/// ```
///
/// # Panics
/// If a size is 0.
pub fn synthetic_classes(shape: [usize; 2], classes: usize, seed: u64) -> ArrayDataset {
    let [rows, width] = shape;
    let mut stream = Stream::new(seed, Purpose::Synthetic, 0, 0);
    let centres = normal([classes, width], &mut stream);
    let labels: Vec<u32> = (0..rows).map(|_| stream.below(classes as u32)).collect();
    let mut inputs = normal([rows, width], &mut stream);
    for (mut row, &label) in inputs.rows_mut().into_iter().zip(&labels) {
        row.zip_mut_with(&centres.row(label as usize), |x, c| *x = 0.8 * *x + 0.6 * c);
    }
    ArrayDataset::classes(inputs, &labels, classes).expect("the sizes are positive")
}

fn normal(shape: [usize; 2], stream: &mut Stream) -> Array2<f32> {
    Array2::from_shape_simple_fn(shape, || stream.normal() as f32)
}

/// `shape` is of rows and tokens: sequences of tokens below `vocabulary`, each labelled with the next one: a chain that
/// mostly steps by a fixed permutation, else jumps.
///
/// ```
/// use unisono::data::{Dataset, Labels, synthetic_tokens};
/// let data = synthetic_tokens([10, 16], 65, 7);
/// assert_eq!(data.labels(), Labels::Sequence { classes: 65, len: 16 });
/// ```
///
/// # Panics
/// If a size is 0.
pub fn synthetic_tokens(shape: [usize; 2], vocabulary: usize, seed: u64) -> ArrayDataset {
    let [rows, length] = shape;
    let mut stream = Stream::new(seed, Purpose::Synthetic, 1, 0);
    let v = vocabulary as u32;
    let next = stream.permutation(v);
    let mut all = Array2::<u32>::zeros((rows, length + 1));
    for mut row in all.rows_mut() {
        let mut token = stream.below(v);
        for to in &mut row {
            *to = token;
            token = if stream.below(10) < 9 {
                next[token as usize]
            } else {
                stream.below(v)
            };
        }
    }
    let tokens = all.slice(ndarray::s![.., ..length]).to_owned();
    let classes = all.slice(ndarray::s![.., 1..]).to_owned();
    ArrayDataset::sequences(&tokens, classes, vocabulary).expect("the sizes are positive")
}

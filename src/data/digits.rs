//! Handwritten digits, 8 x 8 pixels, embedded in the program.
//!
//! Optical Recognition of Handwritten Digits, test part: E. Alpaydin, C. Kaynak, 1998, UCI Machine
//! Learning Repository, licensed CC BY 4.0. 1,797 rows of 64 values from 0 to 16 and a label.

use std::io::Read;

use flate2::read::GzDecoder;
use ndarray::Array2;

use super::arrays::ArrayDataset;

const CSV_GZ: &[u8] = include_bytes!("digits.csv.gz");

const PIXELS: usize = 64;

/// Training and test part: rows whose number is a multiple of 5 are the test part. Pixels are
/// scaled to 0..=1.
///
/// ```
/// use unisono::data::{Dataset, digits};
/// let (train, test) = digits();
/// assert_eq!((train.len(), test.len(), train.input_len()), (1437, 360, 64));
/// ```
pub fn digits() -> (ArrayDataset, ArrayDataset) {
    let mut text = String::new();
    GzDecoder::new(CSV_GZ)
        .read_to_string(&mut text)
        .expect("the embedded data is whole");
    let mut pixels = Vec::new();
    let mut classes = Vec::new();
    for line in text.lines() {
        let mut numbers = line
            .split(',')
            .map(|number| number.parse::<u8>().expect("the embedded data is numbers"));
        pixels.extend(
            numbers
                .by_ref()
                .take(PIXELS)
                .map(|pixel| f32::from(pixel) / 16.0),
        );
        classes.extend(numbers.map(u32::from));
    }
    let pixels = Array2::from_shape_vec((classes.len(), PIXELS), pixels).expect("64 pixels a row");
    let all = ArrayDataset::classes(pixels, &classes, 10).expect("the embedded data is in range");
    let (test, train): (Vec<_>, Vec<_>) = (0..classes.len()).partition(|row| row % 5 == 0);
    (all.subset(&train), all.subset(&test))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_in_both_parts() {
        let (train, test) = digits();
        for (part, least) in [(train, 130), (test, 25)] {
            let classes = part.class_labels().unwrap();
            for class in 0..10 {
                assert!(
                    classes.iter().filter(|&&c| c == class).count() >= least,
                    "class {class}"
                );
            }
            assert!(
                part.inputs()
                    .iter()
                    .all(|pixel| (0.0..=1.0).contains(pixel))
            );
        }
    }
}

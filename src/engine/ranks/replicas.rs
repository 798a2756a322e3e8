//! Replicas of the parameters, compared: every rank has all of them, and a broken machine may change
//! its own.

use std::ops::Range;

/// Hashes that are made at once, so that one need not wait for the other.
const LANES: usize = 8;

/// A hash of each segment: of every bit of it.
pub(crate) fn hashes(params: &[f32], cuts: &[Range<usize>]) -> Vec<u64> {
    cuts.iter().map(|cut| hash(&params[cut.clone()])).collect()
}

fn hash(values: &[f32]) -> u64 {
    let mix = |hash: u64, value: f32| {
        (hash.rotate_left(5) ^ u64::from(value.to_bits())).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    let mut lanes = [0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = mix(*lane, value);
        }
    }
    let start = lanes.into_iter().fold(values.len() as u64, |all, lane| {
        (all.rotate_left(5) ^ lane).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    rest.iter().fold(start, |hash, &value| mix(hash, value))
}

/// The ranks whose hashes of a segment are not those of most others, and the first such segment.
/// Where as many say one thing as another, all of them.
pub(crate) fn odd_ranks(all: &[Vec<u64>]) -> Option<(usize, Vec<usize>)> {
    let segments = all.iter().map(Vec::len).max().unwrap_or(0);
    let of = |rank: usize, segment: usize| all[rank].get(segment).copied();
    let segment = (0..segments)
        .find(|&segment| (1..all.len()).any(|rank| of(rank, segment) != of(0, segment)))?;
    let votes = |rank: usize| {
        let same = |&other: &usize| of(other, segment) == of(rank, segment);
        (0..all.len()).filter(same).count()
    };
    let majority = (0..all.len()).find(|&rank| 2 * votes(rank) > all.len());
    let odd = |&rank: &usize| majority.is_none_or(|most| of(rank, segment) != of(most, segment));
    Some((segment, (0..all.len()).filter(odd).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_segment_counts_and_only_there() {
        let params: Vec<f32> = (0..1000).map(|at| at as f32 / 7.0).collect();
        let cuts = [0..333, 333..333, 333..1000];
        let before = hashes(&params, &cuts);
        for at in [0, 7, 332, 333, 999] {
            for bit in [0, 22, 31] {
                let mut changed = params.clone();
                changed[at] = f32::from_bits(changed[at].to_bits() ^ 1 << bit);
                let after = hashes(&changed, &cuts);
                let differ: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a != b).collect();
                assert_eq!(differ, [at < 333, false, at >= 333], "{at}, bit {bit}");
            }
        }
    }

    #[test]
    fn the_majority_names_the_odd_rank() {
        let same = vec![1, 2, 3];
        let odd = vec![1, 9, 3];
        assert_eq!(odd_ranks(&[same.clone(), same.clone()]), None);
        let three = [same.clone(), same.clone(), odd.clone()];
        assert_eq!(odd_ranks(&three), Some((1, vec![2])));
        assert_eq!(
            odd_ranks(&[odd.clone(), same.clone()]),
            Some((1, vec![0, 1]))
        );
        let four = [odd.clone(), same.clone(), odd, same];
        assert_eq!(odd_ranks(&four), Some((1, vec![0, 1, 2, 3])));
    }
}

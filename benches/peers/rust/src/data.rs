//! Synthetic batches in host memory, from a fixed seed, the same for both frameworks.

use crate::workload::{CLASSES, SEQ, VOCAB};

/// Batches that the steps take in turn.
pub const NUM_BATCHES: usize = 4;

const SEED: u64 = 1234;

/// One batch, row after row.
pub struct HostBatch<T> {
    /// Features or characters.
    pub inputs: Vec<T>,
    /// A class for each sample, or for each character.
    pub targets: Vec<u32>,
}

/// Normal features and uniform classes.
pub fn feature_batches(batch: usize, sample_len: usize) -> Vec<HostBatch<f32>> {
    let mut random = Random(SEED);
    let mut make = || HostBatch {
        inputs: (0..batch * sample_len).map(|_| random.normal()).collect(),
        targets: (0..batch).map(|_| random.below(CLASSES)).collect(),
    };
    (0..NUM_BATCHES).map(|_| make()).collect()
}

/// Uniform characters, each with the next one as its target.
pub fn token_batches(batch: usize) -> Vec<HostBatch<u32>> {
    let mut random = Random(SEED);
    let mut make = || {
        let mut host = HostBatch {
            inputs: Vec::new(),
            targets: Vec::new(),
        };
        for _ in 0..batch {
            let text: Vec<u32> = (0..=SEQ).map(|_| random.below(VOCAB)).collect();
            host.inputs.extend(&text[..SEQ]);
            host.targets.extend(&text[1..]);
        }
        host
    };
    (0..NUM_BATCHES).map(|_| make()).collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1], so that its logarithm is finite.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// By Box and Muller.
    fn normal(&mut self) -> f32 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.unit()).cos()) as f32
    }

    fn below(&mut self, bound: usize) -> u32 {
        (self.next() % bound as u64) as u32
    }
}

//! Named random streams from one seed: every random number is a pure function of its coordinates.
//!
//! A number is addressed by `(seed, purpose, a, b, index)`, where `a` and `b` are whatever names
//! the place of use (an epoch and a step, a layer and a tensor). Nothing depends on which thread
//! draws, or in which order.
//!
//! # References
//! Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11 (Philox
//! 4x32-10).

mod draws;
mod rand;

/// What a stream is drawn for; streams of different purposes share no numbers.
///
/// ```
/// use unisono::seed::{Purpose, Stream};
/// let draw = |purpose| Stream::new(42, purpose, 0, 0).permutation(100);
/// assert_ne!(draw(Purpose::Init), draw(Purpose::Shuffle));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[non_exhaustive]
pub enum Purpose {
    /// Initial parameters; `a` is the index of the tensor.
    Init = 1,
    /// The order of the rows; `a` is the epoch.
    Shuffle = 2,
    /// Which values a dropout layer drops.
    Dropout = 3,
    /// Synthetic data.
    Synthetic = 4,
    /// How an image is changed; `a` is its row, `b` the epoch's low half.
    Augment = 5,
    /// Which rows are the test part; `a` is the class.
    Split = 6,
    /// Which tokens of a text are dropped; `a` is its row, `b` the epoch's low half.
    TokenDropout = 7,
    /// Which samples a bootstrap draws; `a` is the draw.
    Bootstrap = 8,
    /// The order of measurements; `a` is the round.
    Measure = 9,
    /// How long a simulated worker takes; `a` is the worker.
    Simulate = 10,
    /// What a study tries; `a` is the trial.
    Trial = 11,
    /// The tokens that a language model draws; `a` is the token's place.
    Generation = 12,
}

/// A counter-based random stream.
///
/// It implements no trait of the `rand` crate, each version of which has another one; whoever draws
/// from its distributions puts [`Stream::next_u32`] and [`Stream::next_u64`] behind the `RngCore` of
/// the version at hand.
///
/// ```
/// use unisono::seed::{Purpose, Stream};
/// let mut one = Stream::new(42, Purpose::Shuffle, 3, 0);
/// let mut same = Stream::new(42, Purpose::Shuffle, 3, 0);
/// assert_eq!(one.below(1000), same.below(1000));
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream named by its coordinates: `a` below 2^32, `b` below 2^16.
    pub fn new(seed: u64, purpose: Purpose, a: u32, b: u16) -> Self {
        let key = [seed as u32, (seed >> 32) as u32];
        let place = (purpose as u32) << 16 | u32::from(b);
        Self {
            key,
            counter: [0, 0, a, place],
            block: [0; 4],
            used: 4,
        }
    }

    /// A number uniform in `0..bound`, without bias (Lemire, "Fast random integer generation in an
    /// interval", 2019).
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(
            bound > 0,
            "the bound of a random integer must be positive, got 0"
        );
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(bound);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// A uniformly random permutation of `0..len` (Fisher-Yates).
    ///
    /// ```
    /// use unisono::seed::{Purpose, Stream};
    /// let mut order = Stream::new(42, Purpose::Shuffle, 0, 0).permutation(5);
    /// order.sort_unstable();
    /// assert_eq!(order, [0, 1, 2, 3, 4]);
    /// ```
    pub fn permutation(&mut self, len: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..len).collect();
        for last in (1..len).rev() {
            order.swap(last as usize, self.below(last + 1) as usize);
        }
        order
    }
}

impl Stream {
    /// 32 random bits.
    ///
    /// ```
    /// use unisono::seed::{Purpose, Stream, philox4x32_10};
    /// let mut stream = Stream::new(42, Purpose::Shuffle, 3, 0);
    /// let first = philox4x32_10([0, 0, 3, (Purpose::Shuffle as u32) << 16], [42, 0]);
    /// assert_eq!([(); 4].map(|()| stream.next_u32()), first);
    /// ```
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox4x32_10(self.counter, self.key);
            let low = u64::from(self.counter[0]) | u64::from(self.counter[1]) << 32;
            let next = low.wrapping_add(1);
            self.counter[0] = next as u32;
            self.counter[1] = (next >> 32) as u32;
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// 64 random bits: two draws of 32, the lower half first.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// A number uniform in 0..1, a multiple of 2^-53.
    ///
    /// ```
    /// use unisono::seed::{Purpose, Stream};
    /// let mut stream = Stream::new(42, Purpose::Synthetic, 0, 0);
    /// let mean = (0..1000).map(|_| stream.uniform()).sum::<f64>() / 1000.0;
    /// assert!((0.45..0.55).contains(&mean));
    /// ```
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number uniform in 0..1, a multiple of 2^-24.
    pub fn uniform_f32(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 / (1_u32 << 24) as f32
    }

    /// Either of two, each as likely.
    pub(crate) fn coin(&mut self) -> bool {
        self.next_u32() >> 31 == 1
    }
}

/// Four random words from a counter and a key: Philox 4x32 with ten rounds.
///
/// ```
/// use unisono::seed::philox4x32_10;
/// // Known answer of Random123 for zeros.
/// let words = philox4x32_10([0; 4], [0; 2]);
/// assert_eq!(words, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
pub fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let low = u64::from(counter[0]) * 0xD251_1F53;
        let high = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (high >> 32) as u32 ^ counter[1] ^ key[0],
            high as u32,
            (low >> 32) as u32 ^ counter[3] ^ key[1],
            low as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with Random123 (`kat_vectors`, philox 4x32 10).
    #[test]
    fn philox_gives_the_published_answers() {
        let ones = u32::MAX;
        let cases = [
            (
                [0; 4],
                [0; 2],
                [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
            ),
            (
                [ones; 4],
                [ones; 2],
                [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
            ),
            (
                [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
                [0xa4093822, 0x299f31d0],
                [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    #[test]
    fn a_permutation_holds_every_index_once_and_depends_on_every_coordinate() {
        let draw = |seed, a, b| Stream::new(seed, Purpose::Shuffle, a, b).permutation(101);
        let first = draw(1, 0, 0);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..101).collect::<Vec<_>>());
        for other in [
            draw(2, 0, 0),
            draw(1, 1, 0),
            draw(1, 0, 1),
            draw(1 << 40, 0, 0),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn integers_are_uniform_below_the_bound() {
        let mut stream = Stream::new(7, Purpose::Init, 0, 0);
        let mut counts = [0; 6];
        (0..60_000).for_each(|_| counts[stream.below(6) as usize] += 1);
        // Five standard deviations of a binomial count with n = 60,000, p = 1/6.
        assert!(
            counts.iter().all(|&c: &i32| (c - 10_000).abs() < 457),
            "{counts:?}"
        );
    }
}

//! A stream as the `rand` crate wants it, for this crate alone: `rand`'s traits are no part of the
//! interface, since each version of `rand` has others.

use ndarray_rand::rand::RngCore;

use super::Stream;

/// A stream that `rand`'s distributions draw from.
pub(crate) struct Rand<'s>(&'s mut Stream);

impl Stream {
    /// The stream as `rand` takes it.
    pub(crate) fn rand(&mut self) -> Rand<'_> {
        Rand(self)
    }
}

impl RngCore for Rand<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            chunk.copy_from_slice(&self.0.next_u32().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Purpose;
    use super::*;
    use ndarray_rand::rand::Rng;

    #[test]
    fn numbers_and_coins_are_those_of_rand_bit_for_bit() {
        let [mut own, mut other] = [(); 2].map(|()| Stream::new(7, Purpose::Trial, 0, 0));
        for _ in 0..10_000 {
            assert_eq!(own.uniform(), other.rand().random::<f64>());
            assert_eq!(own.uniform_f32(), other.rand().random::<f32>());
            assert_eq!(own.coin(), other.rand().random::<bool>());
        }
    }
}

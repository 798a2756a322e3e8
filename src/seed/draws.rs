//! Normal and beta numbers from a stream, the same bits with every C library.
//!
//! # Why this way
//! `rand_distr` draws both with the logarithm and the exponential function of the C library, whose
//! last bits differ from one to another. These are its algorithms with the functions of `libm`;
//! those of `f32` are computed in `f64` and rounded, which nearly always is the nearest `f32`, as
//! a good C library has it.
//!
//! # References
//! Doornik: "An improved ziggurat method to generate normal random samples", 2005; Cheng:
//! "Generating beta variates with nonintegral shape parameters", 1978.

use std::sync::LazyLock;

use ndarray_rand::rand::Rng;
use ndarray_rand::rand::distr::Open01;

use super::Stream;

/// Where the tail begins.
const TAIL: f64 = 3.654_152_885_361_009;

/// The area of each of the 256 layers under `exp(-x²/2)`.
const AREA: f64 = 0.004_928_673_233_99;

/// The layers, from the lowest up.
struct Layers {
    /// Where each ends on the right.
    edges: [f64; 257],
    /// The density there.
    heights: [f64; 257],
}

static LAYERS: LazyLock<Layers> = LazyLock::new(|| {
    let (mut edges, mut heights) = ([0.0; 257], [1.0; 257]);
    // The lowest layer has the tail, too: as a rectangle it would reach as far as this.
    edges[0] = AREA / density(TAIL);
    edges[1] = TAIL;
    for i in 2..256 {
        let height = AREA / edges[i - 1] + density(edges[i - 1]);
        edges[i] = (-2.0 * libm::log(height)).sqrt();
    }
    for (height, edge) in heights.iter_mut().zip(&edges[..256]) {
        *height = density(*edge);
    }
    Layers { edges, heights }
});

/// The standard normal density, 1 at 0.
fn density(x: f64) -> f64 {
    libm::exp(-x * x / 2.0)
}

impl Stream {
    /// A number of the standard normal distribution.
    ///
    /// ```
    /// use unisono::seed::{Purpose, Stream};
    /// let mut stream = Stream::new(42, Purpose::Init, 0, 0);
    /// let mean = (0..1000).map(|_| stream.normal()).sum::<f64>() / 1000.0;
    /// assert!(mean.abs() < 0.1);
    /// ```
    pub fn normal(&mut self) -> f64 {
        let Layers { edges, heights } = &*LAYERS;
        loop {
            // The lowest bits choose a layer, the upper 52 a place in -1..1.
            let bits = self.next_u64();
            let layer = (bits & 0xff) as usize;
            let place = f64::from_bits(bits >> 12 | 0x400 << 52) - 3.0;
            let x = place * edges[layer];
            if x.abs() < edges[layer + 1] {
                return x;
            }
            if layer == 0 {
                return self.tail().copysign(place);
            }
            // Under the curve in the layer's outermost part?
            let (low, high) = (heights[layer], heights[layer + 1]);
            if high + (low - high) * self.uniform() < density(x) {
                return x;
            }
        }
    }

    /// A number of the tail, above [`TAIL`].
    fn tail(&mut self) -> f64 {
        loop {
            let beyond = -libm::log(self.rand().sample(Open01)) / TAIL;
            let other = libm::log(self.rand().sample(Open01));
            if -2.0 * other >= beyond * beyond {
                return TAIL + beyond;
            }
        }
    }

    /// A number of the beta distribution whose parameters both are `alpha`, in 0..=1.
    ///
    /// ```
    /// use unisono::seed::{Purpose, Stream};
    /// let mut stream = Stream::new(42, Purpose::Augment, 0, 0);
    /// let mean = (0..1000).map(|_| stream.beta(0.2)).sum::<f32>() / 1000.0;
    /// assert!((0.45..0.55).contains(&mean));
    /// ```
    ///
    /// # Panics
    /// If `alpha` is not above 0.
    pub fn beta(&mut self, alpha: f32) -> f32 {
        assert!(
            alpha > 0.0,
            "the parameter of a beta distribution must be above 0, got {alpha}"
        );
        if alpha > 1.0 {
            self.beta_above_1(alpha)
        } else {
            self.beta_up_to_1(alpha)
        }
    }

    /// Cheng's algorithm BB.
    fn beta_above_1(&mut self, alpha: f32) -> f32 {
        let sum = alpha + alpha;
        let beta = ((sum - 2.0) / (2.0 * alpha * alpha - sum)).sqrt();
        let gamma = alpha + 1.0 / beta;
        let w = loop {
            let [u1, u2]: [f32; 2] = [self.rand().sample(Open01), self.rand().sample(Open01)];
            let v = beta * ln(u1 / (1.0 - u1));
            let w = alpha * exp(v);
            let z = u1 * u1 * u2;
            let r = gamma * v - ln(4.0);
            let s = alpha + r - w;
            // Most are in at once; the others take logarithms.
            if s + 1.0 + ln(5.0) >= 5.0 * z || s >= ln(z) {
                break w;
            }
            let is_out = r + sum * ln(sum / (alpha + w)) < ln(z);
            if !is_out {
                break w;
            }
        };
        alpha / (alpha + w)
    }

    /// Cheng's algorithm BC.
    fn beta_up_to_1(&mut self, alpha: f32) -> f32 {
        let sum = alpha + alpha;
        let beta = 1.0 / alpha;
        let delta = 1.0 + alpha - alpha;
        let least = delta * (1.0 / 72.0 + 3.0 / 72.0 * alpha) / (alpha * beta - 14.0 / 18.0);
        let most = 0.25 + (0.5 + 0.25 / delta) * alpha;
        let w = loop {
            let [u1, u2]: [f32; 2] = [self.rand().sample(Open01), self.rand().sample(Open01)];
            let v = beta * ln(u1 / (1.0 - u1));
            let w = alpha * exp(v);
            let z = if u1 < 0.5 {
                let y = u1 * u2;
                let z = u1 * y;
                if 0.25 * u2 + z - y >= least {
                    continue;
                }
                z
            } else {
                let z = u1 * u1 * u2;
                if z <= 0.25 {
                    break w;
                }
                if z >= most {
                    continue;
                }
                z
            };
            // What is no number, as of an alpha next to 0, is in.
            let is_out = sum * (ln(sum / (alpha + w)) + v) - ln(4.0) < ln(z);
            if !is_out {
                break w;
            }
        };
        if w == f32::INFINITY {
            return 1.0;
        }
        w / (alpha + w)
    }
}

/// The natural logarithm.
fn ln(x: f32) -> f32 {
    libm::log(f64::from(x)) as f32
}

/// The exponential function.
fn exp(x: f32) -> f32 {
    libm::exp(f64::from(x)) as f32
}

#[cfg(test)]
mod tests {
    use super::super::Purpose;
    use super::*;
    use ndarray_rand::rand_distr::{Beta, Distribution, StandardNormal};

    const DRAWS: usize = 100_000;

    /// Two streams of the same numbers.
    fn twins() -> [Stream; 2] {
        [(); 2].map(|()| Stream::new(7, Purpose::Trial, 0, 0))
    }

    #[test]
    fn normal_numbers_are_those_of_rand_distr_but_for_the_last_bits() {
        let [mut own, mut other] = twins();
        let mut in_tail = 0;
        for draw in 0..DRAWS {
            let (got, expected) = (own.normal(), other.rand().sample::<f64, _>(StandardNormal));
            assert!(
                (got - expected).abs() < 1e-14,
                "draw {draw}: {got}, {expected}"
            );
            in_tail += usize::from(got.abs() > TAIL);
        }
        // 2.6 of 10,000 lie there.
        assert!((10..50).contains(&in_tail), "{in_tail}");
    }

    #[test]
    fn beta_numbers_are_those_of_rand_distr_but_for_the_last_bits() {
        for alpha in [1e-30, 0.01, 0.2, 0.4, 1.0, 1.0001, 1.5, 8.0, 1e6] {
            let ([mut own, mut other], beta) = (twins(), Beta::new(alpha, alpha).unwrap());
            for draw in 0..DRAWS {
                let (got, expected): (f32, f32) = (own.beta(alpha), beta.sample(&mut other.rand()));
                assert!(
                    (got - expected).abs() <= 1e-4 * expected && (0.0..=1.0).contains(&got),
                    "{alpha}, draw {draw}: {got}, {expected}"
                );
            }
        }
    }
}

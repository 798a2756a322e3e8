//! Initial values of parameters.
//!
//! # References
//! Glorot, Bengio: "Understanding the difficulty of training deep feedforward neural networks",
//! AISTATS 2010, eq. 12 and 16. He, Zhang, Ren, Sun: "Delving deep into rectifiers", ICCV 2015, eq.
//! 10.

use ndarray::Array1;
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::Uniform;
use serde::{Deserialize, Serialize};

use crate::seed::{Purpose, Stream};

/// How a tensor is filled before training.
///
/// ```
/// use unisono::nn::{Dense, Init, Network, Sequential};
/// let dense = Dense::new(2).weight(Init::Constant(0.5)).bias(Init::Uniform(0.1));
/// let network = Network::new(Sequential::new(3).layer(dense), 42)?;
/// assert_eq!(network.params()[..6], [0.5; 6]);
/// assert!(network.params()[6..].iter().all(|b| b.abs() <= 0.1));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Init {
    /// All zeros.
    Zeros,
    /// All the same value.
    Constant(f32),
    /// Uniform in ±bound.
    Uniform(f32),
    /// Normal around 0 with this standard deviation.
    Normal(f32),
    /// Normal around 0 with this standard deviation, redrawn beyond two of them and rescaled to it.
    TruncatedNormal(f32),
    /// Uniform in ±1 / sqrt(fan_in): PyTorch's default for weights and biases of dense and
    /// convolution layers.
    Torch,
    /// Uniform with variance 2 / ((1 + a²) fan), for leaky ReLU with slope a below 0; He's with a =
    /// 0.
    KaimingUniform(Fan, f32),
    /// Normal with variance 2 / ((1 + a²) fan).
    KaimingNormal(Fan, f32),
    /// Uniform in ±sqrt(3 / fan_in): variance 1 / fan_in (LeCun).
    LecunUniform,
    /// Normal with variance 1 / fan_in (LeCun).
    LecunNormal,
    /// Rows (or columns, if there are fewer) that are orthonormal, times a gain: of the matrix of
    /// all leading axes by the last one.
    Orthogonal(f32),
    /// Uniform in ±sqrt(6 / (fan_in + fan_out)): variance 2 / (fan_in + fan_out).
    XavierUniform,
    /// Normal with variance 2 / (fan_in + fan_out).
    XavierNormal,
    /// Uniform in ±sqrt(6 / fan_in): variance 2 / fan_in, for ReLU.
    HeUniform,
    /// Normal with variance 2 / fan_in, for ReLU.
    HeNormal,
}

/// Which side of a unit keeps its variance.
///
/// ```
/// use unisono::nn::{Fan, Fans, Init};
/// let mut weights = [0.0; 6 * 24];
/// let fans = Fans { inputs: 6, outputs: 24 };
/// Init::KaimingUniform(Fan::Out, 0.0).fill(&mut weights, fans, 42, 0);
/// assert!(weights.iter().all(|w| w.abs() <= (6.0_f32 / 24.0).sqrt()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fan {
    /// That of the activations: inputs.
    In,
    /// That of the gradients: outputs.
    Out,
}

/// Inputs and outputs of a unit.
///
/// ```
/// use unisono::nn::{Fans, Sequential};
/// let layout = Sequential::new(3).dense(2).layout()?;
/// assert_eq!(layout.tensors()[0].fan, Fans { inputs: 3, outputs: 2 });
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fans {
    /// Values that it takes.
    pub inputs: usize,
    /// Values that it gives.
    pub outputs: usize,
}

impl Fans {
    /// Of a unit that gives as many values as it takes.
    ///
    /// ```
    /// use unisono::nn::Fans;
    /// assert_eq!(Fans::equal(3), Fans { inputs: 3, outputs: 3 });
    /// ```
    pub fn equal(count: usize) -> Self {
        Self {
            inputs: count,
            outputs: count,
        }
    }
}

impl Init {
    /// Fills `values`, tensor number `tensor` of a model drawn from `seed`; the fans are a unit's
    /// inputs and outputs.
    ///
    /// ```
    /// use unisono::nn::{Fans, Init};
    /// let mut weights = [0.0; 1000];
    /// Init::HeUniform.fill(&mut weights, Fans { inputs: 6, outputs: 10 }, 42, 0);
    /// assert!(weights.iter().all(|w| w.abs() <= 1.0));
    /// ```
    pub fn fill(self, values: &mut [f32], fans: Fans, seed: u64, tensor: u32) {
        let (fan_in, fan_out) = (fans.inputs.max(1) as f32, fans.outputs.max(1) as f32);
        let mut stream = Stream::new(seed, Purpose::Init, tensor, 0);
        let uniform = |bound: f32| {
            Uniform::new_inclusive(-bound, bound).expect("the bound is positive and finite")
        };
        // All draws of a tensor come from its own stream.
        let len = values.len();
        let drawn = |from: Uniform<f32>, stream: &mut Stream| {
            Array1::random_using(len, from, &mut stream.rand())
        };
        let all = match self {
            Init::Zeros => Array1::zeros(len),
            Init::Constant(value) => Array1::from_elem(len, value),
            Init::Uniform(bound) => drawn(uniform(bound), &mut stream),
            Init::Normal(deviation) => normal(len, deviation * deviation, &mut stream),
            Init::TruncatedNormal(deviation) => truncated(len, deviation, &mut stream),
            Init::Torch => drawn(uniform(1.0 / fan_in.sqrt()), &mut stream),
            Init::KaimingUniform(fan, slope) => {
                let variance = kaiming(fan, slope, fan_in, fan_out);
                drawn(uniform((3.0 * variance).sqrt()), &mut stream)
            }
            Init::KaimingNormal(fan, slope) => {
                let variance = kaiming(fan, slope, fan_in, fan_out);
                normal(len, variance, &mut stream)
            }
            Init::LecunUniform => drawn(uniform((3.0 / fan_in).sqrt()), &mut stream),
            Init::LecunNormal => normal(len, 1.0 / fan_in, &mut stream),
            Init::Orthogonal(gain) => orthogonal(len, fan_out as usize, gain, &mut stream),
            Init::XavierUniform => drawn(uniform((6.0 / (fan_in + fan_out)).sqrt()), &mut stream),
            Init::XavierNormal => normal(len, 2.0 / (fan_in + fan_out), &mut stream),
            Init::HeUniform => drawn(uniform((6.0 / fan_in).sqrt()), &mut stream),
            Init::HeNormal => normal(len, 2.0 / fan_in, &mut stream),
        };
        values
            .iter_mut()
            .zip(all)
            .for_each(|(value, drawn)| *value = drawn);
    }
}

/// He, Zhang, Ren, Sun 2015, eq. 15.
fn kaiming(fan: Fan, slope: f32, fan_in: f32, fan_out: f32) -> f32 {
    let fan = match fan {
        Fan::In => fan_in,
        Fan::Out => fan_out,
    };
    2.0 / ((1.0 + slope * slope) * fan)
}

/// Normal around 0.
fn normal(len: usize, variance: f32, stream: &mut Stream) -> Array1<f32> {
    let deviation = variance.sqrt();
    // The sum makes 0 of -0, of which a deviation of 0 would make half of the values.
    let draw = || 0.0 + deviation * stream.normal() as f32;
    std::iter::repeat_with(draw).take(len).collect()
}

/// Draws beyond two deviations are drawn again; what is left has 0.8796 of the deviation.
fn truncated(len: usize, deviation: f32, stream: &mut Stream) -> Array1<f32> {
    let draw = || loop {
        let value = stream.normal() as f32;
        if value.abs() <= 2.0 {
            return value * deviation / 0.879_626;
        }
    };
    std::iter::repeat_with(draw).take(len).collect()
}

/// Gram-Schmidt, twice for accuracy, over the rows or columns of a normal matrix of `columns`
/// columns.
///
/// Saxe, McClelland, Ganguli: "Exact solutions to the nonlinear dynamics of learning", 2014.
fn orthogonal(len: usize, columns: usize, gain: f32, stream: &mut Stream) -> Array1<f32> {
    let columns = if len.is_multiple_of(columns) {
        columns
    } else {
        len
    };
    let rows = len / columns;
    let (count, width) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let draw = || f64::from(stream.normal() as f32);
        let mut vector: Vec<f64> = std::iter::repeat_with(draw).take(width).collect();
        // Take off what lies along those before, then scale to length 1.
        for _ in 0..2 {
            for other in &basis {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(a, b)| *a -= along * b);
            }
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
        basis.push(vector);
    }
    let value = |at: usize| {
        let (row, column) = (at / columns, at % columns);
        let unit = if rows <= columns {
            basis[row][column]
        } else {
            basis[column][row]
        };
        gain * unit as f32
    };
    (0..len).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(init: Init, seed: u64, tensor: u32) -> Vec<f32> {
        let mut values = vec![f32::NAN; 40_000];
        let fans = Fans {
            inputs: 300,
            outputs: 100,
        };
        init.fill(&mut values, fans, seed, tensor);
        values
    }

    #[test]
    fn variances_are_those_of_the_papers() {
        let cases = [
            (Init::XavierUniform, 2.0 / 400.0),
            (Init::XavierNormal, 2.0 / 400.0),
            (Init::HeUniform, 2.0 / 300.0),
            (Init::HeNormal, 2.0 / 300.0),
            (Init::LecunUniform, 1.0 / 300.0),
            (Init::KaimingUniform(Fan::Out, 0.0), 2.0 / 100.0),
            (Init::KaimingNormal(Fan::In, 0.5), 1.6 / 300.0),
            (Init::LecunNormal, 1.0 / 300.0),
            (Init::Torch, 1.0 / 900.0),
            (Init::Uniform(0.3), 0.03),
            (Init::Normal(0.5), 0.25),
            (Init::TruncatedNormal(0.5), 0.25),
        ];
        for (init, variance) in cases {
            let values = filled(init, 1, 0);
            let mean = values.iter().sum::<f32>() / 40_000.0;
            let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 40_000.0;
            assert!(
                mean.abs() < 5.0 * (variance / 40_000.0_f32).sqrt(),
                "{init:?}: mean {mean}"
            );
            assert!(
                (squares / variance - 1.0).abs() < 0.04,
                "{init:?}: variance {squares}"
            );
        }
    }

    #[test]
    fn a_truncated_normal_ends_at_two_deviations_of_the_normal() {
        let largest = filled(Init::TruncatedNormal(0.5), 1, 0)
            .iter()
            .fold(0.0_f32, |most, v| most.max(v.abs()));
        let end = 2.0 * 0.5 / 0.879_626;
        assert!(largest <= end && largest > 0.98 * end, "{largest}");
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal_times_the_gain() {
        for (rows, columns) in [(5, 9), (9, 5), (6, 6)] {
            let mut values = vec![0.0; rows * columns];
            let fans = Fans {
                inputs: rows,
                outputs: columns,
            };
            Init::Orthogonal(2.0).fill(&mut values, fans, 3, 0);
            let vector = |which: usize| -> Vec<f32> {
                if rows <= columns {
                    values[which * columns..][..columns].to_vec()
                } else {
                    (0..rows).map(|r| values[r * columns + which]).collect()
                }
            };
            for i in 0..rows.min(columns) {
                for j in 0..rows.min(columns) {
                    let dot: f32 = vector(i).iter().zip(vector(j)).map(|(a, b)| a * b).sum();
                    let expected = if i == j { 4.0 } else { 0.0 };
                    assert!(
                        (dot - expected).abs() < 1e-5,
                        "{rows}x{columns}, {i}, {j}: {dot}"
                    );
                }
            }
        }
    }

    #[test]
    fn constants_are_constant_and_draws_depend_on_seed_and_tensor() {
        assert!(filled(Init::Zeros, 1, 0).iter().all(|&v| v == 0.0));
        assert!(filled(Init::Constant(0.5), 1, 0).iter().all(|&v| v == 0.5));
        let first = filled(Init::HeNormal, 1, 0);
        assert_eq!(first, filled(Init::HeNormal, 1, 0));
        assert_ne!(first, filled(Init::HeNormal, 2, 0));
        assert_ne!(first, filled(Init::HeNormal, 1, 1));
    }
}

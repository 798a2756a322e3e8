//! Activations: elementwise functions and their derivatives.
//!
//! | name | f(x) | f' | by |
//! |---|---|---|---|
//! | `relu` | max(x, 0) | 1 where y > 0, else 0 (also at 0) | y |
//! | `leaky_relu` | x where x > 0, else a x | 1 or a, by the sign of y | y |
//! | `elu` | x where x > 0, else a (exp(x) - 1) | 1, or y + a | y |
//! | `tanh` | tanh x | 1 - y² | y |
//! | `sigmoid` | s(x) = 1 / (1 + exp(-x)) | y (1 - y) | y |
//! | `softplus` | ln(1 + exp(x)) | 1 - exp(-y) | y |
//! | `silu` | x s(x) | s(x) (1 + x (1 - s(x))) | x |
//! | `gelu` | x P(x), P the normal distribution | P(x) + x p(x) | x |
//! | `gelu_tanh` | x (1 + tanh(u)) / 2, u = sqrt(2/pi) (x + 0.044715 x³) | by the product rule | x |
//!
//! Errors of the functions stand in `kernel::elementwise`; the error of `gelu` is 1e-7 of |x|. As
//! layers they are in `elementwise`.
//!
//! # References
//! Clevert, Unterthiner, Hochreiter: "ELU", 2015; Hendrycks, Gimpel: "GELU", 2016; Elfwing, Uchibe,
//! Doya: "SiLU", 2017.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::nn::kernel::elementwise::{exp, normal, sigmoid, softplus, tanh};
use crate::nn::kernel::fused::{is_fused, mul_add};

/// An elementwise function; as a layer it takes rows of any shape and keeps it.
///
/// ```
/// use unisono::nn::{Activation, Sequential};
/// let mut values = [-2.0, 3.0];
/// Activation::LeakyRelu(0.5).forward(&mut values);
/// assert_eq!(values, [-1.0, 3.0]);
/// let odd = Sequential::new(4).dense(2).layer(Activation::Elu(-1.0));
/// assert!(odd.layout().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x where positive, else the slope times x; the slope is above 0.
    LeakyRelu(f32),
    /// x where positive, else a (exp(x) - 1), a above 0.
    Elu(f32),
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// ln(1 + exp(x)).
    Softplus,
    /// x / (1 + exp(-x)).
    Silu,
    /// x times the normal distribution function.
    Gelu,
    /// GELU's approximation by tanh.
    GeluTanh,
}

impl Activation {
    /// Every activation, for tables of tests.
    pub const ALL: &'static [Activation] = &Self::EACH;

    /// The same, in number.
    pub(crate) const EACH: [Activation; 9] = [
        Activation::Relu,
        Activation::LeakyRelu(0.01),
        Activation::Elu(1.0),
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Silu,
        Activation::Gelu,
        Activation::GeluTanh,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu(_) => "leaky_relu",
            Activation::Elu(_) => "elu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Softplus => "softplus",
            Activation::Silu => "silu",
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_tanh",
        }
    }

    /// Whether the output tells the derivative.
    pub(in crate::nn) fn is_told_by_output(self) -> bool {
        !matches!(
            self,
            Activation::Silu | Activation::Gelu | Activation::GeluTanh
        )
    }

    /// Replaces each value by its image.
    pub fn forward(self, values: &mut [f32]) {
        forward(self, values);
    }

    /// Multiplies the gradient `grad` by the derivative: `at` are the inputs for SiLU and both
    /// forms of GELU, and the outputs for all others.
    ///
    /// ```
    /// use unisono::nn::Activation;
    /// let mut grad = [1.0, 1.0];
    /// Activation::Tanh.backward(&[0.0, 0.5], &mut grad);
    /// assert_eq!(grad, [1.0, 0.75]);
    /// ```
    pub fn backward(self, at: &[f32], grad: &mut [f32]) {
        backward(self, at, grad);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn forward(function: Activation, values: &mut [f32]) {
    const IS_FUSED: bool = is_fused!();
    let values = values.iter_mut();
    match function {
        // Not `max`, which would turn NaN into 0 and hide a diverged model.
        Activation::Relu => values.for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v }),
        Activation::LeakyRelu(a) => values.for_each(|v| *v = if *v < 0.0 { a * *v } else { *v }),
        Activation::Elu(a) => values.for_each(|v| {
            let low = a * (exp::<IS_FUSED>(*v) - 1.0);
            *v = if *v < 0.0 { low } else { *v };
        }),
        Activation::Tanh => values.for_each(|v| *v = tanh::<IS_FUSED>(*v)),
        Activation::Sigmoid => values.for_each(|v| *v = sigmoid::<IS_FUSED>(*v)),
        Activation::Softplus => values.for_each(|v| *v = softplus::<IS_FUSED>(*v)),
        Activation::Silu => values.for_each(|v| *v = silu::<IS_FUSED>(*v).0),
        Activation::Gelu => values.for_each(|v| *v = gelu::<IS_FUSED>(*v).0),
        Activation::GeluTanh => values.for_each(|v| *v = gelu_tanh::<IS_FUSED>(*v).0),
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn backward(function: Activation, at: &[f32], grad: &mut [f32]) {
    const IS_FUSED: bool = is_fused!();
    let pairs = grad.iter_mut().zip(at);
    match function {
        Activation::Relu => pairs.for_each(|(g, &y)| *g = if y > 0.0 { *g } else { 0.0 }),
        Activation::LeakyRelu(a) => pairs.for_each(|(g, &y)| *g *= if y > 0.0 { 1.0 } else { a }),
        Activation::Elu(a) => pairs.for_each(|(g, &y)| *g *= if y > 0.0 { 1.0 } else { y + a }),
        Activation::Tanh => pairs.for_each(|(g, &y)| *g *= 1.0 - y * y),
        Activation::Sigmoid => pairs.for_each(|(g, &y)| *g *= y * (1.0 - y)),
        Activation::Softplus => pairs.for_each(|(g, &y)| *g *= 1.0 - exp::<IS_FUSED>(-y)),
        Activation::Silu => pairs.for_each(|(g, &x)| *g *= silu::<IS_FUSED>(x).1),
        Activation::Gelu => pairs.for_each(|(g, &x)| *g *= gelu::<IS_FUSED>(x).1),
        Activation::GeluTanh => pairs.for_each(|(g, &x)| *g *= gelu_tanh::<IS_FUSED>(x).1),
    }
}

/// Forward, for a function whose output does not tell its derivative: that goes to `slopes`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(in crate::nn) fn forward_with_slopes(
    function: Activation,
    values: &mut [f32],
    slopes: &mut [f32],
) {
    const IS_FUSED: bool = is_fused!();
    let pairs = values.iter_mut().zip(slopes);
    match function {
        Activation::Silu => pairs.for_each(|(v, s)| (*v, *s) = silu::<IS_FUSED>(*v)),
        Activation::Gelu => pairs.for_each(|(v, s)| (*v, *s) = gelu::<IS_FUSED>(*v)),
        Activation::GeluTanh => pairs.for_each(|(v, s)| (*v, *s) = gelu_tanh::<IS_FUSED>(*v)),
        _ => unreachable!("its output tells the derivative"),
    }
}

/// The value and the derivative.
#[inline(always)]
fn silu<const IS_FUSED: bool>(x: f32) -> (f32, f32) {
    let s = sigmoid::<IS_FUSED>(x);
    (x * s, s * (1.0 + x * (1.0 - s)))
}

#[inline(always)]
fn gelu<const IS_FUSED: bool>(x: f32) -> (f32, f32) {
    let (density, below) = normal::<IS_FUSED>(x);
    (x * below, mul_add::<IS_FUSED>(x, density, below))
}

#[inline(always)]
fn gelu_tanh<const IS_FUSED: bool>(x: f32) -> (f32, f32) {
    let t = tanh::<IS_FUSED>(SQRT_2_BY_PI * (x + CUBIC * x * x * x));
    let slope = SQRT_2_BY_PI * (1.0 + 3.0 * CUBIC * x * x);
    let derivative = 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope;
    (0.5 * x * (1.0 + t), derivative)
}

const SQRT_2_BY_PI: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

#[cfg(test)]
mod tests {
    use super::*;

    fn image(activation: Activation, x: f32) -> f32 {
        let mut value = [x];
        activation.forward(&mut value);
        value[0]
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for activation in Activation::EACH {
            assert!(image(activation, f32::NAN).is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn values_are_those_of_pytorch() {
        // python3 -c "import torch as t, torch.nn.functional as F; x = t.tensor([-1.5, 0.7]);
        // print(F.leaky_relu(x), F.elu(x), F.softplus(x), F.silu(x), F.gelu(x), F.gelu(x,
        // approximate='tanh'))", torch 2.15.0
        let expected = [
            (Activation::LeakyRelu(0.01), [-0.015, 0.7]),
            (Activation::Elu(1.0), [-0.776_869_8, 0.7]),
            (Activation::Softplus, [0.201_413_3, 1.103_186]),
            (Activation::Silu, [-0.273_638_3, 0.467_731_6]),
            (Activation::Gelu, [-0.100_210_8, 0.530_625_7]),
            (Activation::GeluTanh, [-0.100_428_43, 0.530_570_15]),
        ];
        for (activation, values) in expected {
            for (x, y) in [-1.5, 0.7].into_iter().zip(values) {
                assert!(
                    (image(activation, x) - y).abs() < 2e-6,
                    "{activation:?}({x}): {}, expected {y}",
                    image(activation, x)
                );
            }
        }
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        for activation in Activation::EACH {
            for x in [-2.0_f32, -0.7, -0.1, 0.2, 0.63, 3.0] {
                let h = 1e-2;
                // A quotient of fourth order, so that f32 suffices.
                let at = |k: f32| f64::from(image(activation, x + k * h));
                let expected = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * 1e-2);
                let mut grad = [1.0];
                let place = if activation.is_told_by_output() {
                    image(activation, x)
                } else {
                    x
                };
                activation.backward(&[place], &mut grad);
                assert!(
                    (f64::from(grad[0]) - expected).abs() <= 1e-4,
                    "{activation:?} at {x}: {}, expected {expected}",
                    grad[0]
                );
            }
        }
    }
}

//! Elementwise activations.
//!
//! | name | f(x) | f' | in place |
//! |---|---|---|---|
//! | `relu` | max(x, 0) | 1 where y > 0, else 0 (also at 0) | yes |
//! | `leaky_relu` | x where x > 0, else a x | 1 or a, by the sign of y | yes |
//! | `elu` | x where x > 0, else a (exp(x) - 1) | 1, or y + a | yes |
//! | `tanh` | tanh x | 1 - y² | yes |
//! | `sigmoid` | s(x) = 1 / (1 + exp(-x)) | y (1 - y) | yes |
//! | `softplus` | ln(1 + exp(x)) | 1 - exp(-y) | yes |
//! | `silu` | x s(x) | s(x) (1 + x (1 - s(x))) | no |
//! | `gelu` | x P(x), P the normal distribution | P(x) + x p(x) | no |
//! | `gelu_tanh` | x (1 + tanh(u)) / 2, u = sqrt(2/pi) (x + 0.044715 x³) | by the product rule | no |
//!
//! In place means that backward needs the output alone. Errors of the functions stand in `kernel::elementwise`; the
//! error of `gelu` is 1e-7 of |x|.
//!
//! # References
//! Clevert, Unterthiner, Hochreiter: "ELU", 2015; Hendrycks, Gimpel: "GELU", 2016; Elfwing, Uchibe, Doya: "SiLU", 2017.

use multiversion::multiversion;

use super::error::NnError;
use super::grads::Grads;
use super::kernel::elementwise::{exp, ln_1p_exp, normal, sigmoid, tanh};
use super::layer::{Build, InPlace, Layer, Pass, Spec, Tape};
use super::op::Op;
use super::shape::Shape;

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
#[derive(Clone, Copy, Debug, PartialEq)]
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
    pub const ALL: [Activation; 9] = [
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

    fn works_in_place(self) -> bool {
        !matches!(
            self,
            Activation::Silu | Activation::Gelu | Activation::GeluTanh
        )
    }

    /// Replaces each value by its image.
    pub fn forward(self, values: &mut [f32]) {
        forward(self, values);
    }

    /// Multiplies the gradient `grad` by the derivative: given at the outputs where the activation works in place, at
    /// the inputs elsewhere (SiLU and both forms of GELU).
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
    let values = values.iter_mut();
    match function {
        // Not `max`, which would turn NaN into 0 and hide a diverged model.
        Activation::Relu => values.for_each(|v| *v = if *v < 0.0 { 0.0 } else { *v }),
        Activation::LeakyRelu(a) => values.for_each(|v| *v = if *v < 0.0 { a * *v } else { *v }),
        Activation::Elu(a) => values.for_each(|v| {
            let low = a * (exp(*v) - 1.0);
            *v = if *v < 0.0 { low } else { *v };
        }),
        Activation::Tanh => values.for_each(|v| *v = tanh(*v)),
        Activation::Sigmoid => values.for_each(|v| *v = sigmoid(*v)),
        Activation::Softplus => values.for_each(|v| *v = ln_1p_exp(*v)),
        Activation::Silu => values.for_each(|v| *v *= sigmoid(*v)),
        Activation::Gelu => values.for_each(|v| *v *= normal(*v).1),
        Activation::GeluTanh => {
            values.for_each(|v| *v = 0.5 * *v * (1.0 + tanh(gelu_argument(*v))))
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn backward(function: Activation, at: &[f32], grad: &mut [f32]) {
    let pairs = grad.iter_mut().zip(at);
    match function {
        Activation::Relu => pairs.for_each(|(g, &y)| *g = if y > 0.0 { *g } else { 0.0 }),
        Activation::LeakyRelu(a) => pairs.for_each(|(g, &y)| *g *= if y > 0.0 { 1.0 } else { a }),
        Activation::Elu(a) => pairs.for_each(|(g, &y)| *g *= if y > 0.0 { 1.0 } else { y + a }),
        Activation::Tanh => pairs.for_each(|(g, &y)| *g *= 1.0 - y * y),
        Activation::Sigmoid => pairs.for_each(|(g, &y)| *g *= y * (1.0 - y)),
        Activation::Softplus => pairs.for_each(|(g, &y)| *g *= 1.0 - exp(-y)),
        Activation::Silu => pairs.for_each(|(g, &x)| {
            let s = sigmoid(x);
            *g *= s * (1.0 + x * (1.0 - s));
        }),
        Activation::Gelu => pairs.for_each(|(g, &x)| {
            let (density, below) = normal(x);
            *g *= x.mul_add(density, below);
        }),
        Activation::GeluTanh => pairs.for_each(|(g, &x)| {
            let t = tanh(gelu_argument(x));
            let slope = SQRT_2_BY_PI * (1.0 + 3.0 * CUBIC * x * x);
            *g *= 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope;
        }),
    }
}

const SQRT_2_BY_PI: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

#[inline(always)]
fn gelu_argument(x: f32) -> f32 {
    SQRT_2_BY_PI * (x + CUBIC * x * x * x)
}

impl Spec for Activation {
    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        match *self {
            Activation::LeakyRelu(a) | Activation::Elu(a) if !(a > 0.0 && a.is_finite()) => {
                Err(build.refuse("a positive slope below 0", a))
            }
            function => Ok(Box::new(Elementwise {
                function,
                shape: input.clone(),
            })),
        }
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Activation(*self))
    }
}

/// Values that are worked on at a time: 8 KiB.
const STRETCH: usize = 2048;

/// An activation at work.
#[derive(Debug)]
struct Elementwise {
    function: Activation,
    shape: Shape,
}

impl Layer for Elementwise {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn forward(&mut self, _pass: &Pass<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        // A stretch at a time, so that it is in L1 when it is read again.
        for (y, x) in y.chunks_mut(STRETCH).zip(x.chunks(STRETCH)) {
            y.copy_from_slice(x);
            self.function.forward(y);
        }
    }

    fn backward(&mut self, _pass: &Pass<'_>, tape: Tape<'_>, _grads: &mut Grads<'_>) {
        if let Some(dx) = tape.dx {
            let at = if self.function.works_in_place() {
                tape.y
            } else {
                tape.x
            };
            let stretches = dx.chunks_mut(STRETCH).zip(tape.dy.chunks(STRETCH));
            for ((dx, dy), at) in stretches.zip(at.chunks(STRETCH)) {
                dx.copy_from_slice(dy);
                self.function.backward(at, dx);
            }
        }
    }

    fn needs_output(&self) -> bool {
        self.function.works_in_place()
    }

    fn in_place(&mut self) -> Option<&mut dyn InPlace> {
        if self.function.works_in_place() {
            Some(self)
        } else {
            None
        }
    }
}

impl InPlace for Elementwise {
    fn forward(&mut self, _pass: &Pass<'_>, values: &mut [f32]) {
        self.function.forward(values);
    }

    fn backward(&mut self, _pass: &Pass<'_>, y: &[f32], grad: &mut [f32]) {
        self.function.backward(y, grad);
    }
}

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
        for activation in Activation::ALL {
            assert!(image(activation, f32::NAN).is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn values_are_those_of_pytorch() {
        // python3 -c "import torch as t, torch.nn.functional as F; x = t.tensor([-1.5, 0.7]); print(F.leaky_relu(x),
        //   F.elu(x), F.softplus(x), F.silu(x), F.gelu(x), F.gelu(x, approximate='tanh'))", torch 2.15.0
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
        for activation in Activation::ALL {
            for x in [-2.0_f32, -0.7, -0.1, 0.2, 0.63, 3.0] {
                let h = 1e-2;
                // A quotient of fourth order, so that f32 suffices.
                let at = |k: f32| f64::from(image(activation, x + k * h));
                let expected = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * 1e-2);
                let mut grad = [1.0];
                let place = if activation.works_in_place() {
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

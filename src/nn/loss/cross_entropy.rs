//! Softmax cross-entropy, fused: with label smoothing, class weights, an ignored class.
//!
//! With p = softmax(x), class k, weights w (1 by default), smoothing e over C classes:
//! `loss = (1 - e) w_k (-ln p_k) + e / C sum_c w_c (-ln p_c)`, and the mean divides by the sum of
//! the rows' w_k, as PyTorch does. Gradient:
//! `p ((1 - e) w_k + e / C sum w) - (1 - e) w_k onehot_k - e / C w`. A row of the ignored class
//! counts for nothing.
//!
//! # References
//! Szegedy et al.: "Rethinking the inception architecture", 2016, section 7 (label smoothing).

use std::sync::Arc;

use crate::engine::Sums;
use crate::nn::kernel::elementwise::max_and_exp_sum;

/// The options of softmax cross-entropy.
///
/// ```
/// use unisono::nn::{Criterion, CrossEntropy, Loss, Targets};
/// let loss = Loss::CrossEntropy(CrossEntropy::default().smoothing(0.1).ignore(0));
/// let sums = loss.sums(&[0.0; 6], &3.into(), Targets::Classes(&[0, 2]), None);
/// assert_eq!(sums.weight, 1.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    pub(super) smoothing: f32,
    pub(super) weights: Option<Arc<[f32]>>,
    pub(super) ignored: Option<u32>,
}

impl CrossEntropy {
    /// With label smoothing, in 0..1.
    pub fn smoothing(self, smoothing: f32) -> Self {
        Self { smoothing, ..self }
    }

    /// With a weight for each class, at least 0; the mean then divides by the sum of the weights of
    /// the rows' classes.
    ///
    /// ```
    /// use unisono::nn::{Criterion, CrossEntropy, Loss, Targets};
    /// let loss = Loss::CrossEntropy(CrossEntropy::default().weights([1.0, 3.0]));
    /// let sums = loss.sums(&[0.0; 4], &2.into(), Targets::Classes(&[0, 1]), None);
    /// assert_eq!(sums.weight, 4.0);
    /// assert!((sums.mean_loss() - 2_f64.ln()).abs() < 1e-6);
    /// ```
    pub fn weights(self, weights: impl Into<Arc<[f32]>>) -> Self {
        Self {
            weights: Some(weights.into()),
            ..self
        }
    }

    /// With a class whose rows are left out, such as padding.
    pub fn ignore(self, class: u32) -> Self {
        Self {
            ignored: Some(class),
            ..self
        }
    }

    /// The share of each label that is spread over all classes.
    pub fn label_smoothing(&self) -> f32 {
        self.smoothing
    }

    /// The weight of each class, if they have some.
    pub fn class_weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// The class whose rows are left out, if there is one.
    pub fn ignored_class(&self) -> Option<u32> {
        self.ignored
    }

    /// What is wrong with the options, for a model of so many classes.
    pub(super) fn problem(&self, classes: usize) -> Option<String> {
        if !(0.0..1.0).contains(&self.smoothing) {
            let got = self.smoothing;
            return Some(format!(
                "label smoothing must be at least 0 and below 1, got {got}"
            ));
        }
        let weights = self.weights.as_ref()?;
        if weights.len() != classes {
            let got = weights.len();
            return Some(format!(
                "there must be {classes} class weights, one a class, got {got}"
            ));
        }
        let odd = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0))?;
        Some(format!(
            "class weights must be finite and at least 0, got {odd}"
        ))
    }

    /// One row; `weight` in the sums is its share in the mean's divisor.
    pub(super) fn row(&self, row: &[f32], class: usize, mut grad: Option<&mut [f32]>) -> Sums {
        if self.ignored == Some(class as u32) {
            if let Some(grad) = grad {
                grad.fill(0.0);
            }
            return Sums::default();
        }
        if self.smoothing == 0.0 && self.weights.is_none() {
            return plain(row, class, grad);
        }
        assert_class(row, class);
        let (max, total) = max_and_exp_sum(row, grad.as_deref_mut());
        let log_total = libm::log(f64::from(total));
        // The loss: the class's own cost, and a share of every class's.
        let weight = |c: usize| self.weights.as_ref().map_or(1.0, |weights| weights[c]);
        let share = self.smoothing / row.len() as f32;
        let own = (1.0 - self.smoothing) * weight(class);
        let cost = |c: usize| log_total - f64::from(row[c] - max);
        let mut loss = f64::from(own) * cost(class);
        if share > 0.0 {
            let smooth: f64 = (0..row.len()).map(|c| f64::from(weight(c)) * cost(c)).sum();
            loss += f64::from(share) * smooth;
        }
        // The gradient: `max_and_exp_sum` left exponentials there.
        if let Some(grad) = grad {
            let all: f32 = (0..row.len()).map(weight).sum();
            let scale = (own + share * all) / total;
            for (c, g) in grad.iter_mut().enumerate() {
                *g = *g * scale - share * weight(c);
            }
            grad[class] -= own;
        }
        Sums {
            loss,
            weight: f64::from(weight(class)),
            rows: 1.0,
            correct: f64::from(u8::from(row.iter().position(|&x| x == max) == Some(class))),
            ..Sums::default()
        }
    }
}

fn assert_class(row: &[f32], class: usize) {
    assert!(
        class < row.len(),
        "class {class} is not below the model's {} outputs",
        row.len()
    );
}

/// One row: loss = log(sum exp(x - max)) - (x[class] - max); gradient = softmax(x) - onehot(class).
fn plain(row: &[f32], class: usize, mut grad: Option<&mut [f32]>) -> Sums {
    assert_class(row, class);
    let (max, total) = max_and_exp_sum(row, grad.as_deref_mut());
    if let Some(grad) = grad {
        grad.iter_mut().for_each(|g| *g /= total);
        grad[class] -= 1.0;
    }
    let loss = libm::log(f64::from(total)) - f64::from(row[class] - max);
    // The first of equals counts as the prediction.
    let predicted = row.iter().position(|&x| x == max);
    Sums {
        loss,
        weight: 1.0,
        rows: 1.0,
        correct: f64::from(u8::from(predicted == Some(class))),
        ..Sums::default()
    }
}

//! Connectionist temporal classification: sequences labelled without saying where.
//!
//! The probability of a label sequence is the sum over all ways to stretch it over the T positions,
//! with blanks (class 0) between. Forward and backward variables run over the extended labels (a
//! blank before, between and after), in log space and `f64`; the loss of a row is -ln of the
//! probability, and the gradient with respect to the logits `softmax - share`, where share is the
//! posterior of a class at a position. A row's labels end at the first blank.
//!
//! # References
//! Graves, Fernández, Gomez, Schmidhuber: "Connectionist temporal classification", 2006, eq. 6 to
//! 16.

use crate::engine::Sums;

/// ln(exp(a) + exp(b)).
fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY {
        high
    } else {
        high + libm::log1p(libm::exp(low - high))
    }
}

/// The buffers of one row.
#[derive(Debug, Default)]
struct Row {
    /// ln softmax, (T, C).
    logs: Vec<f64>,
    /// Labels with blanks around them.
    extended: Vec<usize>,
    forward: Vec<f64>,
    backward: Vec<f64>,
}

impl Row {
    fn new(outputs: &[f32], classes: usize, labels: &[u32]) -> Self {
        let mut row = Self::default();
        for position in outputs.chunks_exact(classes) {
            let max = position.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f64 = position.iter().map(|x| libm::exp(f64::from(x - max))).sum();
            let log_total = libm::log(total);
            row.logs
                .extend(position.iter().map(|x| f64::from(x - max) - log_total));
        }
        row.extended.push(0);
        for &label in labels.iter().take_while(|&&label| label != 0) {
            assert!(
                (label as usize) < classes,
                "label {label} is not below the model's {classes} outputs"
            );
            row.extended.extend([label as usize, 0]);
        }
        row
    }

    /// Whether a path may skip the blank before extended label `s`.
    fn may_skip(&self, s: usize) -> bool {
        s >= 2 && self.extended[s] != 0 && self.extended[s] != self.extended[s - 2]
    }

    /// Fills the variables; returns the log probability of the labels.
    fn run(&mut self, classes: usize) -> f64 {
        let (n, positions) = (self.extended.len(), self.logs.len() / classes);
        self.forward = vec![f64::NEG_INFINITY; n * positions];
        self.backward = self.forward.clone();
        let log = |t: usize, s: usize| self.logs[t * classes + self.extended[s]];
        // A path begins with the blank or the first label, and ends with the last or the blank.
        for s in 0..n.min(2) {
            self.forward[s] = log(0, s);
            self.backward[(positions - 1) * n + n - 1 - s] = 0.0;
        }
        // Forward: from the same label, the one before it, or past a blank.
        for t in 1..positions {
            for s in 0..n {
                let before = &self.forward[(t - 1) * n..t * n];
                let mut sum = before[s];
                if s >= 1 {
                    sum = log_add(sum, before[s - 1]);
                }
                if self.may_skip(s) {
                    sum = log_add(sum, before[s - 2]);
                }
                self.forward[t * n + s] = sum + log(t, s);
            }
        }
        // Backward: the same from the end.
        for t in (0..positions - 1).rev() {
            for s in 0..n {
                let after = |k: usize| self.backward[(t + 1) * n + k] + log(t + 1, k);
                let mut sum = after(s);
                if s + 1 < n {
                    sum = log_add(sum, after(s + 1));
                }
                if s + 2 < n && self.may_skip(s + 2) {
                    sum = log_add(sum, after(s + 2));
                }
                self.backward[t * n + s] = sum;
            }
        }
        let end = &self.forward[(positions - 1) * n..];
        end[n.saturating_sub(2)..]
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, log_add)
    }
}

/// One row: outputs (T, C), labels below C up to the first blank.
///
/// The loss is infinite where the labels do not fit into T positions (one each, and a blank between
/// equal ones).
pub(super) fn row(
    outputs: &[f32],
    classes: usize,
    labels: &[u32],
    grad: Option<&mut [f32]>,
) -> Sums {
    let mut row = Row::new(outputs, classes, labels);
    let total = row.run(classes);
    if let Some(grad) = grad {
        let n = row.extended.len();
        for (t, grad) in grad.chunks_exact_mut(classes).enumerate() {
            // How probable each class is here, given the labels.
            let mut shares = vec![0.0_f64; classes];
            for (s, &class) in row.extended.iter().enumerate() {
                let log = row.forward[t * n + s] + row.backward[t * n + s] - total;
                shares[class] += libm::exp(log);
            }
            for (c, (g, share)) in grad.iter_mut().zip(shares).enumerate() {
                *g = (libm::exp(row.logs[t * classes + c]) - share) as f32;
            }
        }
    }
    Sums {
        loss: -total,
        weight: 1.0,
        rows: 1.0,
        correct: 0.0,
        ..Sums::default()
    }
}

//! A transform turns the gradient, step by step, into the update; a chain of transforms is an optimiser.
//!
//! A chain works on one block of parameters at a time, so that a block stays in L1 from the gradient to the new
//! parameters: `update = grad * scale`, each transform in turn, then `params -= lr * update`.

use std::fmt::Debug;

use multiversion::multiversion;

/// The longest block a chain takes at once.
pub const MAX_BLOCK: usize = 4096;

/// What the master decides anew for each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepScalars {
    /// The learning rate.
    pub lr: f32,
    /// What the summed gradient is multiplied by: one over the weight of the batch, times a clipping factor.
    pub grad_scale: f32,
    /// One over the number of rows of the batch: what running statistics are averaged with.
    pub row_scale: f32,
    /// The update's number, from 0.
    pub step: u64,
}

impl StepScalars {
    /// Learning rate `lr` on the mean over a batch of `weight` rows, in step `step`.
    pub fn plain(lr: f32, weight: f64, step: u64) -> Self {
        Self {
            lr,
            grad_scale: (1.0 / weight) as f32,
            row_scale: (1.0 / weight) as f32,
            step,
        }
    }
}

/// One job on the way from gradient to update, element by element.
pub trait Transform: Send + Sync + Debug {
    /// State values a parameter needs.
    fn num_state_buffers(&self) -> usize;

    /// Transforms `update` in place. `params` are those before the step; `state` holds the transform's buffers
    /// one after another, each as long as `update`.
    fn apply(&self, scalars: &StepScalars, params: &[f32], update: &mut [f32], state: &mut [f32]);
}

/// Transforms one after another.
#[derive(Debug, Default)]
pub struct Chain {
    transforms: Vec<Box<dyn Transform>>,
}

impl Chain {
    /// A chain of `transforms`; an empty one is plain gradient descent.
    pub fn new(transforms: Vec<Box<dyn Transform>>) -> Self {
        Self { transforms }
    }

    /// State values a parameter needs, over all transforms.
    pub fn num_state_buffers(&self) -> usize {
        self.transforms
            .iter()
            .map(|transform| transform.num_state_buffers())
            .sum()
    }

    /// Updates a block of parameters from its summed gradient.
    ///
    /// # Panics
    /// If the block is longer than [`MAX_BLOCK`].
    pub fn apply(
        &self,
        scalars: &StepScalars,
        params: &mut [f32],
        grad: &[f32],
        mut state: &mut [f32],
    ) {
        let len = params.len();
        assert!(
            len <= MAX_BLOCK,
            "a block has at most {MAX_BLOCK} parameters, got {len}"
        );
        let mut memory = [0.0; MAX_BLOCK];
        let update = &mut memory[..len];
        scale(update, grad, scalars.grad_scale);
        for transform in &self.transforms {
            let (own, rest) = state.split_at_mut(transform.num_state_buffers() * len);
            transform.apply(scalars, params, update, own);
            state = rest;
        }
        descend(params, update, scalars.lr);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn scale(update: &mut [f32], grad: &[f32], factor: f32) {
    update
        .iter_mut()
        .zip(grad)
        .for_each(|(u, g)| *u = g * factor);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn descend(params: &mut [f32], update: &[f32], lr: f32) {
    params
        .iter_mut()
        .zip(update)
        .for_each(|(p, u)| *p -= lr * u);
}

//! Chains: an optimiser is a chain of transforms, which turn the gradient, step by step, into the
//! update.
//!
//! A chain works on one block of parameters at a time, so that a block stays in L1 from the
//! gradient to the new parameters:
//!
//! ```text
//! update = grad * scale                                    the mean gradient
//! each transform of `before` in turn                        (clipping, decay, moments, momentum)
//! [LARS, LAMB: norms of parameters and update, a factor for each tensor; one exchange between the workers]
//! each transform of `after` in turn
//! params -= lr * update
//! each finish in turn                                       (proximal step, average of the parameters)
//! ```
//!
//! Parameters with a [`TrainedBy::Statistic`] are no optimiser's business:
//! `params -= row_scale * grad`.

use multiversion::multiversion;

use super::transform::{Finish, MAX_BLOCK, Part, TrainedBy, Transform, UpdateContext, trained};
use super::trust_ratio::TrustRatio;

/// Transforms one after another, the descent, and what comes after it.
///
/// ```
/// use unisono::optim::{Chain, ClipValue, ParamGroup, PartTable, StepScalars, UpdateContext};
/// let chain = Chain::new(vec![Box::new(ClipValue { limit: 1.0 })]);
/// // Two parameters of one tensor, the gradient's sum over 4 rows, a learning rate of 0.5.
/// let table = PartTable::new([(2, ParamGroup::default())]);
/// let (mut params, grad) = ([1.0, 1.0], [2.0, -40.0]);
/// let scalars = StepScalars::plain(0.5, 4.0, 0);
/// let parts = table.of_block(0, 2);
/// let context = UpdateContext { scalars: &scalars, params: &[], parts, trust_ratios: &[] };
/// chain.apply(&context, &mut params, &grad, &mut []);
/// assert_eq!(params, [0.75, 1.5]); // -0.5 times the means 0.5, and -10 clipped to -1
/// ```
#[derive(Debug)]
pub struct Chain {
    pub(super) before: Vec<Box<dyn Transform>>,
    pub(super) trust: Option<TrustRatio>,
    pub(super) after: Vec<Box<dyn Transform>>,
    /// Whether a transform has multiplied by the learning rate already.
    pub(super) has_lr_inside: bool,
    pub(super) finish: Vec<Box<dyn Finish>>,
}

impl Chain {
    /// A chain of `transforms`; an empty one is plain gradient descent.
    pub fn new(transforms: Vec<Box<dyn Transform>>) -> Self {
        Self {
            before: transforms,
            trust: None,
            after: Vec::new(),
            has_lr_inside: false,
            finish: Vec::new(),
        }
    }

    /// With one more job after the descent.
    ///
    /// ```
    /// use unisono::optim::{Chain, ProximalL1};
    /// let chain = Chain::new(Vec::new()).with_finish(Box::new(ProximalL1 { lambda: 0.01 }));
    /// assert_eq!(chain.num_state_buffers(), 0);
    /// ```
    pub fn with_finish(mut self, finish: Box<dyn Finish>) -> Self {
        self.finish.push(finish);
        self
    }

    /// State values a parameter needs, over all transforms.
    pub fn num_state_buffers(&self) -> usize {
        let transforms = self.before.iter().chain(&self.after);
        let own: usize = transforms.map(|one| one.num_state_buffers()).sum();
        let finish: usize = self.finish.iter().map(|one| one.num_state_buffers()).sum();
        own + finish
    }

    /// What each state buffer holds. An optimiser whose names are others never goes on from these
    /// buffers.
    ///
    /// ```
    /// use unisono::optim::Optimizer;
    /// let names = Optimizer::adam(0.001).with_average(0.99).build()?.state_names();
    /// assert_eq!(names, ["first moment", "second moment", "average of the weights"]);
    /// # Ok::<(), unisono::optim::OptimError>(())
    /// ```
    pub fn state_names(&self) -> Vec<String> {
        // LARS's velocity is made of steps, that of the others of gradients.
        let form = if self.has_lr_inside { " of steps" } else { "" };
        let transforms = self.before.iter().chain(&self.after);
        let own = transforms.flat_map(|one| one.state_names());
        let own = own.map(|name| format!("{name}{form}"));
        let finish = self.finish.iter().flat_map(|one| one.state_names());
        own.chain(finish.map(|&name| name.to_owned())).collect()
    }

    /// The trust ratio of LARS and LAMB: a chain with one updates in two halves.
    pub fn trust_ratio(&self) -> Option<&TrustRatio> {
        self.trust.as_ref()
    }

    /// First half of a chain with a trust ratio: makes the block's gradient the update so far, in
    /// place.
    ///
    /// # Panics
    /// If the block is longer than [`MAX_BLOCK`].
    pub fn direction(&self, context: &UpdateContext<'_>, grad: &mut [f32], state: &mut [f32]) {
        let mut memory = [0.0; MAX_BLOCK];
        let update = self.start(context, grad, &mut memory);
        run(&self.before, context, update, state);
        for part in trained(context.parts) {
            grad[part.range.clone()].copy_from_slice(&update[part.range.clone()]);
        }
    }

    /// Updates a block of parameters from its summed gradient, or from what [`Chain::direction`]
    /// made of it.
    ///
    /// # Panics
    /// If the block is longer than [`MAX_BLOCK`].
    pub fn apply(
        &self,
        context: &UpdateContext<'_>,
        params: &mut [f32],
        grad: &[f32],
        state: &mut [f32],
    ) {
        // The update, from the parameters before the step.
        let mut memory = [0.0; MAX_BLOCK];
        let mut with_params = |params: &[f32], state: &mut [f32]| {
            let context = UpdateContext { params, ..*context };
            if self.trust.is_none() {
                let update = self.start(&context, grad, &mut memory);
                return run(&self.before, &context, update, state);
            }
            let own: usize = self.before.iter().map(|one| one.num_state_buffers()).sum();
            let state = &mut state[own * params.len()..];
            let update = &mut memory[..params.len()];
            update.copy_from_slice(grad);
            run(&self.after, &context, update, state)
        };
        let used = state.len() - {
            let rest: usize = self.finish.iter().map(|one| one.num_state_buffers()).sum();
            rest * params.len()
        };
        with_params(params, &mut state[..used]);
        // The descent.
        let update = &memory[..params.len()];
        for Part { range, group, .. } in context.parts {
            let (params, range) = (&mut params[range.clone()], range.clone());
            let lr = if self.has_lr_inside {
                group.lr_scale
            } else {
                context.scalars.lr * group.lr_scale
            };
            match group.trained_by {
                TrainedBy::Gradient => descend(params, &update[range], lr),
                TrainedBy::Statistic => descend(params, &grad[range], context.scalars.row_scale),
                TrainedBy::Nothing => {}
            }
        }
        // What works on the new parameters.
        let mut state = &mut state[used..];
        for finish in &self.finish {
            let (own, rest) = state.split_at_mut(finish.num_state_buffers() * params.len());
            finish.apply(
                &UpdateContext {
                    params: &[],
                    ..*context
                },
                params,
                own,
            );
            state = rest;
        }
    }

    /// The mean gradient, in `memory`.
    fn start<'m>(
        &self,
        context: &UpdateContext<'_>,
        grad: &[f32],
        memory: &'m mut [f32; MAX_BLOCK],
    ) -> &'m mut [f32] {
        let len = grad.len();
        assert!(
            len <= MAX_BLOCK,
            "a block has at most {MAX_BLOCK} parameters, got {len}"
        );
        let update = &mut memory[..len];
        scale(update, grad, context.scalars.grad_scale);
        update
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

fn run(
    transforms: &[Box<dyn Transform>],
    context: &UpdateContext<'_>,
    update: &mut [f32],
    mut state: &mut [f32],
) {
    for transform in transforms {
        let (own, rest) = state.split_at_mut(transform.num_state_buffers() * update.len());
        transform.apply(context, update, own);
        state = rest;
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

//! The flat layout of a model's parameters: one table for all-reduce, update, hash and file.

use std::ops::Range;

use super::Init;

/// One named tensor of the flat parameter vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name, such as `dense0.weight`.
    pub name: String,
    /// Its shape; the last axis varies fastest.
    pub shape: Vec<usize>,
    /// Where it lies in the flat vector.
    pub range: Range<usize>,
    /// How it is initialised.
    pub init: Init,
    /// Inputs and outputs of the unit it belongs to, for the initialiser.
    pub fan: (usize, usize),
}

/// All tensors of a model, in order and without gaps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamLayout {
    tensors: Vec<Tensor>,
}

impl ParamLayout {
    /// Appends a tensor.
    pub(super) fn push(
        &mut self,
        name: String,
        shape: &[usize],
        (init, fan): (Init, (usize, usize)),
    ) {
        let start = self.num_params();
        let range = start..start + shape.iter().product::<usize>();
        self.tensors.push(Tensor {
            name,
            shape: shape.to_vec(),
            range,
            init,
            fan,
        });
    }

    /// The tensors, in order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The length of the flat vector.
    pub fn num_params(&self) -> usize {
        self.tensors.last().map_or(0, |last| last.range.end)
    }

    /// Initial parameters, a function of the seed alone.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let mut params = vec![0.0; self.num_params()];
        for (index, tensor) in self.tensors.iter().enumerate() {
            tensor.init.fill(
                &mut params[tensor.range.clone()],
                tensor.fan,
                (seed, index as u32),
            );
        }
        params
    }
}

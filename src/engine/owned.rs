//! Owned segments: parameters at their owner, updated block by block beside the optimiser's state.
//!
//! # Layout
//! A segment is a run of [`BLOCK`]-sized blocks of the flat parameter vector (the last may be
//! shorter). Its optimiser state is stored block by block, `[block][state buffer][element]`, so
//! that one pass over a block finds parameters, gradient and state together in cache.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::memory::Buffer;

use super::segment::Segment;
use super::update::{BLOCK, DirectionBlock, Norms, Update, UpdateBlock};

/// A segment of the parameters and its optimiser state, at its owner.
#[derive(Debug)]
pub(crate) struct OwnedSegment {
    pub(crate) cut: Range<usize>,
    /// Empty while all workers share the parameters.
    pub(crate) params: Segment,
    pub(crate) state: Buffer,
}

impl OwnedSegment {
    /// The parameters at `cut`, with zeros as their state.
    pub(crate) fn new(cut: Range<usize>, num_buffers: usize) -> Self {
        Self {
            state: Buffer::zeros(num_buffers * cut.len()),
            cut,
            params: Segment::default(),
        }
    }

    /// Its blocks: offset, parameters, and all state buffers of each.
    fn blocks(
        &mut self,
        num_buffers: usize,
    ) -> impl Iterator<Item = (usize, &mut [f32], &mut [f32])> {
        let (offset, mut state) = (self.cut.start, &mut self.state[..]);
        let blocks = self.params.as_mut_slice().chunks_mut(BLOCK).enumerate();
        blocks.map(move |(b, params)| {
            let (own, rest) = std::mem::take(&mut state).split_at_mut(num_buffers * params.len());
            state = rest;
            (offset + b * BLOCK, params, own)
        })
    }

    /// The first half of an update in two, block by block.
    pub(crate) fn direction<U: Update>(
        &mut self,
        rule: &U,
        scalars: &U::Scalars,
        grad: &mut [f32],
        norms: &mut Vec<Norms>,
    ) {
        let blocks = self.blocks(rule.num_state_buffers());
        for ((offset, params, state), grad) in blocks.zip(grad.chunks_mut(BLOCK)) {
            let block = DirectionBlock {
                offset,
                params,
                grad,
                state,
            };
            rule.direction(scalars, block, norms);
        }
    }

    /// Applies the update block by block on the calling thread.
    pub(crate) fn update<U: Update>(
        &mut self,
        rule: &U,
        scalars: &U::Scalars,
        grad: &[f32],
        trust_ratios: &[f32],
    ) {
        let blocks = self.blocks(rule.num_state_buffers());
        for ((offset, params, state), grad) in blocks.zip(grad.chunks(BLOCK)) {
            let block = UpdateBlock {
                offset,
                params,
                grad,
                state,
                trust_ratios,
            };
            rule.apply(scalars, block);
        }
    }

    /// The same on `rayon`'s current pool.
    pub(crate) fn update_in_parallel<U: Update>(
        &mut self,
        rule: &U,
        scalars: &U::Scalars,
        grad: &[f32],
        trust_ratios: &[f32],
    ) {
        let start = self.cut.start;
        let blocks = self
            .params
            .as_mut_slice()
            .par_chunks_mut(BLOCK)
            .zip(grad.par_chunks(BLOCK))
            .enumerate();
        let apply = |b: usize, params: &mut [f32], grad: &[f32], state: &mut [f32]| {
            let block = UpdateBlock {
                offset: start + b * BLOCK,
                params,
                grad,
                state,
                trust_ratios,
            };
            rule.apply(scalars, block);
        };
        match rule.num_state_buffers() {
            0 => blocks.for_each(|(b, (params, grad))| apply(b, params, grad, &mut [])),
            n => blocks
                .zip(self.state.par_chunks_mut(BLOCK * n))
                .for_each(|((b, (params, grad)), state)| apply(b, params, grad, state)),
        }
    }

    /// Exchanges the parameters with state buffer `which`.
    pub(crate) fn swap_params(&mut self, which: usize, num_buffers: usize) {
        for (_, params, state) in self.blocks(num_buffers) {
            let len = params.len();
            params.swap_with_slice(&mut state[which * len..(which + 1) * len]);
        }
    }

    /// State buffer `which` as a flat vector.
    pub(crate) fn state_buffer(
        &self,
        which: usize,
        num_buffers: usize,
    ) -> impl Iterator<Item = f32> + '_ {
        let blocks = self.state.chunks(BLOCK * num_buffers.max(1));
        blocks.flat_map(move |block| {
            let len = block.len() / num_buffers;
            block[which * len..(which + 1) * len].iter().copied()
        })
    }

    /// Writes state buffer `which` from the whole flat vector `values`.
    pub(crate) fn set_state_buffer(&mut self, which: usize, num_buffers: usize, values: &[f32]) {
        let mut from = &values[self.cut.clone()];
        for block in self.state.chunks_mut(BLOCK * num_buffers) {
            let len = block.len() / num_buffers;
            block[which * len..(which + 1) * len].copy_from_slice(&from[..len]);
            from = &from[len..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_buffers_survive_the_block_layout() {
        let len = BLOCK + 5;
        let mut segment = OwnedSegment::new(3..3 + len, 2);
        let flat: Vec<f32> = (0..len + 3).map(|i| i as f32).collect();
        segment.set_state_buffer(1, 2, &flat);
        assert!(segment.state_buffer(0, 2).all(|v| v == 0.0));
        assert_eq!(segment.state_buffer(1, 2).collect::<Vec<_>>(), flat[3..]);
    }
}

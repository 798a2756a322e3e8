//! The state before the first position: zeros, or where the row at the same position of the batch
//! before ended.
//!
//! Carried states go by the position in the batch, which belongs to the same worker in every step:
//! shards of such a model do not move (`Replica::is_stateful`). A new epoch starts from zeros, and
//! so does every evaluation.

use serde::{Deserialize, Serialize};

use crate::nn::core::{BlockContext, Mode};
use crate::nn::kernel::Buffer;

/// What a row starts from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Start {
    Zeros,
    Carried,
}

/// The states h and c of a layer, `hidden` values a row.
#[derive(Debug)]
pub(super) struct State {
    start: Start,
    hidden: usize,
    /// Those before the first position of the block; one row of zeros where nothing is carried.
    initial: [Buffer; 2],
    /// Those after the last position of the batch before, by position in the batch.
    carried: [Buffer; 2],
    epoch: u32,
}

impl State {
    pub(super) fn new(start: Start, hidden: usize) -> Self {
        Self {
            start,
            hidden,
            initial: [Buffer::default(), Buffer::default()],
            carried: [Buffer::default(), Buffer::default()],
            epoch: 0,
        }
    }

    pub(super) fn is_carried(&self) -> bool {
        self.start == Start::Carried
    }

    /// Makes the initial states of a block.
    pub(super) fn begin(&mut self, context: &BlockContext<'_>) {
        let rows = context.first * self.hidden..(context.first + context.rows) * self.hidden;
        for (initial, carried) in self.initial.iter_mut().zip(&mut self.carried) {
            match (self.start, context.mode) {
                (Start::Zeros, _) => {
                    initial.grow(self.hidden);
                }
                (Start::Carried, Mode::Evaluate) => initial.grow(rows.len()).fill(0.0),
                (Start::Carried, Mode::Train) => {
                    if self.epoch != context.epoch {
                        carried.fill(0.0);
                    }
                    carried.grow(rows.end);
                    initial
                        .grow(rows.len())
                        .copy_from_slice(&carried[rows.clone()]);
                }
            }
        }
        if context.mode == Mode::Train {
            self.epoch = context.epoch;
        }
    }

    /// Keeps the last states of (B, `length`, H) for the next batch.
    pub(super) fn carry(
        &mut self,
        context: &BlockContext<'_>,
        length: usize,
        h: &[f32],
        c: &[f32],
    ) {
        if !self.is_carried() || context.mode == Mode::Evaluate {
            return;
        }
        for (carried, state) in self.carried.iter_mut().zip([h, c]) {
            for row in 0..context.rows {
                let last = (row * length + length - 1) * self.hidden;
                let to = (context.first + row) * self.hidden;
                carried[to..to + self.hidden].copy_from_slice(&state[last..last + self.hidden]);
            }
        }
    }

    fn row(&self, which: usize, row: usize) -> &[f32] {
        let row = if self.is_carried() { row } else { 0 };
        &self.initial[which][row * self.hidden..][..self.hidden]
    }

    /// h before the first position of row `row` of the block.
    pub(super) fn h(&self, row: usize) -> &[f32] {
        self.row(0, row)
    }

    /// c before the first position of row `row` of the block.
    pub(super) fn c(&self, row: usize) -> &[f32] {
        self.row(1, row)
    }

    /// h of all rows of the block, if it is carried.
    pub(super) fn all_h(&self, rows: usize) -> &[f32] {
        &self.initial[0][..rows * self.hidden]
    }
}

//! Tree sums: a tree of additions over several buffers, evaluated in one pass, block by block.
//!
//! A program is the tree in post-order over numbered inputs, for a stack whose bottom is input 0
//! itself, in place, and whose other levels are one block of scratch each.

use multiversion::multiversion;

use crate::engine::update::BLOCK;

/// One instruction; `level` counts from the bottom of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Copies input `input` onto level `level`.
    Load { input: usize, level: usize },
    /// Adds input `input` to level `level`.
    AddInput { input: usize, level: usize },
    /// Adds level `level + 1` to level `level`.
    AddLevel { level: usize },
}

/// A tree of additions over the inputs of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expr {
    /// Input number, counted from the left.
    Input(usize),
    /// The sum of two parts.
    Add(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// The program that leaves the sum in input 0.
    pub(crate) fn compile(&self) -> Vec<Op> {
        fn emit(expr: &Expr, level: usize, ops: &mut Vec<Op>) {
            match expr {
                Expr::Input(0) => {}
                Expr::Input(input) => ops.push(Op::Load {
                    input: *input,
                    level,
                }),
                Expr::Add(left, right) => {
                    emit(left, level, ops);
                    if let Expr::Input(input) = **right {
                        ops.push(Op::AddInput { input, level });
                    } else {
                        emit(right, level + 1, ops);
                        ops.push(Op::AddLevel { level });
                    }
                }
            }
        }
        let mut ops = Vec::new();
        emit(self, 0, &mut ops);
        ops
    }
}

/// Scratch for the levels above the bottom.
pub(crate) type Levels = Vec<[f32; BLOCK]>;

/// Levels that `ops` needs above the bottom.
pub(crate) fn num_levels(ops: &[Op]) -> usize {
    let level_of = |op: &Op| match *op {
        Op::Load { level, .. } | Op::AddInput { level, .. } => level,
        Op::AddLevel { level } => level + 1,
    };
    ops.iter().map(level_of).max().unwrap_or(0)
}

/// Runs `ops` on a block of at most [`BLOCK`] values: `block` is input 0 and receives the sum,
/// `input(k)` gives input `k` > 0, of the same length.
pub(crate) fn evaluate<'i>(
    ops: &[Op],
    block: &mut [f32],
    input: impl Fn(usize) -> &'i [f32],
    levels: &mut Levels,
) {
    for op in ops {
        match *op {
            Op::Load { input: k, level } => {
                levels[level - 1][..block.len()].copy_from_slice(input(k))
            }
            Op::AddInput { input: k, level: 0 } => add(block, input(k)),
            Op::AddInput { input: k, level } => {
                add(&mut levels[level - 1][..block.len()], input(k))
            }
            Op::AddLevel { level: 0 } => add(block, &levels[0][..block.len()]),
            Op::AddLevel { level } => {
                let (below, above) = levels.split_at_mut(level);
                add(
                    &mut below[level - 1][..block.len()],
                    &above[0][..block.len()],
                );
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub(crate) fn add(left: &mut [f32], right: &[f32]) {
    left.iter_mut().zip(right).for_each(|(l, r)| *l += r);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_add_in_the_order_of_the_tree() {
        fn tree(leaves: std::ops::Range<usize>) -> Expr {
            if leaves.len() == 1 {
                return Expr::Input(leaves.start);
            }
            let middle = leaves.start + crate::engine::shard::split_point(leaves.len());
            Expr::Add(
                Box::new(tree(leaves.start..middle)),
                Box::new(tree(middle..leaves.end)),
            )
        }
        fn oracle(expr: &Expr, inputs: &[Vec<f32>], at: usize) -> f32 {
            match expr {
                Expr::Input(k) => inputs[*k][at],
                Expr::Add(l, r) => oracle(l, inputs, at) + oracle(r, inputs, at),
            }
        }
        for len in [1, 7, BLOCK, BLOCK + 1] {
            for n in 1..14 {
                let inputs: Vec<Vec<f32>> = (0..n)
                    .map(|k| (0..len).map(|i| 1.0 / (1 + k + i % 97) as f32).collect())
                    .collect();
                let expr = tree(0..n);
                let ops = expr.compile();
                let mut first = inputs[0].clone();
                let mut levels = vec![[0.0; BLOCK]; num_levels(&ops)];
                let mut start = 0;
                for block in first.chunks_mut(BLOCK) {
                    let range = start..start + block.len();
                    evaluate(&ops, block, |k| &inputs[k][range.clone()], &mut levels);
                    start = range.end;
                }
                assert!(
                    (0..len).all(|at| first[at] == oracle(&expr, &inputs, at)),
                    "{n} inputs of {len}"
                );
            }
        }
    }
}

//! Where layers leave the gradients of their parameters: a slice for each tree node, added up over
//! shards in tree order.

use std::fmt::Debug;
use std::ops::Range;

use crate::engine::squared_norm;

use super::context::BlockContext;
use super::workspace::Workspace;
use crate::nn::kernel::{
    Buffer, Ones, RowPair, Side, elementwise, fold_products, fold_products_with_squares, fold_rows,
};

/// Where gradients of tree nodes go.
///
/// ```
/// use unisono::nn::Destinations;
///
/// /// One node, whose gradient is kept.
/// struct Kept(Vec<f32>);
///
/// impl Destinations for Kept {
///     fn grad(&mut self, _which: usize) -> &mut [f32] {
///         &mut self.0
///     }
/// }
///
/// let mut kept = Kept(vec![0.0; 3]);
/// kept.grad(0)[1] = 2.0;
/// assert!(kept.0[1] == 2.0 && kept.squares().is_none());
/// ```
pub trait Destinations {
    /// The whole gradient buffer of node `which`.
    fn grad(&mut self, which: usize) -> &mut [f32];

    /// Takes the factors of the gradients of parameters `range`, if these are left to their owners:
    /// what all nodes would be made of.
    fn publish(&mut self, _range: &Range<usize>, _factors: &[&[f32]]) -> bool {
        false
    }

    /// Where the squares of the gradient norms of the block's shards are added up, if they are
    /// wanted.
    fn squares(&mut self) -> Option<&mut [f64]> {
        None
    }
}

/// The gradients of one layer's parameters, a slice for each tree node.
///
/// ```
/// use unisono::nn::{Destinations, Grads, Isa, Workspace};
/// struct Kept(Vec<f32>);
/// impl Destinations for Kept {
///     fn grad(&mut self, _node: usize) -> &mut [f32] {
///         &mut self.0
///     }
/// }
/// // A layer whose two parameters stand behind one of another layer.
/// let (mut kept, mut workspace) = (Kept(vec![0.0; 3]), Workspace::new(Isa::detect()));
/// let mut grads = Grads::new(&mut kept, 1..3, &mut workspace);
/// grads.node(0).copy_from_slice(&[2.0, 3.0]);
/// grads.part(1..2).node(0)[0] += 1.0;
/// assert_eq!(kept.0, [0.0, 2.0, 4.0]);
/// ```
pub struct Grads<'a> {
    to: &'a mut dyn Destinations,
    range: Range<usize>,
    workspace: &'a mut Workspace,
}

impl Debug for Grads<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grads").field("range", &self.range).finish()
    }
}

impl<'a> Grads<'a> {
    /// The gradients of parameters `range` of the flat vector, and memory to borrow.
    pub fn new(
        to: &'a mut dyn Destinations,
        range: Range<usize>,
        workspace: &'a mut Workspace,
    ) -> Self {
        Self {
            to,
            range,
            workspace,
        }
    }

    /// Memory to borrow while a layer runs backward.
    pub fn workspace(&mut self) -> &mut Workspace {
        self.workspace
    }

    /// The gradients of a part of these parameters.
    pub fn part(&mut self, range: Range<usize>) -> Grads<'_> {
        let start = self.range.start;
        Grads {
            to: self.to,
            workspace: self.workspace,
            range: start + range.start..start + range.end,
        }
    }

    /// Adds `square` to the square of the norm of shard `shard`'s gradient, if that is wanted.
    /// [`Grads::fold`] does it for the parameters it writes; a layer that writes [`Grads::node`]
    /// itself calls this for every shard.
    pub fn add_square(&mut self, shard: usize, square: impl FnOnce() -> f64) {
        if let Some(squares) = self.to.squares() {
            squares[shard] += square();
        }
    }

    /// Whether anyone wants the squares.
    pub fn wants_squares(&mut self) -> bool {
        self.to.squares().is_some()
    }

    /// The gradient of node `which`: to be written, whatever it holds.
    pub fn node(&mut self, which: usize) -> &mut [f32] {
        &mut self.to.grad(which)[self.range.clone()]
    }

    /// Writes zeros to every node.
    pub fn clear(&mut self, context: &BlockContext<'_>) {
        (0..context.nodes.len()).for_each(|which| self.node(which).fill(0.0));
    }

    /// Writes every node as `x' dy`, and with a row of ones the column sums of `dy` behind it, of
    /// one of `products` after the other; `shards` are ranges of their rows. A `dy` that several in
    /// turn have is packed once.
    pub(in crate::nn) fn fold_products(
        &mut self,
        products: &[RowPair<'_>],
        ones: Ones,
        context: &BlockContext<'_>,
        shards: &[Range<usize>],
    ) {
        let mut packed: Option<&[f32]> = None;
        let mut start = self.range.start;
        for &operands in products {
            let RowPair { x, dy } = operands;
            let len = (x.depth + usize::from(ones == Ones::Row)) * dy.depth;
            let range = start..start + len;
            start = range.end;
            if self.to.publish(&range, &[x.data, dy.data]) {
                continue;
            }
            // Few rows: straight from where they lie.
            let arithmetic = self.workspace.arithmetic;
            let isa = arithmetic.isa;
            if !self.wants_squares() && fold_rows::is_worth_it(arithmetic, operands) {
                for (which, node) in context.nodes.iter().enumerate() {
                    let to = &mut self.to.grad(which)[range.clone()];
                    fold_rows::fold_rows(isa, to, operands, ones, &shards[node.clone()]);
                }
                continue;
            }
            // Else packed, the right operand once for all that share it.
            let Workspace {
                left, right, steps, ..
            } = &mut *self.workspace;
            left.pack_shards(Side::Left, x.across(), shards, ones);
            if !packed.is_some_and(|packed| std::ptr::eq(packed, dy.data)) {
                right.pack_shards(Side::Right, dy.across(), shards, Ones::None);
                arithmetic.steps_of(shards, steps);
                packed = Some(dy.data);
            }
            self.fold_packed(range, context);
        }
    }

    /// Writes every node, of these parameters, as the product of the workspace's operands.
    fn fold_packed(&mut self, range: Range<usize>, context: &BlockContext<'_>) {
        let wants_squares = self.wants_squares();
        let Workspace {
            left,
            right,
            steps,
            squares,
            column_squares,
            ..
        } = &mut *self.workspace;
        for (which, node) in context.nodes.iter().enumerate() {
            let own = &steps[node.clone()];
            let to = &mut self.to.grad(which)[range.clone()];
            if !wants_squares {
                fold_products(to, left, right, own);
                continue;
            }
            // With the square of each shard's own gradient on the way.
            squares.clear();
            squares.resize(own.len(), 0.0);
            fold_products_with_squares(to, left, right, own, squares, column_squares);
            if let Some(all) = self.to.squares() {
                let all = all[node.clone()].iter_mut();
                all.zip(&*squares).for_each(|(to, square)| *to += square);
            }
        }
    }

    /// Writes every node as the tree over its shards of what `leaf(rows, zeros)` leaves in `zeros`.
    pub fn fold(&mut self, context: &BlockContext<'_>, leaf: impl FnMut(Range<usize>, &mut [f32])) {
        self.fold_trained(context, self.range.len(), leaf);
    }

    /// The same where only the first `trained` parameters have a gradient; the others are running
    /// statistics.
    pub(in crate::nn) fn fold_trained(
        &mut self,
        context: &BlockContext<'_>,
        trained: usize,
        mut leaf: impl FnMut(Range<usize>, &mut [f32]),
    ) {
        for (which, node) in context.nodes.iter().enumerate() {
            // A binary counter: two sums of as many shards are added as soon as both are there.
            let mut depth = 0;
            for (position, shard) in node.clone().enumerate() {
                let own = self.level(which, depth);
                own.fill(0.0);
                leaf(context.shards[shard].clone(), own);
                if self.wants_squares() {
                    let square = squared_norm(&self.level(which, depth)[..trained]);
                    self.add_square(shard, || square);
                }
                for _ in 0..position.trailing_ones() {
                    self.merge(which, depth);
                    depth -= 1;
                }
                depth += 1;
            }
            // What is left, of ever more shards.
            for depth in (1..depth).rev() {
                self.merge(which, depth);
            }
        }
    }

    /// Where the gradient at `depth` of a fold lies: the first in the node itself.
    fn level(&mut self, which: usize, depth: usize) -> &mut [f32] {
        if depth == 0 {
            return self.node(which);
        }
        let levels = &mut self.workspace.levels;
        if levels.len() < depth {
            levels.resize_with(depth, Buffer::default);
        }
        levels[depth - 1].grow(self.range.len())
    }

    /// Adds the gradient at `depth` to the one before it.
    fn merge(&mut self, which: usize, depth: usize) {
        let len = self.range.len();
        let (before, own) = self.workspace.levels.split_at_mut(depth - 1);
        let to = match before.last_mut() {
            Some(before) => &mut before[..len],
            None => &mut self.to.grad(which)[self.range.clone()],
        };
        elementwise::add(to, &own[0][..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::core::Mode;
    use crate::nn::kernel::Isa;

    struct Nodes(Vec<Vec<f32>>);

    impl Destinations for Nodes {
        fn grad(&mut self, which: usize) -> &mut [f32] {
            &mut self.0[which]
        }
    }

    #[test]
    fn a_fold_adds_the_shards_of_each_node_in_the_order_of_the_tree() {
        let shards: Vec<_> = (0..7).map(|s| 3 * s..3 * s + 3).collect();
        let nodes = [0..4, 4..7];
        let context = BlockContext {
            mode: Mode::Train,
            shards: &shards,
            nodes: &nodes,
            ..BlockContext::evaluate(21, 0)
        };
        let value = |shard: usize| 1.0 / (1 + shard * shard) as f32;
        let mut to = Nodes(vec![vec![f32::NAN; 5]; 2]);
        for _ in 0..2 {
            let mut workspace = Workspace::new(Isa::Portable);
            let mut grads = Grads::new(&mut to, 1..3, &mut workspace);
            grads.fold(&context, |rows, leaf| {
                assert_eq!(leaf, [0.0, 0.0]);
                leaf[0] = value(rows.start / 3);
            });
        }
        let v = value;
        assert_eq!(to.0[0][1], (v(0) + v(1)) + (v(2) + v(3)));
        assert_eq!(to.0[1][1], (v(4) + v(5)) + v(6));
        assert!(to.0[0][0].is_nan() && to.0[0][3].is_nan());
    }
}

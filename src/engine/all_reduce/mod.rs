//! All-reduce over the workers' gradients: the tree is fixed, an algorithm only says *who adds
//! what*.
//!
//! Before: each worker holds the gradients of the tree nodes that its shards cover. After: the
//! owner of each segment of the parameter vector holds that segment of the whole batch's gradient.
//!
//! # Invariants
//! 1. The order of additions is that of `engine::shard`'s tree, so all algorithms give the same
//!    bits.
//! 2. Each channel can hold every message of a step, so no send ever waits, and the only waiting is
//!    for inputs that some worker's earlier task produces: tasks are ordered by height, so there is
//!    no cycle.
//! 3. Nothing is allocated after construction, unless shards move to other workers.
//! 4. Whatever an algorithm answers, each shard is added exactly once: its answers are a table of
//!    workers (`adders`), from which the plan is made, and a worker that there is not is an error.
//!
//! # Cost, for `T` workers of equal load and `P` parameters
//! | algorithm | additions on the critical path | owner of a segment | when it wins |
//! |---|---|---|---|
//! | `naive` | `P (T-1)` | worker 0 | the oracle; tiny `P` |
//! | `tree` | `P log2 T` | worker 0 | never by much: the textbook form |
//! | `segmented` | `P (T-1)/T` | worker `j mod T` for segment `j` | everywhere else: the default |
//!
//! # Why this way
//! A segment's whole sum is evaluated by its adder in one pass, chunk by chunk in L1: each gradient
//! is read once and the result written once, the traffic floor. A segment that climbed a tree of
//! several adders would write and read its intermediate sums again.
//!
//! # References
//! Thakur, Rabenseifner, Gropp: "Optimization of collective communication operations in MPICH",
//! 2005.

pub(crate) mod adders;
mod naive;
pub(crate) mod plan;
mod segmented;
pub(crate) mod sum;
mod table;
mod tree;

pub use naive::Naive;
pub use segmented::Segmented;
pub use table::{ALL, by_name, names};
pub use tree::Tree;

/// Places the additions of the tree on workers. One of one's own can make no sum wrong: it only
/// says where it is made (`examples/own_all_reduce.rs`).
///
/// ```
/// use unisono::engine::all_reduce::{AllReduce, Naive, Segmented, Tree};
/// let adders = |algorithm: &dyn AllReduce| [0, 1, 2].map(|segment| algorithm.adder(1, segment, 3));
/// assert_eq!(adders(&Naive), [0, 0, 0]);
/// assert_eq!(adders(&Tree), [1, 1, 1]);
/// assert_eq!(adders(&Segmented), [0, 1, 2]);
/// ```
pub trait AllReduce: Send + Sync + std::fmt::Debug {
    /// Its name, in errors and, for ours, on the command line.
    fn name(&self) -> &str;

    /// The worker, below `num_workers`, that adds, in segment `segment`, a node whose left part
    /// ends up at worker `left`. Asked once for each when an engine is built, which is refused where
    /// an answer is not below `num_workers`.
    ///
    /// The adder of the root, whose left part is worker 0's, owns the segment: it holds the
    /// parameters and the optimiser's state, and executes the update.
    fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize;
}

impl<A: AllReduce + ?Sized> AllReduce for &A {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize {
        (**self).adder(left, segment, num_workers)
    }
}

impl<A: AllReduce + ?Sized> AllReduce for std::sync::Arc<A> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize {
        (**self).adder(left, segment, num_workers)
    }
}

#[cfg(test)]
mod tests;

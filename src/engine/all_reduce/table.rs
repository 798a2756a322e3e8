//! Table of the algorithms: the names behind `--all-reduce`, tests and benchmarks.

use std::sync::Arc;

use super::{AllReduce, Naive, Segmented, Tree};

/// Every algorithm of ours.
///
/// Example: [`by_name`].
pub const ALL: &[&dyn AllReduce] = &[&Naive, &Tree, &Segmented];

/// Our algorithm called `name`.
///
/// ```
/// use unisono::engine::all_reduce;
/// let names: Vec<&str> = all_reduce::ALL.iter().map(|algorithm| algorithm.name()).collect();
/// assert_eq!(names, ["naive", "tree", "segmented"]);
/// assert!(all_reduce::by_name("tree").is_some() && all_reduce::by_name("star").is_none());
/// ```
pub fn by_name(name: &str) -> Option<Arc<dyn AllReduce>> {
    let found = ALL
        .iter()
        .copied()
        .find(|algorithm| algorithm.name() == name)?;
    Some(Arc::new(found))
}

/// The names of our algorithms, as errors list them.
///
/// ```
/// assert_eq!(unisono::engine::all_reduce::names(), "naive, tree or segmented");
/// ```
pub fn names() -> String {
    let names: Vec<&str> = ALL.iter().map(|algorithm| algorithm.name()).collect();
    let (last, first) = names.split_last().expect("there are algorithms");
    format!("{} or {last}", first.join(", "))
}

//! Optimisers, schedules and batch policies of one's own: a name, and the function that makes them.

use std::fmt;
use std::sync::Arc;

use super::chain::Chain;

/// A function with a name. Two are equal if they are the same one.
pub(super) struct Named<F: ?Sized> {
    pub(super) name: String,
    pub(super) function: Arc<F>,
}

impl<F: ?Sized> Clone for Named<F> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            function: Arc::clone(&self.function),
        }
    }
}

impl<F: ?Sized> fmt::Debug for Named<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<F: ?Sized> PartialEq for Named<F> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.function, &other.function)
    }
}

/// Makes the chain of an optimiser of one's own.
pub(super) type MakeChain = dyn Fn() -> Chain + Send + Sync;

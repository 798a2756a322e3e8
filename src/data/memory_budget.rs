//! Memory budget of reading a file: most of what is free, so that a file too large for the machine
//! is refused by name instead of having the system end the program.
//!
//! What is free is the smallest of what the system has available, what the process's control groups
//! leave it, nested ones too, and what is left of its address space (Linux). Where none of these is
//! known there is no bound.

use std::path::{Path, PathBuf};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use super::error::DataError;
use crate::sys::limits;

/// How much of the free memory may be taken: three quarters.
const MOST_OF_FREE: (u64, u64) = (3, 4);

/// Bytes that may still be taken for what is read of a file.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    path: PathBuf,
    most: u64,
    taken: u64,
}

impl MemoryBudget {
    /// Most of the memory that is free now, for what is read of `path`.
    pub(super) fn new(path: &Path) -> Self {
        let (part, whole) = MOST_OF_FREE;
        let most = free_memory().map_or(u64::MAX, |free| free / whole * part);
        Self::of(path, most)
    }

    /// So many bytes.
    pub(super) fn of(path: &Path, most: u64) -> Self {
        Self {
            path: path.to_owned(),
            most,
            taken: 0,
        }
    }

    /// What may still be taken.
    pub(super) fn left(&self) -> u64 {
        self.most - self.taken
    }

    /// Takes `bytes` more.
    ///
    /// # Errors
    /// Those of [`MemoryBudget::check`].
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), DataError> {
        self.check(bytes)?;
        self.taken += bytes;
        Ok(())
    }

    /// Whether `bytes` more may be taken.
    ///
    /// # Errors
    /// [`DataError::Memory`] if not.
    pub(super) fn check(&self, bytes: u64) -> Result<(), DataError> {
        if bytes <= self.left() {
            return Ok(());
        }
        Err(DataError::Memory {
            path: self.path.clone(),
            needed: self.taken.saturating_add(bytes),
            most: self.most,
        })
    }
}

/// In bytes.
pub(crate) fn free_memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let available = Some(system.available_memory()).filter(|&bytes| bytes > 0);
    let allowed = get_current_pid().ok().and_then(|own| {
        let nothing = ProcessRefreshKind::nothing().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, nothing);
        let limits = system.process(own)?.cgroup_limits()?;
        // The group's cached pages are free for the asking: what counts is what its processes hold.
        Some(limits.total_memory.saturating_sub(limits.rss))
    });
    let limited = limits::memory_left();
    let all = available.into_iter().chain(allowed).chain(limited);
    all.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let mut budget = MemoryBudget::of("rows.csv".as_ref(), 3 << 20);
        budget.take(2 << 20).unwrap();
        let error = budget.take(2 << 20).unwrap_err().to_string();
        for part in ["rows.csv", "at least 4 MiB", "3 MiB", "part of it"] {
            assert!(error.contains(part), "{error}");
        }
        // What was refused is not taken.
        budget.take(1 << 20).unwrap();
        assert!(budget.take(1).is_err());
    }

    #[test]
    fn a_machine_that_runs_this_has_some_memory_free() {
        let free = free_memory();
        assert!(
            free.is_none_or(|free| (1 << 20..1 << 60).contains(&free)),
            "{free:?}"
        );
    }
}

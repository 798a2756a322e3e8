//! The operating system: the only place that calls one in its own way.
//!
//! | file | what |
//! |---|---|
//! | `cores` | cores of the process, pinning of threads |
//! | `files` | reads at an offset, sockets, pipes |
//! | `library` | libraries that are loaded at run time |
//! | `limits` | limits of memory |
//! | `machine` | processor, system, caches, as far as they are told |
//! | `pages` | memory on huge pages |
//! | `signals` | interrupts |
//!
//! # Why this way
//! Each function says in its first lines what it does where a system lacks the call; no other
//! module asks which system there is (`tests/tidy`).

#[cfg(target_endian = "big")]
compile_error!(
    "files and messages between ranks hold values as they lie in memory, and are little-endian: a big-endian target would write files that no other reads"
);

pub(crate) mod cores;
pub(crate) mod files;
pub(crate) mod library;
pub(crate) mod limits;
#[cfg(feature = "report")]
pub(crate) mod machine;
pub(crate) mod pages;
#[cfg(feature = "cli")]
pub(crate) mod signals;

//! Memory on huge pages: on Linux.
//!
//! # Invariants
//! 1. Asking for huge pages changes no value, whatever memory is named: it is advice on how to keep
//!    it.

/// Asks the system to keep memory in huge pages that nobody has written to yet.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "one call, with no other way to it: rustix has it unsafe for the sake of other advice"
)]
pub(crate) fn ask_for_huge(memory: &mut [u8]) {
    use rustix::mm::{Advice, madvise};
    if memory.is_empty() {
        return;
    }
    let start = memory.as_mut_ptr().cast();
    // SAFETY: invariant 1.
    let advised = unsafe { madvise(start, memory.len(), Advice::LinuxHugepage) };
    // A system without huge pages goes on with small ones.
    advised.ok();
}

/// Nothing: other systems take no such advice.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ask_for_huge(_: &mut [u8]) {}

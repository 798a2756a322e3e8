//! An allocator that counts: allocations of the threads that asked for it, and live bytes of all.

#![expect(unsafe_code, reason = "an allocator can only be written unsafely")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTED.get() {
            // Relaxed: a counter that publishes nothing.
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // Relaxed: a counter that publishes nothing.
        BYTES.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // Relaxed: a counter that publishes nothing.
        BYTES.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts the calling thread's allocations from now on. Others are not: a test harness allocates
/// when it pleases.
pub(crate) fn count_this_thread() {
    IS_COUNTED.set(true);
}

/// Allocations of the counted threads so far.
pub(crate) fn allocations() -> u64 {
    // Relaxed: a counter that publishes nothing. What a thread has counted before it sent a message is
    // seen by who got it.
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// Bytes allocated and not freed.
pub(crate) fn live_bytes() -> i64 {
    // Relaxed: a counter that publishes nothing, as above.
    BYTES.load(Ordering::Relaxed)
}

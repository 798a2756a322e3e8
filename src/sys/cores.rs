//! Cores of the process, and pinning of threads to them.

use core_affinity::CoreId;
use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// The cores of this process's affinity mask; none where it cannot be read. macOS has no masks, so
/// there it is all.
pub(crate) fn mask() -> Vec<usize> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    cores.iter().map(|core| core.id).collect()
}

/// Asks that the calling thread stay on a core; whether the system took it.
pub(crate) fn pin(core: usize) -> bool {
    core_affinity::set_for_current(CoreId { id: core })
}

/// Whether the system confirms that the calling thread, for which [`pin`] was taken, stays on the
/// core. Linux is asked. Windows tells a process's mask and not a thread's, but refuses what it
/// does not do. Elsewhere it is a hint that the system may ignore, as that of Apple silicon does.
pub(crate) fn is_confirmed(core: usize) -> bool {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        mask() == [core]
    } else {
        cfg!(windows)
    }
}

/// Why threads are not pinned where nothing confirms it.
#[cfg(feature = "cli")]
pub(crate) fn why_unconfirmed() -> &'static str {
    match std::env::consts::OS {
        "linux" | "windows" => "the system does not confirm it",
        _ => "on this system it is a hint that may be ignored",
    }
}

/// The lowest-numbered logical core that shares core `core`'s physical one; only Linux tells.
pub(crate) fn first_sibling(core: usize) -> Option<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    let text = std::fs::read_to_string(path).ok()?;
    text.trim().split([',', '-']).next()?.parse().ok()
}

/// Physical cores among the `in_mask` cores of the mask, by the system's count of the whole
/// machine: not known where the mask leaves some of it out.
pub(crate) fn num_physical(in_mask: usize) -> Option<usize> {
    let all = System::physical_core_count().ok()?;
    let logical = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let logical = System::new_with_specifics(logical).ok()?.cpus().len();
    (in_mask == 0 || in_mask >= logical).then_some(all)
}

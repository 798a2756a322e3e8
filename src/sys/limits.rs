//! Limits of this process's memory, besides the machine's own: those of its control groups, whichever
//! of the nested ones leaves least, and of its address space (Linux).

use std::fs;
use std::path::Path;

/// Bytes that this process may still take; none where nothing limits it.
pub(crate) fn memory_left() -> Option<u64> {
    left_under(Path::new("/"))
}

/// The same, with the system's files under `root`.
fn left_under(root: &Path) -> Option<u64> {
    let text = |path: &str| fs::read_to_string(root.join(path.trim_start_matches('/'))).ok();
    let number = |path: &str| text(path)?.trim().parse::<u64>().ok();
    let mut least: Option<u64> = None;
    let mut leaves = |bytes: Option<u64>| {
        least = least.into_iter().chain(bytes).min();
    };
    // Each line names a group of a kind; those above it limit it too.
    for line in text("proc/self/cgroup").unwrap_or_default().lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(kind), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let names = match kind {
            "" => ["", "memory.max", "memory.current", "inactive_file "],
            "memory" => [
                "/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file ",
            ],
            _ => continue,
        };
        let [folder, limit, usage, cached] = names;
        for group in Path::new(group).ancestors() {
            let group = group.to_string_lossy();
            let file = |name: &str| {
                let group = group.trim_matches('/');
                format!("sys/fs/cgroup{folder}/{group}/{name}")
            };
            let Some(limit) = number(&file(limit)) else {
                continue;
            };
            // Pages that are kept of files are free for the asking.
            let stat = text(&file("memory.stat")).unwrap_or_default();
            let cached = stat.lines().find_map(|line| line.strip_prefix(cached));
            let cached = cached.and_then(|bytes| bytes.trim().parse().ok());
            let used = number(&file(usage)).unwrap_or(0);
            let held = used.saturating_sub(cached.unwrap_or(0));
            leaves(Some(limit.saturating_sub(held)));
        }
    }
    // What is mapped counts against the address space, be it used or not.
    let status = text("proc/self/status").unwrap_or_default();
    let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let mapped = mapped.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    let limits = text("proc/self/limits").unwrap_or_default();
    let space = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"));
    let space = space.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    leaves(space.map(|space| space.saturating_sub(1024 * mapped.unwrap_or(0))));
    least
}

#[cfg(test)]
mod tests;

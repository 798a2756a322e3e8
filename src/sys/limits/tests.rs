//! Files of a system as they are written there.

use std::fs;
use std::path::PathBuf;

use super::left_under;

/// What is left under a root with these files.
fn left(name: &str, files: &[(&str, &str)]) -> Option<u64> {
    let name = format!("unisono-limits-{}-{name}", std::process::id());
    let root: PathBuf = std::env::temp_dir().join(name);
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let left = left_under(&root);
    let _ = fs::remove_dir_all(root);
    left
}

#[test]
fn the_nested_group_that_leaves_least_counts() {
    let files = [
        ("proc/self/cgroup", "0::/user.slice/job.scope\n"),
        ("sys/fs/cgroup/user.slice/memory.max", "1000\n"),
        ("sys/fs/cgroup/user.slice/memory.current", "700\n"),
        (
            "sys/fs/cgroup/user.slice/memory.stat",
            "anon 500\ninactive_file 100\n",
        ),
        ("sys/fs/cgroup/user.slice/job.scope/memory.max", "max\n"),
        ("sys/fs/cgroup/user.slice/job.scope/memory.current", "600\n"),
    ];
    assert_eq!(left("nested", &files), Some(400));
    // The inner one may leave less; what it holds above its limit leaves nothing.
    let inner = ("sys/fs/cgroup/user.slice/job.scope/memory.max", "800\n");
    assert_eq!(left("inner", &[&files[..], &[inner]].concat()), Some(200));
    let inner = ("sys/fs/cgroup/user.slice/job.scope/memory.max", "500\n");
    assert_eq!(left("full", &[&files[..], &[inner]].concat()), Some(0));
}

#[test]
fn groups_of_the_first_version_and_the_address_space_count() {
    let files = [
        ("proc/self/cgroup", "9:cpu,cpuacct:/\n5:memory:/docker/ab\n"),
        (
            "sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes",
            "4096000\n",
        ),
        (
            "sys/fs/cgroup/memory/docker/ab/memory.usage_in_bytes",
            "96000\n",
        ),
        (
            "sys/fs/cgroup/memory/docker/ab/memory.stat",
            "total_inactive_file 6000\n",
        ),
    ];
    assert_eq!(left("first", &files), Some(4_006_000));
    let space = [
        ("proc/self/status", "Name:\tx\nVmSize:\t    2000 kB\n"),
        (
            "proc/self/limits",
            "Limit   Soft Limit  Hard Limit  Units\nMax address space         4048000              unlimited            bytes     \n",
        ),
    ];
    assert_eq!(
        left("space", &[&files[..], &space].concat()),
        Some(2_000_000)
    );
    let unlimited = [(
        "proc/self/limits",
        "Max address space         unlimited            unlimited            bytes     \n",
    )];
    assert_eq!(left("unlimited", &unlimited), None);
    assert_eq!(left("nothing", &[("proc/self/cgroup", "0::/\n")]), None);
}

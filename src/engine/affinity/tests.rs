//! Placements decided for made-up machines.

use super::*;

fn smt(num_physical: usize) -> Vec<Core> {
    (0..2 * num_physical)
        .map(|id| Core {
            id,
            physical: id % num_physical,
        })
        .collect()
}

fn known(cores: Vec<Core>, quota: usize) -> Hardware {
    Hardware {
        cores,
        quota,
        physical: PhysicalCores::ByCore,
    }
}

fn placed(threads: Threads, cores: Vec<Core>, quota: usize) -> Placement {
    Placement::decide(threads, Pinning::Always, known(cores, quota)).unwrap()
}

#[test]
fn fewer_threads_than_physical_cores_are_not_pinned_unless_asked_for() {
    let is_pinned = |pinning, threads, quota| {
        let decided = Placement::decide(threads, pinning, known(smt(4), quota));
        decided.unwrap().is_pinned()
    };
    for (threads, quota, expected) in [
        (Threads::Fixed(1), 8, false),
        (Threads::Fixed(3), 8, false),
        (Threads::Fixed(4), 8, true),
        (Threads::Fixed(8), 8, true),
        (Threads::Auto, 8, true),
        (Threads::AtMost(2), 8, false),
        // A container's share of the cores is anyone's.
        (Threads::Auto, 3, false),
        (Threads::Fixed(9), 8, false),
    ] {
        assert_eq!(
            is_pinned(Pinning::Auto, threads, quota),
            expected,
            "{threads:?}"
        );
        let always = threads != Threads::Fixed(9);
        assert_eq!(is_pinned(Pinning::Always, threads, quota), always);
        assert!(!is_pinned(Pinning::Off, threads, quota));
    }
}

#[test]
fn processes_of_one_machine_share_out_its_physical_cores() {
    let share = |count, index| {
        let own = known(smt(4), 8).share(&Neighbours { count, index });
        let ids: Vec<usize> = own.cores.iter().map(|core| core.id).collect();
        (ids, own.quota)
    };
    assert_eq!(share(1, 0).0.len(), 8);
    assert_eq!(share(2, 0), (vec![0, 1, 4, 5], 4));
    assert_eq!(share(2, 1), (vec![2, 3, 6, 7], 4));
    assert_eq!(share(3, 2), (vec![2, 3, 6, 7], 3));
    // More processes than cores: each has one, and others may have it too.
    for index in 0..9 {
        assert_eq!(share(9, index).0.len(), 2, "a core and its sibling");
    }
}

#[test]
fn where_siblings_are_not_known_the_number_of_physical_cores_still_bounds_auto() {
    let apart = (0..8).map(|id| Core { id, physical: id }).collect();
    let hardware = Hardware {
        physical: PhysicalCores::Count(4),
        ..known(apart, 8)
    };
    let placement = Placement::decide(Threads::Auto, Pinning::Auto, hardware.clone()).unwrap();
    assert_eq!((placement.num_threads, placement.is_pinned()), (4, false));
    assert_eq!(
        (placement.num_physical, placement.warning()),
        (Some(4), None)
    );
    // Where the system tells nothing of them, `auto` says that it takes each core for a physical one.
    let hardware = Hardware {
        physical: PhysicalCores::Unknown,
        ..hardware
    };
    let decide = |threads| Placement::decide(threads, Pinning::Auto, hardware.clone()).unwrap();
    let placement = decide(Threads::Auto);
    assert_eq!((placement.num_threads, placement.num_physical), (8, None));
    let warning = placement.warning().unwrap();
    let expected = "the system does not tell which of 8 usable cores share a physical one";
    assert!(warning.starts_with(expected), "{warning}");
    assert_eq!(decide(Threads::Fixed(4)).warning(), None);
}

#[test]
fn auto_takes_physical_cores_within_the_quota() {
    assert_eq!(placed(Threads::Auto, smt(4), 8).cores, [0, 1, 2, 3]);
    assert_eq!(placed(Threads::Auto, smt(4), 3).cores, [0, 1, 2]);
    assert_eq!(placed(Threads::Auto, Vec::new(), 3).num_threads, 3);
    assert_eq!(placed(Threads::AtMost(2), smt(4), 8).cores, [0, 1]);
    assert_eq!(placed(Threads::AtMost(9), smt(4), 3).num_threads, 3);
}

#[test]
fn more_threads_than_physical_cores_use_siblings_last() {
    let placement = placed(Threads::Fixed(3), smt(2), 4);
    assert_eq!(
        (placement.cores, placement.waiting),
        (vec![0, 1, 2], Waiting::Spin)
    );
}

#[test]
fn more_threads_than_cores_are_unpinned_block_and_say_so() {
    let placement = placed(Threads::Fixed(5), smt(2), 4);
    assert!(!placement.is_pinned());
    assert_eq!(placement.waiting, Waiting::Block);
    assert!(
        placement
            .warning()
            .unwrap()
            .starts_with("5 threads on 4 usable cores")
    );
    assert!(placed(Threads::Fixed(4), smt(2), 4).warning().is_none());
}

#[test]
fn the_quota_bounds_what_is_pinned_and_zero_threads_are_refused() {
    assert!(!placed(Threads::Fixed(3), smt(4), 2).is_pinned());
    let none = Placement::decide(Threads::Fixed(0), Pinning::Auto, known(smt(1), 1));
    assert!(matches!(none, Err(EngineError::NoThreads)));
    let many = Placement::of_process(Threads::Fixed(11_000_000_000), Pinning::Auto);
    let many = many.unwrap_err().to_string();
    assert_eq!(
        many,
        "threads must be at most 4096, got 11000000000; use fewer"
    );
}

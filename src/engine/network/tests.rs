//! Tests of the network bench.

use super::*;
use crate::engine::shard::split_point;

/// What each rank of a group gives.
fn on_ranks<T: Send>(num_ranks: usize, part: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let part = &part;
        let ranks = Ranks::in_process(num_ranks).into_iter();
        let threads: Vec<_> = ranks
            .map(|ranks| scope.spawn(move || part(ranks)))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.collect()
    })
}

/// The sum of value `at` of these ranks, in the order of the tree.
fn tree(ranks: std::ops::Range<usize>, at: usize) -> f32 {
    if ranks.len() == 1 {
        return value(ranks.start, at);
    }
    let middle = ranks.start + split_point(ranks.len());
    tree(ranks.start..middle, at) + tree(middle..ranks.end, at)
}

#[test]
fn every_rank_has_the_bits_of_the_tree_in_every_round() {
    // Less than a block, and segments of several messages.
    for (num_ranks, len) in [(1, 5), (2, 1), (2, 600_000), (3, 5000), (4, 20_000)] {
        let expected: Vec<f32> = (0..len).map(|at| tree(0..num_ranks, at)).collect();
        let all = on_ranks(num_ranks, |ranks| {
            let values: Vec<f32> = (0..len).map(|at| value(ranks.rank(), at)).collect();
            let mut engine = engine(&ranks, &values).unwrap();
            let rounds = engine.run(|session| {
                [0, 1, 2].map(|round| {
                    session.communicate(&ranks, round).unwrap();
                    session.params().to_vec()
                })
            });
            rounds.unwrap()
        });
        for sums in all.iter().flatten() {
            assert!(*sums == expected, "{num_ranks} ranks, {len} values");
        }
    }
}

#[test]
fn all_ranks_tell_the_same_times_of_as_many_rounds_as_are_asked_for() {
    for (num_ranks, rounds) in [(1, 1), (2, 3), (3, 9)] {
        let rows = on_ranks(num_ranks, |ranks| {
            let sizes = vec![4096, 20_001];
            let bench = NetworkBench {
                ranks,
                sizes,
                rounds,
            };
            bench.run().unwrap()
        });
        assert!(rows.iter().all(|own| *own == rows[0]), "{rows:?}");
        let told = rows[0].iter().map(|row| (row.bytes, row.ms.len()));
        assert_eq!(told.collect::<Vec<_>>(), [(4096, rounds), (20_001, rounds)]);
    }
}

#[test]
fn other_bits_are_counted_and_other_values_refused() {
    let ours = [0.25, 0.5, -0.125];
    let next = f32::from_bits(0.5_f32.to_bits() + 1);
    assert_eq!(differing(&ours, &ours, 2).unwrap(), 0);
    assert_eq!(differing(&ours, &[0.25, next, -0.125], 2).unwrap(), 1);
    for other in [0.4999, f32::NAN] {
        let error = differing(&ours, &[0.25, other, -0.125], 2).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("as sum 1, expected 0.5 but for rounding"),
            "{text}"
        );
    }
}

#[test]
fn ranks_that_measure_something_else_are_named() {
    let errors = on_ranks(2, |ranks| {
        let rounds = ranks.rank() + 1;
        let bench = NetworkBench {
            ranks,
            sizes: vec![4],
            rounds,
        };
        bench.run().unwrap_err().to_string()
    });
    assert!(
        errors
            .iter()
            .all(|error| error.contains("a number of rounds of")),
        "{errors:?}"
    );
}

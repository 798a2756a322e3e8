//! The balancer on synthetic times.

use super::*;

fn better_counts(row: &[f64], current: &[usize], node: f64) -> Option<Vec<usize>> {
    let current = Assignment::from_counts(current);
    let costs = Costs {
        per_row: row.to_vec(),
        rows: current.num_shards(),
        node,
    };
    let next = better(&costs, &current, &mut Vec::new())?;
    assert_eq!(next.num_shards(), current.num_shards());
    Some(next.counts().collect())
}

#[test]
fn shards_go_to_the_faster_and_come_back_when_both_are_alike() {
    let next = |shard: [f64; 2], current: [usize; 2]| better_counts(&shard, &current, 0.01);
    assert_eq!(next([1.0, 1.35], [8, 8]), Some(vec![9, 7]));
    assert_eq!(next([1.35, 1.0], [9, 7]), Some(vec![7, 9]));
    assert_eq!(next([1.0, 1.0], [9, 7]), Some(vec![8, 8]));
    // Four performance cores and four efficient ones, half as fast.
    let hybrid = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
    let next = better_counts(&hybrid, &[8; 8], 0.01);
    assert_eq!(next, Some(vec![11, 11, 11, 11, 5, 5, 5, 5]));
}

#[test]
fn nothing_moves_for_less_than_noise_or_for_more_nodes_than_it_saves() {
    assert_eq!(better_counts(&[1.0, 1.1], &[8, 8], 0.01), None);
    assert_eq!(better_counts(&[1.0; 3], &[5, 5, 6], 0.01), None);
    assert_eq!(better_counts(&[1.0, 1.35], &[8, 8], 1.0), None);
}

#[test]
fn rows_decide_where_they_are_fewer_than_shards() {
    // The ninth of sixteen shards has no row: nothing would be gained by giving it away.
    let costs = Costs {
        per_row: vec![1.0, 1.2],
        rows: 12,
        node: 0.0,
    };
    let better = better(&costs, &Assignment::even(16, 2), &mut Vec::new());
    assert_eq!(better, None);
}

#[test]
fn everyone_keeps_a_shard() {
    let next = better_counts(&[1.0, 100.0], &[8, 8], 0.01);
    assert_eq!(next, Some(vec![15, 1]));
}

fn shape(rows: usize, assignment: &Assignment) -> StepShape<'_> {
    StepShape { rows, assignment }
}

/// A step of 160 rows with loads in milliseconds, and what is proposed after it.
fn step(balancer: &mut Balancer, at: &Assignment, millis: [u64; 2]) -> Option<Vec<usize>> {
    let load = |pass| Some(Duration::from_millis(pass));
    let shape = shape(160, at);
    balancer.record(millis.into_iter().map(load), shape);
    let next = balancer.propose(shape, 0)?;
    Some(next.counts().collect())
}

#[test]
fn medians_of_steps_after_the_first_decide() {
    let even = Assignment::even(16, 2);
    let mut balancer = Balancer::of(2);
    // The first is not counted, and one of three that is slow is noise.
    for millis in [[10, 90], [10, 10], [10, 90], [10, 10]] {
        assert_eq!(step(&mut balancer, &even, millis), None);
    }
    // Workers of tiny steps are not timed in the same ones.
    balancer.record(
        [Some(Duration::from_millis(10)), None].into_iter(),
        shape(160, &even),
    );
    let next = step(&mut balancer, &even, [10, 20]);
    assert_eq!(next, Some(vec![11, 5]));
    // Not again before a hundred times the time that a move takes.
    balancer.moved(Instant::now());
    balancer.took = Duration::from_secs(10);
    for _ in 0..8 {
        assert_eq!(step(&mut balancer, &even, [10, 20]), None);
    }
}

#[test]
fn a_change_in_vain_is_taken_back_and_not_tried_again_soon() {
    let (even, uneven) = (Assignment::even(16, 2), Assignment::from_counts(&[11, 5]));
    let mut balancer = Balancer::of(2);
    let until = |balancer: &mut Balancer, at, millis| {
        let steps = (1..100).find_map(|n| Some((n, step(balancer, at, millis)?)));
        balancer.moved(Instant::now());
        balancer.took = Duration::ZERO;
        steps
    };
    let (away, back) = (vec![11, 5], vec![8, 8]);
    let first = until(&mut balancer, &even, [10, 20]);
    assert_eq!(first, Some((4, away.clone())));
    assert_eq!(
        until(&mut balancer, &uneven, [21, 12]),
        Some((4, back.clone()))
    );
    assert_eq!(
        until(&mut balancer, &even, [10, 20]),
        Some((8, away.clone()))
    );
    assert_eq!(until(&mut balancer, &uneven, [21, 12]), Some((4, back)));
    assert_eq!(until(&mut balancer, &even, [10, 20]), Some((12, away)));
    // Worth it this time.
    assert_eq!(until(&mut balancer, &uneven, [14, 13]), None);
}

#[test]
fn small_batches_go_back_to_even_only_if_they_stay() {
    let uneven = Assignment::from_counts(&[1, 15]);
    let mut balancer = Balancer::of(2);
    for rows in [160, 4, 160, 4, 4, 4] {
        balancer.record([Some(Duration::ZERO); 2].into_iter(), shape(rows, &uneven));
        assert_eq!(balancer.propose(shape(4, &uneven), 0), None);
    }
    balancer.record([Some(Duration::ZERO); 2].into_iter(), shape(4, &uneven));
    // Nobody's shards would help with a single row.
    assert_eq!(balancer.propose(shape(1, &uneven), 0), None);
    let next = balancer.propose(shape(4, &uneven), 0);
    assert_eq!(next, Some(Assignment::even(16, 2)));
}

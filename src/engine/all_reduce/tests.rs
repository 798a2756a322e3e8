//! Plans of algorithms that answer anything: each shard is added once, in the tree's order, and
//! nobody waits for ever.

use super::adders::Adders;
use super::plan::{Capacity, Destination, Inbound, Output, Plan, PlanSpec, Task};
use super::sum::Op;
use super::{ALL, AllReduce, Segmented};
use crate::engine::assignment::Assignment;
use crate::engine::ranks::group::Group;
use crate::engine::shard::{Node, split_point};
use crate::engine::update::{BLOCK, UpdateMode};

/// Answers that have no order, and are others for each seed.
#[derive(Debug)]
struct Scattered(usize);

impl AllReduce for Scattered {
    fn name(&self) -> &str {
        "scattered"
    }

    fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize {
        let mixed = (self.0 + 1) * 7919 + left * 104_729 + segment * 1_299_709;
        (mixed ^ (mixed >> 7)) % num_workers
    }
}

/// The tree over `node`, as text.
fn tree(node: &Node) -> String {
    if node.len() == 1 {
        return node.start.to_string();
    }
    let middle = node.start + split_point(node.len());
    let (left, right) = (tree(&(node.start..middle)), tree(&(middle..node.end)));
    format!("({left} + {right})")
}

/// What has come so far, input by input, of each worker.
type Inputs = Vec<Vec<Option<String>>>;

/// The text of a task's sum, if all its inputs are there.
fn sum(inputs: &[usize], ops: &[Op], come: &[Option<String>]) -> Option<String> {
    let values: Option<Vec<String>> = inputs.iter().map(|&input| come[input].clone()).collect();
    let values = values?;
    let mut levels = vec![values[0].clone()];
    for op in ops {
        match *op {
            Op::Load { input, level } => {
                levels.truncate(level);
                levels.push(values[input].clone());
            }
            Op::AddInput { input, level } => {
                levels[level] = format!("({} + {})", levels[level], values[input]);
            }
            Op::AddLevel { level } => {
                levels[level] = format!("({} + {})", levels[level], levels[level + 1]);
            }
        }
    }
    levels.into_iter().next()
}

/// Runs a plan as workers do, each task after the one before it; gives the whole sum of each
/// segment, with the worker that has made it.
fn run(plan: &Plan) -> Vec<Vec<(usize, String)>> {
    let mut come: Inputs = plan
        .workers
        .iter()
        .map(|worker| vec![None; worker.homes.len()])
        .collect();
    let arrive = |come: &mut Inputs, to: Destination, value: String| {
        let before = come[to.worker][to.input].replace(value);
        assert_eq!(before, None, "an input comes twice");
    };
    for worker in &plan.workers {
        for send in &worker.sends {
            arrive(&mut come, send.to, tree(&worker.nodes[send.slot]));
        }
    }
    let mut roots = vec![Vec::new(); plan.workers.len()];
    let mut next = vec![0; plan.workers.len()];
    // Round after round, until nobody can go on.
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        for (w, worker) in plan.workers.iter().enumerate() {
            let Some(task) = worker.tasks.get(next[w]) else {
                continue;
            };
            let Some(value) = sum(&task.inputs, &task.ops, &come[w]) else {
                continue;
            };
            (goes_on, next[w]) = (true, next[w] + 1);
            match task.output {
                Output::Forward(to) => arrive(&mut come, to, value),
                Output::Root => roots[task.segment].push((w, value)),
            }
        }
    }
    for (next, worker) in next.into_iter().zip(&plan.workers) {
        assert_eq!(next, worker.tasks.len(), "a worker waits for ever");
    }
    roots
}

#[test]
fn whatever_an_algorithm_answers_each_shard_is_added_once_in_the_order_of_the_tree() {
    for seed in 0..20 {
        for num_workers in [1, 2, 3, 5, 8] {
            for num_shards in [1, 3, 7, 16] {
                for update in UpdateMode::EACH {
                    let group = Group::alone(num_workers);
                    let spec = PlanSpec {
                        group: &group,
                        assignment: &Assignment::even(num_shards, num_workers),
                        places: &group.segments((num_workers + seed % 3) * BLOCK - 1),
                        update,
                    };
                    let adders = Adders::of(&Scattered(seed), num_workers, spec.places).unwrap();
                    let plan = Plan::new(&adders, spec);
                    for (segment, roots) in run(&plan).into_iter().enumerate() {
                        let owners = plan.workers.iter().enumerate();
                        let expected: Vec<_> = owners
                            .filter(|(_, worker)| worker.owned.contains(&segment))
                            .map(|(w, _)| (w, tree(&(0..num_shards))))
                            .collect();
                        assert_eq!(roots, expected, "{spec:?}, seed {seed}");
                        assert_eq!(roots.len(), usize::from(!plan.cuts[segment].is_empty()));
                    }
                    // No send ever waits.
                    let capacity = Capacity::new(&adders, spec);
                    for (worker, most) in plan.workers.iter().zip(capacity.inputs) {
                        assert!(worker.homes.len() <= most, "{spec:?}, seed {seed}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_each_worker_has_room_for_does_not_grow_with_their_number() {
    let room = |num_workers| {
        let group = Group::alone(num_workers);
        let spec = PlanSpec {
            group: &group,
            assignment: &Assignment::even(16, num_workers),
            places: &group.segments(5 * BLOCK),
            update: UpdateMode::Fused,
        };
        let adders = Adders::of(&Segmented, num_workers, spec.places).unwrap();
        let capacity = Capacity::new(&adders, spec);
        let inputs: usize = capacity.inputs.iter().sum();
        (inputs, capacity.returns, capacity.busy)
    };
    assert_eq!(room(64), room(4096));
}

/// Runs the plans of all ranks together; gives the whole sum of each segment, with the rank and the
/// member that has made it.
fn run_ranks(plans: &[(Group, Plan)]) -> Vec<Vec<(usize, usize, String)>> {
    let empty = |(_, plan): &(Group, Plan)| -> Inputs {
        let inputs = plan
            .workers
            .iter()
            .map(|worker| vec![None; worker.homes.len()]);
        inputs.collect()
    };
    let mut come: Vec<Inputs> = plans.iter().map(empty).collect();
    // To a member of the own rank, or to whoever awaits that message.
    let arrive = |come: &mut Vec<Inputs>, from: usize, to: Destination, value: String| {
        let (group, _) = &plans[from];
        let (rank, to) = match group.worker_of(to.worker) {
            Some(_) => (from, to),
            None => {
                let rank = group.rank_of(to.worker);
                let workers = plans[rank].1.workers.iter().enumerate();
                let mut inbound = workers.flat_map(|(worker, plan)| {
                    plan.inbound.iter().map(move |inbound| (worker, inbound))
                });
                let is_it = |(_, inbound): &(usize, &Inbound)| {
                    (inbound.rank, inbound.number) == (from, to.input)
                };
                let (worker, inbound) = inbound.find(is_it).expect("someone awaits it");
                let input = inbound.input;
                (rank, Destination { worker, input })
            }
        };
        let before = come[rank][to.worker][to.input].replace(value);
        assert_eq!(before, None, "an input comes twice");
    };
    for (rank, (group, plan)) in plans.iter().enumerate() {
        for worker in &plan.workers[group.own_members()] {
            for send in &worker.sends {
                arrive(&mut come, rank, send.to, tree(&worker.nodes[send.slot]));
            }
        }
    }
    let mut roots = vec![Vec::new(); plans[0].1.cuts.len()];
    let mut next = vec![vec![0; 16]; plans.len()];
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        for (rank, (group, plan)) in plans.iter().enumerate() {
            for member in group.own_members() {
                let Some(task) = plan.workers[member].tasks.get(next[rank][member]) else {
                    continue;
                };
                let Some(value) = sum(&task.inputs, &task.ops, &come[rank][member]) else {
                    continue;
                };
                (goes_on, next[rank][member]) = (true, next[rank][member] + 1);
                match task.output {
                    Output::Forward(to) => arrive(&mut come, rank, to, value),
                    Output::Root => roots[task.segment].push((rank, member, value)),
                }
            }
        }
    }
    roots
}

/// What other ranks await is added before what awaits them: else each would wait for the one before
/// it.
fn nobody_waits_before_it_has_sent(group: &Group, plan: &Plan) {
    for worker in &plan.workers[group.own_members()] {
        let goes_away = |task: &Task| match task.output {
            Output::Forward(to) => group.worker_of(to.worker).is_none(),
            Output::Root => false,
        };
        let waits = |task: &Task| {
            let mut inbound = worker.inbound.iter();
            inbound.any(|inbound| task.inputs.contains(&inbound.input))
        };
        let last_away = worker.tasks.iter().rposition(goes_away);
        let first_waiting = worker.tasks.iter().position(waits);
        if let (Some(last_away), Some(first_waiting)) = (last_away, first_waiting) {
            assert!(last_away < first_waiting);
        }
    }
}

#[test]
fn the_plans_of_all_ranks_together_add_each_shard_once_in_the_order_of_the_tree() {
    for seed in 0..6 {
        for workers in [&[1, 1][..], &[2, 3], &[1, 2, 1], &[3, 1, 2, 2]] {
            for num_shards in [4, 7, 16, 23] {
                for update in UpdateMode::EACH {
                    let num_params = (20 + seed) * BLOCK - 1;
                    let plan = |rank: usize| {
                        let group = Group::new(rank, workers.into());
                        let own = group.shards(num_shards, rank).len();
                        let own = Assignment::even(own, workers[rank]);
                        let places = group.segments(num_params);
                        let adders = Adders::of(&Scattered(seed), workers[rank], &places).unwrap();
                        let spec = PlanSpec {
                            group: &group,
                            assignment: &group.members(num_shards, &own),
                            places: &places,
                            update,
                        };
                        let plan = Plan::new(&adders, spec);
                        let capacity = Capacity::new(&adders, spec);
                        let own = &plan.workers[group.own_members()];
                        for (worker, most) in own.iter().zip(capacity.inputs) {
                            assert!(worker.homes.len() <= most, "{spec:?}");
                        }
                        (group, plan)
                    };
                    let plans: Vec<_> = (0..workers.len()).map(plan).collect();
                    for (group, plan) in &plans {
                        nobody_waits_before_it_has_sent(group, plan);
                    }
                    let places = plans[0].0.segments(num_params);
                    for (roots, place) in run_ranks(&plans).into_iter().zip(places) {
                        if place.cut.is_empty() {
                            assert!(roots.is_empty());
                            continue;
                        }
                        let [(rank, member, sum)] = &roots[..] else {
                            panic!("{} sums of {place:?}", roots.len());
                        };
                        assert_eq!(*rank, place.rank);
                        assert!(plans[*rank].0.worker_of(*member).is_some());
                        assert_eq!(*sum, tree(&(0..num_shards)), "{workers:?}, seed {seed}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_worker_that_there_is_not_is_named() {
    #[derive(Debug)]
    struct Beyond;
    impl AllReduce for Beyond {
        fn name(&self) -> &str {
            "beyond"
        }
        fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize {
            if (left, segment) == (1, 2) {
                num_workers
            } else {
                0
            }
        }
    }
    let places = Group::alone(3).segments(3 * BLOCK);
    let error = Adders::of(&Beyond, 3, &places).unwrap_err().to_string();
    let expected = "the all-reduce beyond leaves additions to worker 3, expected one below 3";
    assert!(error.starts_with(expected), "{error}");
    assert!(Adders::of(&Beyond, 3, &places[..2]).is_ok());
}

#[test]
fn every_segment_has_one_owner_and_one_root_task_there() {
    for algorithm in ALL {
        for num_workers in [1, 2, 3, 5, 8, 13] {
            for num_shards in [1, 3, 7, 16] {
                for update in UpdateMode::EACH {
                    let group = Group::alone(num_workers);
                    let spec = PlanSpec {
                        group: &group,
                        assignment: &Assignment::even(num_shards, num_workers),
                        places: &group.segments(5 * BLOCK + 1),
                        update,
                    };
                    let plan = Plan::new(algorithm, spec);
                    for segment in (0..num_workers).filter(|&s| !plan.cuts[s].is_empty()) {
                        let is_root = |t: &&Task| t.segment == segment && t.output == Output::Root;
                        let roots = plan
                            .workers
                            .iter()
                            .map(|w| w.tasks.iter().filter(is_root).count());
                        let owners = plan
                            .workers
                            .iter()
                            .map(|w| usize::from(w.owned.contains(&segment)));
                        assert_eq!(roots.clone().sum::<usize>(), 1);
                        assert!(roots.eq(owners), "{}, {spec:?}", algorithm.name());
                    }
                }
            }
        }
    }
}

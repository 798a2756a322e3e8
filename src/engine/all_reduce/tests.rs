//! Plans of algorithms that answer anything: each shard is added once, in the tree's order, and
//! nobody waits for ever.

use super::AllReduce;
use super::adders::Adders;
use super::plan::{Capacity, Destination, Output, Plan, PlanSpec};
use super::sum::Op;
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

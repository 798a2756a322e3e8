//! Simulated steps of several ranks: against closed forms, against what ranks really send, and
//! against what must hold for any of them.

use super::costs::StepCosts;
use super::measured_costs::Nothing;
use super::scenario::{Scenario, StepTimeline};
use super::work::{Next, RankWork, Work};
use crate::engine::{Batch, Decision, Engine, EngineConfig, LinkCosts, Ranks, Shards, Threads};
use crate::optim::{Optimizer, StepScalars};
use crate::train::ChainUpdate;

const COSTS: StepCosts = StepCosts {
    row_s: 2e-5,
    crowded_row_s: 3e-5,
    fixed_s: 1e-6,
    message_s: 5e-7,
    add_s: 2e-10,
    update_s: 4e-10,
};

const PARAMS: usize = 1 << 20;

fn scenario(ranks: usize, threads: usize) -> Scenario {
    let workers = ranks * threads;
    Scenario {
        ranks,
        threads,
        shards: workers.max(16),
        rows: 8 * workers.max(16),
        params: PARAMS,
        ..Scenario::default()
    }
}

fn step(scenario: &Scenario) -> StepTimeline {
    scenario.simulate(&COSTS).unwrap()
}

#[test]
fn a_step_of_ranks_agrees_with_the_closed_form() {
    let link = LinkCosts::default();
    for ranks in [2, 4, 16, 64] {
        let (r, params) = (ranks as f64, PARAMS as f64);
        let simulated = step(&scenario(ranks, 1));
        // A rank's share of the sum and of the update, the bytes out and in once each for gradients
        // and for parameters, and a head and a tail that nothing overlaps: of each of three rounds.
        let share = params / r;
        let alone = COSTS.fixed_s + 8.0 * 16.0_f64.max(r) / r * COSTS.row_s;
        let local = share * ((r - 1.0) * COSTS.add_s + COSTS.update_s);
        let segments = (256.0 / r / 64.0_f64).ceil();
        let each_way = (r - 1.0) * (4.0 * share * link.byte_s + segments * link.message_s);
        let letters = 2.0 * (r - 1.0) * link.message_s;
        let rounds = 3.0 * (link.latency_s + 2.0 * link.message_s);
        let expected = alone + local + 2.0 * each_way + letters + rounds;
        let ratio = simulated.step_s / expected;
        assert!((0.9..1.15).contains(&ratio), "{ranks} ranks: {ratio}");
    }
}

#[test]
fn a_rank_sends_twice_its_share_of_the_others_parameters() {
    for (ranks, threads) in [(2, 1), (4, 2), (8, 1), (16, 4), (64, 1)] {
        let r = ranks as f64;
        let expected = 2.0 * (r - 1.0) / r * 4.0 * PARAMS as f64;
        let ratio = step(&scenario(ranks, threads)).sent_bytes as f64 / expected;
        assert!((1.0..1.02).contains(&ratio), "{ranks} x {threads}: {ratio}");
    }
    assert_eq!(step(&scenario(1, 4)).sent_bytes, 0);
}

/// Bytes that a rank really sends in a step.
fn sent_bytes(ranks: Ranks, scenario: &Scenario) -> u64 {
    let hub = ranks.clone();
    let config = EngineConfig {
        threads: Threads::Fixed(scenario.threads),
        shards: Shards::Fixed(scenario.shards),
        ranks: Some(ranks),
        ..EngineConfig::default()
    };
    let params = vec![0.0; scenario.params];
    let update = ChainUpdate::new(&Optimizer::sgd(0.1), scenario.params).unwrap();
    let mut engine = Engine::new(config, &params, update, |_| Nothing {
        num_params: scenario.params,
    })
    .unwrap();
    let sent = engine.run(|session| {
        let before = hub.sent_bytes();
        let batch = Batch::whole((0..scenario.rows as u32).collect(), 0);
        let apply = |weight| Decision::Apply(StepScalars::plain(0.0, weight, 0));
        let reduced = session.step(&batch, |reduced| apply(reduced.sums.weight));
        reduced.unwrap();
        hub.sent_bytes() - before
    });
    sent.unwrap()
}

#[test]
fn simulated_ranks_send_the_bytes_that_ranks_send() {
    // Some of them with several nodes of the tree a rank, and segments of different lengths.
    for (ranks, threads, shards, params) in [
        (2, 1, 16, 100_003),
        (3, 1, 16, 700_001),
        (3, 2, 24, 50_000),
        (2, 3, 7, 4096),
    ] {
        let scenario = Scenario {
            shards,
            params,
            ..scenario(ranks, threads)
        };
        let sent = std::thread::scope(|scope| {
            let all = Ranks::in_process(ranks).into_iter();
            let threads = all.map(|ranks| scope.spawn(|| sent_bytes(ranks, &scenario)));
            let threads: Vec<_> = threads.collect();
            let sent = threads.into_iter().map(|thread| thread.join().unwrap());
            sent.max().unwrap()
        });
        assert_eq!(step(&scenario).sent_bytes, sent, "{scenario:?}");
    }
}

#[test]
fn a_slower_link_never_makes_a_step_shorter() {
    let worse = [
        |link: LinkCosts, by: f64| LinkCosts {
            latency_s: link.latency_s * by,
            ..link
        },
        |link: LinkCosts, by: f64| LinkCosts {
            message_s: link.message_s * by,
            ..link
        },
        |link: LinkCosts, by: f64| LinkCosts {
            byte_s: link.byte_s * by,
            ..link
        },
    ];
    for (ranks, threads) in [(2, 1), (3, 1), (4, 2), (16, 4)] {
        for (straggler, jitter) in [(1.0, 0.0), (1.2, 0.3)] {
            let with = |link| {
                let scenario = Scenario {
                    link,
                    straggler,
                    jitter,
                    ..scenario(ranks, threads)
                };
                step(&scenario).step_s
            };
            for worse in worse {
                let mut last = with(LinkCosts::default());
                for by in [1.001, 1.01, 1.1, 2.0, 10.0, 1000.0] {
                    let next = with(worse(LinkCosts::default(), by));
                    assert!(next >= last, "{ranks} x {threads}, {by}: {last}, {next}");
                    last = next;
                }
            }
            let half = LinkCosts {
                is_duplex: false,
                ..LinkCosts::default()
            };
            assert!(with(half) > with(LinkCosts::default()));
        }
    }
}

#[test]
fn ranks_that_have_the_same_to_do_are_the_same() {
    // Messages out and in, and additions, of each rank; by which it is told from no other.
    let shape = |rank: &RankWork| {
        let tasks = || rank.workers.iter().flat_map(|worker| &worker.tasks);
        let far = rank.workers.iter().map(|worker| worker.far.len());
        let forwarded = tasks().filter(|task| matches!(task.next, Next::Rank(_)));
        (
            far.sum::<usize>() + forwarded.count(),
            rank.inbound.len(),
            tasks().map(|task| task.additions).sum::<usize>(),
            rank.report_bytes,
            rank.workers.iter().map(|worker| worker.rows).sum::<usize>(),
        )
    };
    for (ranks, threads) in [(2, 1), (4, 2), (8, 4), (16, 1)] {
        let work = Work::of(&scenario(ranks, threads)).unwrap();
        let shapes: Vec<_> = work.ranks.iter().map(shape).collect();
        assert!(shapes.iter().all(|one| *one == shapes[0]), "{shapes:?}");
        assert!(shapes[0].0 > 0 && shapes[0].0 == shapes[0].1);
    }
}

#[test]
fn one_rank_has_no_use_for_a_link_and_shared_cores_are_shared() {
    let slow = LinkCosts {
        latency_s: 1.0,
        ..LinkCosts::default()
    };
    let alone = Scenario {
        link: slow,
        ..scenario(1, 8)
    };
    assert_eq!(step(&alone), step(&scenario(1, 8)));
    // Half the cores: everything takes twice as long.
    let on = |cores| {
        let scenario = Scenario {
            cores: Some(cores),
            ..scenario(4, 1)
        };
        step(&scenario).step_s
    };
    assert!((on(2) / on(4) - 2.0).abs() < 1e-6);
    assert_eq!(on(8), on(4));
}

/// All-reduce, threads, straggler, jitter; gradient, reports, updates, step.
type Golden = (&'static str, usize, f64, f64, [f64; 4]);

/// `Scenario::simulate` of the version before there were ranks (2026-12-02), of 4,099 rows and
/// 1,000,001 parameters.
const GOLDEN: [Golden; 12] = [
    (
        "segmented",
        1,
        1.0,
        0.0,
        [0.081981, 0.081981, 0.0823810004, 0.0823810004],
    ),
    (
        "segmented",
        2,
        1.3,
        0.1,
        [
            0.083086236106,
            0.083186793906,
            0.083387409506,
            0.083388409506,
        ],
    ),
    (
        "segmented",
        3,
        1.0,
        0.0,
        [0.0461415, 0.0465455464, 0.0466803952, 0.0466813952],
    ),
    (
        "segmented",
        8,
        1.0,
        0.0,
        [0.0153915, 0.0155702664, 0.0156215568, 0.0156225568],
    ),
    (
        "segmented",
        64,
        1.3,
        0.1,
        [0.00252338268, 0.00273082108, 0.00273787468, 0.00273887468],
    ),
    (
        "segmented",
        100,
        1.0,
        0.0,
        [0.0012315, 0.0014758024, 0.0014812176, 0.0014822176],
    ),
    (
        "tree",
        3,
        1.3,
        0.1,
        [
            0.051759094408,
            0.052692805608,
            0.053092806008,
            0.053093306008,
        ],
    ),
    (
        "tree",
        8,
        1.0,
        0.0,
        [0.0153915, 0.0160667286, 0.016466729, 0.016467229],
    ),
    (
        "tree",
        64,
        1.0,
        0.0,
        [0.0019515, 0.0031938228, 0.0035938232, 0.0035943232],
    ),
    (
        "naive",
        3,
        1.0,
        0.0,
        [0.0461415, 0.0473420012, 0.0477420016, 0.0477425016],
    ),
    (
        "naive",
        8,
        1.3,
        0.1,
        [
            0.022834628908,
            0.024235130308,
            0.024635130708,
            0.024635630708,
        ],
    ),
    (
        "naive",
        100,
        1.0,
        0.0,
        [0.0012315, 0.0210320198, 0.0214320202, 0.0214325202],
    ),
];

#[test]
fn one_rank_is_what_it_was_before_there_were_several() {
    for (name, threads, straggler, jitter, expected) in GOLDEN {
        let scenario = Scenario {
            threads,
            shards: threads.max(16),
            rows: 4099,
            params: 1_000_001,
            straggler,
            jitter,
            ..Scenario::default()
        };
        let step = scenario.with_all_reduce(name).unwrap();
        let step = step.simulate(&COSTS).unwrap();
        let got = [step.folded_s, step.reduced_s, step.updated_s, step.step_s];
        assert_eq!(got, expected, "{name}, {threads} threads");
    }
}

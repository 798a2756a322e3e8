//! Noise scale and batch-size policies: unbiased where the truth is known, the same for any number
//! of threads, and clear about what they need.

use crate::support::class_data;
use unisono::Trainer;
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, Replica, Shard, Shards, Sums, Threads, Track,
};
use unisono::nn::{Loss, Sequential};
use unisono::optim::{
    BatchMoments, BatchRule, NoiseScale, Optimizer, PlanContext, Progress, ScalingRule, Schedule,
    StepOutcome, StepScalars, Unit,
};
use unisono::seed::{Purpose, Stream};
use unisono::train::{ChainUpdate, EpochMetrics};

const DIMENSIONS: usize = 30;

/// The noisy quadratic model (Zhang et al. 2019): a row's gradient is `h theta + sqrt(c) xi`, with
/// `h_i = c_i = 1 / i`.
struct NoisyQuadratic {
    seed: u64,
}

fn curvature(at: usize) -> f64 {
    1.0 / (at + 1) as f64
}

impl NoisyQuadratic {
    fn new(seed: u64) -> Self {
        Self { seed }
    }
}

impl Replica for NoisyQuadratic {
    fn num_params(&self) -> usize {
        DIMENSIONS
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        let mut loss = 0.0;
        for &row in shard.rows {
            let mut noise = Stream::new(
                self.seed,
                Purpose::Synthetic,
                row + 1000 * shard.batch.step as u32,
                0,
            );
            for (at, (g, &theta)) in grad.iter_mut().zip(params).enumerate() {
                let h = curvature(at);
                let xi = noise.normal();
                *g += (h * f64::from(theta) + h.sqrt() * xi) as f32;
                loss += 0.5 * h * f64::from(theta * theta);
            }
        }
        Sums {
            loss,
            weight: shard.rows.len() as f64,
            rows: shard.rows.len() as f64,
            correct: 0.0,
            ..Sums::default()
        }
    }

    fn evaluate(&mut self, _params: &[f32], _: &Shard<'_>) -> Sums {
        unreachable!("nothing is evaluated")
    }
}

/// Steps on the noisy quadratic model from `start`, each with its reduced sums.
fn steps(
    (start, seed): (&[f32], u64),
    (rows, shards, threads): (u32, usize, usize),
    (lr, count): (f32, u64),
) -> (Vec<f32>, Vec<BatchMoments>) {
    let config = EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(shards),
        track: Track::ShardNorms,
        ..EngineConfig::default()
    };
    let update = ChainUpdate::new(&Optimizer::sgd(lr), DIMENSIONS).unwrap();
    let replica = |_| NoisyQuadratic::new(seed);
    let mut engine = Engine::new(config, start, update, replica).unwrap();
    let order: std::sync::Arc<[u32]> = (0..rows).collect();
    let seen = engine.run(|session| {
        let mut seen = Vec::new();
        for step in 0..count {
            let batch = Batch::whole(order.clone(), step);
            let reduced = session.step(&batch, |reduced| {
                Decision::Apply(StepScalars::plain(lr, reduced.sums.weight, step))
            });
            let reduced = reduced.unwrap();
            let shards = reduced.shards.unwrap();
            seen.push(BatchMoments {
                weight: reduced.sums.weight,
                weight_squares: shards.row_squares,
                squares: shards.squares,
                whole: shards.whole,
            });
        }
        seen
    });
    (engine.params(), seen.unwrap())
}

#[test]
fn the_estimators_of_variance_and_mean_are_unbiased_for_unequal_shards() {
    let start = [2.0_f32; DIMENSIONS];
    let variance: f64 = (0..DIMENSIONS).map(curvature).sum();
    let mean_square: f64 = (0..DIMENSIONS).map(|i| (2.0 * curvature(i)).powi(2)).sum();
    // 29 rows in 7 shards: 4 or 5 rows each; the parameters stay, since the rate is 0.
    let (_, seen) = steps((&start, 5), (29, 7, 2), (0.0, 10_000));
    let mean = |value: &dyn Fn(&BatchMoments) -> f64| {
        seen.iter().map(value).sum::<f64>() / seen.len() as f64
    };
    let v = mean(&|moments| moments.variance().unwrap()) / variance;
    let m = mean(&|moments| moments.mean_square().unwrap()) / mean_square;
    assert!((v - 1.0).abs() < 0.01 && (m - 1.0).abs() < 0.01, "{v}, {m}");
    let mut scale = NoiseScale::new(0.9999);
    seen.iter().for_each(|moments| scale.observe(moments));
    let ratio = scale.value().unwrap() / (variance / mean_square);
    assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
}

#[test]
fn the_noisy_quadratic_model_descends_as_its_closed_form_says() {
    let (lr, rows, count, runs) = (0.5_f32, 4, 12, 600);
    let start = [1.5_f32; DIMENSIONS];
    let squares: Vec<Vec<f64>> = (0..runs)
        .map(|seed| {
            let (end, _) = steps((&start, seed), (rows, 2, 1), (lr, count));
            end.iter().map(|&w| f64::from(w).powi(2)).collect()
        })
        .collect();
    for i in 0..DIMENSIONS {
        let (a, h) = (f64::from(lr), curvature(i));
        let kept = (1.0 - a * h).powi(2 * count as i32);
        let expected = kept * 2.25 + (1.0 - kept) * a * h / (f64::from(rows) * h * (2.0 - a * h));
        let values = squares.iter().map(|run| run[i]);
        let mean = values.clone().sum::<f64>() / runs as f64;
        let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / (runs - 1) as f64;
        let error = (variance / runs as f64).sqrt();
        // Thirty dimensions: four standard errors are passed by chance once in five hundred such
        // tests.
        assert!(
            (mean - expected).abs() < 4.0 * error,
            "{i}: {mean}, expected {expected} +- {error}"
        );
    }
}

fn epochs(rule: BatchRule, threads: usize) -> (Vec<EpochMetrics>, String) {
    let data = class_data(600, 19, 5);
    let model = Sequential::new(19).dense(33).tanh().dense(5);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(threads)
        .batch_size(16)
        .batch_policy(rule)
        .schedule("step 0.5 every 2 epochs".parse().unwrap())
        .optimizer(Optimizer::sgd(0.2))
        .track_noise_scale()
        .epochs(6);
    let report = trainer.fit(&data, &data).unwrap();
    (report.epochs, trainer.network().unwrap().weights_sha256())
}

fn rules() -> [BatchRule; 6] {
    [
        "fixed",
        "staged to 100",
        "adabatch 2 every 1 epochs lr 0.9 to 64",
        "cabs 8..128",
        "noise 8..128 every 5 steps lr sqrt",
        "adascale from 4",
    ]
    .map(|text| text.parse().unwrap())
}

#[test]
fn every_policy_decides_the_same_for_any_number_of_threads() {
    for rule in rules() {
        let (first, hash) = epochs(rule.clone(), 1);
        for threads in [2, 3, 5, 8] {
            let (again, again_hash) = epochs(rule.clone(), threads);
            assert_eq!(again_hash, hash, "{rule}, {threads} threads");
            let decided = |epochs: &[EpochMetrics]| -> Vec<_> {
                let of = |e: &EpochMetrics| (e.batch_size, e.lr, e.noise_scale);
                epochs.iter().map(of).collect()
            };
            assert_eq!(
                decided(&again),
                decided(&first),
                "{rule}, {threads} threads"
            );
        }
    }
}

#[test]
fn staged_batches_grow_where_the_rate_would_fall() {
    let (epochs, _) = epochs("staged to 50".parse().unwrap(), 2);
    let seen: Vec<_> = epochs.iter().map(|e| (e.batch_size, e.lr)).collect();
    // 0.5, then 0.25, of which 50 of the 64 rows are allowed and the rest is the rate's.
    assert_eq!(seen[..4], [(16, 0.2), (16, 0.2), (32, 0.2), (32, 0.2)]);
    assert_eq!(seen[5], (50, 0.2 * 0.25 * 50.0 / 16.0));
    let (epochs, _) = self::epochs("adabatch 2 every 1 epochs lr 0.5 to 64".parse().unwrap(), 2);
    let rows: Vec<_> = epochs.iter().map(|e| e.batch_size).collect();
    assert_eq!(rows, [16, 32, 64, 64, 64, 64]);
    assert_eq!(epochs[1].lr, 0.2 * 0.5);
}

fn context<'a>(progress: &'a Progress, schedule: &'a Schedule) -> PlanContext<'a> {
    PlanContext {
        progress,
        schedule,
        lr: 0.5,
    }
}

/// Moments with this variance and mean square, in `weight` rows of 4 shards.
fn moments(variance: f64, mean_square: f64, weight: f64) -> BatchMoments {
    let weight_squares = weight * weight / 4.0;
    let squares = weight_squares * mean_square + weight * variance;
    BatchMoments {
        weight,
        weight_squares,
        squares,
        whole: squares + (weight * weight - weight_squares) * mean_square,
    }
}

#[test]
fn cabs_couples_the_batch_to_rate_variance_and_loss() {
    let (progress, schedule) = (Progress::default(), Schedule::constant());
    let rule: BatchRule = "cabs 4..500".parse().unwrap();
    let mut policy = rule.start(16).unwrap();
    assert_eq!(policy.plan(&context(&progress, &schedule)).batch_size, 16);
    let outcome = |loss| StepOutcome {
        lr: 0.5,
        loss,
        moments: Some(moments(80.0, 1.0, 16.0)),
    };
    policy.observe(&outcome(2.0));
    // 0.5 * 80 / 2.
    assert_eq!(policy.plan(&context(&progress, &schedule)).batch_size, 20);
    let state = policy.state();
    let mut again = rule.start(16).unwrap();
    assert!(again.restore(&state) && !again.restore(&[1.0]));
    assert_eq!(again.plan(&context(&progress, &schedule)).batch_size, 20);
    policy.observe(&outcome(0.0));
    policy.observe(&outcome(0.0));
    let third = policy.plan(&context(&progress, &schedule)).batch_size;
    assert!((40..80).contains(&third), "{third}");
}

#[test]
fn the_noise_driven_batch_is_a_power_of_two_and_changes_seldom() {
    let (progress, schedule) = (Progress::default(), Schedule::constant());
    let rule = BatchRule::Noise {
        least: 8,
        most: 64,
        every: 3,
        rule: ScalingRule::SquareRoot,
    };
    let mut policy = rule.start(16).unwrap();
    let mut sizes = Vec::new();
    for step in 0..12 {
        let plan = policy.plan(&context(&progress, &schedule));
        sizes.push(plan.batch_size);
        let k = plan.batch_size as f32 / 16.0;
        assert!((plan.lr - 0.5 * k.sqrt()).abs() < 1e-6);
        let variance = if step < 6 { 50.0 } else { 1e6 };
        policy.observe(&StepOutcome {
            lr: plan.lr,
            loss: 1.0,
            moments: Some(moments(variance, 1.0, 16.0)),
        });
    }
    assert_eq!(sizes, [16, 16, 16, 32, 32, 32, 32, 32, 32, 64, 64, 64]);
}

#[test]
fn adascale_gains_between_one_and_the_factor_of_the_batch() {
    let schedule = Schedule::step(0.5, 10, Unit::Steps);
    let rule = BatchRule::AdaScale { base: 8 };
    let run = |variance: f64| {
        let mut policy = rule.start(32).unwrap();
        let mut rates = Vec::new();
        for step in 0..12_u64 {
            let progress = Progress {
                step,
                examples: 32 * step,
                ..Progress::default()
            };
            let plan = policy.plan(&context(&progress, &schedule));
            assert_eq!(plan.batch_size, 32);
            rates.push(plan.lr);
            policy.observe(&StepOutcome {
                lr: plan.lr,
                loss: 1.0,
                moments: Some(moments(variance, 1.0, 32.0)),
            });
        }
        rates
    };
    // Nothing but noise: four steps in one, so the schedule of 10 steps falls after 3 (one before
    // anything is known).
    let noisy = run(1e12);
    assert!(
        (noisy[1] - 2.0).abs() < 1e-3 && (noisy[4] - 1.0).abs() < 1e-3,
        "{noisy:?}"
    );
    // No noise: a step is a step.
    let exact = run(0.0);
    assert!(
        exact[..10].iter().all(|&lr| lr == 0.5) && exact[10] == 0.25,
        "{exact:?}"
    );
    // s2 = 24 / 8, m2 = 1: (3 + 1) / (3 / 4 + 1).
    assert!((run(24.0)[1] - 0.5 * 4.0 / 1.75).abs() < 1e-5);
}

#[test]
fn a_policy_without_its_statistics_says_what_to_set() {
    let data = class_data(40, 19, 5);
    let fit = |trainer: Trainer| {
        let mut trainer = trainer.threads(2).shards(Shards::Fixed(1)).epochs(1);
        trainer.fit(&data, &data).unwrap_err().to_string()
    };
    let new = || Trainer::new(Sequential::new(19).dense(5), Loss::SoftmaxCrossEntropy);
    let rule: BatchRule = "cabs 8..64".parse().unwrap();
    assert_eq!(
        fit(new().batch_size(16).batch_policy(rule.clone())),
        "the batch policy \"cabs 8..64\" compares the gradients of a batch's shards and needs at least 2 of them, got 1; set shards to 2 or more"
    );
    assert!(fit(new().track_noise_scale()).starts_with("the noise scale compares the gradients"));
    assert_eq!(
        fit(new().batch_size(4).batch_policy(rule)),
        "the batch size must be within the policy's bounds, got 4"
    );
    for (text, expected) in [
        ("cabs 8", "the batch policy must be one of"),
        (
            "adabatch 2 every 3 weeks lr 1 to 9",
            "the batch policy must be one of",
        ),
    ] {
        let error = text.parse::<BatchRule>().unwrap_err().to_string();
        assert!(error.starts_with(expected) && error.ends_with(&format!("got \"{text}\"")));
    }
    for rule in rules() {
        assert_eq!(rule.to_string().parse::<BatchRule>().unwrap(), rule);
    }
}

//! Optimisers that PyTorch lacks against the papers' formulas written out in f64, and all of them
//! on two functions with a known bottom.

use unisono::optim::{Chain, Optimizer, ParamGroup, PartTable, StepScalars, UpdateContext};

/// A least-squares problem in two tensors, in f64: gradient of `norm2(A w - b) / 2`.
fn gradient(w: &[f64]) -> Vec<f64> {
    let rows = |i: usize| (0..w.len()).map(move |j| ((i * 5 + j * 3) % 7) as f64 / 7.0 - 0.4);
    let residual: Vec<f64> = (0..8)
        .map(|i| rows(i).zip(w).map(|(a, w)| a * w).sum::<f64>() - (i as f64 / 4.0 - 1.0))
        .collect();
    (0..w.len())
        .map(|j| (0..8).map(|i| rows(i).nth(j).unwrap() * residual[i]).sum())
        .collect()
}

const TENSORS: [usize; 2] = [4, 2];

/// The second tensor is a bias.
fn table() -> PartTable {
    let bias = ParamGroup {
        decay_scale: 0.0,
        adapts: false,
        ..ParamGroup::default()
    };
    PartTable::new([(TENSORS[0], ParamGroup::default()), (TENSORS[1], bias)])
}

fn start() -> Vec<f64> {
    vec![0.5, -0.25, 1.0, 0.75, -0.5, 0.1]
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Twenty steps of a chain, trust ratios included.
fn run(chain: &Chain, lr: f32) -> Vec<f64> {
    let table = table();
    let parts = table.of_block(0, 6);
    let mut w: Vec<f32> = start().iter().map(|&v| v as f32).collect();
    let mut state = vec![0.0; 6 * chain.num_state_buffers()];
    for step in 0..20 {
        let wide: Vec<f64> = w.iter().map(|&v| f64::from(v)).collect();
        // The sum over a batch of 4.
        let mut grad: Vec<f32> = gradient(&wide).iter().map(|g| (4.0 * g) as f32).collect();
        let scalars = StepScalars::plain(lr, 4.0, step);
        let mut context = UpdateContext {
            scalars: &scalars,
            params: &w.clone(),
            parts,
            trust_ratios: &[],
        };
        let mut trust_ratios = Vec::new();
        if let Some(ratio) = chain.trust_ratio() {
            chain.direction(&context, &mut grad, &mut state);
            for part in parts {
                let norm = |values: &[f32]| {
                    norm(&values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>())
                };
                let (params, update) = (
                    norm(&w[part.range.clone()]),
                    norm(&grad[part.range.clone()]),
                );
                trust_ratios.push(match part.group.adapts {
                    true => ratio.ratio(params, update, part.group.decay_scale),
                    false => 1.0,
                });
            }
            context.trust_ratios = &trust_ratios;
        }
        chain.apply(&context, &mut w, &grad, &mut state);
    }
    w.iter().map(|&v| f64::from(v)).collect()
}

fn assert_same_path(got: &[f64], expected: &[f64], what: &str) {
    let error: Vec<f64> = got.iter().zip(expected).map(|(a, b)| a - b).collect();
    assert!(
        norm(&error) <= 1e-5 * norm(expected),
        "{what}: {got:?}, expected {expected:?}"
    );
}

#[test]
fn lars_takes_the_papers_steps() {
    let (lr, m, eta, decay) = (2.0, 0.9, 0.02, 0.1);
    let optimizer = Optimizer::lars(lr as f32)
        .with_momentum(m as f32)
        .with_trust_coefficient(eta as f32)
        .with_weight_decay(decay as f32);
    let (mut w, mut v) = (start(), vec![0.0; 6]);
    for _ in 0..20 {
        let g = gradient(&w);
        let lambda = eta * norm(&w[..4]) / (norm(&g[..4]) + decay * norm(&w[..4]));
        for i in 0..6 {
            let (lambda, decay) = if i < 4 { (lambda, decay) } else { (1.0, 0.0) };
            v[i] = m * v[i] + lr * lambda * (g[i] + decay * w[i]);
            w[i] -= v[i];
        }
    }
    assert_same_path(&run(&optimizer.build().unwrap(), lr as f32), &w, "lars");
}

#[test]
fn lamb_takes_the_papers_steps() {
    let (lr, b1, b2, eps, decay) = (0.02, 0.9, 0.99, 1e-6, 0.1);
    let optimizer = Optimizer::lamb(lr as f32)
        .with_betas(b1 as f32, b2 as f32)
        .with_weight_decay(decay as f32);
    let (mut w, mut m, mut v) = (start(), vec![0.0; 6], vec![0.0; 6]);
    for t in 1..=20 {
        let g = gradient(&w);
        let mut r = [0.0; 6];
        for i in 0..6 {
            m[i] = b1 * m[i] + (1.0 - b1) * g[i];
            v[i] = b2 * v[i] + (1.0 - b2) * g[i] * g[i];
            let (mhat, vhat) = (
                m[i] / (1.0 - f64::powi(b1, t)),
                v[i] / (1.0 - f64::powi(b2, t)),
            );
            r[i] = mhat / (vhat.sqrt() + eps) + if i < 4 { decay * w[i] } else { 0.0 };
        }
        let ratio = norm(&w[..4]) / norm(&r[..4]);
        for i in 0..6 {
            w[i] -= lr * if i < 4 { ratio } else { 1.0 } * r[i];
        }
    }
    assert_same_path(&run(&optimizer.build().unwrap(), lr as f32), &w, "lamb");
}

#[test]
fn lion_takes_the_papers_steps() {
    let (lr, b1, b2, decay) = (0.01, 0.9, 0.99, 0.1);
    let optimizer = Optimizer::lion(lr as f32).with_weight_decay(decay as f32);
    let (mut w, mut m) = (start(), vec![0.0; 6]);
    for _ in 0..20 {
        let g = gradient(&w);
        for i in 0..6 {
            let sign = (b1 * m[i] + (1.0 - b1) * g[i]).signum();
            m[i] = b2 * m[i] + (1.0 - b2) * g[i];
            w[i] -= lr * (sign + if i < 4 { decay * w[i] } else { 0.0 });
        }
    }
    assert_same_path(&run(&optimizer.build().unwrap(), lr as f32), &w, "lion");
}

type Gradient = fn(f64, f64) -> [f64; 2];

/// The end of so many steps from (-1, 0.8).
fn descend(optimizer: &Optimizer, gradient: Gradient, steps: u64) -> [f32; 2] {
    let chain = optimizer.build().unwrap();
    let table = PartTable::new([(2, ParamGroup::default())]);
    let mut w = [-1.0_f32, 0.8];
    let mut state = vec![0.0; 2 * chain.num_state_buffers()];
    for step in 0..steps {
        let [a, b] = gradient(f64::from(w[0]), f64::from(w[1]));
        let mut grad = [a as f32, b as f32];
        // Half a cosine to zero, so that steps of a fixed length end too.
        let t = step as f64 / steps as f64;
        let lr = f64::from(optimizer.lr()) * (1.0 + (std::f64::consts::PI * t).cos()) / 2.0;
        let scalars = StepScalars::plain(lr as f32, 1.0, step);
        let mut context = UpdateContext {
            scalars: &scalars,
            params: &w.clone(),
            parts: table.of_block(0, 2),
            trust_ratios: &[],
        };
        let mut trust_ratios = vec![];
        if let Some(ratio) = chain.trust_ratio() {
            chain.direction(&context, &mut grad, &mut state);
            let norm = |v: &[f32]| f64::from(v[0]).hypot(f64::from(v[1]));
            trust_ratios.push(ratio.ratio(norm(&w), norm(&grad), 1.0));
            context.trust_ratios = &trust_ratios;
        }
        chain.apply(&context, &mut w, &grad, &mut state);
    }
    w
}

#[test]
fn every_optimiser_finds_the_bottom_of_the_parabola_and_of_rosenbrocks_valley() {
    // f = (a² + 10 b²) / 2, and f = (1 - a)² + 100 (b - a²)².
    let parabola: Gradient = |a, b| [a, 10.0 * b];
    let rosenbrock: Gradient = |a, b| {
        let c = b - a * a;
        [-2.0 * (1.0 - a) - 400.0 * a * c, 200.0 * c]
    };
    let all = [
        (Optimizer::sgd(0.05), 0.001),
        (Optimizer::sgd(0.02).with_momentum(0.9), 3e-4),
        (
            Optimizer::sgd(0.02).with_momentum(0.9).with_nesterov(),
            3e-4,
        ),
        (Optimizer::sgd(0.2).with_ema_momentum(0.9), 3e-3),
        (Optimizer::adagrad(0.3), 0.3),
        (Optimizer::rms_prop(0.01), 0.01),
        (Optimizer::rms_prop(0.01).centred(), 0.001),
        (Optimizer::adam(0.05), 0.05),
        (Optimizer::adam_w(0.05).with_weight_decay(0.0), 0.05),
        (Optimizer::lion(0.01), 0.01),
        (Optimizer::lars(1.0).with_trust_coefficient(0.02), 0.01),
        (Optimizer::lamb(0.05).with_weight_decay(0.0), 0.02),
    ];
    for (optimizer, valley) in all {
        let [a, b] = descend(&optimizer, parabola, 3000);
        assert!(
            a.abs() < 0.02 && b.abs() < 0.02,
            "{optimizer}: parabola {a}, {b}"
        );
        let [a, b] = descend(&optimizer.clone().with_lr(valley), rosenbrock, 60_000);
        assert!(
            (a - 1.0).abs() < 0.05 && (b - 1.0).abs() < 0.1,
            "{optimizer}: valley {a}, {b}"
        );
    }
}

#[test]
fn l2_is_the_loss_term_and_decoupled_decay_is_the_same_for_plain_descent_alone() {
    let (lr, lambda, m) = (0.05, 0.3, 0.9);
    // The gradient of the loss with its term, lambda / 2 times the square of the weights' norm; the
    // second tensor is a bias.
    let (mut plain, mut heavy, mut v) = (start(), start(), [0.0; 6]);
    for _ in 0..20 {
        let (g, h) = (gradient(&plain), gradient(&heavy));
        for i in 0..6 {
            let lambda = if i < 4 { lambda } else { 0.0 };
            plain[i] -= lr * (g[i] + lambda * plain[i]);
            v[i] = m * v[i] + h[i] + lambda * heavy[i];
            heavy[i] -= lr * v[i];
        }
    }
    let (lr, lambda) = (lr as f32, lambda as f32);
    let path = |optimizer: Optimizer| run(&optimizer.build().unwrap(), lr);
    let sgd = Optimizer::sgd(lr);
    assert_same_path(&path(sgd.clone().with_l2(lambda)), &plain, "l2");
    assert_same_path(
        &path(sgd.clone().with_weight_decay(lambda)),
        &plain,
        "decay",
    );
    let momentum = sgd.with_momentum(m as f32);
    assert_same_path(
        &path(momentum.clone().with_l2(lambda)),
        &heavy,
        "l2 with momentum",
    );
    let decoupled = path(momentum.with_weight_decay(lambda));
    let apart: Vec<f64> = decoupled.iter().zip(&heavy).map(|(a, b)| a - b).collect();
    assert!(norm(&apart) > 0.01 * norm(&heavy), "{decoupled:?}");
}

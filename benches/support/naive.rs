//! The plain twins of the layers' forward kernels: loops over indices, one row after another.

/// What a twin computes: parameters and one row in, one row out.
pub(crate) type Twin = fn(params: &[f32], x: &[f32], y: &mut [f32]);

/// A convolution of S x S images with a K x K kernel, padded by K / 2: (S, S, I) to (S, S, O);
/// weights (K, K, I, O), then biases.
pub(crate) fn convolution<const S: usize, const K: usize, const I: usize, const O: usize>(
    params: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    let (weight, bias) = params.split_at(K * K * I * O);
    for (i, j, o) in (0..S * S * O).map(|at| (at / O / S, at / O % S, at % O)) {
        let mut sum = bias[o];
        for (u, v) in (0..K * K).map(|at| (at / K, at % K)) {
            let (row, column) = ((i + u).wrapping_sub(K / 2), (j + v).wrapping_sub(K / 2));
            if row < S && column < S {
                for c in 0..I {
                    sum += x[(row * S + column) * I + c] * weight[((u * K + v) * I + c) * O + o];
                }
            }
        }
        y[(i * S + j) * O + o] = sum;
    }
}

/// Max pooling of (S, S, C) over 2 x 2.
pub(crate) fn max_pool<const S: usize, const C: usize>(_: &[f32], x: &[f32], y: &mut [f32]) {
    for (i, j, c) in (0..S / 2 * (S / 2) * C).map(|at| (at / C / (S / 2), at / C % (S / 2), at % C))
    {
        let at = |u: usize, v: usize| x[((2 * i + u) * S + 2 * j + v) * C + c];
        y[(i * (S / 2) + j) * C + c] = at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1));
    }
}

/// An LSTM over T positions: (T, C) to (T, H).
pub(crate) fn lstm<const T: usize, const C: usize, const H: usize>(
    params: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    let (w, rest) = params.split_at(C * 4 * H);
    let (b, rest) = rest.split_at(4 * H);
    let (u, d) = rest.split_at(H * 4 * H);
    let (mut h, mut c) = ([0.0; H], [0.0; H]);
    let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
    for t in 0..T {
        let gate = |g: usize| {
            let inputs = (0..C).map(|k| x[t * C + k] * w[k * 4 * H + g]);
            let state = (0..H).map(|k| h[k] * u[k * 4 * H + g]);
            b[g] + d[g] + inputs.chain(state).sum::<f32>()
        };
        let gates: Vec<f32> = (0..4 * H).map(gate).collect();
        for k in 0..H {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * H + k]);
            c[k] = sigmoid(f) * c[k] + sigmoid(i) * g.tanh();
            h[k] = sigmoid(o) * c[k].tanh();
        }
        y[t * H..(t + 1) * H].copy_from_slice(&h);
    }
}

/// Causal attention with its projections: (T, C) to (T, C), HEADS heads.
pub(crate) fn attention<const T: usize, const C: usize, const HEADS: usize>(
    params: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    let (a, rest) = params.split_at(C * 3 * C);
    let (a_bias, rest) = rest.split_at(3 * C);
    let (o, o_bias) = rest.split_at(C * C);
    let dense = |x: &[f32], w: &[f32], b: &[f32], outputs: usize| -> Vec<f32> {
        (0..T * outputs)
            .map(|at| (at / outputs, at % outputs))
            .map(|(t, j)| {
                b[j] + (0..C)
                    .map(|k| x[t * C + k] * w[k * outputs + j])
                    .sum::<f32>()
            })
            .collect()
    };
    let (qkv, size) = (dense(x, a, a_bias, 3 * C), C / HEADS);
    let mut mixed = vec![0.0; T * C];
    for (head, t) in (0..HEADS * T).map(|at| (at / T, at % T)) {
        let of = |part: usize, t: usize| &qkv[(3 * t + part) * C + head * size..][..size];
        let dot = |s: usize| {
            of(0, t)
                .iter()
                .zip(of(1, s))
                .map(|(q, k)| q * k)
                .sum::<f32>()
        };
        let scores: Vec<f32> = (0..=t).map(|s| dot(s) / (size as f32).sqrt()).collect();
        let largest = scores.iter().fold(f32::MIN, |a, &b| a.max(b));
        let weights: Vec<f32> = scores.iter().map(|s| (s - largest).exp()).collect();
        let total: f32 = weights.iter().sum();
        for k in 0..size {
            let sum: f32 = weights
                .iter()
                .enumerate()
                .map(|(s, w)| w * of(2, s)[k])
                .sum();
            mixed[t * C + head * size + k] = sum / total;
        }
    }
    y.copy_from_slice(&dense(&mixed, o, o_bias, C));
}

/// Layer norm over positions of C channels; weights, then biases.
pub(crate) fn layer_norm<const C: usize>(params: &[f32], x: &[f32], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(C).zip(y.chunks_exact_mut(C)) {
        let mean = x.iter().sum::<f32>() / C as f32;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / C as f32;
        for k in 0..C {
            y[k] = (x[k] - mean) / (variance + 1e-5).sqrt() * params[k] + params[C + k];
        }
    }
}

/// Softmax over positions of C channels.
pub(crate) fn softmax<const C: usize>(_: &[f32], x: &[f32], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(C).zip(y.chunks_exact_mut(C)) {
        let largest = x.iter().fold(f32::MIN, |a, &b| a.max(b));
        y.iter_mut()
            .zip(x)
            .for_each(|(y, x)| *y = (x - largest).exp());
        let total: f32 = y.iter().sum();
        y.iter_mut().for_each(|y| *y /= total);
    }
}

/// GELU in its tanh form.
pub(crate) fn gelu_tanh(_: &[f32], x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        let u = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
        *y = 0.5 * x * (1.0 + u.tanh());
    }
}

/// 1 / (1 + exp(-x)).
pub(crate) fn sigmoid(_: &[f32], x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = 1.0 / (1.0 + (-x).exp());
    }
}

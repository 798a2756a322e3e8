//! Losses against references in f64, PyTorch's numbers, and difference quotients.

use super::*;
use crate::nn::shape::Shape;

const PYTORCH: [f64; 4] = [1.791_481_6, 2.392_421_7, 2.206_773_5, 2.250_141_6];
const CTC: [f64; 2] = [5.311_977_9, 4.772_863_4];
const OUTPUTS: [f32; 6] = [0.3, -1.2, 2.0, 0.0, 0.5, 0.4];
const VALUES: [f32; 6] = [1.0, 0.0, 0.25, 0.25, 0.5, 1.0];

/// Losses of (2, 3) outputs, in f64.
fn reference(loss: &Loss, outputs: &[f64]) -> f64 {
    let of_values = |term: fn(f64, f64) -> f64| -> f64 {
        let pairs = outputs.iter().zip(VALUES);
        pairs.map(|(&y, t)| term(y, f64::from(t))).sum()
    };
    let squares = of_values(|y, t| (y - t).powi(2));
    match loss {
        Loss::SoftmaxCrossEntropy => {
            let row = |r: usize, class: usize| {
                let row = &outputs[r * 3..(r + 1) * 3];
                row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[class]
            };
            row(0, 1) + row(1, 2)
        }
        Loss::Mse(MseConvention::MeanOverAll) => squares / 3.0,
        Loss::Mse(MseConvention::SumOverOutputs) => squares,
        Loss::Mse(MseConvention::HalfSumOverOutputs) => squares / 2.0,
        Loss::L1 => of_values(|y, t| (y - t).abs()) / 3.0,
        Loss::Huber(_) => {
            let term = |y: f64, t: f64| match (y - t).abs() {
                e if e <= 0.5 => e * e / 2.0,
                e => 0.5 * (e - 0.25),
            };
            of_values(term) / 3.0
        }
        Loss::BinaryCrossEntropy => {
            let term = |y: f64, t: f64| {
                let p = 1.0 / (1.0 + (-y).exp());
                -t * p.ln() - (1.0 - t) * (1.0 - p).ln()
            };
            of_values(term) / 3.0
        }
        other => panic!("the reference does not know {other:?}"),
    }
}

fn targets(loss: &Loss) -> Targets<'static> {
    match loss {
        Loss::SoftmaxCrossEntropy => Targets::Classes(&[1, 2]),
        _ => Targets::Values(&VALUES),
    }
}

#[test]
fn losses_and_gradients_agree_with_a_reference_in_f64() {
    let shape = Shape::from(3);
    for loss in Loss::EACH {
        let mut grad = [0.0; 6];
        let sums = loss.sums(&OUTPUTS, &shape, targets(&loss), Some(&mut grad));
        let wide = OUTPUTS.map(f64::from);
        assert!(
            (sums.loss - reference(&loss, &wide)).abs() < 1e-6,
            "{loss:?}: {}, expected {}",
            sums.loss,
            reference(&loss, &wide)
        );
        assert_eq!(sums.weight, 2.0);
        let alone = loss.sums(&OUTPUTS, &shape, targets(&loss), None);
        assert_eq!(alone.loss, sums.loss);
        for (at, got) in grad.into_iter().enumerate() {
            // L1 has a corner where output and target are equal.
            if OUTPUTS[at] == VALUES[at] {
                continue;
            }
            let nudged = |by: f64| {
                let outputs =
                    std::array::from_fn::<_, 6, _>(|i| wide[i] + if i == at { by } else { 0.0 });
                reference(&loss, &outputs)
            };
            let expected = (nudged(1e-6) - nudged(-1e-6)) / 2e-6;
            assert!(
                (f64::from(got) - expected).abs() <= 1e-3 * expected.abs().max(1e-3),
                "{loss:?}, {at}"
            );
        }
    }
}

/// The gradient of any loss by a quotient of fourth order in f32.
fn check_gradient(loss: &Loss, outputs: &[f32], shape: &Shape, labels: &[u32]) {
    let mut grad = vec![0.0; outputs.len()];
    loss.sums(outputs, shape, Targets::Classes(labels), Some(&mut grad));
    for at in 0..outputs.len() {
        let nudged = |by: f32| {
            let mut outputs = outputs.to_vec();
            outputs[at] += by;
            loss.sums(&outputs, shape, Targets::Classes(labels), None)
                .loss
        };
        let h = 0.0625;
        let (one, two) = (nudged(h) - nudged(-h), nudged(2.0 * h) - nudged(-2.0 * h));
        let expected = (8.0 * one - two) / (12.0 * f64::from(h));
        assert!(
            (f64::from(grad[at]) - expected).abs() < 2e-4,
            "{loss:?}, {at}: {}, expected {expected}",
            grad[at]
        );
    }
}

#[test]
fn options_of_cross_entropy_are_pytorchs() {
    // python3 -c "import torch as t, torch.nn.functional as F; x =
    // t.tensor([[.3,-1.2,2.],[0.,.5,.4],[1.,1.,1.]]); k = t.tensor([1,2,0]); w =
    // t.tensor([.5,2.,1.]); print(F.cross_entropy(x, k, label_smoothing=.1), F.cross_entropy(x, k,
    // w), F.cross_entropy(x, k, w, label_smoothing=.2), F.cross_entropy(x, k, ignore_index=2))",
    // torch 2.15.0
    let outputs = [0.3, -1.2, 2.0, 0.0, 0.5, 0.4, 1.0, 1.0, 1.0];
    let (shape, classes) = (Shape::from(3), [1, 2, 0]);
    let options = CrossEntropy::default;
    let weights = [0.5, 2.0, 1.0];
    let cases = [
        (options().smoothing(0.1), PYTORCH[0]),
        (options().weights(weights), PYTORCH[1]),
        (options().weights(weights).smoothing(0.2), PYTORCH[2]),
        (options().ignore(2), PYTORCH[3]),
    ];
    for (options, expected) in cases {
        let loss = Loss::CrossEntropy(options);
        let sums = loss.sums(&outputs, &shape, Targets::Classes(&classes), None);
        assert!(
            (sums.mean_loss() - expected).abs() < 1e-5,
            "{loss:?}: {}, expected {expected}",
            sums.mean_loss()
        );
        check_gradient(&loss, &outputs, &shape, &classes);
    }
}

/// Logits, targets and results of 3 outputs a row, some of them far from 0.
const LOGITS: [f32; 12] = [
    0.3, -1.2, 2.0, 0.0, 0.5, 0.4, 30.0, -30.0, -90.0, 90.0, -0.01, 5.0,
];
const LABELS: [f32; 12] = [1.0, 0.0, 0.25, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
const MEANS: [f64; 2] = [13.319_140_012_5, 57.361_964_849_5];
const SLOPES: [f64; 12] = [
    -0.088_657_808_4,
    0.019_289_600_7,
    0.037_666_057_9,
    0.041_666_666_7,
    -0.015_730_861_2,
    -0.234_098_864_1,
    0.083_333_333_3,
    -0.041_666_666_7,
    -0.583_333_333_3,
    0.0,
    -0.020_937_499_1,
    0.082_775_595_8,
];

#[test]
fn binary_cross_entropy_is_pytorchs_with_and_without_weights_of_positives() {
    // The formula of PyTorch's BCEWithLogitsLoss(pos_weight=[2.5, 0.5, 7]) in f64, by NumPy:
    // l = 1 + (w - 1) * t; ((1 - t) * x + l * (log1p(exp(-abs(x))) + maximum(-x, 0))).mean(), and
    // (l / (1 + exp(-x)) - w * t) / 12. Its documentation has 0.2014 for logits 1.5 of labels 1.
    let mut grad = [0.0; 12];
    let loss = Loss::WeightedBinaryCrossEntropy([2.5, 0.5, 7.0].into());
    let targets = Targets::Values(&LABELS);
    let sums = loss.sums(&LOGITS, &3.into(), targets, Some(&mut grad));
    assert!((sums.mean_loss() / MEANS[1] - 1.0).abs() < 1e-6);
    for (got, expected) in grad.into_iter().zip(SLOPES) {
        let got = f64::from(got) / 4.0;
        assert!((got - expected).abs() < 1e-7, "{got}, {expected}");
    }
    let alone = loss.sums(&LOGITS, &3.into(), targets, None);
    assert_eq!((alone.loss, alone.correct), (sums.loss, sums.correct));
    // Weights of 1 are none.
    let ones = Loss::WeightedBinaryCrossEntropy([1.0; 3].into());
    for loss in [Loss::BinaryCrossEntropy, ones] {
        let sums = loss.sums(&LOGITS, &3.into(), targets, None);
        assert!((sums.mean_loss() / MEANS[0] - 1.0).abs() < 1e-6, "{loss:?}");
    }
    let documented = Loss::WeightedBinaryCrossEntropy([1.0; 64].into());
    let ones = [1.0; 640];
    let sums = documented.sums(&[1.5; 640], &64.into(), Targets::Values(&ones), None);
    assert!((sums.mean_loss() - 0.201_413_278).abs() < 1e-6);
}

#[test]
fn a_row_is_correct_where_every_logit_is_on_the_side_of_its_label() {
    let outputs = [0.1, -0.1, 2.0, 0.0, -3.0, 1.0];
    let labels = Targets::Values(&[1.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
    for loss in [
        Loss::BinaryCrossEntropy,
        Loss::WeightedBinaryCrossEntropy([1.0, 4.0].into()),
    ] {
        let sums = loss.sums(&outputs, &2.into(), labels, None);
        assert_eq!((sums.correct, sums.rows, sums.weight), (2.0, 3.0, 3.0));
    }
}

#[test]
fn ctc_is_pytorchs_and_its_gradient_is_right() {
    // python3 -c "import torch as t, torch.nn.functional as F; x =
    // t.sin(t.arange(2*5*4).float()).view(2,5,4); l = F.log_softmax(x, -1).transpose(0, 1);
    // print(F.ctc_loss(l, t.tensor([[1,1,2],[3,0,0]]), t.tensor([5,5]), t.tensor([3,1]),
    // reduction='none'))", torch 2.15.0
    let outputs: Vec<f32> = (0..40).map(|i| (i as f32).sin()).collect();
    let shape = Shape::from([5, 4]);
    let loss = Loss::Ctc { labels: 3 };
    let labels = [1, 1, 2, 3, 0, 0];
    for (row, expected) in [(0, CTC[0]), (1, CTC[1])] {
        let outputs = &outputs[row * 20..(row + 1) * 20];
        let labels = &labels[row * 3..(row + 1) * 3];
        let sums = loss.sums(outputs, &shape, Targets::Classes(labels), None);
        assert!(
            (sums.loss - expected).abs() < 1e-4,
            "{}, expected {expected}",
            sums.loss
        );
    }
    check_gradient(&loss, &outputs, &shape, &labels);
    // Three labels with two equal ones need four positions.
    let short = loss.sums(
        &outputs[..12],
        &Shape::from([3, 4]),
        Targets::Classes(&[1, 1, 2]),
        None,
    );
    assert!(short.loss.is_infinite());
}

#[test]
fn settings_out_of_range_are_named() {
    let problem = |loss: Loss| loss.problem(&Shape::from(3)).unwrap_or_default();
    let options = CrossEntropy::default;
    assert!(problem(Loss::CrossEntropy(options().smoothing(1.0))).contains("below 1, got 1"));
    let few = options().weights([1.0]);
    assert!(problem(Loss::CrossEntropy(few)).contains("3 class weights, one a class, got 1"));
    let negative = options().weights([1.0, -1.0, 1.0]);
    assert!(problem(Loss::CrossEntropy(negative)).contains("at least 0, got -1"));
    let weights = |weights: &[f32]| Loss::WeightedBinaryCrossEntropy(weights.into());
    assert!(problem(weights(&[1.0, 2.0])).contains("3 weights of positives, one an output, got 2"));
    assert!(problem(weights(&[1.0, f32::NAN, 2.0])).contains("at least 0, got NaN"));
    assert!(problem(Loss::Huber(0.0)).contains("positive and finite, got 0"));
    assert!(problem(Loss::Ctc { labels: 2 }).contains("outputs of shape TxC, got 3"));
    assert_eq!(problem(Loss::CrossEntropy(options().smoothing(0.5))), "");
}

#[test]
fn correct_counts_the_rows_whose_largest_output_is_the_class() {
    let classes = Targets::Classes(&[2, 1]);
    let sums = Loss::SoftmaxCrossEntropy.sums(&OUTPUTS, &3.into(), classes, None);
    assert_eq!(sums.correct, 2.0);
    let values = Targets::Values(&[1.0, 0.0, 0.0]);
    let sums = Loss::BinaryCrossEntropy.sums(&OUTPUTS[..3], &1.into(), values, None);
    assert_eq!(sums.correct, 2.0);
}

#[test]
fn a_diverged_row_gives_a_loss_that_is_not_finite() {
    for bad in [f32::NAN, f32::INFINITY] {
        for loss in Loss::EACH {
            let targets = match loss {
                Loss::SoftmaxCrossEntropy => Targets::Classes(&[0]),
                _ => Targets::Values(&VALUES[..3]),
            };
            let sums = loss.sums(&[0.0, bad, 1.0], &3.into(), targets, None);
            assert!(!sums.loss.is_finite(), "{loss:?}, {bad}");
        }
    }
}

#[test]
#[should_panic(expected = "class 3 is not below the model's 3 outputs")]
fn a_class_out_of_range_is_named() {
    Loss::SoftmaxCrossEntropy.sums(&OUTPUTS, &3.into(), Targets::Classes(&[1, 3]), None);
}

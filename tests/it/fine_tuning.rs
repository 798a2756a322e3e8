//! Fine-tuning: frozen tensors keep their bits under every optimiser, and what is trained is the
//! same for any number of threads.

use unisono::Trainer;
use unisono::data::digits;
use unisono::nn::{BatchNorm, Loss, Network, Sequential};
use unisono::optim::Optimizer;

/// More threads than cores too.
const COUNTS: [usize; 5] = [1, 2, 3, 5, 8];

fn model(classes: usize) -> Sequential {
    let body = Sequential::new(64).dense(16).layer(BatchNorm::new());
    body.relu().dense(classes)
}

/// Optimisers that move parameters in every way there is.
fn optimizers() -> Vec<Optimizer> {
    vec![
        Optimizer::sgd(0.1).with_momentum(0.9).with_clip_norm(0.5),
        Optimizer::adam_w(0.01).with_l2(0.1).decay_all(),
        Optimizer::sgd(0.1).with_l1(0.1).with_average(0.5),
        Optimizer::sgd(0.1).with_proximal_l1(0.1),
        Optimizer::lars(0.1),
        Optimizer::lamb(0.01),
    ]
}

fn tuned(network: &Network, optimizer: Optimizer, threads: usize) -> Network {
    let (train, test) = digits();
    let mut trainer = Trainer::from_network(network.clone(), Loss::SoftmaxCrossEntropy)
        .optimizer(optimizer)
        .threads(threads)
        .epochs(1);
    trainer.fit(&train, &test).unwrap();
    trainer.network().unwrap()
}

#[test]
fn frozen_tensors_keep_their_bits_and_all_others_move() {
    let network = Network::new(model(10), 3).unwrap();
    for optimizer in optimizers() {
        let name = optimizer.to_string();
        let frozen = optimizer.with_frozen("dense0").with_frozen("batch_norm1.");
        let after = tuned(&network, frozen, 2);
        for tensor in network.layout().tensors() {
            let range = tensor.range.clone();
            let is_kept = after.params()[range.clone()] == network.params()[range];
            let is_frozen = !tensor.name.starts_with("dense3");
            assert_eq!(is_kept, is_frozen, "{name}: {}", tensor.name);
        }
    }
}

#[test]
fn what_is_not_frozen_is_the_same_for_any_number_of_threads() {
    let network = Network::new(model(10), 3).unwrap();
    let optimizer = Optimizer::lars(0.1).with_clip_norm(0.5);
    let optimizer = optimizer.with_layer_lr("batch_norm1", 0.25);
    let optimizer = optimizer.with_frozen("dense0");
    let sha256 = |threads| tuned(&network, optimizer.clone(), threads).weights_sha256();
    let first = sha256(1);
    for threads in COUNTS {
        assert_eq!(sha256(threads), first, "{threads} threads");
    }
}

#[test]
fn the_norm_that_is_clipped_is_that_of_what_is_trained() {
    // With all of the body frozen, clipping is that of the head alone: the same as training the
    // head on the body's outputs, which a gradient of the body must not shrink.
    let network = Network::new(Sequential::new(64).dense(16).relu().dense(10), 3).unwrap();
    let (train, test) = digits();
    let step = |clip: f32| {
        let optimizer = Optimizer::sgd(1.0)
            .with_frozen("dense0")
            .with_clip_norm(clip);
        let mut trainer = Trainer::from_network(network.clone(), Loss::SoftmaxCrossEntropy)
            .optimizer(optimizer)
            .threads(1)
            .max_steps(1);
        trainer.fit(&train, &test).unwrap();
        let after = trainer.network().unwrap().params().to_vec();
        let moved = after.iter().zip(network.params());
        moved
            .map(|(a, b)| f64::from(a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let (all, most) = (step(1e9), 1e-2);
    assert!(
        all > 2.0 * most,
        "the gradient is too small to be clipped: {all}"
    );
    assert!(
        (step(most as f32) - most).abs() < 1e-6,
        "{}",
        step(most as f32)
    );
}

#[test]
fn a_frozen_layer_that_is_not_there_is_an_error() {
    let (train, test) = digits();
    let mut trainer = Trainer::new(model(10), Loss::SoftmaxCrossEntropy)
        .optimizer(Optimizer::sgd(0.1).with_frozen("conv0"));
    let refused = trainer.fit(&train, &test).unwrap_err().to_string();
    assert!(
        refused.contains("no tensor's name begins with \"conv0\""),
        "{refused}"
    );
}

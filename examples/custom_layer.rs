//! A layer of one's own: a learned gain for each channel, `y = g x`, behind the trait `Layer`.
//!
//! `cargo run --release --example custom_layer`. Shards, tree, threads and optimiser need nothing
//! more than this.

use unisono::Trainer;
use unisono::data::digits;
use unisono::nn::{
    BackwardArgs, BlockContext, Build, Fans, Grads, Init, Layer, Loss, NnError, Role, Sequential,
    Shape, Spec, TensorSpec,
};

/// What the layer is.
#[derive(Debug)]
struct Gain;

impl Spec for Gain {
    fn name(&self) -> &'static str {
        "gain"
    }

    fn build(&self, input: &Shape, _build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let shape = input.clone();
        Ok(Box::new(GainLayer { shape }))
    }
}

/// The layer at work, with the memory of one replica.
#[derive(Debug)]
struct GainLayer {
    shape: Shape,
}

impl Layer for GainLayer {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let c = self.shape.channels();
        let gain = TensorSpec::weight("gain", &[c], Init::Constant(1.0), Fans::equal(c));
        vec![gain.role(Role::Norm)]
    }

    fn forward(&mut self, _context: &BlockContext<'_>, gain: &[f32], x: &[f32], y: &mut [f32]) {
        for (at, (y, x)) in y.iter_mut().zip(x).enumerate() {
            *y = gain[at % gain.len()] * x;
        }
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (gain, x, dy, len) = (args.params, args.x, &*args.dy, self.shape.len());
        // One sum a shard; the engine's tree does the rest.
        grads.fold(context, |rows, leaf| {
            for at in rows.start * len..rows.end * len {
                leaf[at % gain.len()] += dy[at] * x[at];
            }
        });
        for (at, dx) in args.dx.into_iter().flatten().enumerate() {
            *dx = gain[at % gain.len()] * dy[at];
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let mut hashes = Vec::new();
    for threads in [1, 3] {
        let model = Sequential::new(64).layer(Gain).dense(32).relu().dense(10);
        let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy).threads(threads);
        let report = trainer.fit(&train, &test)?;
        println!("{threads} threads: {:.2} %", 100.0 * report.test_accuracy());
        hashes.push(trainer.network()?.weights_sha256());
    }
    assert_eq!(hashes[0], hashes[1], "the same bits");
    Ok(())
}

//! A model of candle's behind the engine's `Replica`: candle makes a shard's gradient, the engine
//! cuts the batch, adds and updates. Three numbers of threads, the same weights.
//!
//! `RAYON_NUM_THREADS=1 cargo run --manifest-path examples/candle/Cargo.toml`: workers are enough.

use candle_core::{Device, Result as CandleResult, Tensor, Var};
use candle_nn::loss::cross_entropy;
use unisono::data::{ArrayDataset, Dataset, digits};
use unisono::engine::{Batch, Decision, Engine, EngineConfig, Reduced, Replica};
use unisono::engine::{Shard, Sums, Threads};
use unisono::optim::{Optimizer, StepScalars};
use unisono::train::ChainUpdate;

/// The weights of 64 inputs and 10 classes, then the biases.
const PARAMS: usize = 64 * 10 + 10;

/// Softmax regression on these rows.
struct Model<'d>(&'d ArrayDataset);

impl Model<'_> {
    fn pass(&self, params: &[f32], rows: &[u32], grad: &mut [f32]) -> CandleResult<Sums> {
        // Parameters and rows, as candle's tensors.
        let (cpu, n) = (Device::Cpu, rows.len());
        let weight = Var::from_slice(&params[..640], (64, 10), &cpu)?;
        let bias = Var::from_slice(&params[640..], 10, &cpu)?;
        let (mut x, mut classes) = (vec![0.0; 64 * n], vec![0; n]);
        self.0.gather_inputs(rows, &mut x);
        self.0.gather_classes(rows, &mut classes);
        let x = Tensor::from_vec(x, (n, 64), &cpu)?;
        // Forward, the loss summed over the rows, backward.
        let logits = x.matmul(&weight)?.broadcast_add(&bias)?;
        let loss = cross_entropy(&logits, &Tensor::new(classes, &cpu)?)?;
        let loss = (loss * n as f64)?;
        let (grads, mut to, mut sums) = (loss.backward()?, grad.iter_mut(), Sums::default());
        for var in [&weight, &bias] {
            let values = grads.get(var).expect("it is used").flatten_all()?;
            let values = values.to_vec1::<f32>()?.into_iter();
            values.zip(&mut to).for_each(|(value, sum)| *sum += value);
        }
        (sums.weight, sums.rows) = (n as f64, n as f64);
        sums.loss = f64::from(loss.to_scalar::<f32>()?);
        Ok(sums)
    }
}

impl Replica for Model<'_> {
    fn num_params(&self) -> usize {
        PARAMS
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        self.pass(params, shard.rows, grad).expect("shapes fit")
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        self.add_loss_and_grad(params, shard, &mut [0.0; PARAMS])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((data, _), mut weights) = (digits(), Vec::new());
    for threads in [1, 2, 3] {
        let (mut config, mut loss) = (EngineConfig::default(), f64::NAN);
        config.threads = Threads::Fixed(threads);
        let update = ChainUpdate::new(&Optimizer::sgd(0.5), PARAMS)?;
        let mut engine = Engine::new(config, &[0.0; PARAMS], update, |_| Model(&data))?;
        for step in 0..100 {
            let batch = Batch::whole((0..data.len() as u32).collect(), step);
            let scalars = |now: &Reduced| StepScalars::plain(0.5, now.sums.weight, step);
            let decide = |now: &Reduced| Decision::Apply(scalars(now));
            let reduced = engine.run(|session| session.step(&batch, decide))??;
            loss = reduced.sums.mean_loss();
        }
        println!("{threads} threads: loss {loss:.4}");
        weights.push(engine.params());
    }
    assert!(weights.iter().all(|w| *w == weights[0]), "the same bits");
    Ok(())
}

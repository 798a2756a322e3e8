//! One training step in burn, on its pure-Rust `flex` backend with autodiff.
//!
//! burn's momentum dampens the gradient by 0.1 unless told otherwise; here it does not, as in
//! PyTorch.

use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Element, Int, Tensor, TensorData};

use crate::args::Args;
use crate::burn_networks::{CharLstm, Lenet, Mlp, Network};
use crate::data::{HostBatch, feature_batches, token_batches};
use crate::measure::{Timing, Trainee, measure};
use crate::workload::{LENET_SIDE, MLP_SMALL_WIDTHS, MLP_WIDTHS, SEQ, Workload};

const LEARNING_RATE: f64 = 0.01;
const MOMENTUM: f64 = 0.9;
const SEED: u64 = 1234;

/// Times the workload.
pub fn run(args: &Args) -> Timing {
    let device = Device::flex().autodiff();
    device.seed(SEED);
    match args.workload {
        Workload::MlpSmall => run_mlp(args, MLP_SMALL_WIDTHS, &device),
        Workload::Mlp => run_mlp(args, MLP_WIDTHS, &device),
        Workload::Lenet => {
            let shape = [args.batch, 1, LENET_SIDE, LENET_SIDE];
            let make = |host: Vec<f32>| Tensor::from_data(TensorData::new(host, shape), &device);
            let batches = upload(
                feature_batches(args.batch, LENET_SIDE * LENET_SIDE),
                make,
                &device,
            );
            run_network(args, Lenet::new(&device), batches)
        }
        Workload::Lstm => {
            let make = |host: Vec<u32>| int_tensor(host, [args.batch, SEQ], &device);
            let batches = upload(token_batches(args.batch), make, &device);
            run_network(args, CharLstm::new(&device), batches)
        }
    }
}

type Batch<I> = (I, Tensor<1, Int>);

struct BurnTrainee<N: Network> {
    /// Taken and put back by each step, since burn's optimiser consumes the module.
    network: Option<N>,
    loss: CrossEntropyLoss,
    optimizer: ModuleOptimizer,
    batches: Vec<Batch<N::Input>>,
}

impl<N: Network> Trainee for BurnTrainee<N> {
    fn num_params(&self) -> usize {
        self.network.as_ref().map_or(0, N::num_params)
    }

    fn step(&mut self, batch_index: usize) -> f32 {
        let network = self
            .network
            .take()
            .expect("every step puts the network back");
        let (inputs, targets) = self.batches[batch_index].clone();
        let loss = self.loss.forward(network.logits(inputs), targets);
        let grads = GradientsParams::from_grads(loss.backward(), &network);
        self.network = Some(self.optimizer.step(LEARNING_RATE, network, grads));
        loss.into_scalar()
    }
}

fn run_mlp(args: &Args, widths: &[usize], device: &Device) -> Timing {
    let shape = [args.batch, widths[0]];
    let make = |host: Vec<f32>| Tensor::from_data(TensorData::new(host, shape), device);
    let batches = upload(feature_batches(args.batch, widths[0]), make, device);
    run_network(args, Mlp::new(widths, device), batches)
}

fn run_network<N: Network>(args: &Args, network: N, batches: Vec<Batch<N::Input>>) -> Timing {
    let momentum = MomentumConfig::new()
        .with_momentum(MOMENTUM)
        .with_dampening(0.0);
    let mut trainee = BurnTrainee {
        network: Some(network),
        loss: CrossEntropyLossConfig::new().init(&batches[0].1.device()),
        optimizer: SgdConfig::new().with_momentum(Some(momentum)).init(),
        batches,
    };
    measure(&mut trainee, args.seconds)
}

fn upload<T: Element, I>(
    batches: Vec<HostBatch<T>>,
    make_inputs: impl Fn(Vec<T>) -> I,
    device: &Device,
) -> Vec<Batch<I>> {
    let tensors = |host: HostBatch<T>| {
        let rows = host.targets.len();
        (
            make_inputs(host.inputs),
            int_tensor(host.targets, [rows], device),
        )
    };
    batches.into_iter().map(tensors).collect()
}

fn int_tensor<const D: usize>(
    values: Vec<u32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    let values: Vec<i64> = values.into_iter().map(i64::from).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

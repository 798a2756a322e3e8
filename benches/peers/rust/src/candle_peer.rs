//! One training step in candle.
//!
//! candle-nn's own SGD has no momentum, so the update is written here, in whole tensors, as a user
//! of the framework would. Its CPU generator cannot be seeded, so losses differ from run to run.
//! Every tensor error is a mistake in this program and stops it.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var, WithDType};
use candle_nn::loss::cross_entropy;
use candle_nn::{Module, VarBuilder, VarMap};

use crate::args::Args;
use crate::candle_networks::{CharLstm, Lenet, Mlp};
use crate::data::{HostBatch, feature_batches, token_batches};
use crate::measure::{Timing, Trainee, measure};
use crate::workload::{LENET_SIDE, MLP_SMALL_WIDTHS, MLP_WIDTHS, SEQ, Workload};

/// Times the workload inside candle's own thread pool, which keeps its workers warm between
/// operations.
pub fn run(args: &Args) -> Timing {
    Device::Cpu.with_context(|| {
        let mut trainee = build(args).expect("the workload's shapes fit each other");
        measure(&mut trainee, args.seconds)
    })
}

struct CandleTrainee {
    network: Box<dyn Module>,
    optimizer: Momentum,
    batches: Vec<(Tensor, Tensor)>,
}

/// `velocity = 0.9 * velocity + grad`, then `param -= 0.01 * velocity`.
struct Momentum {
    slots: Vec<(Var, Tensor)>,
}

impl Trainee for CandleTrainee {
    fn num_params(&self) -> usize {
        self.optimizer
            .slots
            .iter()
            .map(|(param, _)| param.elem_count())
            .sum()
    }

    fn step(&mut self, batch_index: usize) -> f32 {
        self.try_step(batch_index)
            .expect("the workload's shapes fit each other")
    }
}

impl CandleTrainee {
    fn try_step(&mut self, batch_index: usize) -> Result<f32> {
        let (inputs, targets) = &self.batches[batch_index];
        let loss = cross_entropy(&self.network.forward(inputs)?, targets)?;
        let grads = loss.backward()?;
        self.optimizer.step(&grads)?;
        loss.to_scalar()
    }
}

impl Momentum {
    const LEARNING_RATE: f64 = 0.01;
    const MOMENTUM: f64 = 0.9;

    fn new(params: Vec<Var>) -> Result<Self> {
        let slot = |param: Var| param.zeros_like().map(|velocity| (param, velocity));
        Ok(Self {
            slots: params.into_iter().map(slot).collect::<Result<_>>()?,
        })
    }

    fn step(&mut self, grads: &GradStore) -> Result<()> {
        for (param, velocity) in &mut self.slots {
            let grad = grads
                .get(param)
                .expect("every parameter takes part in the loss");
            *velocity = ((&*velocity * Self::MOMENTUM)? + grad)?;
            let update = (&*velocity * Self::LEARNING_RATE)?;
            param.set(&(param.as_detached_tensor() - update)?)?;
        }
        Ok(())
    }
}

fn build(args: &Args) -> Result<CandleTrainee> {
    let var_map = VarMap::new();
    let vars = VarBuilder::from_varmap(&var_map, DType::F32, &Device::Cpu);
    let batch = args.batch;
    let mlp_batches = |width| upload(feature_batches(batch, width), &[batch, width]);
    let (network, batches): (Box<dyn Module>, _) = match args.workload {
        Workload::MlpSmall => (
            Box::new(Mlp::new(MLP_SMALL_WIDTHS, &vars)?),
            mlp_batches(MLP_SMALL_WIDTHS[0])?,
        ),
        Workload::Mlp => (
            Box::new(Mlp::new(MLP_WIDTHS, &vars)?),
            mlp_batches(MLP_WIDTHS[0])?,
        ),
        Workload::Lenet => {
            let pictures = feature_batches(batch, LENET_SIDE * LENET_SIDE);
            (
                Box::new(Lenet::new(&vars)?),
                upload(pictures, &[batch, 1, LENET_SIDE, LENET_SIDE])?,
            )
        }
        Workload::Lstm => (
            Box::new(CharLstm::new(&vars)?),
            upload(token_batches(batch), &[batch, SEQ])?,
        ),
    };
    Ok(CandleTrainee {
        network,
        optimizer: Momentum::new(var_map.all_vars())?,
        batches,
    })
}

fn upload<T: WithDType>(
    batches: Vec<HostBatch<T>>,
    shape: &[usize],
) -> Result<Vec<(Tensor, Tensor)>> {
    let tensors = |host: HostBatch<T>| {
        let rows = host.targets.len();
        let inputs = Tensor::from_vec(host.inputs, shape, &Device::Cpu)?;
        Ok((inputs, Tensor::from_vec(host.targets, rows, &Device::Cpu)?))
    };
    batches.into_iter().map(tensors).collect()
}

//! The checker of gradients: what is right passes, what is wrong is told by its place.

use ndarray::{Array2, array};
use unisono::engine::Sums;
use unisono::nn::{
    BackwardArgs, BlockContext, Build, Criterion, Fans, Grads, Init, Layer, Loss, Network, NnError,
    Sequential, Shape, Spec, Targets, TensorSpec, check_criterion, check_gradient,
};

use crate::criteria::{Always, Scaled};

#[test]
fn the_checker_tells_wrong_gradients_and_odd_losses() {
    let (outputs, shape) = ([0.5, -1.0, 0.25, 2.0], Shape::from(2));
    let values = Targets::Values(&[0.0, 1.0, 0.25, -1.0]);
    let check =
        |criterion: &dyn Criterion, targets| check_criterion(criterion, &outputs, &shape, targets);
    let right = Scaled {
        factor: 3.0,
        wrong: 1.0,
    };
    assert_eq!(check(&right, values).unwrap().compared, 4);
    let wrong = Scaled {
        factor: 3.0,
        wrong: 1.01,
    };
    let error = check(&wrong, values).unwrap_err();
    assert!(
        matches!(&error, NnError::Gradient { place, .. } if place == "output 0 of row 0"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("scaled squares, factor 3 is wrong")
    );
    let refused =
        |criterion: &dyn Criterion, targets| check(criterion, targets).unwrap_err().to_string();
    let few = refused(&right, Targets::Values(&[1.0]));
    assert!(few.contains("needs 4 targets for 2 rows, got 1"), "{few}");
    let kind = refused(&right, Targets::Classes(&[0, 1]));
    assert!(
        kind.contains("needs Values(2) a row, got classes"),
        "{kind}"
    );
    let class = refused(&Loss::SoftmaxCrossEntropy, Targets::Classes(&[0, 2]));
    assert!(class.contains("needs classes below 2, got 2"), "{class}");
    let bound = refused(&Loss::Huber(-1.0), values);
    assert!(bound.contains("Huber's bound must be positive"), "{bound}");
    let sums = |loss, weight| {
        Always(Sums {
            loss,
            weight,
            rows: 2.0,
            correct: 0.0,
            ..Sums::default()
        })
    };
    let nan = refused(&sums(f64::NAN, 1.0), Targets::Classes(&[0, 1]));
    assert!(nan.contains("always-the-same gave a loss of NaN"), "{nan}");
    let negative = refused(&sums(1.0, -1.0), Targets::Classes(&[0, 1]));
    assert!(negative.contains("gave a weight of -1"), "{negative}");
}

#[test]
fn every_loss_passes_the_checker() {
    let outputs = [0.3, -1.2, 2.0, 0.1, 0.5, 0.4];
    for loss in Loss::ALL.iter().cloned() {
        let targets = match loss {
            Loss::SoftmaxCrossEntropy => Targets::Classes(&[1, 2]),
            _ => Targets::Values(&[1.0, 0.2, 0.25, 0.5, 0.9, 0.0]),
        };
        let check = check_criterion(&loss, &outputs, &3.into(), targets).unwrap();
        assert!(
            check.compared >= 5 && check.compared + check.corners == 6,
            "{loss:?}: {check:?}"
        );
    }
}

/// `y = gain x`, whose gradients are multiplied by these.
#[derive(Clone, Debug)]
struct Gain {
    shape: Shape,
    own: f32,
    inputs: f32,
}

impl Spec for Gain {
    fn name(&self) -> &'static str {
        "gain"
    }

    fn build(&self, _input: &Shape, _build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        Ok(Box::new(self.clone()))
    }
}

impl Layer for Gain {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        vec![TensorSpec::weight(
            "gain",
            &[1],
            Init::Constant(1.5),
            Fans::equal(1),
        )]
    }

    fn forward(&mut self, _context: &BlockContext<'_>, gain: &[f32], x: &[f32], y: &mut [f32]) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = gain[0] * x);
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (x, dy, len, own) = (args.x, &*args.dy, self.shape.len(), self.own);
        grads.fold(context, |rows, leaf| {
            for at in rows.start * len..rows.end * len {
                leaf[0] += own * dy[at] * x[at];
            }
        });
        for (dx, dy) in args.dx.into_iter().flatten().zip(dy) {
            *dx = self.inputs * args.params[0] * dy;
        }
    }
}

#[test]
fn the_checker_finds_what_is_wrong_with_a_layer() {
    let inputs = array![[0.1, 0.9], [-0.4, 0.2], [0.7, 0.3]];
    let check = |own, inputs_of: f32| {
        let shape = Shape::from(3);
        let gain = Gain {
            shape,
            own,
            inputs: inputs_of,
        };
        let model = Sequential::new(2).dense(3).layer(gain).relu().dense(2);
        let network = Network::new(model, 7).unwrap();
        let classes = Targets::Classes(&[0, 1, 1]);
        check_gradient(&network, Loss::SoftmaxCrossEntropy, inputs.view(), classes)
    };
    let right = check(1.0, 1.0).unwrap();
    assert_eq!(right.compared + right.corners, 9 + 1 + 8);
    assert!(right.compared > 9, "{right:?}");
    let own = check(-1.0, 1.0).unwrap_err().to_string();
    assert!(own.contains("value 0 of gain1.gain"), "{own}");
    let passed_on = check(1.0, 2.0).unwrap_err().to_string();
    assert!(passed_on.contains("of dense0.weight"), "{passed_on}");
}

#[test]
fn rows_and_targets_that_do_not_fit_are_told_by_the_checker() {
    let network = Network::new(Sequential::new(2).dense(3), 7).unwrap();
    let check = |inputs: Array2<f32>, targets| {
        check_gradient(&network, Loss::L1, inputs.view(), targets)
            .unwrap_err()
            .to_string()
    };
    let wide = check(Array2::zeros((1, 3)), Targets::Values(&[0.0; 3]));
    assert!(
        wide.starts_with("the model takes 2 inputs a row, got 3"),
        "{wide}"
    );
    let few = check(Array2::zeros((2, 2)), Targets::Values(&[0.0; 3]));
    assert!(few.contains("needs 6 targets for 2 rows, got 3"), "{few}");
}

//! Convolutions by Winograd's algorithm: as exact as they say, and the same bits whoever computes
//! them.

use std::ops::Range;

use unisono::nn::Isa;
use unisono::nn::{
    BackwardArgs, BlockContext, Build, Conv, Destinations, Grads, Mode, Shape, Spec, Workspace,
};

/// Height, width, input and output channels, kernel, padding.
type Case = (usize, usize, usize, usize, usize, usize);

/// Whole tiles, tiles cut at one edge and at both, no padding and as much as there may be, both
/// kernels.
const CASES: [Case; 8] = [
    (8, 8, 16, 16, 3, 1),
    (32, 32, 16, 32, 3, 1),
    (9, 10, 32, 16, 3, 1),
    (7, 13, 16, 48, 3, 0),
    (5, 6, 48, 16, 3, 2),
    (14, 14, 32, 64, 5, 2),
    (7, 6, 16, 32, 5, 0),
    (5, 9, 16, 16, 5, 4),
];

const IMAGES: usize = 5;

/// Uniform between -1 and 1: the generator of Steele, Lea, Flood 2014 ("SplitMix").
fn values(len: usize, salt: u64) -> Vec<f32> {
    let value = |i: u64| {
        let mut z = (i + (salt << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len as u64).map(value).collect()
}

fn conv((_, _, _, outputs, kernel, padding): Case) -> Conv {
    Conv::d2(outputs, kernel).padding(padding)
}

/// Outputs, gradients of the inputs and of the parameters.
type Results = [Vec<f32>; 3];

struct Node(Vec<f32>);

impl Destinations for Node {
    fn grad(&mut self, _: usize) -> &mut [f32] {
        &mut self.0
    }
}

/// One pass over all images, forward in `parts`, of which each is a shard of backward.
fn run(spec: &Conv, case: Case, isa: Isa, parts: &[Range<usize>]) -> Results {
    let (height, width, channels, ..) = case;
    let input = Shape::from([height, width, channels]);
    let mut layer = spec.build(&input, &mut Build::new(isa)).unwrap();
    let num_params = layer.tensors().iter().map(|tensor| tensor.len()).sum();
    let outputs = layer.output().len();
    let (params, x) = (values(num_params, 1), values(IMAGES * input.len(), 2));
    let mut dy = values(IMAGES * outputs, 3);
    let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
    let node = 0..parts.len();
    let context = BlockContext {
        mode: Mode::Train,
        shards: parts,
        nodes: std::slice::from_ref(&node),
        ..BlockContext::evaluate(IMAGES, 0)
    };
    for rows in parts {
        let context = BlockContext::evaluate(rows.len(), rows.start);
        let x = &x[rows.start * input.len()..rows.end * input.len()];
        let y = &mut y[rows.start * outputs..rows.end * outputs];
        layer.forward(&context, &params, x, y);
    }
    let mut again = vec![f32::NAN; y.len()];
    layer.forward(&context, &params, &x, &mut again);
    assert_eq!(
        y, again,
        "{case:?}: the images' outputs depend on what goes along"
    );
    let (mut sums, mut workspace) = (Node(vec![f32::NAN; num_params]), Workspace::new(isa));
    let args = BackwardArgs {
        params: &params,
        x: &x,
        y: &y,
        dy: &mut dy,
        dx: Some(&mut dx),
    };
    layer.backward(
        &context,
        args,
        &mut Grads::new(&mut sums, 0..num_params, &mut workspace),
    );
    [y, dx, sums.0]
}

/// The same by the definition, in double precision.
fn by_definition(case: Case) -> [Vec<f64>; 3] {
    let (height, width, inputs, outputs, kernel, padding) = case;
    let sides = (
        height + 2 * padding + 1 - kernel,
        width + 2 * padding + 1 - kernel,
    );
    let num_weights = kernel * kernel * inputs * outputs;
    let params = values(num_weights + outputs, 1);
    let x = values(IMAGES * height * width * inputs, 2);
    let dy = values(IMAGES * sides.0 * sides.1 * outputs, 3);
    let bias = params[num_weights..].iter().map(|&bias| f64::from(bias));
    let mut y: Vec<f64> = bias.cycle().take(dy.len()).collect();
    let (mut dx, mut dparams) = (vec![0.0; x.len()], vec![0.0; params.len()]);
    for (at, dy) in dy.chunks_exact(outputs).enumerate() {
        let (image, i, j) = (
            at / (sides.0 * sides.1),
            at / sides.1 % sides.0,
            at % sides.1,
        );
        let y = &mut y[at * outputs..][..outputs];
        let bias = dparams[num_weights..].iter_mut();
        bias.zip(dy).for_each(|(sum, dy)| *sum += f64::from(*dy));
        for place in 0..kernel * kernel {
            let (row, column) = (i + place / kernel, j + place % kernel);
            let is_inside = (padding..height + padding).contains(&row)
                && (padding..width + padding).contains(&column);
            if !is_inside {
                continue;
            }
            let at = (image * height + row - padding) * width + column - padding;
            for c in 0..inputs {
                let (x, dx) = (f64::from(x[at * inputs + c]), &mut dx[at * inputs + c]);
                let own = (place * inputs + c) * outputs;
                for o in 0..outputs {
                    let (w, dy) = (f64::from(params[own + o]), f64::from(dy[o]));
                    y[o] += x * w;
                    *dx += dy * w;
                    dparams[own + o] += x * dy;
                }
            }
        }
    }
    [y, dx, dparams]
}

/// The root mean square of the errors over that of the values.
fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    let pairs = || found.iter().zip(expected);
    let errors: f64 = pairs().map(|(&f, e)| (f64::from(f) - e).powi(2)).sum();
    (errors / pairs().map(|(_, e)| e * e).sum::<f64>()).sqrt()
}

#[test]
fn the_errors_are_a_few_times_those_of_direct_sums() {
    for case in CASES {
        let expected = by_definition(case);
        let (fast, direct) = (conv(case), conv(case).direct());
        let parts = [0..2, 2..5];
        let fast = run(&fast, case, Isa::detect(), &parts);
        let direct = run(&direct, case, Isa::detect(), &parts);
        for (what, index) in [("outputs", 0), ("input gradients", 1), ("gradients", 2)] {
            let error = relative_error(&fast[index], &expected[index]);
            let usual = relative_error(&direct[index], &expected[index]);
            // Direct sums of a few terms are as exact as a single rounding.
            let usual = usual.max(f64::from(f32::EPSILON));
            println!("{case:?}, {what}: {error:.1e}, direct {usual:.1e}");
            assert!(
                error < 5.0 * usual,
                "{case:?}, {what}: {error:.1e}, direct {usual:.1e}"
            );
            assert!(
                fast[index] != direct[index],
                "{case:?}, {what}: not by Winograd"
            );
        }
    }
}

#[test]
fn every_instruction_set_has_the_same_bits() {
    let parts = [0..1, 1..3, 3..5];
    for case in CASES {
        let all: Vec<Results> = Isa::available()
            .into_iter()
            .map(|isa| run(&conv(case), case, isa, &parts))
            .collect();
        assert!(all.iter().all(|results| *results == all[0]), "{case:?}");
    }
}

#[test]
fn layers_that_it_does_not_fit_are_computed_directly() {
    let executed = |conv: Conv, input: [usize; 3]| {
        let layer = conv.build(&Shape::from(input), &mut Build::new(Isa::detect()));
        let flops = layer.unwrap().properties().flops;
        (flops.executed, flops.counted)
    };
    let image = [9, 9, 16];
    for conv in [
        Conv::d2(16, 3).stride(2),
        Conv::d2(16, 3).dilation(2),
        Conv::d2(32, 3).groups(2),
        Conv::d2(17, 3),
        Conv::d2(16, 7),
        Conv::d2(16, 3).kernel(3, 5),
        Conv::d2(16, 3).direct(),
    ] {
        let (executed, counted) = executed(conv.clone(), image);
        assert_eq!(executed, counted, "{conv:?}");
    }
    // 7 x 7 outputs are 2 x 2 tiles of 4 x 4.
    let (fast, counted) = executed(Conv::d2(16, 3), image);
    assert_eq!((fast, counted), (2 * 4 * 36 * 256, 2 * 49 * 9 * 256));
    // Fewer than a tile's outputs.
    let (executed, counted) = executed(Conv::d2(16, 3), [5, 9, 16]);
    assert_eq!(executed, counted);
}

#[test]
fn a_pass_without_rows_leaves_a_gradient_of_zeros() {
    let (input, isa, node) = (Shape::from([8, 8, 16]), Isa::detect(), 0..2);
    for conv in [Conv::d2(16, 3), Conv::d2(16, 3).direct()] {
        let mut layer = conv.build(&input, &mut Build::new(isa)).unwrap();
        let num_params = layer.tensors().iter().map(|tensor| tensor.len()).sum();
        let params = values(num_params, 1);
        let context = BlockContext {
            mode: Mode::Train,
            shards: &[0..0, 0..0],
            nodes: std::slice::from_ref(&node),
            ..BlockContext::evaluate(0, 0)
        };
        layer.forward(&context, &params, &[], &mut []);
        let (mut sums, mut workspace) = (Node(vec![f32::NAN; num_params]), Workspace::new(isa));
        let args = BackwardArgs {
            params: &params,
            x: &[],
            y: &[],
            dy: &mut [],
            dx: Some(&mut []),
        };
        let mut grads = Grads::new(&mut sums, 0..num_params, &mut workspace);
        layer.backward(&context, args, &mut grads);
        assert!(sums.0.iter().all(|&value| value == 0.0), "{conv:?}");
    }
}

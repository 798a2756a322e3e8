//! Weights of PyTorch's models whose channels come first mean the same here: each is computed as
//! PyTorch computes it, axis by axis.

use crate::files::Folder;
use ndarray::{Array2, ArrayView2};
use safetensors::tensor::{Dtype, TensorView};
use unisono::export::{ExportError, read_torch};
use unisono::nn::{BatchNorm, Conv, Dense, Embedding, Parallel, Pool, Reshape, Sequential};

/// Values that are no multiples of each other, and exact in half precision.
fn values(len: usize, from: usize) -> Vec<f32> {
    let value = |at: usize| ((at * 37 + from * 11) % 64) as f32 / 64.0 - 0.5;
    (0..len).map(value).collect()
}

/// Tensors as PyTorch has them.
#[derive(Default)]
struct Torch(Vec<(String, Vec<usize>, Vec<f32>)>);

impl Torch {
    fn add(&mut self, name: &str, shape: &[usize]) -> Vec<f32> {
        let drawn = values(shape.iter().product(), self.0.len() + 1);
        let drawn: Vec<f32> = match name.ends_with("var") {
            true => drawn.iter().map(|value| value + 1.0).collect(),
            false => drawn,
        };
        self.0
            .push((name.to_owned(), shape.to_vec(), drawn.clone()));
        drawn
    }

    fn bytes(&self, dtype: Dtype, of: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
        let data: Vec<Vec<u8>> = self
            .0
            .iter()
            .map(|(_, _, values)| values.iter().flat_map(|&value| of(value)).collect())
            .collect();
        let views = self.0.iter().zip(&data).map(|((name, shape, _), bytes)| {
            let view = TensorView::new(dtype, shape.clone(), bytes).unwrap();
            (name.as_str(), view)
        });
        safetensors::serialize(views, None).unwrap()
    }

    fn single(&self) -> Vec<u8> {
        self.bytes(Dtype::F32, |value| value.to_le_bytes().to_vec())
    }
}

/// `nn.Conv2d` without padding: x (C, H, W), w (O, C, KH, KW).
fn conv(
    x: &[f32],
    (channels, height, width): (usize, usize, usize),
    (w, bias): (&[f32], &[f32]),
    (kh, kw): (usize, usize),
) -> Vec<f32> {
    let (rows, columns) = (height - kh + 1, width - kw + 1);
    let mut y = Vec::new();
    for (o, bias) in bias.iter().enumerate() {
        for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            let mut sum = *bias;
            for c in 0..channels {
                for (i, j) in (0..kh).flat_map(|i| (0..kw).map(move |j| (i, j))) {
                    sum += x[(c * height + row + i) * width + column + j]
                        * w[((o * channels + c) * kh + i) * kw + j];
                }
            }
            y.push(sum);
        }
    }
    y
}

/// `nn.Linear`: w (O, I).
fn linear(x: &[f32], w: &[f32], bias: &[f32]) -> Vec<f32> {
    let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
    let rows = w.chunks_exact(x.len()).zip(bias);
    rows.map(|(row, bias)| dot(row) + bias).collect()
}

fn relu(x: &[f32]) -> Vec<f32> {
    x.iter().map(|value| value.max(0.0)).collect()
}

/// (C, P) from (P, C).
fn channels_first(x: &[f32], channels: usize) -> Vec<f32> {
    let channel = |c: usize| x.iter().skip(c).step_by(channels).copied();
    (0..channels).flat_map(channel).collect()
}

fn file(name: &str, bytes: &[u8]) -> (Folder, std::path::PathBuf) {
    let folder = Folder::new(name);
    let path = folder.file("torch.safetensors", bytes);
    (folder, path)
}

/// The names of the same layers, in order.
fn read(name: &str, model: Sequential, torch: &Torch) -> Result<Vec<f32>, ExportError> {
    let layout = model.layout()?;
    let ours = layout.tensors().iter().map(|tensor| tensor.name.as_str());
    let names: Vec<(&str, &str)> = ours.zip(torch.0.iter().map(|one| one.0.as_str())).collect();
    let inputs = model.inputs();
    let (_folder, path) = file(name, &torch.single());
    let network = read_torch(&path, model, &names)?;
    let x = values(inputs, 0);
    let x = ArrayView2::from_shape((1, inputs), &x).unwrap();
    Ok(network.predict(x).unwrap().into_raw_vec_and_offset().0)
}

fn check(name: &str, model: Sequential, torch: &Torch, expected: &[f32]) {
    let ours = read(name, model, torch).unwrap();
    let near = ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(
        near && ours.len() == expected.len(),
        "{name}: {ours:?}, PyTorch {expected:?}"
    );
}

#[test]
fn a_linear_layer_behind_a_flattened_image_sees_what_it_saw_in_pytorch() {
    let mut torch = Torch::default();
    let (w, b) = (torch.add("c.w", &[3, 2, 2, 2]), torch.add("c.b", &[3]));
    let mean_of = |torch: &mut Torch| {
        ["n.w", "n.b", "n.mean", "n.var"].map(|name| torch.add(name, &[3 * 3 * 4]))
    };
    let [gain, shift, mean, var] = mean_of(&mut torch);
    let (w1, b1) = (torch.add("l.w", &[5, 36]), torch.add("l.b", &[5]));
    let (w2, b2) = (torch.add("m.w", &[4, 5]), torch.add("m.b", &[4]));
    let x = channels_first(&values(4 * 5 * 2, 0), 2);
    let mut h = relu(&conv(&x, (2, 4, 5), (&w, &b), (2, 2)));
    for (at, value) in h.iter_mut().enumerate() {
        *value = (*value - mean[at]) / (var[at] + 1e-5).sqrt() * gain[at] + shift[at];
    }
    let expected = linear(&relu(&linear(&h, &w1, &b1)), &w2, &b2);
    let model = Sequential::new([4, 5, 2])
        .layer(Conv::d2(3, 2))
        .relu()
        .flatten()
        .layer(BatchNorm::new())
        .dense(5)
        .relu()
        .dense(4);
    check("flattened", model, &torch, &expected);
}

#[test]
fn an_image_that_is_flattened_at_once_is_too() {
    let mut torch = Torch::default();
    let (w, b) = (torch.add("w", &[4, 18]), torch.add("b", &[4]));
    let expected = linear(&channels_first(&values(18, 0), 3), &w, &b);
    check(
        "flat",
        Sequential::flat(&[2, 3, 3]).dense(4),
        &torch,
        &expected,
    );
}

#[test]
fn sequences_are_those_of_the_layer_before() {
    // Behind a convolution (C, T), behind a dense layer (T, C).
    let mut torch = Torch::default();
    let (w, b) = (torch.add("c.w", &[3, 2, 2]), torch.add("c.b", &[3]));
    let (w1, b1) = (torch.add("l.w", &[2, 15]), torch.add("l.b", &[2]));
    let x = channels_first(&values(12, 0), 2);
    let h = conv(&x, (2, 1, 6), (&w, &b), (1, 2));
    let model = Sequential::new([6, 2]).layer(Conv::d1(3, 2));
    check(
        "conv1d",
        model.clone().flatten().dense(2),
        &torch,
        &linear(&h, &w1, &b1),
    );

    let mut torch = Torch(torch.0[..2].to_vec());
    let (w1, b1) = (torch.add("d.w", &[4, 3]), torch.add("d.b", &[4]));
    let (w2, b2) = (torch.add("l.w", &[2, 20]), torch.add("l.b", &[2]));
    let turned = channels_first(&h, 5);
    let positions = turned.chunks_exact(3).flat_map(|x| linear(x, &w1, &b1));
    let expected = linear(&positions.collect::<Vec<f32>>(), &w2, &b2);
    let model = model.layer(Dense::new(4)).flatten().dense(2);
    check("conv1d-dense", model, &torch, &expected);

    let mut torch = Torch::default();
    let table = torch.add("e", &[4, 3]);
    let (w, b) = (torch.add("w", &[2, 6]), torch.add("b", &[2]));
    let model = Sequential::new([2])
        .layer(Embedding::new(4, 3))
        .flatten()
        .dense(2);
    let names = [
        ("embedding0.weight", "e"),
        ("dense2.weight", "w"),
        ("dense2.bias", "b"),
    ];
    let (_folder, path) = file("embedding", &torch.single());
    let network = read_torch(&path, model, &names).unwrap();
    let tokens = Array2::from_shape_vec((1, 2), vec![3.0, 1.0]).unwrap();
    let h = [&table[9..12], &table[3..6]].concat();
    let ours = network.predict(tokens.view()).unwrap();
    let near = ours.iter().zip(linear(&h, &w, &b));
    assert!(near.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn features_that_become_an_image_or_a_sequence_of_channels_lie_as_in_pytorch() {
    for (name, shape) in [("decoder", vec![3, 4, 2]), ("decoder1d", vec![12, 2])] {
        let is_image = shape.len() == 3;
        let mut torch = Torch::default();
        let (w, b) = (torch.add("l.w", &[24, 5]), torch.add("l.b", &[24]));
        let kernel: &[usize] = if is_image { &[3, 2, 2, 2] } else { &[3, 2, 2] };
        let (w1, b1) = (torch.add("c.w", kernel), torch.add("c.b", &[3]));
        // x.view(-1, C, H, W)
        let h = linear(&values(5, 0), &w, &b);
        let (size, window, last) = match is_image {
            true => ((2, 3, 4), (2, 2), Conv::d2(3, 2)),
            false => ((2, 1, 12), (1, 2), Conv::d1(3, 2)),
        };
        let y = conv(&h, size, (&w1, &b1), window);
        // Our outputs have the channels last.
        let y = channels_first(&y, y.len() / 3);
        let model = Sequential::new(5).dense(24).layer(Reshape::to(shape));
        check(name, model.layer(last), &torch, &y);
    }
}

#[test]
fn flattened_branches_side_by_side_keep_their_own_orders() {
    let mut torch = Torch::default();
    let (w, b) = (torch.add("c.w", &[2, 2, 2, 2]), torch.add("c.b", &[2]));
    let (w1, b1) = (torch.add("l.w", &[3, 26]), torch.add("l.b", &[3]));
    let x = channels_first(&values(18, 0), 2);
    let h = [&conv(&x, (2, 3, 3), (&w, &b), (2, 2))[..], &x].concat();
    let branches = [
        Sequential::part().layer(Conv::d2(2, 2)).flatten(),
        Sequential::part().flatten(),
    ];
    let model = Sequential::new([3, 3, 2])
        .layer(Parallel::concat(branches))
        .dense(3);
    check("branches", model, &torch, &linear(&h, &w1, &b1));
}

#[test]
fn what_pools_or_mixes_needs_no_order_or_is_refused() {
    let mut torch = Torch::default();
    let (w, b) = (torch.add("c.w", &[3, 2, 2, 2]), torch.add("c.b", &[3]));
    let (w1, b1) = (torch.add("l.w", &[2, 3]), torch.add("l.b", &[2]));
    let x = channels_first(&values(18, 0), 2);
    let h = conv(&x, (2, 3, 3), (&w, &b), (2, 2));
    let h: Vec<f32> = h
        .chunks_exact(4)
        .map(|c| c.iter().sum::<f32>() / 4.0)
        .collect();
    let conv = Sequential::new([3, 3, 2]).layer(Conv::d2(3, 2));
    let model = conv.clone().layer(Pool::global_average()).dense(2);
    check("pooled", model, &torch, &linear(&h, &w1, &b1));

    let mixed = conv
        .layer(Reshape::to([2, 6]))
        .layer(Dense::new(2))
        .flatten();
    let mut torch = Torch(torch.0[..2].to_vec());
    torch.add("d.w", &[2, 6]);
    torch.add("d.b", &[2]);
    let error = read("mixed", mixed, &torch).unwrap_err();
    assert!(matches!(&error, ExportError::Order { place } if place == "reshape1"));
    assert!(error.to_string().contains("flatten before it"), "{error}");
    // Nobody's weights can move the features of the data.
    for (shape, conv, kernel) in [
        (vec![3, 4, 2], Conv::d2(3, 2), &[3, 2, 2, 2][..]),
        (vec![12, 2], Conv::d1(3, 2), &[3, 2, 2]),
    ] {
        let made = Sequential::new(24).layer(Reshape::to(shape)).layer(conv);
        let mut torch = Torch::default();
        torch.add("c.w", kernel);
        torch.add("c.b", &[3]);
        let error = read("made", made, &torch).unwrap_err();
        assert!(matches!(error, ExportError::Order { .. }), "{error}");
    }
}

#[test]
fn halves_and_doubles_are_the_same_weights() {
    let mut torch = Torch::default();
    torch.add("w", &[3, 4]);
    torch.add("b", &[3]);
    let names = [("dense0.weight", "w"), ("dense0.bias", "b")];
    let model = Sequential::new(4).dense(3);
    let read = |bytes: &[u8]| {
        let (_folder, path) = file("types", bytes);
        read_torch(&path, model.clone(), &names)
    };
    let single = read(&torch.single()).unwrap();
    let bf16 = |value: f32| value.to_le_bytes()[2..].to_vec();
    let f64 = |value: f32| f64::from(value).to_le_bytes().to_vec();
    // Of such values, half precision has sign, exponent and fraction where single precision has
    // them.
    let f16 = |value: f32| {
        let bits = value.to_bits();
        let exponent = (bits >> 23) & 0xff;
        let rest = if exponent == 0 {
            0
        } else {
            ((exponent - 112) << 10) | ((bits >> 13) & 0x3ff)
        };
        (((bits >> 16) & 0x8000 | rest) as u16)
            .to_le_bytes()
            .to_vec()
    };
    for (dtype, bytes) in [
        (Dtype::BF16, torch.bytes(Dtype::BF16, bf16)),
        (Dtype::F64, torch.bytes(Dtype::F64, f64)),
        (Dtype::F16, torch.bytes(Dtype::F16, f16)),
    ] {
        assert_eq!(read(&bytes).unwrap().params(), single.params(), "{dtype:?}");
    }
    let whole = read(&torch.bytes(Dtype::I32, |value| value.to_le_bytes().to_vec()));
    let error = whole.unwrap_err().to_string();
    assert!(
        error.contains("in f32, f16, bf16 or f64, got I32"),
        "{error}"
    );
    let large = |_| 1e300_f64.to_le_bytes().to_vec();
    let error = read(&torch.bytes(Dtype::F64, large))
        .unwrap_err()
        .to_string();
    assert!(error.contains("numbers that f32 can hold"), "{error}");
}

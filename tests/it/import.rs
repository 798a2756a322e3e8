//! Networks with weights that PyTorch wrote give PyTorch's outputs; weights that are not the
//! model's are named.

use std::path::PathBuf;

use crate::parity::small_gpt;
use ndarray::Array2;
use safetensors::SafeTensors;
use unisono::export::read_torch;
use unisono::nn::{BatchNorm, Conv, Network, Pool, Residual, Sequential};

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parity/torch.safetensors")
}

fn check(name: &str, network: &Network) {
    let bytes = std::fs::read(fixture()).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let matrix = |key: &str| {
        let found = tensors.tensor(&format!("{name}.{key}")).unwrap();
        let values = found.data().as_chunks::<4>().0.iter();
        let values: Vec<f32> = values.map(|&bytes| f32::from_le_bytes(bytes)).collect();
        Array2::from_shape_vec((found.shape()[0], found.shape()[1]), values).unwrap()
    };
    let (x, y) = (matrix("x"), matrix("y"));
    let ours = network.predict(x.view()).unwrap();
    let error = (&ours - &y).mapv(f32::abs).into_iter().fold(0.0, f32::max);
    assert!(error < 1e-5, "{name}: {error}");
}

/// Pairs of names from lines `ours theirs`.
fn names(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .filter_map(|line| line.trim().split_once(' '))
        .collect()
}

fn resnet() -> (Sequential, String) {
    let conv = |channels, stride| {
        Conv::d2(channels, 3)
            .stride(stride)
            .padding(1)
            .without_bias()
    };
    let mut model = Sequential::new([8, 6, 3])
        .layer(conv(4, 1))
        .layer(BatchNorm::new())
        .relu();
    let mut map = String::from("conv2d0.weight resnet.conv1.weight\n");
    let norm = |ours: &str, theirs: &str| {
        let ends = [
            ("weight", "weight"),
            ("bias", "bias"),
            ("running_mean", "running_mean"),
            ("running_variance", "running_var"),
        ];
        ends.map(|(here, there)| format!("{ours}.{here} resnet.{theirs}.{there}\n"))
            .concat()
    };
    map += &norm("batch_norm1", "bn1");
    for (place, layer, channels, stride) in [(3, "layer1.0", 4, 1), (5, "layer2.0", 8, 2)] {
        let body = Sequential::part()
            .layer(conv(channels, stride))
            .layer(BatchNorm::new())
            .relu()
            .layer(conv(channels, 1))
            .layer(BatchNorm::new());
        let shortcut = Sequential::part()
            .layer(Conv::d2(channels, 1).stride(stride).without_bias())
            .layer(BatchNorm::new());
        model = model.layer(Residual::with_shortcut(body, shortcut)).relu();
        let at = |branch: usize, layer: &str| format!("residual{place}.branch{branch}.{layer}");
        for (ours, theirs) in [
            (at(0, "conv2d0"), "conv1"),
            (at(0, "conv2d3"), "conv2"),
            (at(1, "conv2d0"), "downsample.0"),
        ] {
            map += &format!("{ours}.weight resnet.{layer}.{theirs}.weight\n");
        }
        for (ours, theirs) in [
            (at(0, "batch_norm1"), "bn1"),
            (at(0, "batch_norm4"), "bn2"),
            (at(1, "batch_norm1"), "downsample.1"),
        ] {
            map += &norm(&ours, &format!("{layer}.{theirs}"));
        }
    }
    map += "dense8.weight resnet.fc.weight\ndense8.bias resnet.fc.bias\n";
    (model.layer(Pool::global_average()).dense(5), map)
}

#[test]
fn a_resnet_of_pytorch_gives_pytorchs_outputs() {
    let (model, map) = resnet();
    let network = read_torch(&fixture(), model, &names(&map)).unwrap();
    check("resnet", &network);
}

#[test]
fn a_nano_gpt_of_pytorch_gives_pytorchs_outputs() {
    let mut map = String::from(
        "tied_embedding0.weight gpt.wte.weight\ntied_embedding0.positions0.weight gpt.wpe.weight\n",
    );
    for block in 0..2 {
        let (first, second) = (2 * block + 1, 2 * block + 2);
        for (place, ours, theirs) in [
            (first, "layer_norm0.weight", "ln_1.weight"),
            (first, "attention1.qkv_weight", "attn.c_attn.weight"),
            (first, "attention1.out_weight", "attn.c_proj.weight"),
            (second, "layer_norm0.weight", "ln_2.weight"),
            (second, "dense1.weight", "mlp.c_fc.weight"),
            (second, "dense3.weight", "mlp.c_proj.weight"),
        ] {
            map +=
                &format!("tied_embedding0.residual{place}.branch0.{ours} gpt.h.{block}.{theirs}\n");
        }
    }
    map += "tied_embedding0.layer_norm5.weight gpt.ln_f.weight\n";
    let model = small_gpt(6);
    let network = read_torch(&fixture(), model, &names(&map)).unwrap();
    check("gpt", &network);
}

#[test]
fn weights_of_another_model_or_name_are_named() {
    let (model, map) = resnet();
    let error = |map: &str, model: &Sequential| {
        let read = read_torch(&fixture(), model.clone(), &names(map));
        read.unwrap_err().to_string()
    };
    let text = error(&map.replace("dense8.bias", "dense9.bias"), &model);
    assert!(
        text.contains("the map names \"dense9.bias\", and the model has no such tensor"),
        "{text}"
    );
    assert!(text.ends_with("; did you mean dense8.bias?"), "{text}");
    let text = error(&map.replace("dense8.bias resnet.fc.bias\n", ""), &model);
    assert!(
        text.contains("no line for dense8.bias of the model; no line names the file's gpt."),
        "{text}"
    );
    let twice = map.clone() + "dense8.bias resnet.fc.weight\n";
    let text = error(&twice, &model);
    assert!(text.contains("\"dense8.bias\", twice"), "{text}");
    let text = error(&map.replace("resnet.fc.bias", "resnet.fc.bais"), &model);
    assert!(
        text.contains(
            "resnet.fc.bais of shape [5], for dense8.bias, got no tensor of that name (is resnet.fc.bias meant?)"
        ),
        "{text}"
    );
    let other = map.replace(
        "conv2d0.weight resnet.conv1.weight",
        "conv2d0.weight resnet.fc.weight",
    );
    let text = error(&other, &model);
    assert!(
        text.contains(
            "resnet.fc.weight of shape [4, 3, 3, 3], for conv2d0.weight of shape [3, 3, 3, 4] here, got shape [5, 8]"
        ),
        "{text}"
    );
}

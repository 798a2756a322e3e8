//! Fine-tuning by the program: a trained run's layers under a head for other classes, some of them
//! frozen.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

fn refusal(args: &[&str]) -> String {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    text
}

/// Rows of four features, of `classes` classes.
fn table(folder: &Folder, name: &str, classes: &[&str]) -> String {
    let mut text = "a,b,c,d,kind\n".to_owned();
    for row in 0..120 {
        let class = row % classes.len();
        let feature =
            |at: usize| ((row * 7 + at * 13) % 11) as f64 / 11.0 + (class * (at + 1)) as f64;
        let (a, b, c, d) = (feature(0), feature(1), feature(2), feature(3));
        text += &format!("{a},{b},{c},{d},{}\n", classes[class]);
    }
    let file = folder.file(name, text.as_bytes());
    file.to_str().unwrap().to_owned()
}

/// A run's weights: the bytes of each tensor by its name, in order.
fn tensors(folder: &Folder, run: &str, name: &str) -> Vec<(String, Vec<u8>)> {
    let file = folder.0.join(name);
    stdout(&["export", run, "--out", file.to_str().unwrap()]);
    let bytes = std::fs::read(&file).unwrap();
    let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut all: Vec<(String, Vec<u8>)> = read
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.data().to_vec()))
        .collect();
    all.sort();
    all
}

const LAYERS: [&str; 4] = ["--layers", "dense 8, relu, dense 6, relu", "--epochs", "3"];

/// A run on three classes, and a table of two others.
fn trained(folder: &Folder) -> (String, String) {
    let three = table(folder, "three.csv", &["ash", "oak", "yew"]);
    let two = table(folder, "two.csv", &["elm", "fir"]);
    let first = folder.0.join("first").to_str().unwrap().to_owned();
    let train = ["train", "--data", &three, "--out", &first];
    stdout(&[&train[..], &LAYERS].concat());
    (first, two)
}

/// A training on `data` that begins with weights `from`, under a new head.
fn tune(data: &str, from: &str, more: &[&str]) -> String {
    let train = ["train", "--data", data, "--weights", from, "--new-head"];
    let how = ["--freeze", "dense0", "--layer-lr", "dense2=0.5"];
    stdout(&[&train[..], &how, &LAYERS, more].concat())
}

#[test]
fn a_run_is_tuned_to_other_classes_with_its_first_layer_frozen() {
    let folder = Folder::new("fine-tuning");
    let (first, two) = trained(&folder);
    let tuned = folder.0.join("tuned").to_str().unwrap().to_owned();
    let text = tune(&two, &first, &["--out", &tuned]);
    assert_eq!(value(&text, "epochs"), "3");
    let before = tensors(&folder, &first, "first.safetensors");
    let after = tensors(&folder, &tuned, "tuned.safetensors");
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        let is_kept = before == after;
        assert_eq!(is_kept, name.starts_with("dense0."), "{name}");
    }
    assert_eq!(after.last().unwrap().1.len(), 6 * 2 * 4);
    // What was frozen stays so when the training goes on.
    stdout(&["train", "--resume", &tuned, "--epochs", "5"]);
    let later = tensors(&folder, &tuned, "later.safetensors");
    assert_eq!(later[0], before[0]);
    assert_ne!(later[3], after[3]);
}

#[test]
fn a_run_a_part_of_it_and_an_exported_file_are_tuned_to_the_same_bits_by_any_threads() {
    let folder = Folder::new("fine-tuning-bits");
    let (first, two) = trained(&folder);
    let sha256 = |from: &str, threads| {
        let text = tune(&two, from, &["--threads", threads]);
        value(&text, "weights sha256").to_owned()
    };
    let expected = sha256(&first, "1");
    tensors(&folder, &first, "first.safetensors");
    let exported = folder.0.join("first.safetensors");
    for from in [&*format!("{first}@last"), exported.to_str().unwrap()] {
        for threads in ["1", "2", "3"] {
            assert_eq!(sha256(from, threads), expected, "{from}, {threads} threads");
        }
    }
}

#[test]
fn a_pytorch_file_gives_all_layers_but_the_new_head() {
    let folder = Folder::new("fine-tuning-torch");
    let two = table(&folder, "two.csv", &["elm", "fir"]);
    let place = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let numbers = |len: usize| -> Vec<u8> {
        (0..len)
            .flat_map(|at| (at as f32 / 8.0).to_le_bytes())
            .collect()
    };
    let (weight, bias) = (numbers(8 * 4), numbers(8));
    let view = |shape: Vec<usize>, bytes| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, bytes).unwrap()
    };
    let tensors_there = [
        ("fc.weight", view(vec![8, 4], &weight)),
        ("fc.bias", view(vec![8], &bias)),
    ];
    let file = safetensors::serialize(tensors_there, None).unwrap();
    let file = folder.file("torch.safetensors", &file);
    let map = |text: &str| {
        let file = folder.file("map.toml", text.as_bytes());
        file.to_str().unwrap().to_owned()
    };
    let right = "\"dense0.weight\" = \"fc.weight\"\n\"dense0.bias\" = \"fc.bias\"\n";
    let train = |map: &str, out: &str| -> Vec<String> {
        let args = [
            "train",
            "--data",
            &two,
            "--layers",
            "dense 8, relu",
            "--epochs",
            "0",
            "--new-head",
            "--weights",
            file.to_str().unwrap(),
            "--weights-map",
            map,
            "--out",
            out,
        ];
        args.map(str::to_owned).to_vec()
    };
    let out = place("run");
    let args = train(&map(right), &out);
    stdout(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let after = tensors(&folder, &out, "run.safetensors");
    assert_eq!(after[0], ("dense0.bias".to_owned(), bias));
    let args = train(
        &map(&format!("{right}\"dense2.bias\" = \"fc.bias\"\n")),
        &place("other"),
    );
    let refused = refusal(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        refused.contains("of the head, which is drawn anew"),
        "{refused}"
    );
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let folder = Folder::new("fine-tuning-odd");
    let three = table(&folder, "three.csv", &["ash", "oak", "yew"]);
    let others = table(&folder, "others.csv", &["ash", "elm", "yew"]);
    let run = folder.0.join("run").to_str().unwrap().to_owned();
    let layers = ["--layers", "dense 8, relu", "--epochs", "1"];
    stdout(&[&["train", "--data", &three, "--out", &run], &layers[..]].concat());
    let odd = |data: &str, more: &[&str]| {
        refusal(&[&["train", "--data", data, "--weights", &run], more].concat())
    };
    // Classes of other names, of the same number.
    let classes = odd(&others, &layers);
    assert!(classes.contains("--new-head"), "{classes}");
    assert!(
        classes.contains("elm") && classes.contains("oak"),
        "{classes}"
    );
    // Another model.
    let body = odd(&others, &["--layers", "dense 8, tanh", "--new-head"]);
    assert!(body.contains("activation relu as layer 1"), "{body}");
    // Names that are not there, and what is no name.
    let frozen = odd(&three, &[&layers[..], &["--freeze", "conv0"]].concat());
    assert!(
        frozen.contains("no tensor's name begins with \"conv0\""),
        "{frozen}"
    );
    for (flag, text) in [
        ("--freeze", "dense0,,"),
        ("--layer-lr", "dense0"),
        ("--layer-lr", "dense0=-1"),
    ] {
        let refused = odd(&three, &[&layers[..], &[flag, text]].concat());
        assert!(refused.contains(flag.trim_start_matches('-')), "{refused}");
    }
    // A place that is neither a file nor a run.
    let nothing = refusal(&[
        "train",
        "--data",
        &three,
        "--weights",
        folder.0.join("no").to_str().unwrap(),
    ]);
    assert!(nothing.contains("cannot read"), "{nothing}");
}

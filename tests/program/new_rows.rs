//! A model at work on files that it was not trained on: they become the rows that the training
//! would have seen; what does not fit is named.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use serde_json::Value;
use unisono::data::{
    Column, CsvTable, Dataset, ImageShape, LabelledTexts, Preparation, RowKind, Sound,
    SpectrogramSettings, Standardizer, TextHasher, Tokenizer, Vocabulary,
};
use unisono::nn::{Network, Sequential};
use unisono::run::Saliency;

fn gathered(data: &dyn Dataset) -> Vec<f32> {
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    let mut values = vec![0.0; data.len() * data.input_len()];
    data.gather_inputs(&rows, &mut values);
    values
}

fn preparation(rows: RowKind) -> Preparation {
    Preparation {
        rows,
        num_classes: 2,
        class_names: vec!["no".to_owned(), "yes".to_owned()],
        targets: None,
        is_multi_label: false,
    }
}

fn refusal(preparation: &Preparation, path: &std::path::Path) -> String {
    preparation.rows(path).unwrap_err().to_string()
}

#[test]
fn columns_are_found_by_name_whatever_stands_beside_them() {
    let folder = Folder::new("new-tables");
    let text = b"a,kind,b\n1,no,10\n3,yes,30\n";
    let table = CsvTable::parse(text, &Column::Name("kind".into()), "t.csv".as_ref()).unwrap();
    let scale = Standardizer::fit(table.values().view());
    let columns = table.columns().clone();
    let kept = preparation(RowKind::Table {
        columns,
        encoders: Vec::new(),
        scale,
    });
    let more = folder.file("more.csv", b"b,other,a\n30,x,1\n10,y,3\n");
    let new = kept.rows(&more).unwrap();
    assert_eq!(gathered(&*new.data), [-1.0, 1.0, 1.0, -1.0]);
    // Of two columns of one name the first stays the first.
    let text = b"a,a,kind\n1,10,no\n3,30,yes\n";
    let twice = CsvTable::parse(text, &Column::Name("kind".into()), "t.csv".as_ref()).unwrap();
    let twice = preparation(RowKind::Table {
        columns: twice.columns().clone(),
        encoders: Vec::new(),
        scale: Standardizer::fit(twice.values().view()),
    });
    let new = twice.rows(&folder.file("twice.csv", b"a,kind,a\n3,x,10\n"));
    assert_eq!(gathered(&*new.unwrap().data), [1.0, -1.0]);
    let bad = refusal(&kept, &folder.file("bad.csv", b"b,c\n1,2\n"));
    assert!(bad.contains("a header with a column called \"a\""), "{bad}");
    let cell = refusal(&kept, &folder.file("cell.csv", b"a,b\n1,2\n3,x\n"));
    assert!(cell.contains("line 3, column 1"), "{cell}");

    // Without a header: as many columns, or one more where the label stood.
    let text = b"1,0,10\n3,1,30\n";
    let table = CsvTable::parse(text, &Column::Index(1), "t.csv".as_ref()).unwrap();
    let scale = Standardizer::fit(table.values().view());
    let columns = table.columns().clone();
    let kept = preparation(RowKind::Table {
        columns,
        encoders: Vec::new(),
        scale,
    });
    for text in [&b"3,30\n"[..], b"3,7,30\n"] {
        let new = kept.rows(&folder.file("row.csv", text)).unwrap();
        assert_eq!(gathered(&*new.data), [1.0, 1.0]);
    }
    let wide = refusal(&kept, &folder.file("wide.csv", b"1,2,3,4\n"));
    assert!(wide.contains("2 columns, or 3 with a label"), "{wide}");
}

#[test]
fn texts_hash_as_in_the_training() {
    let folder = Folder::new("new-texts");
    let csv = b"no,all is lost\nyes,all is well\n";
    let texts = LabelledTexts::parse(csv, &Column::Index(0), "t.csv".as_ref()).unwrap();
    let hasher = TextHasher::fit(&texts.texts, 1 << 10);
    let trained = gathered(&hasher.dataset(&texts).unwrap());
    let columns = texts.columns.clone();
    let kept = preparation(RowKind::Texts { columns, hasher });
    // What a run keeps gives the same bits.
    let kept = Preparation::parse(&kept.to_json(), "p.json".as_ref()).unwrap();
    let lines = folder.file("lines.txt", b"all is lost\n\nall is well\n");
    let new = kept.rows(&lines).unwrap();
    assert_eq!(gathered(&*new.data), trained);
    assert_eq!(new.names, ["all is lost", "all is well"]);
    let table = folder.file("table.csv", csv);
    assert_eq!(gathered(&*kept.rows(&table).unwrap().data), trained);
}

#[test]
fn every_tokenizer_is_kept_and_a_language_model_classifies_nothing() {
    let text = "to be or not";
    for tokenizer in [
        Tokenizer::Bytes,
        Tokenizer::Characters(Vocabulary::of(text)),
    ] {
        let tokens = tokenizer.encode(text).unwrap();
        let rows = RowKind::Tokens {
            tokenizer,
            context: 4,
        };
        let json = preparation(rows).to_json();
        let kept = Preparation::parse(&json, "p.json".as_ref()).unwrap();
        let RowKind::Tokens { tokenizer, .. } = &kept.rows else {
            panic!("it was one of tokens");
        };
        assert_eq!(tokenizer.encode(text).unwrap(), tokens);
        let refused = refusal(&kept, "t.txt".as_ref());
        assert!(refused.contains("unisono generate"), "{refused}");
    }
}

#[test]
fn a_preparation_that_does_not_fit_itself_is_refused() {
    let scale = Standardizer {
        means: vec![0.0; 3],
        deviations: vec![1.0; 2],
    };
    let rows = RowKind::Array {
        shape: vec![3],
        scale: Some(scale),
    };
    let error = Preparation::parse(&preparation(rows).to_json(), "p.json".as_ref());
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("p.json: expected a preparation"),
        "{error}"
    );
    assert!(Preparation::parse(b"{}", "p.json".as_ref()).is_err());
}

#[test]
fn integrated_gradients_add_up_to_the_difference_of_the_outputs() {
    let model = Sequential::new(6).dense(16).tanh().dense(3);
    let network = Network::new(model, 3).unwrap();
    let x = ndarray::Array2::from_shape_fn((4, 6), |(r, c)| ((r * 5 + c * 3) % 7) as f32 - 3.0);
    let classes = [0, 2, 1, 2];
    let how = Saliency::IntegratedGradients { steps: 200 };
    let counts = how.of(&network, x.view(), &classes).unwrap();
    let y = network.predict(x.view()).unwrap();
    let zero = network
        .predict(ndarray::Array2::zeros((1, 6)).view())
        .unwrap();
    for (row, &class) in classes.iter().enumerate() {
        let difference = y[[row, class]] - zero[[0, class]];
        assert!((counts.row(row).sum() - difference).abs() < 1e-3);
    }
}

fn lines(text: &str) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

/// Two classes of PNG images, one dark and one bright, 5 x 6 pixels.
fn pictures(folder: &Folder, rows: u8) {
    for row in 0..rows {
        for (name, light) in [("dark", 20), ("bright", 200)] {
            let picture = image::GrayImage::from_fn(6, 5, |x, y| {
                image::Luma([light + row + (x * 3 + y) as u8])
            });
            let mut bytes = std::io::Cursor::new(Vec::new());
            let format = image::ImageFormat::Png;
            picture.write_to(&mut bytes, format).unwrap();
            folder.file(&format!("{name}/{row}.png"), bytes.get_ref());
        }
    }
}

#[test]
fn pictures_are_classified_and_explained_without_the_data_of_the_training() {
    let (data, other) = (Folder::new("new-images"), Folder::new("new-run"));
    pictures(&data, 20);
    let (path, run) = (data.0.to_str().unwrap(), other.0.join("run"));
    let run = run.to_str().unwrap();
    let train = ["train", "--data", path, "--cache", "none", "--epochs", "5"];
    stdout(&[&train[..], &["--quiet", "--out", run]].concat());
    let own = lines(&stdout(&["predict", run]));
    assert!(own.iter().all(|line| line["predicted"] == line["class"]));
    drop(data);
    let new = Folder::new("new-pictures");
    pictures(&new, 2);
    let path = new.0.to_str().unwrap();
    let found = lines(&stdout(&["predict", run, path]));
    assert_eq!(found.len(), 4);
    for line in &found {
        let class = line["predicted"].as_str().unwrap();
        assert!(line["input"].as_str().unwrap().contains(class), "{line}");
        assert!(line.get("class").is_none());
    }
    let table = other.0.join("p.csv");
    stdout(&["predict", run, path, "--out", table.to_str().unwrap()]);
    let table = std::fs::read_to_string(table).unwrap();
    let head = "row,input,predicted,probability,p(bright),p(dark)";
    assert_eq!(
        (table.lines().next(), table.lines().count()),
        (Some(head), 5)
    );

    let none = ["explain", run, "--steps", "0", "--out", "x.html"];
    let output = unisono(&none);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("--steps must be a whole number from 1 to 100000"),
        "{error}"
    );
    let page = other.0.join("page.html");
    let args = ["explain", run, path, "--out", page.to_str().unwrap()];
    assert_eq!(value(&stdout(&args), "rows"), "4");
    let html = std::fs::read_to_string(page).unwrap();
    assert_eq!(html.matches("data:image/png").count(), 8);
    let text = new.file("note.png", b"no image");
    let output = unisono(&["predict", run, text.to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("note.png: expected a PNG, JPEG, WebP, BMP, GIF, TIFF or PNM image"),
        "{error}"
    );
}

#[test]
fn a_language_model_continues_a_text_from_the_seed() {
    let folder = Folder::new("new-text");
    let text = "so it goes on and on, and on it goes. ".repeat(40);
    let file = folder.file("text.txt", text.as_bytes());
    let run = folder.0.join("run");
    let (file, run) = (file.to_str().unwrap(), run.to_str().unwrap());
    let train = ["train", "--data", file, "--max-steps", "3", "--quiet"];
    stdout(&[&train[..], &["--batch-size", "4", "--out", run]].concat());
    let generate = |more: &[&str]| {
        let args = ["generate", run, "--prompt", "so it", "--tokens", "9"];
        stdout(&[&args[..], more].concat())
    };
    let made = generate(&[]);
    assert!(
        made.starts_with("so it") && made.chars().count() == 5 + 9 + 1,
        "{made:?}"
    );
    assert_eq!(made, generate(&[]));
    assert_ne!(made, generate(&["--seed", "7"]));
    let sure = generate(&["--temperature", "0"]);
    assert_eq!(sure, generate(&["--top-k", "1", "--seed", "3"]));
    let refusal = |args: &[&str], expected: &str| {
        let output = unisono(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    refusal(&["generate", run, "--prompt", "Ω"], "no token for 'Ω'");
    refusal(
        &["generate", run, "--top-k", "0"],
        "--top-k must be a whole number from 1 to 4294967295",
    );
    refusal(
        &["generate", run, "--temperature", "-1"],
        "--temperature must be finite and at least 0",
    );
    refusal(&["predict", run], "of a classifier");
    refusal(&["predict", run, file], "of a classifier");
}

#[test]
fn tables_with_semicolons_or_tabs_are_the_same_tables() {
    let label = Column::Name("kind".into());
    let parse = |text: &str, name: &str| {
        let table = CsvTable::parse(text.as_bytes(), &label, name.as_ref()).unwrap();
        let names = table.names().to_vec();
        (names, table.values().clone(), table.classes().to_vec())
    };
    let commas = "size,kind\n1.5,\"a;b\"\n2,c\n";
    let expected = parse(commas, "t.csv");
    assert_eq!(parse(&commas.replace(',', ";"), "t.csv"), expected);
    let tabs = commas.replace(',', "\t");
    assert_eq!(parse(&tabs, "t.csv"), expected);
    assert_eq!(parse(&tabs, "t.tsv"), expected);
}

#[test]
fn sounds_of_any_rate_become_spectrograms_as_in_the_training() {
    let folder = Folder::new("new-sounds");
    let wav = |rate: u32| {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for at in 0..rate / 10 {
            let phase = at as f32 / rate as f32 * 440.0 * std::f32::consts::TAU;
            writer.write_sample((phase.sin() * 9000.0) as i16).unwrap();
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    };
    let settings = SpectrogramSettings::default();
    let scale = Standardizer {
        means: vec![0.5; settings.bands],
        deviations: vec![2.0; settings.bands],
    };
    let kept = preparation(RowKind::Sounds {
        settings,
        frames: 6,
        scale,
    });
    let slow = folder.file("a/slow.wav", &wav(8000));
    folder.file("a/fast.wav", &wav(16_000));
    let one = gathered(&*kept.rows(&slow).unwrap().data);
    let both = kept.rows(slow.parent().unwrap()).unwrap();
    assert_eq!(
        (one.len(), &both.names[..]),
        (6 * 40, &["fast".to_owned(), "slow".to_owned()][..])
    );
    assert_eq!(gathered(&*both.data)[6 * 40..], one);
    let sound = Sound::parse(&wav(8000), &slow).unwrap();
    let frames = settings.spectrogram().log_mel(&sound.samples);
    assert_eq!(one[0], (frames[[0, 0]] - 0.5) / 2.0);
    let odd = refusal(&kept, &folder.file("a.txt", b"no sound"));
    assert!(odd.contains("a.txt: expected a WAV file of"), "{odd}");
}

/// A NumPy file.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let head = format!("{head:<117}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((head.len() as u16).to_le_bytes());
    file.extend(head.bytes().chain(values.iter().copied()));
    file
}

#[test]
fn arrays_are_rows_or_one_of_them_and_pictures_where_the_model_takes_some() {
    let folder = Folder::new("new-arrays");
    let shape = ImageShape {
        height: 1,
        width: 2,
        channels: 1,
    };
    let statistics = shape.plain();
    let images = preparation(RowKind::Images { shape, statistics });
    for (shape, values) in [
        ("(2, 1, 2)", &[0, 255, 255, 0][..]),
        ("(1, 2, 1)", &[0, 255]),
    ] {
        let file = folder.file("x.npy", &npy("|u1", shape, values));
        let expected: Vec<f32> = values.iter().map(|&v| f32::from(v) / 255.0).collect();
        assert_eq!(gathered(&*images.rows(&file).unwrap().data), expected);
    }
    let wide = refusal(
        &images,
        &folder.file("x.npy", &npy("|u1", "(1, 3)", &[0; 3])),
    );
    assert!(
        wide.contains("rows of shape [1, 2, 1], or one, got shape [1, 3]"),
        "{wide}"
    );
    let scale = Some(Standardizer {
        means: vec![1.0, 2.0],
        deviations: vec![2.0, 4.0],
    });
    let arrays = preparation(RowKind::Array {
        shape: vec![2],
        scale,
    });
    let reals: Vec<u8> = [3.0_f32, 10.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let file = folder.file("r.npy", &npy("<f4", "(1, 2)", &reals));
    assert_eq!(gathered(&*arrays.rows(&file).unwrap().data), [1.0, 2.0]);
    let nan: Vec<u8> = [f32::NAN, 0.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let nan = refusal(&arrays, &folder.file("n.npy", &npy("<f4", "(2,)", &nan)));
    assert!(nan.contains("n.npy: input 0 of row 0 is NaN"), "{nan}");
}

//! Files of data: read right, and refused when they are not what they say.

use std::fs;
use std::path::PathBuf;

use crate::real_data::real_data;
use unisono::data::{
    Augmentation, Augmented, Column, CsvTable, DataError, Dataset, Idx, ImageDataset, ImageShape,
    LabelledTexts, LabelsMut, TextDataset, TextHasher, stratified_split,
};

/// A file that is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("unisono-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn idx(axes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, axes.len() as u8];
    bytes.extend(axes.iter().flat_map(|axis| axis.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn idx_files_are_read_plain_and_gzipped() {
    let bytes = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
    for (name, bytes) in [("plain", bytes.clone()), ("packed", gzip(&bytes))] {
        let file = Temporary::new(&format!("idx-{name}"), &bytes);
        let read = Idx::read(&file.0).unwrap();
        assert_eq!(
            (read.shape, read.values),
            (vec![2, 1, 3], vec![1, 2, 3, 4, 5, 6])
        );
    }
    let images = Temporary::new("images", &idx(&[2, 1, 2], &[0, 255, 51, 0]));
    let labels = Temporary::new("labels", &gzip(&idx(&[2], &[3, 1])));
    let data = ImageDataset::from_idx(&images.0, &labels.0).unwrap();
    assert_eq!(data.class_labels(), [3, 1]);
    let mut inputs = [0.0; 4];
    data.gather_inputs(&[1, 0], &mut inputs);
    assert_eq!(inputs, [0.2, 0.0, 0.0, 1.0]);
}

#[test]
fn files_that_lie_are_refused_by_name_before_memory_is_taken() {
    let good = idx(&[2, 3], &[1; 6]);
    let cases = [
        ("empty", vec![], "4 bytes of an IDX head"),
        (
            "magic",
            vec![0, 0, 9, 1, 0, 0, 0, 0],
            "beginning with 0, 0, 8",
        ),
        ("axes", vec![0, 0, 8, 200], "1 to 8 axes"),
        (
            "short",
            good[..good.len() - 1].to_vec(),
            "6 bytes of values",
        ),
        ("long", [&good[..], &[7]].concat(), "its end"),
        (
            "huge",
            idx(&[1 << 30, 1 << 30], &[1; 6]),
            "a file that can hold 18 at most",
        ),
        ("beyond", idx(&[u32::MAX; 4], &[]), "fewer than 2^64 values"),
        (
            "packed short",
            gzip(&good[..good.len() - 1]),
            "the file's end after 5",
        ),
        (
            "packed huge",
            gzip(&idx(&[1 << 31, 8], &[1; 6])),
            "can hold",
        ),
        (
            "cut gzip",
            gzip(&good)[..20].to_vec(),
            "expected a whole gzip file",
        ),
    ];
    for (name, bytes, message) in cases {
        let file = Temporary::new(&format!("bad-{}", name.replace(' ', "-")), &bytes);
        let error = Idx::read(&file.0).unwrap_err().to_string();
        assert!(error.contains(message), "{name}: {error}");
        assert!(error.contains("unisono-"), "{name}: {error}");
    }
    let error = Idx::read(std::path::Path::new("/no/such/file")).unwrap_err();
    assert!(matches!(error, DataError::Io { .. }));
}

#[test]
fn mutated_files_never_panic() {
    let good = gzip(&idx(&[4, 2, 2], &[9; 16]));
    let plain = idx(&[4, 2, 2], &[9; 16]);
    for (kind, bytes) in [("gz", good), ("plain", plain)] {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut odd = bytes.clone();
                odd[at] ^= flip;
                let file = Temporary::new(&format!("odd-{kind}"), &odd);
                // Whatever it is now: an answer, not a panic.
                let _ = Idx::read(&file.0);
            }
        }
    }
}

fn picture() -> ImageDataset {
    let shape = ImageShape {
        height: 6,
        width: 5,
        channels: 2,
    };
    let pixels = (0..2 * 60).map(|i| (i * 37 % 256) as u8).collect();
    ImageDataset::new(pixels, shape, vec![0, 1], 2).unwrap()
}

fn drawn(augmentation: Augmentation, epoch: u32, row: u32) -> Vec<f32> {
    let data = Augmented::new(picture(), augmentation, 7).unwrap();
    let (mut inputs, mut classes) = (vec![f32::NAN; 60], [9]);
    data.draw(epoch, &[row], &mut inputs, LabelsMut::Classes(&mut classes));
    assert_eq!(classes, [row]);
    inputs
}

#[test]
fn augmentation_is_a_function_of_seed_epoch_and_row_and_evaluation_sees_none() {
    let all = Augmentation {
        shift: 1.5,
        rotate: 20.0,
        scale: 0.2,
        flip: true,
        cutout: 2,
        ..Augmentation::default()
    };
    assert_eq!(drawn(all, 3, 1), drawn(all, 3, 1));
    assert_ne!(drawn(all, 3, 1), drawn(all, 4, 1));
    let data = Augmented::new(picture(), all, 7).unwrap();
    let (mut plain, mut pair) = (vec![0.0; 60], vec![0.0; 120]);
    data.gather_inputs(&[1], &mut plain);
    picture().gather_inputs(&[0, 1], &mut pair);
    assert_eq!(plain, pair[60..]);
    // Rows do not depend on their neighbours.
    let mut both = vec![0.0; 120];
    data.draw(3, &[0, 1], &mut both, LabelsMut::Classes(&mut [0; 2]));
    assert_eq!(both[60..], drawn(all, 3, 1));
    assert_eq!(both[..60], drawn(all, 3, 0));
}

#[test]
fn each_augmentation_does_what_it_says() {
    let mut plain = vec![0.0; 60];
    picture().gather_inputs(&[0], &mut plain);
    let none = Augmentation::default();
    assert_eq!(drawn(none, 0, 0), plain);
    let flips = (0..40).map(|epoch| drawn(Augmentation { flip: true, ..none }, epoch, 0));
    let flipped: Vec<f32> = plain
        .chunks(10)
        .flat_map(|row| row.chunks(2).rev().flatten().copied().collect::<Vec<_>>())
        .collect();
    let count = flips.filter(|image| {
        assert!(*image == plain || *image == flipped);
        *image == flipped
    });
    assert!((8..=32).contains(&count.count()));
    let cutout = Augmentation { cutout: 3, ..none };
    let cut = drawn(cutout, 1, 0);
    let changed = cut.iter().zip(&plain).filter(|(a, b)| a != b);
    assert!(changed.clone().all(|(a, _)| *a == 0.0) && changed.count() <= 18);
    // Moved images keep to the values that there are.
    let moved = drawn(
        Augmentation {
            shift: 2.0,
            rotate: 45.0,
            scale: 0.3,
            ..none
        },
        2,
        0,
    );
    assert!(moved != plain && moved.iter().all(|value| (0.0..=1.0).contains(value)));
    let wrong = Augmentation {
        rotate: 200.0,
        ..none
    };
    let error = Augmented::new(picture(), wrong, 1).unwrap_err().to_string();
    assert_eq!(error, "the augmentation rotate must be in 0..=180, got 200");
}

#[test]
fn text_becomes_windows_that_move_with_the_epoch() {
    let file = Temporary::new(
        "text",
        "to be or not to be, that is the question".as_bytes(),
    );
    let (train, test, vocabulary) = TextDataset::from_file(&file.0, 4, 0.25, 1).unwrap();
    assert_eq!((train.len(), test.len()), (7, 2));
    let whole: Vec<u32> = train
        .tokens()
        .iter()
        .chain(test.tokens())
        .copied()
        .collect();
    assert_eq!(
        vocabulary.decode(&whole),
        "to be or not to be, that is the question"
    );
    let mut starts = std::collections::BTreeSet::new();
    for epoch in 0..20 {
        for row in 0..train.len() as u32 {
            let (mut inputs, mut next) = ([0.0; 4], [0; 4]);
            train.draw(epoch, &[row], &mut inputs, LabelsMut::Classes(&mut next));
            let inputs = inputs.map(|token| token as u32);
            let window: Vec<u32> = inputs.iter().chain(&next[3..]).copied().collect();
            assert_eq!(inputs[1..], next[..3]);
            let at = train.tokens().windows(5).position(|other| other == window);
            starts.insert(at.expect("a window of the text") % 4);
        }
    }
    assert_eq!(starts.len(), 4, "every offset comes up");
    let file = Temporary::new("latin", b"caf\xe9");
    let error = TextDataset::from_file(&file.0, 2, 0.5, 1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected text in UTF-8, got another byte at 3"),
        "{error}"
    );
    let error = TextDataset::new(vec![0, 5], 5, 1, 0)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("class 5, expected a class below 5"),
        "{error}"
    );
}

#[test]
fn mnist_is_what_it_should_be() {
    let Some(folder) = real_data("mnist") else {
        return;
    };
    let part = |name| ImageDataset::from_idx_folder(&folder, name).unwrap();
    let (train, test) = (part("train"), part("t10k"));
    assert_eq!((train.len(), test.len()), (60_000, 10_000));
    assert_eq!(train.class_labels()[..5], [5, 0, 4, 1, 9]);
    let statistics = train.statistics().unwrap();
    // The well-known 0.1307 and 0.3081.
    assert!((statistics.means[0] - 0.1307).abs() < 1e-4);
    assert!((statistics.deviations[0] - 0.3081).abs() < 1e-4);
}

#[test]
fn tables_are_read_with_and_without_a_header_and_say_where_they_are_wrong() {
    let parse =
        |text: &str, label: Column| CsvTable::parse(text.as_bytes(), &label, "t.csv".as_ref());
    let table = parse("1,2,10\n3,4,9\n5,6,10\n", Column::Last).unwrap();
    assert_eq!(
        (table.labels(), table.names()[1].as_str()),
        (&[1, 0, 1][..], "column 1")
    );
    assert_eq!(table.classes(), ["9", "10"]);
    let table = parse("a,\"b, c\",k\n\"1\",2e3,x\n", Column::Name("a".into()));
    // Named like a number's column: what is left holds a word, and is no row of numbers as it is.
    let error = table.unwrap().dataset().unwrap_err().to_string();
    assert!(
        error.contains("numbers in all columns, got words in column k"),
        "{error}"
    );
    let table = parse("k,\"b, c\"\nx,2e3\ny,-1\n", Column::Index(0)).unwrap();
    assert_eq!(
        (table.names(), table.values().as_slice().unwrap()),
        (&["b, c".to_owned()][..], &[2e3, -1.0][..])
    );
    for (text, label, message) in [
        ("", Column::Last, "no rows"),
        ("a,k\n", Column::Last, "no rows"),
        (
            "1,2\n3\n",
            Column::Last,
            "expected 2 columns in every row, got 1 in line 2",
        ),
        (
            "1,2\ninf,3\n",
            Column::Last,
            "line 2, column 0 (from 0): expected a finite number, got \"inf\"",
        ),
        (
            "1,2\n",
            Column::Index(7),
            "expected a column 7, got 2 columns",
        ),
        (
            "a,b\n1,2\n",
            Column::Name("c".into()),
            "a column called \"c\", got a, b",
        ),
    ] {
        let error = parse(text, label).unwrap_err().to_string();
        assert!(error.contains(message), "{text:?}: {error}");
    }
    let one = parse("1\n2\n", Column::Last).unwrap_err().to_string();
    assert!(
        one.contains("got one column; say with `delimiter`"),
        "{one}"
    );
}

#[test]
fn a_stratified_split_takes_the_same_share_of_every_class() {
    let classes: Vec<u32> = (0..300).map(|row| u32::from(row % 3 == 0)).collect();
    let (train, test) = stratified_split(&classes, 0.2, 1);
    assert_eq!((train.len(), test.len()), (240, 60));
    assert_eq!(test.iter().filter(|&&row| classes[row] == 1).count(), 20);
    let mut all = [train, test.clone()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..300).collect::<Vec<_>>());
    assert_ne!(stratified_split(&classes, 0.2, 2).1, test);
}

#[test]
fn random_and_mutated_tables_and_texts_never_panic() {
    let good = b"a,\"b\"\"c\",k\n1,2.5,x\n-3,4e9,y\n".to_vec();
    for round in 0..3000_u32 {
        let mut odd = good.clone();
        for step in 0..1 + round % 4 {
            let at = (round.wrapping_mul(2_654_435_761) >> (step + 3)) as usize % odd.len();
            odd[at] = (round.wrapping_mul(40_503) >> (4 * step)) as u8;
        }
        for label in [Column::Last, Column::Index(1), Column::Name("k".into())] {
            let _ = CsvTable::parse(&odd, &label, "odd.csv".as_ref());
        }
    }
}

#[test]
fn hashed_texts_are_rows_of_norm_one_weighted_by_how_rare_a_feature_is() {
    let file = Temporary::new(
        "news.csv",
        b"1,\"The cat, the mat\",a\n2,The dog,b\n1,the the the,\n",
    );
    let texts = LabelledTexts::read(&file.0, &Column::Index(0)).unwrap();
    assert_eq!(texts.texts[0], "The cat, the mat a");
    assert_eq!(
        (texts.labels.as_slice(), texts.classes.join(" ")),
        (&[0, 1, 0][..], "1 2".into())
    );
    let hasher = TextHasher::fit(&texts.texts, 1 << 16);
    let data = hasher.dataset(&texts).unwrap();
    let mut rows = vec![f32::NAN; 3 << 16];
    data.gather_inputs(&[0, 1, 2], &mut rows);
    for row in rows.chunks(1 << 16) {
        let norm: f32 = row.iter().map(|value| value * value).sum();
        assert!((norm - 1.0).abs() < 1e-5, "{norm}");
    }
    // A feature of one text weighs more than one of all three, and case does not matter.
    let largest = |text: &str| {
        hasher
            .row(text)
            .iter()
            .map(|pair| pair.1)
            .fold(0.0, f32::max)
    };
    assert_eq!(hasher.row("CAT"), hasher.row("cat"));
    let pair = hasher.row("the cat");
    let the: Vec<u32> = hasher.row("the").iter().map(|pair| pair.0).collect();
    let (common, rare): (Vec<_>, Vec<_>) = pair.iter().partition(|pair| the.contains(&pair.0));
    let most = |pairs: &[(u32, f32)]| pairs.iter().map(|pair| pair.1).fold(0.0, f32::max);
    assert!(most(&common) < most(&rare) && largest("cat") > 0.0);
    assert!(hasher.row("?!").is_empty());
}

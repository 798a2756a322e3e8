//! Small data of every kind, for the tests of the table.

#[cfg(test)]
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use crate::data::DataKind;

/// A folder with data of every kind; it is removed at the end.
pub(super) struct Inputs(PathBuf);

impl Drop for Inputs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Rows of a training and a test part.
const ROWS: (usize, usize) = (24, 8);

impl Inputs {
    pub(super) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("unisono-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let inputs = Self(folder);
        inputs.images();
        inputs.arrays();
        inputs.tables();
        inputs
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }

    /// Where data of a kind lie.
    pub(super) fn of(&self, kind: DataKind) -> PathBuf {
        self.path(match kind {
            DataKind::IdxFolder => "idx",
            DataKind::CifarFolder => "cifar",
            DataKind::NpyFolder => "npy",
            DataKind::ImageFolder { has_parts: false } => "images",
            DataKind::ImageFolder { has_parts: true } => "parts",
            DataKind::Sounds => "sounds",
            DataKind::Idx => "one.idx3-ubyte",
            DataKind::Npy => "one.npy",
            DataKind::Npz => "bytes.npz",
            DataKind::Table => "table.csv",
            DataKind::Text => "text.txt",
        })
    }

    fn images(&self) {
        let png = |row: usize| {
            let pixel = |x: u32, y: u32| {
                let value = (20 * row as u32 + 16 * x * (1 + row as u32 % 2) + 5 * y) % 256;
                image::Rgb([value as u8, (255 - value) as u8, (x * 30) as u8])
            };
            let mut bytes = Cursor::new(Vec::new());
            image::RgbImage::from_fn(8, 8, pixel)
                .write_to(&mut bytes, image::ImageFormat::Png)
                .unwrap();
            bytes.into_inner()
        };
        for row in 0..ROWS.0 + ROWS.1 {
            let class = ["even", "odd"][row % 2];
            self.file(&format!("images/{class}/{row}.png"), &png(row));
            let part = if row < ROWS.0 { "train" } else { "test" };
            self.file(&format!("parts/{part}/{class}/{row}.png"), &png(row));
            self.file(&format!("sounds/{class}/{}_{row}.wav", row % 8), &wav(row));
        }
        for (part, rows) in [("train", ROWS.0), ("t10k", ROWS.1)] {
            let pixels: Vec<u8> = (0..rows * 64).map(|at| (at * 7 % 251) as u8).collect();
            let labels: Vec<u8> = (0..rows).map(|row| (row % 2) as u8).collect();
            let images = idx(&[rows, 8, 8], &pixels);
            self.file(&format!("idx/{part}-images-idx3-ubyte"), &images);
            self.file(
                &format!("idx/{part}-labels-idx1-ubyte"),
                &idx(&[rows], &labels),
            );
        }
        self.file("one.idx3-ubyte", &idx(&[2, 2, 2], &[0; 8]));
        let record = |row: usize| {
            let pixels = (0..3072).map(move |at| ((at * (row % 2 + 1)) % 251) as u8);
            [(row % 10) as u8].into_iter().chain(pixels)
        };
        for batch in [
            "data_batch_1",
            "data_batch_2",
            "data_batch_3",
            "data_batch_4",
            "data_batch_5",
            "test_batch",
        ] {
            let records: Vec<u8> = (0..10).flat_map(record).collect();
            self.file(&format!("cifar/{batch}.bin"), &records);
        }
    }

    fn arrays(&self) {
        for (part, rows) in [("train", ROWS.0), ("test", ROWS.1)] {
            self.file(&format!("npy/x_{part}.npy"), &reals(&[rows, 5]));
            self.file(&format!("npy/y_{part}.npy"), &classes(rows));
        }
        self.file("one.npy", &reals(&[3, 2]));
        let rows = ROWS.0 + ROWS.1;
        let pixels: Vec<u8> = (0..rows * 64).map(|at| (at * 11 % 251) as u8).collect();
        let images = npy("|u1", &[rows, 8, 8], &pixels);
        self.npz("bytes.npz", &[("x", images), ("y", classes(rows))]);
        let sequences = reals(&[rows, 8, 3]);
        self.npz("sequences.npz", &[("x", sequences), ("y", classes(rows))]);
        let parted = [
            ("x_train", reals(&[ROWS.0, 5])),
            ("y_train", classes(ROWS.0)),
            ("x_test", reals(&[ROWS.1, 5])),
            ("y_test", classes(ROWS.1)),
        ];
        self.npz("parted.npz", &parted);
    }

    fn npz(&self, name: &str, arrays: &[(&str, Vec<u8>)]) {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in arrays {
            let how = zip::write::SimpleFileOptions::default();
            archive.start_file(format!("{name}.npy"), how).unwrap();
            archive.write_all(bytes).unwrap();
        }
        self.file(name, &archive.finish().unwrap().into_inner());
    }

    fn tables(&self) {
        let rows = ROWS.0 + ROWS.1;
        let (mut table, mut texts) = ("a,b,c\n".to_owned(), "a,b,c\n".to_owned());
        for row in 0..rows {
            table += &format!("{},{},{}\n", row % 3, row * row % 17, ["x", "y"][row % 2]);
            let word = ["red fox", "blue sky", "old fox"][row % 3];
            texts += &format!("{},{word} {row},{}\n", row % 3, ["x", "y"][row % 2]);
        }
        self.file("table.csv", table.as_bytes());
        let line = |row: usize| format!("{},{},{}\n", row % 3, row * 3 % 10, row * 7 % 10);
        let series: String = (0..100).map(line).collect();
        self.file("series.csv", format!("a,b,c\n{series}").as_bytes());
        self.file("valid.csv", b"a,b,c\n1,3,x\n2,5,y\n0,16,x\n");
        self.file("test.csv", b"a,b,c\n2,4,y\n0,9,x\n");
        self.file("texts.csv", texts.as_bytes());
        let text = "to be or not to be, that is the question. ".repeat(20);
        self.file("text.txt", text.as_bytes());
        let split: String = (0..8).map(|row| format!("{row}\n")).collect();
        self.file("split.txt", split.as_bytes());
    }
}

/// An IDX file of bytes.
fn idx(axes: &[usize], values: &[u8]) -> Vec<u8> {
    let axes_bytes = axes.iter().flat_map(|&axis| (axis as u32).to_be_bytes());
    let head = [0, 0, 8, axes.len() as u8].into_iter();
    head.chain(axes_bytes)
        .chain(values.iter().copied())
        .collect()
}

/// A NumPy file.
fn npy(descr: &str, shape: &[usize], values: &[u8]) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(|axis| format!("{axis},")).collect();
    let shape = axes.join(" ");
    let mut head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (head.len() + 11) % 64 != 0 {
        head.push(' ');
    }
    head.push('\n');
    let len = (head.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], head.as_bytes(), values].concat()
}

fn reals(shape: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let values = (0..count).map(|at| (at * at % 23) as f32 / 23.0 - (at % 2) as f32);
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    npy("<f4", shape, &bytes)
}

fn classes(rows: usize) -> Vec<u8> {
    let labels: Vec<u8> = (0..rows).map(|row| (row % 2) as u8).collect();
    npy("|u1", &[rows], &labels)
}

/// A tenth of a second of a square wave.
fn wav(row: usize) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    let period = 8 + 6 * (row % 2) + row / 8;
    for at in 0..1600 {
        let side = if (at / period).is_multiple_of(2) {
            1
        } else {
            -1
        };
        writer
            .write_sample((side * (3000 + 10 * row as i32)) as i16)
            .unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// The last part of a path.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

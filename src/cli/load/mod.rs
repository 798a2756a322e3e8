//! What `--data` and its companions mean: from a path to training and test part.

mod arrays;
mod augment;
mod images;
mod kind;
mod names;
mod part_folders;
mod reading;
mod sounds;
mod tables;
mod words;

use std::path::{Path, PathBuf};

use crate::data::{
    DataError, Dataset, ImageDataset, ImageFolder, OnBadSample, RowKind, Sampling, TABLES,
    TableOptions, TextDataset, Tokenizer, Vocabulary, has_end, random_split, read_text,
    split_from_file, stratified_split,
};

use super::error::{ArgError, refused};
use super::options::DataArgs;
use augment::Changes;
pub(super) use augment::takes_augment;
use kind::Asked;
pub(super) use kind::{Kind, arrays_in};
pub(super) use reading::{class_counts, cut};
use words::{cache, size};

/// The share of the rows that is the test part, where nobody says otherwise.
const TEST_SHARE: f64 = 0.1;

/// Training and test part, and what they are.
pub(super) struct Loaded {
    pub(super) data: [Box<dyn Dataset>; 2],
    pub(super) about: String,
    /// The names of the classes; none where they are numbers, or tokens.
    pub(super) class_names: Vec<String>,
    /// How other files become such rows.
    pub(super) rows: RowKind,
    /// What the reader took, and what it left out: `key: value` each.
    pub(super) reading: Vec<String>,
    /// The images of the training part, as they are in the files, if it has some.
    pub(super) images: Option<ImageDataset>,
    /// The class of each training row, where it has one.
    train_classes: Option<Vec<u32>>,
}

impl Loaded {
    /// How many training rows the smallest and the largest class have.
    pub(super) fn balance(&self) -> Option<String> {
        let classes = self.train_classes.as_ref()?;
        let num_classes = self.num_classes();
        let mut counts = vec![0_usize; num_classes];
        classes
            .iter()
            .for_each(|&class| counts[class as usize] += 1);
        let (least, most) = (counts.iter().min()?, counts.iter().max()?);
        Some(format!("{num_classes}, of {least} to {most} training rows"))
    }

    /// The same with these lines before its own.
    fn with_lines(mut self, mut lines: Vec<String>) -> Self {
        lines.append(&mut self.reading);
        Self {
            reading: lines,
            ..self
        }
    }

    fn num_classes(&self) -> usize {
        let most = self.train_classes.iter().flatten().max();
        most.map_or(0, |&most| most as usize + 1)
            .max(self.class_names.len())
    }
}

/// Which rows are the test part.
#[derive(Debug)]
enum Split {
    Stratified,
    Random,
    Groups,
    File(PathBuf),
}

/// What the tokens of a text are.
#[derive(Debug)]
enum Tokens {
    Characters,
    Bytes,
    File(PathBuf),
}

/// How training rows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draw {
    Shuffle,
    InOrder,
    Balanced,
    Windows(usize),
}

/// How files are read.
#[derive(Debug)]
pub(super) struct LoadSettings {
    changes: Changes,
    /// How tables are read, and what labels are.
    table: TableOptions,
    is_text: bool,
    tokens: Tokens,
    split: Split,
    test_share: f64,
    /// The seed of the split, where it is not that of the training.
    split_seed: Option<u64>,
    images: ImageFolder,
    draw: Draw,
    /// Whether tokens were asked for, so that what looks like a table is a text.
    has_tokens: bool,
    /// The flag about the test part that was given.
    split_flag: Option<&'static str>,
}

impl TryFrom<&DataArgs> for LoadSettings {
    type Error = ArgError;

    fn try_from(args: &DataArgs) -> Result<Self, ArgError> {
        let share = args.test_share.unwrap_or(TEST_SHARE);
        if !(share > 0.0 && share < 1.0) {
            let expected = "above 0 and below 1";
            return Err(refused("test-share", expected, &share.to_string()));
        }
        let on_bad_sample = match args.on_bad_sample.as_deref().unwrap_or("error") {
            "error" => OnBadSample::Error,
            "skip" => OnBadSample::Skip,
            other => return Err(refused("on-bad-sample", "error or skip", other)),
        };
        Ok(Self {
            changes: Changes::parse(args.augment.as_deref().unwrap_or("none"))?,
            table: tables::options(args)?,
            is_text: args.text,
            tokens: match args.tokens.as_deref().unwrap_or("characters") {
                "characters" => Tokens::Characters,
                "bytes" => Tokens::Bytes,
                file => Tokens::File(file.into()),
            },
            split: match args.split.as_deref().unwrap_or("stratified") {
                "stratified" => Split::Stratified,
                "random" => Split::Random,
                "groups" => Split::Groups,
                file => Split::File(file.into()),
            },
            test_share: share,
            split_seed: args.split_seed,
            images: ImageFolder {
                size: args.image_size.as_deref().map(size).transpose()?,
                is_grey: args.grey,
                on_bad_sample,
                cache: cache(args.cache.as_deref()),
            },
            has_tokens: args.tokens.is_some(),
            split_flag: [
                ("split", args.split.is_some()),
                ("test-share", args.test_share.is_some()),
                ("split-seed", args.split_seed.is_some()),
            ]
            .into_iter()
            .find_map(|(flag, is_given)| is_given.then_some(flag)),
            draw: match args.sampling.as_deref().unwrap_or("shuffle") {
                "shuffle" => Draw::Shuffle,
                "in-order" => Draw::InOrder,
                "balanced" => Draw::Balanced,
                other => {
                    let rows = other.strip_prefix("windows ");
                    let rows = rows.and_then(|rows| rows.trim().parse().ok());
                    let expected = "shuffle, in-order, balanced or \"windows ROWS\"";
                    let rows = rows.filter(|&rows| rows > 0);
                    Draw::Windows(rows.ok_or_else(|| refused("sampling", expected, other))?)
                }
            },
        })
    }
}

impl LoadSettings {
    /// Reads what lies at `path`; texts are cut into windows of `context` tokens.
    pub(super) fn load(&self, path: &Path, context: usize, seed: u64) -> Result<Loaded, DataError> {
        let kind = self.kind(path)?;
        let mut loaded = self
            .of_kind(path, kind, (context, seed))
            .map_err(|error| error.within(path))?;
        let by_lines = kind == Kind::Table && !has_end(path, &TABLES) && !self.is_text;
        let note = match by_lines {
            true => " (by its lines; --tokens characters trains on them as a text)",
            false => "",
        };
        let line = format!("kind: {}{note}", kind.short_name());
        loaded.reading.insert(0, line);
        Ok(loaded)
    }

    /// How tables are read.
    pub(super) fn table_options(&self) -> &TableOptions {
        &self.table
    }

    /// The kind of what lies at `path`.
    pub(super) fn kind(&self, path: &Path) -> Result<Kind, DataError> {
        let asked = match self.tokens {
            _ if self.is_text => Asked::Table,
            Tokens::Bytes => Asked::Bytes,
            _ if self.has_tokens => Asked::Text,
            _ => Asked::Anything,
        };
        Kind::of(path, asked)
    }

    /// Refuses to be told how to split what has parts of its own.
    fn refuse_split(&self, path: &Path, got: &'static str) -> Result<(), DataError> {
        match self.split_flag {
            None => Ok(()),
            Some(flag) => Err(DataError::Unused {
                path: path.to_owned(),
                setting: format!("--{flag}"),
                got,
            }),
        }
    }

    /// The seed that rows of the test part are drawn with.
    fn split_seed(&self, seed: u64) -> u64 {
        self.split_seed.unwrap_or(seed)
    }

    fn of_kind(
        &self,
        path: &Path,
        kind: Kind,
        (context, seed): (usize, u64),
    ) -> Result<Loaded, DataError> {
        match kind {
            Kind::IdxFolder => self.idx_folder(path, seed),
            Kind::CifarFolder => self.cifar_folder(path, seed),
            Kind::ImageFolder { .. } => self.image_folder(path, seed),
            Kind::Sounds => self.sounds(path, seed),
            Kind::Table if self.is_text => self.labelled_texts(path, seed),
            Kind::Table => self.table(path, seed),
            Kind::Npz => self.npz(path, seed),
            Kind::NpyFolder => self.npy_folder(path, seed),
            Kind::Text => self.text(path, context, seed),
            Kind::Idx | Kind::Npy => Err(DataError::unfit(
                path,
                "inputs and labels",
                "one array",
                "give a folder with MNIST's four files, or a .npz or a folder of .npy files with both",
            )),
        }
    }

    /// How `Trainer` draws the rows of `loaded`.
    pub(super) fn sampling(&self, loaded: &Loaded) -> Sampling {
        match (self.draw, &loaded.train_classes) {
            (Draw::InOrder, _) => Sampling::InOrder,
            (Draw::Windows(rows), _) => Sampling::Windows(rows),
            (Draw::Balanced, Some(classes)) => Sampling::balanced(classes, loaded.num_classes()),
            _ => Sampling::Shuffle,
        }
    }

    /// Rows of training and test part.
    fn split(&self, labels: &[u32], (path, seed): (&Path, u64)) -> Result<Parts, DataError> {
        let seed = self.split_seed(seed);
        let parts = match &self.split {
            Split::Random => random_split(labels.len() as u32, self.test_share, seed),
            Split::File(path) => split_from_file(path, labels.len())?,
            Split::Stratified | Split::Groups => stratified_split(labels, self.test_share, seed),
        };
        whole_parts(parts, path, self.test_share)
    }

    fn text(&self, path: &Path, context: usize, seed: u64) -> Result<Loaded, DataError> {
        let (tokenizer, tokens) = match &self.tokens {
            Tokens::Bytes => (Tokenizer::Bytes, Tokenizer::Bytes.encode_file(path)?),
            Tokens::File(file) => {
                let tokenizer = Tokenizer::from_json(file)?;
                let tokens = tokenizer.encode_file(path)?;
                (tokenizer, tokens)
            }
            Tokens::Characters => {
                let text = read_text(path)?;
                let tokenizer = Tokenizer::Characters(Vocabulary::of(&text));
                let tokens = tokenizer.encode(&text)?;
                (tokenizer, tokens)
            }
        };
        let how = (self.test_share, seed);
        let (train, test) = TextDataset::parts(tokens, tokenizer.len(), context, how)?;
        let train = train.with_token_dropout(self.changes.token_dropout)?;
        Ok(Loaded {
            data: [Box::new(train), Box::new(test)],
            about: format!(
                "{}, {} different tokens, windows of {context}",
                path.display(),
                tokenizer.len()
            ),
            class_names: Vec::new(),
            reading: vec![format!("tokens: {} different ones", tokenizer.len())],
            images: None,
            rows: RowKind::Tokens { tokenizer, context },
            train_classes: None,
        })
    }
}

/// Rows of the training and the test part.
type Parts = (Vec<usize>, Vec<usize>);

/// Refuses parts without rows.
fn whole_parts(parts: Parts, path: &Path, share: f64) -> Result<Parts, DataError> {
    if !parts.0.is_empty() && !parts.1.is_empty() {
        return Ok(parts);
    }
    let (train, test) = (parts.0.len(), parts.1.len());
    let got = format!("{train} and {test} with a share of {share}");
    let expected = "rows in both parts, training and test";
    let remedy = "raise or lower --test-share";
    Err(DataError::unfit(path, expected, got, remedy))
}

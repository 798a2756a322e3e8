//! A text as numbers, one a character, in windows for language models.

use std::path::Path;

use crate::seed::{Purpose, Stream};

use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;
use super::files::Source;
use super::memory_budget::MemoryBudget;

/// Stands before some texts, and says that they are UTF-8.
const MARK: char = '\u{feff}';

/// The bytes of a file, plain or gzipped.
///
/// ```
/// use unisono::data::{read_bytes, read_text};
/// let path = std::env::temp_dir().join(format!("unisono-text-{}.txt", std::process::id()));
/// std::fs::write(&path, "\u{feff}Grüße")?;
/// assert_eq!((read_bytes(&path)?.len(), read_text(&path)?.as_str()), (10, "Grüße"));
/// std::fs::write(&path, b"Gr\xfc\xdfe")?; // Latin-1
/// assert!(read_text(&path).unwrap_err().to_string().contains("UTF-8"));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Memory`] if they do not fit into memory.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let bytes = Source::open(path)?.all()?;
    // As a token each of them becomes four.
    MemoryBudget::new(path).check(4 * bytes.len() as u64)?;
    Ok(bytes)
}

/// The text of a file, plain or gzipped, without the mark of its encoding before it (U+FEFF).
///
/// Example: [`read_bytes`].
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Memory`] if it does not fit into memory; [`DataError::Unfit`] if
/// it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, DataError> {
    let mut text = String::from_utf8(read_bytes(path)?).map_err(|error| {
        DataError::unfit(
            path,
            "text in UTF-8",
            format!("another byte at {}", error.utf8_error().valid_up_to()),
            "convert it, such as with iconv -f latin1 -t utf-8, or train on its bytes with `tokens` bytes",
        )
    })?;
    if text.starts_with(MARK) {
        text.drain(..MARK.len_utf8());
    }
    Ok(text)
}

/// A share of tokens that are dropped, in 0..=1.
pub(super) fn checked_dropout(share: f32) -> Result<f32, DataError> {
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(DataError::Augmentation {
        name: "token dropout",
        range: "in 0..=1",
        got: share,
    })
}

/// The characters of a text, in order; a character's number is its place.
///
/// ```
/// use unisono::data::Vocabulary;
/// let vocabulary = Vocabulary::of("hello");
/// assert_eq!(vocabulary.encode("hole"), Ok(vec![1, 3, 2, 0]));
/// assert_eq!(vocabulary.decode(&[1, 0, 2]), "hel");
/// assert_eq!(vocabulary.encode("help"), Err('p'));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary(Vec<char>);

impl Vocabulary {
    /// The characters that `text` is made of.
    pub fn of(text: &str) -> Self {
        let characters: std::collections::BTreeSet<char> = text.chars().collect();
        Self(characters.into_iter().collect())
    }

    /// How many characters there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers of a text's characters.
    ///
    /// # Errors
    /// The first character that is not among them.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        let number = |c: char| self.0.binary_search(&c).map(|at| at as u32).map_err(|_| c);
        text.chars().map(number).collect()
    }

    /// The text of these numbers; one that is not below [`Vocabulary::len`] becomes a replacement
    /// character.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let character = |&token: &u32| self.0.get(token as usize).copied();
        let characters = tokens.iter().map(character);
        characters
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

/// Windows of a text: `context` tokens each, labelled with the tokens that follow each of them.
///
/// Row r begins at token `r * context`; every epoch of training moves all windows by an offset of
/// its own below `context`.
///
/// ```
/// use unisono::data::{DataError, Dataset, TextDataset};
/// let data = TextDataset::new((0..10).collect(), 10, 3, 42)?;
/// assert_eq!(data.len(), 3);
/// let (mut inputs, mut next) = ([0.0; 3], [0; 3]);
/// data.gather_inputs(&[1], &mut inputs);
/// data.gather_classes(&[1], &mut next);
/// assert_eq!((inputs, next), ([3.0, 4.0, 5.0], [4, 5, 6]));
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TextDataset {
    tokens: Vec<u32>,
    num_tokens: usize,
    context: usize,
    seed: u64,
    token_dropout: f32,
}

impl TextDataset {
    /// Windows of `context` tokens, each below `num_tokens`; the seed is that of the epochs'
    /// offsets.
    ///
    /// # Errors
    /// [`DataError::Empty`] for fewer than `context + 1` tokens, [`DataError::NoInputs`] for a
    /// context of 0, [`DataError::ClassOutOfRange`].
    pub fn new(
        tokens: Vec<u32>,
        num_tokens: usize,
        context: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        if context == 0 {
            return Err(DataError::NoInputs);
        }
        if tokens.len() <= context {
            return Err(DataError::Empty);
        }
        DataError::check_classes(&tokens, num_tokens)?;
        Ok(Self {
            tokens,
            num_tokens,
            context,
            seed,
            token_dropout: 0.0,
        })
    }

    /// The characters of a file, plain or gzipped: the first `1 - test_share` of it for training,
    /// the rest for testing.
    ///
    /// # Errors
    /// Those of [`read_text`] and [`TextDataset::new`].
    pub fn from_file(
        path: &Path,
        context: usize,
        test_share: f64,
        seed: u64,
    ) -> Result<(Self, Self, Vocabulary), DataError> {
        let text = read_text(path)?;
        let vocabulary = Vocabulary::of(&text);
        let tokens = vocabulary
            .encode(&text)
            .expect("the vocabulary is the text's");
        let (train, test) = Self::parts(tokens, vocabulary.len(), context, test_share, seed)?;
        Ok((train, test, vocabulary))
    }

    /// The first `1 - test_share` of the tokens, each below `num_tokens`, for training, the rest
    /// for testing.
    ///
    /// ```
    /// use unisono::data::{DataError, Dataset, TextDataset, Tokenizer};
    /// let tokens = Tokenizer::Bytes.encode("to be or not to be")?;
    /// let (train, test) = TextDataset::parts(tokens, 256, 3, 0.3, 42)?;
    /// assert_eq!((train.len(), test.len(), train.tokens()[0]), (3, 1, 116));
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::TooFewTokens`] for a part without a window, and those of [`TextDataset::new`].
    pub fn parts(
        mut tokens: Vec<u32>,
        num_tokens: usize,
        context: usize,
        test_share: f64,
        seed: u64,
    ) -> Result<(Self, Self), DataError> {
        let cut = (tokens.len() as f64 * (1.0 - test_share)) as usize;
        let test = tokens.split_off(cut.min(tokens.len()));
        if tokens.len().min(test.len()) <= context {
            return Err(DataError::TooFewTokens {
                needed: context + 1,
                train: tokens.len(),
                test: test.len(),
            });
        }
        let windows = |tokens| Self::new(tokens, num_tokens, context, seed);
        Ok((windows(tokens)?, windows(test)?))
    }

    /// The same, but in training each input token is another one, drawn at random, with probability
    /// `share`; what follows it stays.
    ///
    /// # Errors
    /// [`DataError::Augmentation`] unless `share` lies in 0..=1.
    pub fn with_token_dropout(self, share: f32) -> Result<Self, DataError> {
        let token_dropout = checked_dropout(share)?;
        Ok(Self {
            token_dropout,
            ..self
        })
    }

    /// The tokens.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    fn window(&self, row: u32, offset: usize) -> &[u32] {
        // The last windows may end before their offset does.
        let last = self.tokens.len() - 1 - self.context;
        let start = (row as usize * self.context + offset).min(last);
        &self.tokens[start..=start + self.context]
    }

    /// The tokens of windows that are moved by `offset`.
    fn write(&self, rows: &[u32], offset: usize, inputs: &mut [f32]) {
        for (&row, to) in rows.iter().zip(inputs.chunks_exact_mut(self.context)) {
            let window = self.window(row, offset);
            to.iter_mut()
                .zip(window)
                .for_each(|(to, &token)| *to = token as f32);
        }
    }

    /// The tokens that follow them.
    fn write_next(&self, rows: &[u32], offset: usize, classes: &mut [u32]) {
        for (&row, to) in rows.iter().zip(classes.chunks_exact_mut(self.context)) {
            to.copy_from_slice(&self.window(row, offset)[1..]);
        }
    }
}

impl Dataset for TextDataset {
    fn len(&self) -> usize {
        (self.tokens.len() - 1) / self.context
    }

    fn input_len(&self) -> usize {
        self.context
    }

    fn labels(&self) -> Labels {
        Labels::Sequence {
            classes: self.num_tokens,
            len: self.context,
        }
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.write(rows, 0, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.write_next(rows, 0, classes);
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        let mut random = Stream::new(self.seed, Purpose::Augment, epoch, 0);
        let offset = random.below(self.context as u32) as usize;
        self.write(rows, offset, inputs);
        if self.token_dropout > 0.0 {
            for (&row, window) in rows.iter().zip(inputs.chunks_exact_mut(self.context)) {
                let mut random = Stream::new(self.seed, Purpose::TokenDropout, row, epoch as u16);
                for token in window {
                    if random.uniform_f32() < self.token_dropout {
                        *token = random.below(self.num_tokens as u32) as f32;
                    }
                }
            }
        }
        if let LabelsMut::Classes(classes) = labels {
            self.write_next(rows, offset, classes);
        }
    }
}

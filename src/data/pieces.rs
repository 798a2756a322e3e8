//! Pieces: the tokens of a `tokenizer.json`, as Hugging Face's libraries write it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::error::DataError;
use super::memory_budget::MemoryBudget;

/// Tokens have numbers below this.
const MOST_TOKENS: u32 = 1 << 24;

/// Numbers without a token that even a small tokenizer may have.
const MOST_GAPS: usize = 1_000;

/// Memory that encoding takes for a byte of text that becomes pieces: 137 bytes were measured on 4
/// MB of English (the library keeps each piece with its text and where it stood).
const PIECE_BYTES: u64 = 140;

/// A tokenizer of pieces (byte-pair encoding and others). Needs the feature `text`.
///
/// ```
/// use unisono::data::{DataError, Tokenizer};
/// let json = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
///     "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
///     "model": {"type": "WordLevel", "vocab": {"so": 0, "?": 1}, "unk_token": "?"}}"#;
/// let path = std::env::temp_dir().join(format!("unisono-pieces-{}.json", std::process::id()));
/// std::fs::write(&path, json).unwrap();
/// let Tokenizer::Pieces(pieces) = Tokenizer::from_json(&path)? else { panic!() };
/// assert_eq!((pieces.len(), pieces.is_empty()), (2, false));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pieces(Box<tokenizers::Tokenizer>);

impl Pieces {
    /// Reads a `tokenizer.json` in memory; `path` is for messages.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        let odd = |expected: &str, got: String| DataError::format(path, expected, got);
        let tokenizer = caught(|| tokenizers::Tokenizer::from_bytes(bytes));
        let mut tokenizer = tokenizer.map_err(|got| odd("a tokenizer in JSON", got))?;
        // A text is cut into windows later, and whole here.
        tokenizer.with_padding(None);
        let untruncated = caught(|| tokenizer.with_truncation(None).map(|_| ()));
        untruncated.map_err(|got| odd("a tokenizer that need not truncate", got))?;
        let tokens = tokenizer.get_vocab(true);
        let count = tokens.len();
        match tokens.into_values().max() {
            // A model has a row for each number below the largest.
            Some(most) if most < MOST_TOKENS && most as usize > 2 * count + MOST_GAPS => {
                let got = format!("{most} for one of {count}");
                Err(odd("tokens whose numbers have few gaps", got))
            }
            Some(most) if most < MOST_TOKENS => Ok(Self(Box::new(tokenizer))),
            most => Err(odd("tokens with numbers below 2^24", format!("{most:?}"))),
        }
    }

    /// As a `tokenizer.json`.
    pub(super) fn to_json(&self) -> String {
        let text = self.0.to_string(false);
        text.expect("it was read from such a text")
    }

    /// One more than the largest number of a token: numbers may have gaps.
    pub fn len(&self) -> usize {
        let most = self.0.get_vocab(true).into_values().max();
        most.map_or(0, |most| most as usize + 1)
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses a text of `bytes` bytes whose pieces do not fit into memory; `path` is for messages.
    pub(super) fn check_memory(bytes: usize, path: &Path) -> Result<(), DataError> {
        MemoryBudget::new(path).check(bytes as u64 * PIECE_BYTES)
    }

    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let odd = |got: String| DataError::Token { got };
        let encoding = caught(|| self.0.encode(text, false)).map_err(odd)?;
        match lost(text, encoding.get_offsets()) {
            Some(c) => Err(odd(format!("{c:?}"))),
            None => Ok(encoding.get_ids().to_vec()),
        }
    }

    pub(super) fn decode(&self, tokens: &[u32]) -> String {
        let text = caught(|| self.0.decode(tokens, false));
        text.unwrap_or_else(|_| char::REPLACEMENT_CHARACTER.to_string())
    }
}

/// What `part` gives, or why it gives nothing: the crate panics at some files, such as one whose decoder
/// has a number where a name belongs.
fn caught<T, E: ToString>(part: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(part));
    let done = done.map_err(|_| "one that the crate tokenizers panics at".to_owned())?;
    done.map_err(|error| error.to_string())
}

/// The first letter or digit that no token stands for: some tokenizers leave out what they do not
/// know.
fn lost(text: &str, offsets: &[(usize, usize)]) -> Option<char> {
    let mut covered = vec![false; text.len()];
    for &(start, end) in offsets {
        covered[start.min(text.len())..end.min(text.len())].fill(true);
    }
    let mut letters = text.char_indices().filter(|(_, c)| c.is_alphanumeric());
    letters.find(|&(at, _)| !covered[at]).map(|(_, c)| c)
}

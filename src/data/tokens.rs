//! Texts as numbers: a character, a byte, or a piece of a `tokenizer.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::room::Room;
use super::text::{Vocabulary, read_bytes, read_text};

/// Tokens have numbers below this.
const MOST_TOKENS: u32 = 1 << 24;

/// Numbers without a token that even a small tokenizer may have.
const MOST_GAPS: usize = 1_000;

/// Memory that encoding takes for a byte of text that becomes pieces: 137 bytes were measured on 4
/// MB of English (the library keeps each piece with its text and where it stood).
const PIECE_BYTES: u64 = 140;

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

/// How a text becomes tokens.
///
/// ```
/// use unisono::data::{DataError, Tokenizer};
/// let bytes = Tokenizer::Bytes;
/// assert_eq!((bytes.len(), bytes.encode("é!")?), (256, vec![0xc3, 0xa9, 0x21]));
/// assert_eq!(bytes.decode(&[0xc3, 0xa9, 0x21]), "é!");
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Tokenizer {
    /// A number for each character of a text.
    Characters(Vocabulary),
    /// The bytes of UTF-8.
    Bytes,
    /// The pieces of a `tokenizer.json` (byte-pair encoding and others), as Hugging Face's
    /// libraries write it.
    Pieces(Box<tokenizers::Tokenizer>),
}

/// A tokenizer as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Characters(String),
    Bytes,
    /// A `tokenizer.json`.
    Pieces(String),
}

impl From<Tokenizer> for Written {
    fn from(tokenizer: Tokenizer) -> Self {
        match tokenizer {
            Tokenizer::Bytes => Written::Bytes,
            Tokenizer::Pieces(pieces) => Written::Pieces(
                pieces
                    .to_string(false)
                    .expect("it was read from such a text"),
            ),
            Tokenizer::Characters(vocabulary) => {
                let all: Vec<u32> = (0..vocabulary.len() as u32).collect();
                Written::Characters(vocabulary.decode(&all))
            }
        }
    }
}

impl TryFrom<Written> for Tokenizer {
    type Error = DataError;

    fn try_from(written: Written) -> Result<Self, DataError> {
        match written {
            Written::Characters(text) => Ok(Tokenizer::Characters(Vocabulary::of(&text))),
            Written::Bytes => Ok(Tokenizer::Bytes),
            Written::Pieces(json) => Self::parse_json(json.as_bytes(), "tokenizer".as_ref()),
        }
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] if it describes no tokenizer.
    pub fn from_json(path: &Path) -> Result<Self, DataError> {
        Self::parse_json(&std::fs::read(path).map_err(DataError::io(path))?, path)
    }

    fn parse_json(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        let tokenizer = tokenizers::Tokenizer::from_bytes(bytes);
        let odd = |expected: &str, got: String| DataError::format(path, expected, got);
        let mut tokenizer =
            tokenizer.map_err(|error| odd("a tokenizer in JSON", error.to_string()))?;
        // A text is cut into windows later, and whole here.
        tokenizer.with_padding(None);
        let untruncated = tokenizer.with_truncation(None);
        untruncated
            .map_err(|error| odd("a tokenizer that need not truncate", error.to_string()))?;
        let tokens = tokenizer.get_vocab(true);
        let count = tokens.len();
        match tokens.into_values().max() {
            // A model has a row for each number below the largest.
            Some(most) if most < MOST_TOKENS && most as usize > 2 * count + MOST_GAPS => {
                let got = format!("{most} for one of {count}");
                Err(odd("tokens whose numbers have few gaps", got))
            }
            Some(most) if most < MOST_TOKENS => Ok(Tokenizer::Pieces(Box::new(tokenizer))),
            most => Err(odd("tokens with numbers below 2^24", format!("{most:?}"))),
        }
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        match self {
            Tokenizer::Characters(vocabulary) => vocabulary.len(),
            Tokenizer::Bytes => 256,
            Tokenizer::Pieces(pieces) => {
                // Numbers may have gaps: the largest counts.
                let most = pieces.get_vocab(true).into_values().max();
                most.map_or(0, |most| most as usize + 1)
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// [`DataError::Token`] for what has none.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let odd = |got: String| DataError::Token { got };
        match self {
            Tokenizer::Characters(vocabulary) => {
                vocabulary.encode(text).map_err(|c| odd(format!("{c:?}")))
            }
            Tokenizer::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Tokenizer::Pieces(pieces) => {
                let encoding = pieces.encode(text, false);
                let encoding = encoding.map_err(|error| odd(error.to_string()))?;
                match lost(text, encoding.get_offsets()) {
                    Some(c) => Err(odd(format!("{c:?}"))),
                    None => Ok(encoding.get_ids().to_vec()),
                }
            }
        }
    }

    /// The tokens of a file, plain or gzipped.
    ///
    /// ```
    /// use unisono::data::Tokenizer;
    /// let path = std::env::temp_dir().join(format!("unisono-tokens-{}.txt", std::process::id()));
    /// std::fs::write(&path, "hi").unwrap();
    /// assert_eq!(Tokenizer::Bytes.encode_file(&path)?, [104, 105]);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`read_bytes`] or [`read_text`], and of [`Tokenizer::encode`];
    /// [`DataError::Memory`] if the pieces do not fit into memory.
    pub fn encode_file(&self, path: &Path) -> Result<Vec<u32>, DataError> {
        if matches!(self, Tokenizer::Bytes) {
            return Ok(read_bytes(path)?.into_iter().map(u32::from).collect());
        }
        let text = read_text(path)?;
        if matches!(self, Tokenizer::Pieces(_)) {
            Room::new(path).check(text.len() as u64 * PIECE_BYTES)?;
        }
        self.encode(&text)
    }

    /// The text of these tokens; what is no token, or no UTF-8, becomes a replacement character.
    pub fn decode(&self, tokens: &[u32]) -> String {
        match self {
            Tokenizer::Characters(vocabulary) => vocabulary.decode(tokens),
            Tokenizer::Bytes => {
                let bytes: Vec<u8> = tokens.iter().map(|&token| token as u8).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Tokenizer::Pieces(pieces) => pieces
                .decode(tokens, false)
                .unwrap_or_else(|_| char::REPLACEMENT_CHARACTER.to_string()),
        }
    }
}

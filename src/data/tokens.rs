//! Texts as numbers: a character, a byte, or a piece of a `tokenizer.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

#[cfg(feature = "text")]
use crate::input;

use super::error::DataError;
#[cfg(feature = "text")]
use super::pieces::Pieces;
use super::text::{Vocabulary, read_bytes, read_text};

/// A tokenizer: how a text becomes tokens.
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
#[non_exhaustive]
pub enum Tokenizer {
    /// A number for each character of a text.
    Characters(Vocabulary),
    /// The bytes of UTF-8.
    Bytes,
    /// The pieces of a `tokenizer.json` (byte-pair encoding and others), as Hugging Face's
    /// libraries write it. Needs the feature `text`.
    #[cfg(feature = "text")]
    Pieces(Pieces),
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
            #[cfg(feature = "text")]
            Tokenizer::Pieces(pieces) => Written::Pieces(pieces.to_json()),
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
            #[cfg(feature = "text")]
            Written::Pieces(json) => {
                let pieces = Pieces::parse(json.as_bytes(), "tokenizer".as_ref())?;
                Ok(Tokenizer::Pieces(pieces))
            }
            #[cfg(not(feature = "text"))]
            Written::Pieces(_) => {
                let what = "the pieces of a tokenizer.json";
                Err(DataError::no_feature("tokenizer".as_ref(), what, "text"))
            }
        }
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Needs the feature `text`.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] if it describes no tokenizer.
    #[cfg(feature = "text")]
    pub fn from_json(path: &Path) -> Result<Self, DataError> {
        let bytes = input::read(path).map_err(DataError::io(path))?;
        Ok(Tokenizer::Pieces(Pieces::parse(&bytes, path)?))
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        match self {
            Tokenizer::Characters(vocabulary) => vocabulary.len(),
            Tokenizer::Bytes => 256,
            #[cfg(feature = "text")]
            Tokenizer::Pieces(pieces) => pieces.len(),
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
        match self {
            Tokenizer::Characters(vocabulary) => vocabulary.encode(text).map_err(|c| {
                let got = format!("{c:?}");
                DataError::Token { got }
            }),
            Tokenizer::Bytes => Ok(text.bytes().map(u32::from).collect()),
            #[cfg(feature = "text")]
            Tokenizer::Pieces(pieces) => pieces.encode(text),
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
        #[cfg(feature = "text")]
        if matches!(self, Tokenizer::Pieces(_)) {
            Pieces::check_memory(text.len(), path)?;
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
            #[cfg(feature = "text")]
            Tokenizer::Pieces(pieces) => pieces.decode(tokens),
        }
    }
}

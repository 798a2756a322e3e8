//! Texts as numbers: a character, a byte, or a piece of a `tokenizer.json`.

use std::path::Path;

use super::error::DataError;
use super::text::Vocabulary;

/// How a text becomes tokens.
///
/// ```
/// use unisono::data::{DataError, Tokenizer};
/// let bytes = Tokenizer::Bytes;
/// assert_eq!((bytes.len(), bytes.encode("é!")?), (256, vec![0xc3, 0xa9, 0x21]));
/// assert_eq!(bytes.decode(&[0xc3, 0xa9, 0x21]), "é!");
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub enum Tokenizer {
    /// A number for each character of a text.
    Characters(Vocabulary),
    /// The bytes of UTF-8.
    Bytes,
    /// The pieces of a `tokenizer.json` (byte-pair encoding and others), as Hugging Face's libraries write it.
    Pieces(Box<tokenizers::Tokenizer>),
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] if it describes no tokenizer.
    pub fn from_json(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(|source| DataError::Io {
            path: path.to_owned(),
            source,
        })?;
        let tokenizer = tokenizers::Tokenizer::from_bytes(bytes);
        let tokenizer = tokenizer.map_err(|error| DataError::Format {
            path: path.to_owned(),
            expected: "a tokenizer in JSON".to_owned(),
            got: error.to_string(),
        })?;
        Ok(Tokenizer::Pieces(Box::new(tokenizer)))
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
                let encoding = pieces.encode_fast(text, false);
                let encoding = encoding.map_err(|error| odd(error.to_string()))?;
                Ok(encoding.get_ids().to_vec())
            }
        }
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

//! Texts for language models: windows of tokens.

use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::preparation::RowKind;
use crate::data::text::{TextDataset, Vocabulary, read_text};
use crate::data::tokens::Tokenizer;

use super::opened::ReadParts;
use super::options::Tokens;
use super::source::Source;

pub(super) fn text(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let (path, options) = (source.path, source.options);
    // Tokens: a vocabulary of characters is made of the text itself.
    let (tokenizer, tokens) = match &options.tokens {
        Some(Tokens::Bytes) => (Tokenizer::Bytes, Tokenizer::Bytes.encode_file(path)?),
        Some(Tokens::File(file)) => {
            let tokenizer = Tokenizer::from_json(file)?;
            let tokens = tokenizer.encode_file(path)?;
            (tokenizer, tokens)
        }
        Some(Tokens::Characters) | None => {
            let text = read_text(path)?;
            let tokenizer = Tokenizer::Characters(Vocabulary::of(&text));
            let tokens = tokenizer.encode(&text)?;
            (tokenizer, tokens)
        }
    };
    if tokenizer.len() < 2 {
        let remedy = "give a text of more than one character";
        return Err(DataError::unfit(
            path,
            "at least 2 different tokens",
            "1",
            remedy,
        ));
    }
    // Parts: the end of the text is the test part.
    let (context, share) = (options.context, options.share());
    let count = tokenizer.len();
    let (train, test) = match options.test {
        Some(_) => (
            TextDataset::new(tokens, count, context, options.seed)?,
            None,
        ),
        None => {
            let parts = TextDataset::parts(tokens, count, context, share, options.seed)?;
            (parts.0, Some(parts.1))
        }
    };
    let (train, valid) = held_out(source, train, tokenizer.len())?;
    let train = train.with_token_dropout(options.augment.token_dropout)?;
    Ok(ReadParts {
        train: Box::new(train),
        valid: boxed(valid),
        test: boxed(test),
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
        targets: None,
    })
}

fn boxed(part: Option<TextDataset>) -> Option<Box<dyn Dataset>> {
    part.map(|part| Box::new(part) as Box<dyn Dataset>)
}

/// The end of the training part as a validation part, if one is asked for.
fn held_out(
    source: &Source<'_>,
    train: TextDataset,
    num_tokens: usize,
) -> Result<(TextDataset, Option<TextDataset>), DataError> {
    let options = source.options;
    let Some(share) = options.valid_share else {
        return Ok((train, None));
    };
    // The share is one of the whole text, whose test part is gone.
    let share = share / (1.0 - options.shares().test);
    let (context, tokens) = (options.context, train.tokens().to_vec());
    let parts = TextDataset::parts(tokens, num_tokens, context, share, options.seed);
    match parts {
        Ok((train, valid)) => Ok((train, Some(valid))),
        Err(DataError::TooFewTokens {
            needed,
            train,
            test: valid,
        }) => Err(DataError::unfit(
            source.path,
            format!("at least {needed} tokens in training and validation part"),
            format!("{train} and {valid}"),
            "take a longer text, or change `valid_share`",
        )),
        Err(other) => Err(other),
    }
}

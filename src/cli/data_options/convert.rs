//! From flags about data to the library's options.

use crate::data::{DataError, DataKind, DataOptions, Fold, ImageFolder, Split, Tokens, Windows};

use crate::cli::choices::{ON_BAD_SAMPLE, SPLITS};
use crate::cli::error::{ArgError, refused};
use crate::cli::options::DataArgs;

use super::augment::augmentations;
use super::flag_names::in_flags;
use super::table::table_options;
use super::values::{cache, refuse_mistyped, row_order, size};

/// The options that flags, or keys of a configuration, stand for.
pub(crate) fn data_options(args: &DataArgs, seed: u64) -> Result<DataOptions, ArgError> {
    let on_bad_sample = ON_BAD_SAMPLE.of(args.on_bad_sample.as_deref().unwrap_or("error"))?;
    let options = DataOptions {
        table: table_options(args)?,
        text: args.text,
        windows: args.window.map(|length| Windows {
            length,
            horizon: args.horizon.unwrap_or(1),
        }),
        tokens: args.tokens.as_deref().map(tokens).transpose()?,
        split: args.split.as_deref().map(split).transpose()?,
        test_share: args.test_share,
        valid_share: args.valid_share,
        valid: args.valid.clone(),
        test: args.test.clone(),
        fold: fold(args)?,
        split_seed: args.split_seed,
        images: ImageFolder {
            size: args.image_size.as_deref().map(size).transpose()?,
            is_grey: args.grey,
            on_bad_sample,
            cache: cache(args.cache.as_deref()),
        },
        augment: augmentations(args.augment.as_deref().unwrap_or("none"))?,
        sampling: row_order(args.sampling.as_deref().unwrap_or("shuffle"))?,
        seed,
        ..DataOptions::default()
    };
    options.check().map_err(as_flag)?;
    Ok(options)
}

/// What the library refuses, as the flag that it was.
fn as_flag(error: DataError) -> ArgError {
    match error {
        DataError::Option {
            name,
            expected,
            got,
        } => match name {
            "valid_share" => refused("valid-share", expected, &got),
            "valid" => refused("valid", expected, &got),
            "fold" => refused("folds", in_flags(expected), &got),
            _ => refused("test-share", expected, &got),
        },
        other => ArgError::text("data", &other.to_string()),
    }
}

/// A name, or a file.
fn tokens(text: &str) -> Result<Tokens, ArgError> {
    Ok(match text {
        "characters" => Tokens::Characters,
        "bytes" => Tokens::Bytes,
        file => {
            refuse_mistyped("tokens", file, &["characters", "bytes"])?;
            Tokens::File(file.into())
        }
    })
}

/// A name, or a file.
fn split(text: &str) -> Result<Split, ArgError> {
    Ok(match text {
        "stratified" => Split::Stratified,
        "random" => Split::Random,
        "last" => Split::Last,
        "groups" => Split::Groups,
        file => {
            refuse_mistyped("split", file, &SPLITS)?;
            Split::File(file.into())
        }
    })
}

/// The fold that is held out, if one is named.
fn fold(args: &DataArgs) -> Result<Option<Fold>, ArgError> {
    let Some((number, of)) = args.fold.zip(args.folds) else {
        return Ok(None);
    };
    if number > of {
        let expected = format!("at most {of}, the number of --folds");
        return Err(refused("fold", expected, &number.to_string()));
    }
    Ok(Some(Fold { number, of }))
}

/// Whether a kind of data takes all words of `--augment`; a text that cannot be read is an error
/// of its own.
pub(crate) fn takes_augment(text: &str, kind: DataKind, has_texts: bool) -> bool {
    augmentations(text).map_or(true, |changes| kind.takes(&changes, has_texts))
}

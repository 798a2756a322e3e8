//! From flags about data to the library's options.

use crate::data::{DataError, DataKind, DataOptions, Fold, ImageFolder, Split, Tokens};

use crate::cli::choices::ON_BAD_SAMPLE;
use crate::cli::error::{ArgError, refused};
use crate::cli::options::DataArgs;

use super::augment::augmentations;
use super::flag_names::in_flags;
use super::table::table_options;
use super::values::{cache, row_order, size};

/// The options that flags, or keys of a configuration, stand for.
pub(crate) fn data_options(args: &DataArgs, seed: u64) -> Result<DataOptions, ArgError> {
    let on_bad_sample = ON_BAD_SAMPLE.of(args.on_bad_sample.as_deref().unwrap_or("error"))?;
    let options = DataOptions {
        table: table_options(args)?,
        text: args.text,
        tokens: args.tokens.as_deref().map(|tokens| match tokens {
            "characters" => Tokens::Characters,
            "bytes" => Tokens::Bytes,
            file => Tokens::File(file.into()),
        }),
        split: args.split.as_deref().map(|split| match split {
            "stratified" => Split::Stratified,
            "random" => Split::Random,
            "last" => Split::Last,
            "groups" => Split::Groups,
            file => Split::File(file.into()),
        }),
        test_share: args.test_share,
        valid_share: args.valid_share,
        valid: args.valid.clone(),
        test: args.test.clone(),
        fold: match (args.fold, args.folds) {
            (Some(number), Some(of)) if number > of => {
                let expected = format!("at most {of}, the number of --folds");
                return Err(refused("fold", expected, &number.to_string()));
            }
            (Some(number), Some(of)) => Some(Fold { number, of }),
            _ => None,
        },
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
    // What the library refuses is refused as the flag that it was.
    match options.check() {
        Ok(()) => Ok(options),
        Err(DataError::Option {
            name: "valid_share",
            expected,
            got,
        }) => Err(refused("valid-share", expected, &got)),
        Err(DataError::Option {
            name: "valid",
            expected,
            got,
        }) => Err(refused("valid", expected, &got)),
        Err(DataError::Option {
            name: "fold",
            expected,
            got,
        }) => Err(refused("folds", in_flags(expected), &got)),
        Err(DataError::Option { expected, got, .. }) => Err(refused("test-share", expected, &got)),
        Err(other) => Err(ArgError::text("data", &other.to_string())),
    }
}

/// Whether a kind of data takes all words of `--augment`; a text that cannot be read is an error
/// of its own.
pub(crate) fn takes_augment(text: &str, kind: DataKind, has_texts: bool) -> bool {
    augmentations(text).map_or(true, |changes| kind.takes(&changes, has_texts))
}

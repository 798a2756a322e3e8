//! Which flags mean something for which data: one that would be left aside is an error.

use super::super::config::ArgError;
use super::super::sections::DataArgs;
use super::kind::Kind;

/// The flags that were given; all of them need `--data`.
pub(super) fn given(args: &DataArgs) -> Result<Vec<&'static str>, ArgError> {
    let flags = [
        ("label", args.label.is_some()),
        ("header", args.header.is_some()),
        ("delimiter", args.delimiter.is_some()),
        ("drop", args.drop.is_some()),
        ("missing-labels", args.missing_labels.is_some()),
        ("target", args.target.is_some()),
        ("text", args.text),
        ("tokens", args.tokens.is_some()),
        ("split", args.split.is_some()),
        ("test-share", args.test_share.is_some()),
        ("split-seed", args.split_seed.is_some()),
        ("image-size", args.image_size.is_some()),
        ("grey", args.grey),
        ("on-bad-sample", args.on_bad_sample.is_some()),
        ("cache", args.cache.is_some()),
        ("augment", args.augment.is_some()),
        ("sampling", args.sampling.is_some()),
    ];
    let given: Vec<&str> = flags
        .into_iter()
        .filter(|flag| flag.1)
        .map(|flag| flag.0)
        .collect();
    match given.first() {
        Some(flag) if args.data.is_none() => Err(ArgError::Text {
            flag,
            message: "means something only beside --data".to_owned(),
        }),
        _ => Ok(given),
    }
}

/// The flags that mean something for a kind of data.
pub(super) fn flags(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::IdxFolder | Kind::CifarFolder => &["augment", "sampling"],
        Kind::ImageFolder { has_parts: true } => &[
            "augment",
            "sampling",
            "image-size",
            "grey",
            "on-bad-sample",
            "cache",
        ],
        Kind::ImageFolder { has_parts: false } => &[
            "augment",
            "sampling",
            "image-size",
            "grey",
            "on-bad-sample",
            "cache",
            "split",
            "test-share",
            "split-seed",
        ],
        Kind::Sounds => &["augment", "sampling", "split", "test-share", "split-seed"],
        Kind::Npz | Kind::NpyFolder => &[
            "augment",
            "sampling",
            "split",
            "test-share",
            "split-seed",
            "target",
        ],
        Kind::Table => &[
            "augment",
            "sampling",
            "split",
            "test-share",
            "split-seed",
            "label",
            "header",
            "delimiter",
            "drop",
            "missing-labels",
            "target",
            "text",
        ],
        Kind::Text => &["augment", "sampling", "test-share", "tokens"],
        Kind::Idx | Kind::Npy => &[],
    }
}

//! Rules that several keys share: when they do not act.

use crate::cli::choices::SPLITS;
use crate::cli::study_kind::StudyKind;
use crate::data::DataKind;

use super::{By, Case, Rule, by, on};

pub(super) const SCHEDULE: Rule = by(
    |case| matches!(case.by, By::Schedule { .. }),
    "it draws rates and batches, and trains nothing",
);
pub(super) const COUNTED: Rule = by(
    |case| matches!(case.by, By::Schedule { has_rows: true }),
    "--rows says how many rows there are",
);
pub(super) const RANGE: Rule = by(
    |case| matches!(case.by, By::LrRange),
    "it makes --steps steps with rates --from ... --to, and evaluates nothing",
);
pub(super) const NO_OUT: Rule = by(
    |case| matches!(case.by, By::Train { keeps: false }),
    "nothing is kept without --out DIR",
);
pub(super) const NO_DATA: Rule = by(
    |case| case.args.data.data.is_none(),
    "it is about the files of --data, and there is none",
);
pub(super) const DRAWN: Rule = by(
    |case| case.study().is_some(),
    "its trainings begin with weights drawn from their seeds",
);
pub(super) const STUDIED: Rule = by(
    |case| case.study().is_some(),
    "its trainings minimise plain cross-entropy",
);
pub(super) const GOES_ON: Rule = by(
    |case| matches!(case.by, By::Resume),
    "the checkpoint has the weights",
);
pub(super) const PLAIN: Rule = by(
    |case| case.study_is(|study| study == StudyKind::Adaptive),
    "its policies are compared with plain SGD",
);
pub(super) const RECIPES: Rule = by(
    |case| case.study_is(StudyKind::has_recipes),
    "its recipes have schedules of their own",
);
pub(super) const NO_CHECKPOINTS: Rule = by(
    |case| case.study().is_some() || matches!(case.by, By::Tune),
    "it keeps what has finished, and no checkpoints",
);
pub(super) const NO_TRIALS: Rule = by(
    |case| case.study().is_some(),
    "its trials are short: started again, it goes on with the one that failed",
);
pub(super) const SEARCHES_NOT: Rule = by(
    |case| case.study_is(|study| !study.searches()),
    "it searches nothing",
);
pub(super) const NO_TARGET: Rule = by(
    |case| case.study_is(|study| study == StudyKind::Branches),
    "it compares losses (--tolerance)",
);
pub(super) const BRANCHES: Rule = by(
    |case| case.study_is(|study| study == StudyKind::Branches),
    "--branch-at and --branch-length say how long it trains",
);

pub(super) const NO_IMAGES: Rule = on(
    |case| case.data_is(|kind| !matches!(kind, DataKind::ImageFolder { .. })),
    "it is about the images of a folder",
);
pub(super) const NO_TABLE: Rule = on(
    |case| case.data_is(|kind| kind != DataKind::Table),
    "only tables have columns",
);
pub(super) const NO_DRAW: Rule = on(
    |case| case.data_is(|kind| kind == DataKind::Text),
    "the end of a text is its test part (--test-share)",
);
pub(super) const TEXTS: Rule = on(|case| case.args.data.text, "the columns are texts (--text)");
pub(super) const SERIES: Rule = by(
    |case| case.args.data.window.is_some(),
    "rows of a --window are in the order of time",
);
const FILE: &str = "the file of --split says which rows are the test part";
pub(super) const SPLIT_FILE: Rule = by(names_rows, FILE);
pub(super) const FILE_ALONE: Rule = by(|case| names_rows(case) && !draws_valid(case), FILE);
pub(super) const LOOKS: Rule = by(
    |case| matches!(case.by, By::Inspect),
    "it looks at rows as they are, in their order",
);
pub(super) const HAS_PARTS: Rule = on(|case| case.data_is(DataKind::has_parts), OWN);
pub(super) const FOLDS: Rule = by(
    |case| case.args.data.folds.is_some(),
    "each of the --folds is the test part once, and there is no other part",
);
/// Folders of images may have a part for validation alone.
pub(super) const TEST_FILES: Rule = on(
    |case| {
        let has_test = |kind| matches!(kind, DataKind::IdxFolder | DataKind::CifarFolder);
        case.data_is(has_test)
    },
    OWN,
);
pub(super) const OWN_TEST: Rule = on(
    |case| case.data_is(DataKind::has_parts) && (names_rows(case) || !draws_valid(case)),
    OWN,
);
const OWN: &str = "the files say which rows are the test part";

/// Whether a file names the rows of the test part.
fn names_rows(case: &Case<'_>) -> bool {
    let split = case.args.data.split.as_deref().unwrap_or("stratified");
    !SPLITS.contains(&split)
}

/// Whether a validation part is drawn.
fn draws_valid(case: &Case<'_>) -> bool {
    case.args.data.valid_share.is_some()
}
pub(super) const ALONE: Rule = on(
    |case| {
        let is_alone = |kind| matches!(kind, DataKind::Idx | DataKind::Npy);
        matches!(case.by, By::Inspect) && case.data_is(is_alone)
    },
    "one array without labels is not split into parts",
);
pub(super) const VALID_FILE: Rule = by(
    |case| case.args.data.valid.is_some(),
    "the files of --valid are the validation part",
);
pub(super) const TEST_FILE: Rule = by(
    |case| case.args.data.test.is_some(),
    "the files of --test are the test part",
);

//! The keys of `[data]` in a configuration: when each does not act.

use crate::cli::data_options::takes_augment;
use crate::data::DataKind;

use super::rules::{
    ALONE, COUNTED, FILE_ALONE, FOLDS, HAS_PARTS, LOOKS, NO_DATA, NO_DRAW, NO_IMAGES, NO_TABLE,
    OWN_TEST, SCHEDULE, SERIES, SPLIT_FILE, TEST_FILE, TEST_FILES, TEXTS, VALID_FILE,
};
use super::{By, Case, Row, by, on, row};

pub(super) static DATA: &[Row] = &[
    row(
        "data.path",
        &[
            COUNTED,
            by(
                |case| matches!(case.by, By::Inspect),
                "its own argument is the path",
            ),
        ],
    ),
    row("data.label", &[NO_DATA, COUNTED, NO_TABLE]),
    row(
        "data.target",
        &[
            NO_DATA,
            COUNTED,
            NO_TABLE,
            on(
                |case| case.args.data.text || case.task_is("classify"),
                "it names columns that are predicted; --label names that of the classes",
            ),
        ],
    ),
    row(
        "data.weight_column",
        &[
            NO_DATA,
            COUNTED,
            NO_TABLE,
            TEXTS,
            SERIES,
            on(
                |case| case.args.data.valid.is_some() || case.args.data.test.is_some(),
                "the rows of other files have no weights; --valid-share and --test-share take parts of one file",
            ),
        ],
    ),
    row("data.header", &[NO_DATA, COUNTED, NO_TABLE]),
    row("data.delimiter", &[NO_DATA, COUNTED, NO_TABLE]),
    row("data.drop", &[NO_DATA, COUNTED, NO_TABLE]),
    row("data.columns", &[NO_DATA, COUNTED, NO_TABLE]),
    row("data.categories", &[NO_DATA, COUNTED, NO_TABLE, TEXTS]),
    row("data.missing_labels", &[NO_DATA, COUNTED, NO_TABLE, SERIES]),
    row(
        "data.task",
        &[
            NO_DATA,
            COUNTED,
            on(
                |case| case.is_of_numbers() && case.data_is(|kind| !kind.has_numbers()),
                "only the labels of tables and arrays can be numbers that are predicted",
            ),
            on(
                |case| {
                    let is_of_classes = case.task_is("classify") || case.task_is("multi-label");
                    is_of_classes && case.args.data.window.is_some()
                },
                "windows predict numbers of later rows (--task regress)",
            ),
            on(
                |case| case.task_is("language") && case.data_is(|kind| kind != DataKind::Text),
                "only a text is continued; --tokens characters takes what looks like a table for one",
            ),
            on(
                |case| case.task_is("classify") && case.data_is(|kind| kind == DataKind::Text),
                "a text has no labels; --text takes it for a table of labelled texts",
            ),
        ],
    ),
    row("data.text", &[NO_DATA, COUNTED, NO_TABLE]),
    row("data.window", &[NO_DATA, COUNTED, NO_TABLE, TEXTS]),
    row(
        "data.horizon",
        &[
            NO_DATA,
            COUNTED,
            by(
                |case| case.args.data.window.is_none(),
                "--window says how many rows lie before the target",
            ),
        ],
    ),
    row(
        "data.tokens",
        &[
            NO_DATA,
            COUNTED,
            on(
                |case| case.data_is(|kind| kind != DataKind::Text),
                "only the texts of language models have tokens",
            ),
        ],
    ),
    row(
        "data.split",
        &[
            NO_DATA,
            COUNTED,
            OWN_TEST,
            NO_DRAW,
            ALONE,
            on(
                |case| {
                    let is_groups = case.args.data.split.as_deref() == Some("groups");
                    is_groups && case.data_is(|kind| kind != DataKind::Sounds)
                },
                "only sounds have groups, their speakers",
            ),
            by(
                |case| case.args.data.window.is_some() && !is_last(case),
                "rows of a --window are in the order of time: the parts lie behind one another, as --split last has them",
            ),
            on(
                |case| is_last(case) && case.data_is(|kind| !kind.has_order()),
                "only the rows of tables and arrays have an order",
            ),
        ],
    ),
    row(
        "data.test_share",
        &[
            NO_DATA, COUNTED, FOLDS, HAS_PARTS, ALONE, SPLIT_FILE, TEST_FILE,
        ],
    ),
    row(
        "data.valid_share",
        &[NO_DATA, COUNTED, ALONE, FOLDS, VALID_FILE],
    ),
    row("data.valid", &[NO_DATA, COUNTED, ALONE, FOLDS]),
    row("data.test", &[NO_DATA, COUNTED, FOLDS, TEST_FILES, ALONE]),
    row(
        "data.folds",
        &[
            COUNTED,
            by(
                |case| {
                    let trains = matches!(case.by, By::Train { .. } | By::Resume | By::Config);
                    !trains && case.args.data.fold.is_none()
                },
                "`unisono train` alone trains for every fold; --fold says for which",
            ),
            HAS_PARTS,
            SERIES,
            on(
                |case| case.data_is(|kind| kind == DataKind::Text),
                "a text is not cut into folds, since its later parts continue its earlier ones",
            ),
            by(
                is_last,
                "later rows would be trained on to predict earlier ones; --valid-share takes the last rows for validation",
            ),
        ],
    ),
    row(
        "data.fold",
        &[
            COUNTED,
            by(
                |case| case.args.data.folds.is_none(),
                "--folds says how many folds there are",
            ),
        ],
    ),
    row(
        "data.split_seed",
        &[
            NO_DATA,
            SCHEDULE,
            OWN_TEST,
            NO_DRAW,
            ALONE,
            FILE_ALONE,
            SERIES,
            by(
                is_last,
                "--split last takes the last rows, whatever the seed",
            ),
        ],
    ),
    row("data.image_size", &[NO_DATA, COUNTED, NO_IMAGES]),
    row("data.grey", &[NO_DATA, COUNTED, NO_IMAGES]),
    row("data.on_bad_sample", &[NO_DATA, COUNTED, NO_IMAGES]),
    row("data.cache", &[NO_DATA, COUNTED, NO_IMAGES]),
    row(
        "data.augment",
        &[
            NO_DATA,
            SCHEDULE,
            LOOKS,
            on(
                |case| {
                    let text = case.args.data.augment.as_deref().unwrap_or("none");
                    case.data_is(|kind| !takes_augment(text, kind, case.args.data.text))
                },
                "of its words, shift to cutmix are for images, time-shift, time-mask and band-mask for sounds, token-dropout for texts",
            ),
        ],
    ),
    row(
        "data.sampling",
        &[
            NO_DATA,
            SCHEDULE,
            LOOKS,
            on(
                |case| {
                    let is_balanced = case.args.data.sampling.as_deref() == Some("balanced");
                    is_balanced && case.data_is(|kind| kind == DataKind::Text)
                },
                "its rows have no classes to balance",
            ),
        ],
    ),
];

fn is_last(case: &Case<'_>) -> bool {
    case.args.data.split.as_deref() == Some("last")
}

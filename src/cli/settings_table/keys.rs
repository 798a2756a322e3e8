//! The keys of a configuration and of its section on a study: when each does not act.

use crate::cli::choices::optimizer;
use crate::cli::study_kind::StudyKind;

use super::data_keys::DATA;
use super::rules::{
    BRANCHES, COUNTED, DRAWN, GOES_ON, NO_CHECKPOINTS, NO_OUT, NO_TARGET, NO_TRIALS, PLAIN, RANGE,
    RECIPES, SCHEDULE, SEARCHES_NOT, STUDIED,
};
use super::{By, Case, Row, by, row};

/// Every key.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(DATA)
}

/// Every key that is not one of `[data]`.
static ROWS: &[Row] = &[
    row("model.preset", &[COUNTED]),
    row("model.layers", &[SCHEDULE]),
    row("model.precision", &[SCHEDULE]),
    row("model.weights", &[SCHEDULE, DRAWN, GOES_ON]),
    row("model.weights_map", &[SCHEDULE, DRAWN, GOES_ON]),
    row("model.new_head", &[SCHEDULE, DRAWN, GOES_ON]),
    row("loss.name", &[SCHEDULE, STUDIED]),
    row("loss.huber_delta", &[SCHEDULE, STUDIED]),
    row("loss.label_smoothing", &[SCHEDULE, STUDIED]),
    row("loss.class_weights", &[SCHEDULE, STUDIED]),
    row("loss.ignore_label", &[SCHEDULE, STUDIED]),
    row("loss.positive_weights", &[SCHEDULE, STUDIED]),
    row(
        "optimizer.lr",
        &[
            RANGE,
            by(
                |case| case.study_is(StudyKind::searches),
                "--lr-range says which are searched",
            ),
        ],
    ),
    row(
        "optimizer.momentum",
        &[
            PLAIN,
            by(
                |case| matches!(case.by, By::Study(_, args) if args.momentum_range.is_some()),
                "--momentum-range says what is searched",
            ),
            by(
                |case| !has_momentum(case),
                "the optimizer has none; momentum, nesterov, ema-momentum, ema-nesterov and lars have one",
            ),
        ],
    ),
    row(
        "optimizer.name",
        &[by(
            |case| {
                let is_sgd = case.value.as_ref().and_then(|value| value.as_str()) == Some("sgd");
                !is_sgd && case.study_is(|study| study == StudyKind::Adaptive)
            },
            "its policies are compared with plain SGD",
        )],
    ),
    row("optimizer.weight_decay", &[PLAIN]),
    row("optimizer.l2", &[PLAIN]),
    row("optimizer.l1", &[PLAIN]),
    row("optimizer.proximal_l1", &[PLAIN]),
    row(
        "optimizer.decay_all",
        &[
            PLAIN,
            by(
                |case| !decays(case),
                "nothing decays; --weight-decay, --l2, --l1 or --proximal-l1 say how much",
            ),
        ],
    ),
    row("optimizer.freeze", &[PLAIN, SCHEDULE]),
    row("optimizer.layer_lr", &[PLAIN, SCHEDULE]),
    row("optimizer.clip_norm", &[PLAIN]),
    row("optimizer.clip_value", &[PLAIN]),
    row(
        "optimizer.average",
        &[
            RANGE,
            PLAIN,
            by(
                |case| case.study_is(|study| study == StudyKind::Branches),
                "its branches are compared by the weights themselves",
            ),
        ],
    ),
    row(
        "optimizer.schedule",
        &[
            RANGE,
            RECIPES,
            by(
                |case| matches!(case.by, By::Study(_, args) if args.schedules.is_some()),
                "--schedules says which are searched",
            ),
        ],
    ),
    row(
        "batch.size",
        &[by(
            |case| case.study().is_some(),
            "--batches says which are compared",
        )],
    ),
    row(
        "batch.policy",
        &[
            RANGE,
            by(
                |case| case.study_is(|study| study == StudyKind::Adaptive),
                "it compares policies of its own",
            ),
            by(
                |case| case.study().is_some(),
                "its batches stay as large as they are",
            ),
        ],
    ),
    row(
        "engine.threads",
        &[
            SCHEDULE,
            by(
                |case| case.study_is(|study| study == StudyKind::Time),
                "--on-threads says on how many",
            ),
        ],
    ),
    row("engine.shards", &[SCHEDULE]),
    row("engine.all_reduce", &[SCHEDULE]),
    row("engine.update", &[SCHEDULE]),
    row("engine.pin", &[SCHEDULE]),
    row("engine.no_pin", &[SCHEDULE]),
    row("engine.no_balance", &[SCHEDULE]),
    row("run.epochs", &[RANGE, BRANCHES]),
    row(
        "run.max_steps",
        &[
            RANGE,
            BRANCHES,
            by(
                |case| case.study_is(|study| !study.searches()),
                "--epochs says how long its recipes train",
            ),
        ],
    ),
    row(
        "run.early_stopping",
        &[
            SCHEDULE,
            RANGE,
            by(
                |case| case.study_is(StudyKind::searches),
                "its trials end at the target",
            ),
            by(
                |case| case.study().is_some(),
                "its trainings have an end of their own",
            ),
        ],
    ),
    row(
        "run.watch",
        &[
            SCHEDULE,
            RANGE,
            by(
                |case| case.study_is(StudyKind::searches),
                "its trials end at the target",
            ),
            by(
                |case| case.study().is_some(),
                "its trainings have an end of their own",
            ),
            by(
                |case| {
                    let trains = matches!(case.by, By::Train { keeps: false });
                    trains && case.args.run.early_stopping.is_none()
                },
                "nothing is chosen; --early-stopping chooses an epoch, and with --out the best checkpoint is kept",
            ),
        ],
    ),
    row(
        "run.track",
        &[
            SCHEDULE,
            RANGE,
            by(
                |case| case.study_is(StudyKind::has_recipes),
                "its policies track what they need",
            ),
            by(
                |case| case.study_is(|study| study == StudyKind::Branches),
                "it measures the noise scale as it is",
            ),
        ],
    ),
    row(
        "run.seed",
        &[by(
            |case| {
                let is_drawn = matches!(case.by, By::Schedule { .. });
                is_drawn && case.args.data.split.as_deref() != Some("groups")
            },
            "rates and batches are the same for every seed",
        )],
    ),
    row(
        "run.on_non_finite",
        &[
            SCHEDULE,
            RANGE,
            by(
                |case| case.study().is_some(),
                "a training that diverges is an outcome",
            ),
        ],
    ),
    row("run.on_worker_panic", &[SCHEDULE, RANGE, NO_TRIALS]),
    row("run.watchdog", &[SCHEDULE, RANGE, NO_TRIALS]),
    row(
        "run.checkpoint_every_steps",
        &[SCHEDULE, RANGE, NO_CHECKPOINTS, NO_OUT],
    ),
    row(
        "run.checkpoint_every_epochs",
        &[SCHEDULE, RANGE, NO_CHECKPOINTS, NO_OUT],
    ),
    row(
        "run.keep",
        &[
            SCHEDULE,
            RANGE,
            NO_CHECKPOINTS,
            NO_OUT,
            by(
                |case| {
                    let run = &case.args.run;
                    run.checkpoint_every_steps == 0 && run.checkpoint_every_epochs == 0
                },
                "there is no second checkpoint; --checkpoint-every-steps or --checkpoint-every-epochs say when they are made",
            ),
        ],
    ),
    row("study.batches", &[]),
    row("study.target_error", &[NO_TARGET]),
    row("study.target_loss", &[NO_TARGET]),
    row("study.search", &[SEARCHES_NOT]),
    row("study.candidates", &[SEARCHES_NOT]),
    row("study.repeats", &[]),
    row("study.lr_range", &[SEARCHES_NOT]),
    row("study.momentum_range", &[SEARCHES_NOT]),
    row("study.schedules", &[SEARCHES_NOT]),
];

fn has_momentum(case: &Case<'_>) -> bool {
    let choice = optimizer(&case.args.optim.optimizer);
    choice.is_some_and(|choice| choice.has_momentum)
}

fn decays(case: &Case<'_>) -> bool {
    let args = &case.args.optim;
    let has_own = ["adamw", "lamb"].contains(&&*args.optimizer);
    let decay = args.weight_decay.or(has_own.then_some(0.01));
    let decays = [decay, args.l2, args.l1, args.proximal_l1];
    decays.iter().flatten().any(|decay| *decay > 0.0)
}

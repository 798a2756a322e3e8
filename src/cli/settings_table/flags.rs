//! The flags of commands that are no keys of a configuration: when each does not act beside the
//! others.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::cli::error::ArgError;
use crate::cli::keys::Key;

/// When a flag does not act beside the others that were given, and why.
type Rule = (fn(&ArgMatches) -> bool, &'static str);

/// The flags of a command: by the names of their arguments.
pub(super) struct Flags {
    /// As in `unisono NAME`.
    pub(super) command: &'static str,
    /// Those that always act, or that clap refuses.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests hold the table complete by it")
    )]
    pub(super) acting: &'static [&'static str],
    /// Those that sometimes do not.
    pub(super) rules: &'static [(&'static str, &'static [Rule])],
}

const STUDY: &[&str] = &[
    "json",
    "format",
    "config",
    "set",
    "out",
    "force",
    "overlay",
    "parallel_trials",
    "slice",
];

const COMPARES: Rule = (
    |flags| flags.get_many::<PathBuf>("compare").is_some(),
    "--compare takes what two folders hold",
);
const NEVER_SLOWER: Rule = (
    |flags| flags.get_flag("never_slower"),
    "--never-slower measures every preset at batch sizes of its own, under strong scaling",
);
const STORED: Rule = (
    |flags| flags.get_one::<PathBuf>("results").is_some(),
    "--results holds what was measured",
);
const SIMULATES: Rule = (
    |flags| flags.get_flag("simulate"),
    "--simulate measures our own steps under strong scaling, and keeps nothing",
);
const ONE_RANK: Rule = (
    |flags| {
        flags
            .get_one("ranks")
            .is_none_or(|&ranks: &usize| ranks == 1)
    },
    "one rank sends no messages to others; --ranks N says how many there are",
);
const NO_JITTER: Rule = (
    |flags| STORED.0(flags) && flags.get_one("jitter") == Some(&0.0_f64),
    "nothing is drawn without --jitter",
);
const NO_DRAWS: Rule = (
    |flags| flags.get_one("temperature") == Some(&0.0_f64),
    "temperature 0 takes the likeliest token, and draws nothing",
);
const NETWORK: &[Rule] = &[(
    |flags| flags.get_flag("network"),
    "--network trains nothing: it times messages of one thread a process",
)];
const ONE_TRAINING: Rule = (
    |_| true,
    "each branch goes on from the training before it, on all threads; --seed and --repeats 1 divide it",
);

/// Every command that has flags of its own.
pub(super) static FLAGS: &[Flags] = &[
    Flags {
        command: "train",
        acting: &[
            "config",
            "set",
            "out",
            "resume",
            "allow_change",
            "check_replicas",
            "parallel_trials",
            "quiet",
            "json",
        ],
        rules: &[],
    },
    Flags {
        command: "cache clear",
        acting: &["cache"],
        rules: &[],
    },
    Flags {
        command: "config",
        acting: &["schema", "json"],
        rules: &[("config", &[SCHEMA]), ("set", &[SCHEMA])],
    },
    Flags {
        command: "schedule",
        acting: &["config", "set", "rows", "svg", "csv", "force", "json"],
        rules: &[],
    },
    Flags {
        command: "lr-range",
        acting: &[
            "config", "set", "lowest", "to", "steps", "svg", "csv", "force", "json",
        ],
        rules: &[],
    },
    Flags {
        command: "bench",
        acting: &["steps", "network", "format", "json"],
        rules: &[
            ("preset", NETWORK),
            ("precision", NETWORK),
            ("batch_size", NETWORK),
            ("warmup", NETWORK),
            ("threads", NETWORK),
            ("shards", NETWORK),
            ("all_reduce", NETWORK),
            ("update", NETWORK),
            ("no_pin", NETWORK),
            ("pin", NETWORK),
            ("no_balance", NETWORK),
            ("seed", NETWORK),
            ("track", NETWORK),
        ],
    },
    Flags {
        command: "scaling",
        acting: &[
            "compare",
            "never_slower",
            "simulate",
            "results",
            "straggler",
            "jitter",
            "simulated_all_reduce",
            "cores",
            "format",
            "json",
        ],
        rules: &[
            ("preset", &[COMPARES, NEVER_SLOWER, STORED]),
            ("precision", &[COMPARES, NEVER_SLOWER, STORED]),
            ("threads", &[COMPARES]),
            ("ranks", &[COMPARES, NEVER_SLOWER]),
            ("mode", &[COMPARES, NEVER_SLOWER, SIMULATES]),
            ("batch_size", &[COMPARES, NEVER_SLOWER]),
            ("budget", &[COMPARES, STORED]),
            ("half_width", &[COMPARES, NEVER_SLOWER, STORED]),
            ("seed", &[COMPARES, NO_JITTER]),
            ("out", &[COMPARES, SIMULATES]),
            ("force", &[COMPARES, SIMULATES]),
            ("peer", &[COMPARES, NEVER_SLOWER, SIMULATES]),
            ("link_latency_us", &[ONE_RANK]),
            ("link_message_us", &[ONE_RANK]),
            ("link_gbit", &[ONE_RANK]),
            ("link_half_duplex", &[ONE_RANK]),
        ],
    },
    Flags {
        command: "study steps",
        acting: STUDY,
        rules: &[],
    },
    Flags {
        command: "study time",
        acting: &[
            "config",
            "set",
            "out",
            "force",
            "overlay",
            "parallel_trials",
            "slice",
            "on_threads",
            "format",
            "json",
        ],
        rules: &[],
    },
    Flags {
        command: "study branches",
        acting: &[
            "config",
            "set",
            "out",
            "force",
            "overlay",
            "branch_at",
            "branch_length",
            "tolerance",
            "scaling",
            "format",
            "json",
        ],
        rules: &[
            ("parallel_trials", &[ONE_TRAINING]),
            ("slice", &[ONE_TRAINING]),
        ],
    },
    Flags {
        command: "study recipes",
        acting: STUDY,
        rules: &[],
    },
    Flags {
        command: "study adaptive",
        acting: STUDY,
        rules: &[],
    },
    Flags {
        command: "study gap",
        acting: STUDY,
        rules: &[],
    },
    Flags {
        command: "study merge",
        acting: &["slices", "into", "force", "json"],
        rules: &[],
    },
    Flags {
        command: "tune",
        acting: &[
            "config",
            "set",
            "trials",
            "search",
            "out",
            "parallel_trials",
            "json",
            "format",
        ],
        rules: &[],
    },
    Flags {
        command: "eval",
        acting: &["run", "part", "input", "classes", "format", "json"],
        rules: &[],
    },
    Flags {
        command: "predict",
        acting: &["run", "part", "input", "out", "force"],
        rules: &[],
    },
    Flags {
        command: "generate",
        acting: &["run", "prompt", "tokens", "temperature"],
        rules: &[("top_k", &[NO_DRAWS]), ("seed", &[NO_DRAWS])],
    },
    Flags {
        command: "explain",
        acting: &["run", "part", "input", "rows", "method", "out", "force"],
        rules: &[(
            "steps",
            &[(
                |flags| text(flags, "method") == Some("gradient-input"),
                "gradient-input takes the gradient at the row alone",
            )],
        )],
    },
    Flags {
        command: "export",
        acting: &["run", "format", "rows", "out", "force"],
        rules: &[],
    },
    Flags {
        command: "list",
        acting: &["folder", "sort", "reverse", "format", "json"],
        rules: &[],
    },
    Flags {
        command: "inspect",
        acting: &["run", "format", "json"],
        rules: &[],
    },
    Flags {
        command: "diff",
        acting: &["first", "second", "json"],
        rules: &[],
    },
    Flags {
        command: "compare",
        acting: &["runs", "out", "force", "format", "json"],
        rules: &[],
    },
    Flags {
        command: "doctor",
        acting: &["json"],
        rules: &[],
    },
    Flags {
        command: "completions",
        acting: &["shell"],
        rules: &[],
    },
    Flags {
        command: "man",
        acting: &["folder", "force"],
        rules: &[],
    },
    Flags {
        command: "data inspect",
        acting: &["path", "sheet", "force", "json"],
        rules: &[],
    },
];

const SCHEMA: Rule = (
    |flags| flags.get_flag("schema"),
    "--schema prints what keys there are, not what they are set to",
);

fn text<'a>(flags: &'a ArgMatches, name: &str) -> Option<&'a str> {
    flags.get_one::<String>(name).map(String::as_str)
}

/// Whether an argument was given.
fn is_given(flags: &ArgMatches, name: &str) -> bool {
    flags.value_source(name) == Some(ValueSource::CommandLine)
}

/// Refuses the first flag of a command that was given and does not act beside the others.
pub(in crate::cli) fn refuse_flags(matches: &ArgMatches) -> Result<(), ArgError> {
    let (mut command, mut flags) = (String::new(), matches);
    while let Some((name, inner)) = flags.subcommand() {
        let space = if command.is_empty() { "" } else { " " };
        (command, flags) = (format!("{command}{space}{name}"), inner);
    }
    let Some(known) = FLAGS.iter().find(|known| known.command == command) else {
        return Ok(());
    };
    for (name, rules) in known.rules {
        if !is_given(flags, name) {
            continue;
        }
        if let Some((_, why)) = rules.iter().find(|(when, _)| when(flags)) {
            return Err(unused(name, &command, why));
        }
    }
    if command == "config" && SCHEMA.0(flags) {
        let given = Key::all().into_iter().find(|key| key.is_given(flags));
        if let Some(key) = given {
            return Err(unused(key.flag(), &command, SCHEMA.1));
        }
    }
    Ok(())
}

fn unused(name: &str, command: &str, why: &'static str) -> ArgError {
    ArgError::Unused {
        what: format!("--{}", name.replace('_', "-")),
        to: format!("`unisono {command}`"),
        why,
    }
}

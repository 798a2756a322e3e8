//! Several processes that a launcher has started together: each command is the work of all, of the
//! first alone, or refused.

use std::process::{Command, Output};

use crate::program::stdout;

fn run(command: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_unisono"))
        .args(command)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// What the second of two processes does of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    /// Its part, as a rank.
    Rank,
    Nothing,
    /// As the first: it is refused.
    Refused,
}

/// Every command.
const COMMANDS: [(&str, Second); 22] = [
    ("train --epochs 0", Second::Rank),
    ("config", Second::Nothing),
    ("list nowhere", Second::Nothing),
    ("inspect nowhere", Second::Nothing),
    ("diff nowhere nowhere", Second::Nothing),
    ("compare nowhere", Second::Nothing),
    ("eval nowhere", Second::Nothing),
    ("predict nowhere", Second::Nothing),
    ("generate nowhere", Second::Nothing),
    ("explain nowhere --out nowhere/page.html", Second::Nothing),
    ("export nowhere --out nowhere/weights", Second::Nothing),
    ("doctor", Second::Nothing),
    ("completions bash", Second::Nothing),
    ("man Cargo.toml/pages", Second::Nothing),
    ("data inspect nowhere", Second::Nothing),
    ("cache clear --cache none", Second::Nothing),
    ("schedule --epochs 1", Second::Nothing),
    ("lr-range", Second::Refused),
    ("tune", Second::Refused),
    ("bench", Second::Rank),
    ("scaling", Second::Rank),
    ("study steps", Second::Refused),
];

#[test]
fn of_two_processes_the_second_takes_part_or_does_nothing_or_is_refused_and_never_speaks() {
    // The table has every command that the help has.
    let help = stdout(&["--help"]);
    let listed = help.lines().filter(|line| !line.contains("unisono"));
    let listed = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let name = |line: &'static str| line.split(' ').next().unwrap();
    let [mut listed, mut known] = [
        listed.collect(),
        COMMANDS.map(|(line, _)| name(line)).to_vec(),
    ];
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
    // What each does, where there is no MPI; scaling as it is asked.
    let scaling = [
        ("scaling --compare nowhere nowhere", Second::Nothing),
        ("scaling --simulate --threads 4", Second::Nothing),
        ("scaling --never-slower", Second::Refused),
        ("scaling --peer program", Second::Refused),
    ];
    for (line, second) in COMMANDS.into_iter().chain(scaling) {
        let command: Vec<&str> = line.split(' ').collect();
        let of = |number| {
            let missing = ("UNISONO_MPI", "/nowhere/libmpi.so");
            run(
                &command,
                &[("PMI_SIZE", "2"), ("PMI_RANK", number), missing],
            )
        };
        let output = of("1");
        assert!(
            output.stdout.is_empty() && output.stderr.is_empty(),
            "{line}: {output:?}"
        );
        let code = if second == Second::Nothing { 0 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{line}");
        let output = of("0");
        let error = String::from_utf8(output.stderr).unwrap();
        let has_met = error.contains("processes were started together");
        assert_eq!(has_met, second != Second::Nothing, "{line}: {error}");
        assert_eq!(
            error.contains("MPI library"),
            second == Second::Rank,
            "{line}: {error}"
        );
        assert!(
            has_met || !error.is_empty() || !output.stdout.is_empty(),
            "{line}"
        );
    }
    // Which is the first cannot be told: none of them does what both would.
    let output = run(&["doctor"], &[("PMI_SIZE", "2")]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains("2 processes were started together (PMI_SIZE)"),
        "{error}"
    );
}

#[test]
fn processes_that_a_launcher_has_started_together_are_ranks_or_refused_unless_each_is_on_its_own() {
    let train = ["train", "--epochs", "0", "--quiet"];
    for name in [
        "OMPI_COMM_WORLD_SIZE",
        "PMI_SIZE",
        "MV2_COMM_WORLD_SIZE",
        "SLURM_STEP_NUM_TASKS",
    ] {
        // Those that train are ranks, whose MPI is not there.
        let missing = [(name, "2"), ("UNISONO_MPI", "/nowhere/libmpi.so")];
        for (command, expected) in [
            (
                &train[..],
                "several processes were started together, but the MPI library /nowhere",
            ),
            (
                &["bench"],
                "several processes were started together, but the MPI library /nowhere",
            ),
            (
                &["scaling"],
                "several processes were started together, but the MPI library /nowhere",
            ),
            (
                &["lr-range"],
                &format!("2 processes were started together ({name})"),
            ),
        ] {
            let output = run(command, &missing);
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(
                error.starts_with(&format!("unisono: {expected}")),
                "{error}"
            );
        }
        assert!(run(&train, &[(name, "1")]).status.success());
        let alone = [(name, "2"), ("UNISONO_RANKS", "none")];
        assert!(run(&train, &alone).status.success());
    }
}

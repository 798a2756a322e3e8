//! Words: the field's terms instead of our own, and heads of files that say the thing.

use super::{everything, sources};

/// Words that this code once used, and what the field says.
const BANNED: &[(&str, &str)] = &[
    ("ShardDesk", "ShardScheduler"),
    ("desk", "coordinator state"),
    ("Meeting", "AllGather"),
    ("meeting", "all-gather"),
    ("settle", "drain"),
    ("hand_out", "scatter_params"),
    ("take_in", "gather_params"),
    ("share_params", "broadcast_params"),
    ("Tape", "BackwardArgs"),
    ("carries_rows", "is_stateful"),
    ("couples_rows", "has_cross_row_stats"),
    ("Stages", "SequentialLayer"),
    ("Treatment", "ParamGroup"),
    ("Follow", "TrainedBy"),
    ("misfit", "invalid_setting"),
    ("Arms", "Comparison"),
    ("Prospect", "CostEstimate"),
    ("foretell", "estimate"),
    ("Rig", "BenchRunner"),
    ("made_up", "synthetic"),
    ("Keeper", "RunRecorder"),
    ("Settled", "ResolvedConfig"),
    ("Voice", "OutputMode"),
    ("put_down", "store_state"),
    ("mend", "fix"),
];

#[test]
fn code_speaks_the_words_of_the_field() {
    for (path, text) in sources("src") {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for word in words {
            if let Some((_, better)) = BANNED.iter().find(|(banned, _)| *banned == word) {
                panic!("{} says {word}: the field says {better}", path.display());
            }
        }
    }
}

#[test]
fn heads_say_the_thing() {
    for (path, text) in everything() {
        let first = text.lines().next().unwrap_or_default();
        assert!(
            !first.starts_with("//! What "),
            "{} opens with `What ...`, which nobody can search for: name the thing",
            path.display()
        );
    }
}

//! Peers: other programs, measured between ours.

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ScalingError;

/// Characters of a peer's stderr that are shown.
const SHOWN: usize = 600;

/// A sample of another program: what it said of its steps.
///
/// Example: [`Results`](super::Results).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerSample {
    /// The command, as it was given.
    pub command: String,
    /// Threads that it was asked for.
    pub threads: usize,
    /// The round.
    pub round: usize,
    /// Its median step in milliseconds.
    pub step_ms: f64,
    /// Its line.
    pub line: Value,
}

/// The configuration that a peer is to measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerTask<'p> {
    pub(super) preset: &'p str,
    pub(super) threads: usize,
    pub(super) batch_size: usize,
    pub(super) round: usize,
}

/// Runs `command` and reads the last line of JSON that it prints.
pub(super) fn ask(command: &str, task: PeerTask<'_>) -> Result<PeerSample, ScalingError> {
    let PeerTask {
        preset,
        threads,
        batch_size,
        round,
    } = task;
    let failed = |problem: String| ScalingError::Peer {
        command: command.to_owned(),
        problem,
    };
    // Run it.
    let filled = command
        .replace("{preset}", preset)
        .replace("{threads}", &threads.to_string())
        .replace("{batch}", &batch_size.to_string());
    let output = Command::new("sh")
        .args(["-c", &filled])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    // Its last words, for messages.
    let stderr = String::from_utf8_lossy(&output.stderr);
    let start = stderr.chars().count().saturating_sub(SHOWN);
    let tail: String = stderr.chars().skip(start).collect();
    let tail = match tail.trim() {
        "" => "; it wrote nothing to stderr".to_owned(),
        text => format!("; its stderr ends: {text}"),
    };
    if !output.status.success() {
        return Err(failed(format!("ended with {}{tail}", output.status)));
    }
    // The last object that it printed, and the step's time in it.
    let stdout = String::from_utf8_lossy(&output.stdout);
    let lines = stdout.lines().rev();
    let line = lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(Value::is_object)
        .ok_or_else(|| failed(format!("printed no line of JSON{tail}")))?;
    let rate = line["samples_per_s"].as_f64();
    let step_ms = line["median_ms_per_step"]
        .as_f64()
        .or(rate.map(|rate| batch_size as f64 / rate * 1e3));
    match step_ms {
        Some(step_ms) if step_ms > 0.0 => Ok(PeerSample {
            command: command.to_owned(),
            threads,
            round,
            step_ms,
            line,
        }),
        _ => Err(failed(format!(
            "printed JSON without `median_ms_per_step` or `samples_per_s`{tail}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_of_json_is_read_and_everything_else_is_named() {
        let task = super::PeerTask {
            preset: "mlp",
            threads: 2,
            batch_size: 128,
            round: 0,
        };
        let ask = |command: &str| super::ask(command, task);
        let sample = ask("echo hello; echo '{\"median_ms_per_step\": {threads}.5}'").unwrap();
        assert_eq!((sample.step_ms, sample.threads), (2.5, 2));
        let rate = ask("echo '{\"samples_per_s\": 128000}'").unwrap();
        assert_eq!(rate.step_ms, 1.0);
        for (command, expected) in [
            (
                "echo broken >&2; exit 3",
                "ended with exit status: 3; its stderr ends: broken",
            ),
            (
                "echo 17",
                "printed no line of JSON; it wrote nothing to stderr",
            ),
            ("echo '{}'", "without `median_ms_per_step`"),
        ] {
            let error = ask(command).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains(command),
                "{error}"
            );
        }
    }
}

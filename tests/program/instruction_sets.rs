//! The recorded hash of the default run, of every preset and of other trainings, with each set of
//! kernels that this CPU can run.

use std::process::Command;

use unisono::nn::Isa;
use unisono::nn::presets;

use crate::program::value;

/// A training whose hash is recorded.
struct Recorded {
    sha256: &'static str,
    command: &'static str,
}

/// Those of `tests/hashes.txt`: a hash a line, and behind it the command.
fn recorded() -> Vec<Recorded> {
    let lines = include_str!("../hashes.txt").lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    let recorded = lines.map(|line| {
        let (sha256, command) = line.split_once(' ').expect("a hash and a command");
        assert_eq!(sha256.len(), 64, "{line}");
        Recorded { sha256, command }
    });
    recorded.collect()
}

impl Recorded {
    /// The arguments; what stands in quotation marks is one.
    fn args(&self) -> Vec<&str> {
        let parts = self.command.split('"').enumerate();
        let args = parts.flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        });
        args.collect()
    }

    /// The hash with the kernels of `isa`.
    fn sha256_on(&self, isa: Isa, threads: usize) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_unisono"))
            .args(self.args())
            .args(["--threads", &threads.to_string()])
            .env("UNISONO_ISA", isa.name())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        value(&text, "weights sha256").to_owned()
    }
}

#[test]
fn every_recorded_training_has_its_hash_on_every_instruction_set() {
    for recorded in recorded() {
        for (at, isa) in Isa::available().into_iter().enumerate() {
            let sha256 = recorded.sha256_on(isa, 2 + at % 2);
            assert_eq!(sha256, recorded.sha256, "{}, {isa:?}", recorded.command);
        }
    }
}

#[test]
fn every_preset_is_recorded_in_every_precision() {
    for preset in presets::NAMES {
        for precision in ["f32", "bf16"] {
            let is_it = |recorded: &Recorded| {
                let args = recorded.args();
                let has = |key, value| args.windows(2).any(|pair| pair == [key, value]);
                has("--preset", preset) && has("--precision", precision)
            };
            assert!(
                recorded().iter().any(is_it),
                "tests/hashes.txt lacks {preset} in {precision}"
            );
        }
    }
}

#[test]
fn the_readme_has_the_recorded_hashes_of_the_default_run() {
    let readme = include_str!("../../README.md");
    for command in ["train", "train --precision bf16"] {
        let recorded = recorded();
        let found = recorded.iter().find(|recorded| recorded.command == command);
        let found = found.unwrap_or_else(|| panic!("tests/hashes.txt lacks {command}"));
        let line = format!("\nweights sha256: {}\n", found.sha256);
        assert!(readme.contains(&line), "{command}: {line}");
    }
}

#[test]
fn a_precision_that_there_is_not_is_refused_with_exit_code_2() {
    for command in ["train", "bench"] {
        let output = Command::new(env!("CARGO_BIN_EXE_unisono"))
            .args([command, "--precision", "fp8"])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("--precision")
                && stderr.contains("f32 or bf16")
                && stderr.contains("fp8"),
            "{stderr}"
        );
    }
}

#[test]
fn an_instruction_set_that_there_is_not_is_refused_with_exit_code_2() {
    let elsewhere = if cfg!(target_arch = "aarch64") {
        (
            "avx2",
            "unisono: UNISONO_ISA names kernels of x86_64 processors, \"avx2\"; on this machine expected one of portable, neon, or unset",
        )
    } else {
        (
            "neon",
            "unisono: UNISONO_ISA names kernels of aarch64 processors, \"neon\"; on this machine expected one of portable",
        )
    };
    let unknown = ("mmx", "unisono: UNISONO_ISA must be one of portable");
    for (name, expected) in [unknown, elsewhere] {
        let output = Command::new(env!("CARGO_BIN_EXE_unisono"))
            .args(["train", "--epochs", "1"])
            .env("UNISONO_ISA", name)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with(expected), "{stderr}");
    }
}

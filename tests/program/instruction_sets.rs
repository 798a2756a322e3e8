//! The README's hash of the default run, and every preset's, with each set of kernels that this CPU
//! can run.

use std::process::Command;

use unisono::nn::Isa;
use unisono::nn::presets;

/// The line of the program's output that begins with `key`, with the kernels of `isa`.
fn line(isa: Isa, key: &str, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_unisono"))
        .args(args)
        .env("UNISONO_ISA", isa.name())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found = text.lines().find(|line| line.starts_with(key));
    found
        .unwrap_or_else(|| panic!("no {key} in {text}"))
        .to_owned()
}

#[test]
fn the_default_run_has_the_readmes_hash_on_every_instruction_set() {
    let readme = include_str!("../../README.md");
    let key = "weights sha256: ";
    let expected = readme.lines().find(|line| line.starts_with(key));
    for isa in Isa::available() {
        assert_eq!(
            Some(line(isa, key, &["train"]).as_str()),
            expected,
            "{isa:?}"
        );
    }
}

#[test]
fn the_default_run_in_bf16_has_the_readmes_hash_on_every_instruction_set() {
    let readme = include_str!("../../README.md");
    let (key, in_readme) = ("weights sha256: ", "weights sha256 in bf16: ");
    let found = readme.lines().find_map(|line| line.strip_prefix(in_readme));
    for isa in Isa::available() {
        let line = line(isa, key, &["train", "--precision", "bf16"]);
        assert_eq!(line.strip_prefix(key), found, "{isa:?}");
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
fn every_preset_has_one_hash_on_every_instruction_set() {
    let precisions = ["f32", "bf16"];
    let presets = presets::NAMES.iter().copied();
    for (preset, precision) in
        presets.flat_map(|preset| precisions.map(|precision| (preset, precision)))
    {
        let hash = |isa| {
            let args = [
                "--batch-size",
                "2",
                "--steps",
                "2",
                "--warmup",
                "0",
                "--threads",
                "2",
                "--precision",
                precision,
            ];
            let args = [&["bench", "--preset", preset][..], &args].concat();
            line(isa, "weights sha256: ", &args)
        };
        let hashes: Vec<String> = Isa::available().into_iter().map(hash).collect();
        assert!(
            hashes.iter().all(|hash| *hash == hashes[0]),
            "{preset} in {precision}: {hashes:?}"
        );
    }
}

#[test]
fn an_instruction_set_that_there_is_not_is_refused_with_exit_code_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_unisono"))
        .args(["train", "--epochs", "1"])
        .env("UNISONO_ISA", "mmx")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.starts_with("unisono: UNISONO_ISA must be one of portable"),
        "{stderr}"
    );
}

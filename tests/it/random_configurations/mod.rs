//! Random configurations: models, data, losses, optimisers, policies; whoever computes them, on
//! however many threads and ranks, interrupted or not, comes to the bits of the plainest run.
//!
//! A failure is shrunk, and told as a line that [`CASE`] takes:
//! ```text
//! UNISONO_CASE="data: numbers 5; rows: 3; ..." cargo test --test it random_configurations
//! ```
//! Cases that once failed stand in `failed.txt`, and are tried first.

mod case;
mod draw;
mod trained;

use std::cell::Cell;

use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestCaseError, TestRunner};

use self::case::Case;
use self::trained::compare;

/// One case to be tried instead.
const CASE: &str = "UNISONO_CASE";

/// How many cases are tried, and from which seed.
const CASES: &str = "UNISONO_CASES";
const SEED: &str = "UNISONO_CASES_SEED";

/// Cases where nothing else is said.
const FEW: u32 = 500;

fn tried(text: &str) -> Result<(), String> {
    let case: Case = text.parse()?;
    compare(&case).map(|_| ())
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

#[test]
fn whoever_computes_a_random_configuration_comes_to_the_bits_of_the_plainest_run() {
    if let Ok(case) = std::env::var(CASE) {
        tried(&case).unwrap();
        return;
    }
    let cases = number(CASES).map_or(FEW, |cases| cases as u32);
    let config = Config {
        cases,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(number(SEED).unwrap_or(37)),
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    let refused = Cell::new(0_usize);
    let outcome = TestRunner::new(config).run(&draw::cases(), |case| {
        let text = case.to_string();
        assert_eq!(text.parse(), Ok(case.clone()), "{text}");
        let is_trained = compare(&case).map_err(|difference| {
            TestCaseError::fail(format!("{difference}\n{CASE}=\"{case}\""))
        })?;
        refused.set(refused.get() + usize::from(!is_trained));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let refused = refused.get();
    println!("{cases} cases, of which {refused} were refused");
    assert!(
        refused * 20 <= cases as usize,
        "{refused} of {cases} were refused"
    );
}

#[test]
fn configurations_that_once_failed_come_to_the_same_bits() {
    for line in include_str!("failed.txt").lines() {
        if !line.starts_with('#') {
            tried(line).unwrap_or_else(|difference| panic!("{difference}\n{line}"));
        }
    }
}

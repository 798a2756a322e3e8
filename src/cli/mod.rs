//! The program `unisono`: arguments to settings to a call. The only place that prints.
//!
//! Results go to stdout, progress and warnings to stderr. Exit codes: 0 done, 1 failed while running, 2 bad input.

mod args;
mod bench;
mod commands;
mod config;
mod data;
mod optim;
mod rates;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use config::{CommandError, TrainSettings};

/// Runs the program with these arguments, the first of which is its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            return fail(2, first_line(&text));
        }
        Err(help) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
    };
    match command(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(config::exit_code(&error), &error.to_string()),
    }
}

fn command(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Train(train) => Ok(commands::train(&TrainSettings::try_from(train)?)?),
        Command::Schedule(args) => rates::schedule(&args),
        Command::LrRange(args) => rates::lr_range(args),
        Command::Bench(args) => {
            let (bench, json) = config::bench(args)?;
            Ok(bench::bench(&bench, json)?)
        }
    }
}

/// The first line of clap's message, without its prefix.
fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or("bad arguments");
    line.strip_prefix("error: ").unwrap_or(line)
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("unisono: {message}");
    ExitCode::from(code)
}

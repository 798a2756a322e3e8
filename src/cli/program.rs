//! The program: arguments to a call of a command, and its exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::engine::Ranks;

use super::args::{Args, CacheCommand, Command, ConfigArgs, DataCommand};
use super::document::{ResolvedConfig, all_keys, commented};
use super::error::{CommandError, exit_code, is_closed_pipe};
use super::flag_error::in_one_line;
use super::help::with_help;
use super::launched::{Part, join, leave, speaker, wait_for_first};
use super::message::message;
use super::options::TrainArgs;
use super::settings_table::{By, refuse, refuse_flags};
use super::stdout::{CLOSED_PIPE, end_tables, json, only_json};
use super::{
    bench, cache, compare, doctor, eval, export, inspect, list, lr, predict, runs, scaling, shell,
    study, train, tune,
};

/// Runs the program with these arguments, the first of which is its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let program = with_help(Args::command());
    let parsed = program.try_get_matches_from(with_negatives(args));
    let parsed = parsed.and_then(|matches| Ok((Args::from_arg_matches(&matches)?, matches)));
    let (args, matches) = match parsed {
        Ok(parsed) => parsed,
        // The program's name alone asks what there is.
        Err(error) if error.use_stderr() && !is_overview(&error) => {
            if speaker(None).is_some() {
                tell!("unisono: {}", in_one_line(&error));
            }
            return ExitCode::from(2);
        }
        Err(help) => {
            say!("{}", help.to_string().trim_end());
            return ExitCode::SUCCESS;
        }
    };
    let (_, flags) = matches.subcommand().expect("clap asks for a command");
    let acts = refuse_flags(&matches).map_err(CommandError::Args);
    let joined = acts.and_then(|()| join(&args.command));
    let (ranks, result) = match joined {
        Ok(Part::Nothing) => return ExitCode::SUCCESS,
        Ok(Part::Whole) => (None, command(args.command, flags, None)),
        Ok(Part::Rank(ranks)) => {
            let result = command(args.command, flags, Some(&ranks));
            (Some(ranks), result)
        }
        Err(error) => (None, Err(error)),
    };
    end_tables();
    let result = match &ranks {
        Some(ranks) => leave(ranks, result),
        None => result,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // As the signal would have it, and as silent.
        Err(error) if is_closed_pipe(&error) => ExitCode::from(CLOSED_PIPE as u8),
        Err(error) => fail_as_rank(&error, ranks.as_ref()),
    }
}

fn is_overview(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// Tells of an error; of one that other ranks do not share, they are ended.
fn fail_as_rank(error: &CommandError, ranks: Option<&Ranks>) -> ExitCode {
    let code = exit_code(error);
    if matches!(error, CommandError::Stopped { .. }) {
        note!("unisono: {}", message(error));
        wait_for_first(ranks);
        return ExitCode::from(code);
    }
    if let Some(rank) = speaker(ranks) {
        tell!("unisono: {rank}{}", message(error));
    }
    if let Some(ranks) = ranks {
        ranks.kill(code.into());
    }
    ExitCode::from(code)
}

fn command(
    command: Command,
    flags: &ArgMatches,
    ranks: Option<&Ranks>,
) -> Result<(), CommandError> {
    match command {
        Command::Train(train) => train::train(&train, flags, ranks),
        Command::List(args) => list::list(&args),
        Command::Inspect { run, table, json } => runs::inspect(&run, &table, json),
        Command::Diff {
            first,
            second,
            json,
        } => runs::diff(&first, &second, json),
        Command::Compare(args) => compare::compare(&args),
        Command::Eval(args) => eval::eval(&args),
        Command::Predict(args) => predict::predict(&args),
        Command::Generate(args) => predict::generate(&args),
        Command::Explain(args) => predict::explain(&args),
        Command::Export(args) => export::export(&args),
        Command::Doctor(how) => doctor::doctor(how),
        Command::Completions { shell } => {
            shell::completions(shell);
            Ok(())
        }
        Command::Man(args) => shell::man(&args),
        Command::Config(args) => config_text(&args, flags),
        Command::Data(DataCommand::Inspect(args)) => {
            let (_, flags) = flags
                .subcommand()
                .expect("clap asks for what is to be done");
            inspect::inspect(&args, flags)
        }
        Command::Cache(CacheCommand::Clear(args)) => cache::clear(&args),
        Command::Schedule(args) => lr::schedule(&args, flags),
        Command::LrRange(args) => lr::lr_range(&args, flags),
        Command::Tune(args) => tune::tune(&args, flags),
        Command::Bench(args) => bench::bench(&args, ranks),
        Command::Scaling(args) => scaling::scaling(&args, ranks),
        Command::Study(args) => study::study(&args, flags),
    }
}

/// With a number that begins with a minus joined to the option before it, so that it is refused as
/// that option's value, and not taken for an option itself.
fn with_negatives(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    for arg in args {
        let text = arg.to_str().unwrap_or_default();
        let is_negative = text.starts_with('-') && text.parse::<f64>().is_ok();
        let last = joined.last_mut().filter(|last| {
            let last = last.to_str().unwrap_or_default();
            let is_short = last.len() == 2 && last.starts_with('-');
            (last.starts_with("--") || is_short) && last != "--" && !last.contains('=')
        });
        match last {
            Some(option) if is_negative => {
                option.push("=");
                option.push(arg);
            }
            _ => joined.push(arg),
        }
    }
    joined
}

/// `unisono config`.
fn config_text(args: &ConfigArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    only_json(args.json.json);
    if args.schema {
        let schema = schemars::schema_for!(TrainArgs);
        let text = serde_json::to_string_pretty(&schema);
        say!("{}", text.expect("a schema is JSON"));
        return Ok(());
    }
    let resolved = ResolvedConfig::new(&args.settings, flags, &args.from)?;
    refuse(&resolved, By::Config)?;
    let text = commented(&resolved.args);
    // What can be said of the settings without the data is said before they are used.
    resolved.settings()?;
    json(|| all_keys(&resolved.args));
    say!("{}", text.trim_end());
    Ok(())
}

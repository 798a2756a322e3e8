//! Errors of flags: clap's, in the words of this program.

use std::error::Error as _;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What a value should have been, where it is out of its range.
pub(super) fn expected(error: &Error) -> Option<String> {
    let is_value = error.kind() == ErrorKind::ValueValidation;
    let source = error.source().filter(|_| is_value)?;
    Some(source.to_string())
}

/// An error in one line.
pub(super) fn in_one_line(error: &Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    // A value is told as every command tells of one.
    if let Some(expected) = expected(error) {
        let flag = context(ContextKind::InvalidArg);
        let flag = flag.split(' ').next().unwrap_or_default();
        let got = context(ContextKind::InvalidValue);
        return format!("{flag} must be {expected}, got {got:?}");
    }
    // Else clap's message up to the usage, without its prefix.
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    match line.strip_prefix("error: ") {
        Some(message) => message.to_owned(),
        None => line,
    }
}

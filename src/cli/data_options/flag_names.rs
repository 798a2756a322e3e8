//! Options in messages: the library names them in backticks, the program by their flags.

use crate::cli::keys::Key;
use crate::cli::options::{DataArgs, ModelArgs};

/// A message of the library with every option of data and model as the flag that it is:
/// "raise `test_share`" becomes "raise --test-share".
pub(crate) fn in_flags(message: &str) -> String {
    let mut text = message.to_owned();
    let keys = [Key::of::<ModelArgs>("model"), Key::of::<DataArgs>("data")];
    for key in keys.concat() {
        text = text.replace(&format!("`{}`", key.name), &format!("--{}", key.flag()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_in_backticks_become_flags_and_all_else_stays() {
        assert_eq!(
            in_flags("raise `test_share`, or name a `label`; see `unisono config`"),
            "raise --test-share, or name a --label; see `unisono config`"
        );
    }
}

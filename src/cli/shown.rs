//! Text as a terminal may show it: what files of others have as names or texts moves no cursor,
//! paints nothing, and sends no command to the terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal would obey this sign instead of showing it, or show others in another order.
fn is_command(sign: char) -> bool {
    let is_layout = matches!(sign, '\n' | '\t');
    let turns_around = matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    sign.is_control() && !is_layout || turns_around
}

/// The text with such signs written out, as `\u{1b}`.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for sign in text.chars() {
        if is_command(sign) {
            // Nothing refuses to be written into a text.
            let _ = write!(shown, "{}", sign.escape_unicode());
        } else {
            shown.push(sign);
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_a_terminal_are_written_out_and_all_else_stays() {
        let plain = "a class\tof its own: größer, 日本語\n";
        assert!(matches!(shown(plain), Cow::Borrowed(text) if text == plain));
        for (text, expected) in [
            ("\u{1b}[2Jcat", r"\u{1b}[2Jcat"),
            ("a\rb\u{8}\u{7}", r"a\u{d}b\u{8}\u{7}"),
            ("\u{9b}31m\u{7f}", r"\u{9b}31m\u{7f}"),
            ("user\u{202e}gpj.exe", r"user\u{202e}gpj.exe"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}

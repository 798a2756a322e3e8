//! Runs the program and reads stderr; its exit code must be as expected.

/// The text, of a run that ends with `code`.
pub(crate) fn stderr(args: &[&str], code: i32) -> String {
    let output = crate::program::unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    text
}

/// The one line with which the program refuses.
pub(crate) fn refused(args: &[&str]) -> String {
    let text = stderr(args, 2);
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    text
}

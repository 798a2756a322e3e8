//! Orderings of atomics: each says why it is strong enough on a processor that reorders more than x86.

use super::everything;

/// Orderings of `std::sync::atomic`, but for the one that nothing here needs.
const ORDERINGS: [&str; 4] = ["Relaxed", "Acquire", "Release", "AcqRel"];

/// What the comment above one says: what it pairs with, or that no memory is read because of it.
const REASONS: [&str; 3] = ["pairs with", "publishes nothing", "publish nothing"];

/// How far above it the comment may begin.
const LINES: usize = 5;

/// The lines that use an ordering without a reason.
fn unreasoned(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let uses = |line: &str| {
        let mut used = ORDERINGS.iter();
        used.any(|ordering| line.contains(&format!("Ordering::{ordering}")))
    };
    let at = 0..lines.len();
    let unreasoned = at.filter(|&at| {
        let above = &lines[at.saturating_sub(LINES)..at];
        let comments: Vec<&str> = above
            .iter()
            .copied()
            .filter(|line| is_comment(line))
            .collect();
        let has_reason = REASONS
            .iter()
            .any(|reason| comments.concat().contains(reason));
        !is_comment(&lines[at]) && uses(lines[at]) && !has_reason
    });
    unreasoned.map(|at| lines[at]).collect()
}

#[test]
fn every_ordering_says_why_it_is_strong_enough() {
    for (path, text) in everything() {
        let lines = unreasoned(&text);
        assert!(
            lines.is_empty(),
            "{}: a comment above says what the ordering pairs with, or that it publishes nothing: {lines:?}",
            path.display()
        );
        // Whoever needs one total order of several atomics has a protocol that loom does not see.
        let strongest = ["Seq", "Cst"].concat();
        assert!(
            !text.contains(&strongest),
            "{} says {strongest}: acquire and release, and what they pair with",
            path.display()
        );
    }
}

#[test]
fn an_ordering_without_a_reason_is_found() {
    let bare = format!("let a = 1;\nflag.store(true, Ordering::{});\n", "Release");
    assert_eq!(unreasoned(&bare).len(), 1);
    let reasoned = format!("// Release pairs with the Acquire of `seen`.\n{bare}");
    assert!(unreasoned(&reasoned).is_empty());
    let too_far = format!(
        "// It publishes nothing.\n{}{bare}",
        "let b = 2;\n".repeat(LINES)
    );
    assert_eq!(unreasoned(&too_far).len(), 1);
}

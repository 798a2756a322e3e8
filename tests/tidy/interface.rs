//! The public interface: examples for the traits that users implement, enums that may grow, and
//! errors in the library's own words.

use super::sources;

/// Enums that are closed: whoever gets one handles every case of it.
const CLOSED: [&str; 11] = [
    "Bias",
    "Decision",
    "Fan",
    "Header",
    "LabelsMut",
    "Ones",
    "Side",
    "Status",
    "Targets",
    "TargetsMut",
    "Waiting",
];

/// The items of a kind in the library, each with its file, its name, and the docs and attributes
/// above it.
fn items(kind: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (path, text) in sources("src") {
        if path.components().any(|part| part.as_os_str() == "cli") {
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix(kind) else {
                continue;
            };
            let end = rest.find(|c: char| !c.is_alphanumeric());
            let above = lines[..at].iter().rev();
            let above = above.take_while(|line| line.starts_with("///") || line.starts_with("#["));
            let above: Vec<&str> = above.copied().collect();
            found.push((
                path.display().to_string(),
                rest[..end.unwrap_or(rest.len())].to_owned(),
                above.join("\n"),
            ));
        }
    }
    found
}

#[test]
fn every_public_trait_has_an_example() {
    let traits = items("pub trait ");
    assert!(traits.len() > 10);
    for (file, name, above) in traits {
        assert!(above.contains("/// ```"), "{file}: {name} has no example");
    }
}

#[test]
fn public_enums_may_grow() {
    let enums = items("pub enum ");
    assert!(enums.len() > 50);
    for (file, name, above) in enums {
        let may_grow = above.contains("#[non_exhaustive]");
        let is_closed = CLOSED.contains(&name.as_str());
        assert!(
            may_grow != is_closed,
            "{file}: {name} may grow, or is closed: not both, nor neither"
        );
    }
}

#[test]
fn errors_of_the_library_name_no_flags_of_the_program() {
    for (path, text) in sources("src") {
        let is_of_the_program = path.components().any(|part| part.as_os_str() == "cli");
        if is_of_the_program || path.ends_with("build.rs") {
            continue;
        }
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code.take_while(|line| !line.starts_with("#[cfg(test)]")) {
            let inside = line.split('"').skip(1).step_by(2);
            for text in inside {
                let flag = text.split(' ').find(|word| {
                    let name = word.strip_prefix("--");
                    name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
                });
                assert!(flag.is_none(), "{}: {line}", path.display());
            }
        }
    }
}

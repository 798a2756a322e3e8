//! README and guide: lengths of pages, paragraphs and cells, widths of lines, and links.

use std::fs;
use std::path::Path;

/// Most words of the README.
const README_WORDS: usize = 1800;

/// Most words of a page of the guide.
const PAGE_WORDS: usize = 1500;

/// Most words of a paragraph, or of an item of a list.
const PARAGRAPH_WORDS: usize = 90;

/// Most words of a table's cell.
const CELL_WORDS: usize = 25;

/// Columns of a line that could be broken.
const COLUMNS: usize = 100;

/// README and the guide's pages, each with its path from the project's root.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = fs::read_dir(root.join("src/guide"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("src/guide/{name}"))
        .collect();
    names.push("README.md".into());
    names.sort();
    let read = |name: String| (fs::read_to_string(root.join(&name)).unwrap(), name);
    let pages = names.into_iter().map(read).map(|(text, name)| (name, text));
    pages.collect()
}

/// Words: what stands between blanks and has a letter or a digit.
fn words(text: &str) -> usize {
    let has_letter = |word: &&str| word.chars().any(char::is_alphanumeric);
    text.split_whitespace().filter(has_letter).count()
}

/// The lines of a page outside of its code.
fn prose(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
            lines.push("");
        } else if !in_code {
            lines.push(line);
        }
    }
    lines
}

/// A line without what cannot be broken: code, pictures, and the targets of links.
fn breakable(line: &str) -> String {
    let outside_code = line.split('`').step_by(2).collect::<String>();
    let mut parts = outside_code.split("](");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once(')').map_or("", |(_, behind)| behind));
    }
    rest
}

#[test]
fn pages_are_short() {
    for (name, text) in pages() {
        let most = if name == "README.md" {
            README_WORDS
        } else {
            PAGE_WORDS
        };
        let count = words(&text);
        assert!(count <= most, "{name} has {count} words, at most {most}");
    }
}

#[test]
fn paragraphs_cells_and_lines_are_short() {
    let mut found = Vec::new();
    for (name, text) in pages() {
        let mut paragraph = String::new();
        for line in prose(&text).into_iter().chain([""]) {
            let item = line.starts_with("- ") || line.starts_with(|c: char| c.is_ascii_digit());
            if line.is_empty() || line.starts_with('|') || item {
                let count = words(&paragraph);
                if count > PARAGRAPH_WORDS {
                    let start: String = paragraph.chars().take(50).collect();
                    found.push(format!("{name}: a paragraph of {count} words: {start}"));
                }
                paragraph.clear();
            }
            for cell in line.split('|').filter(|_| line.starts_with('|')) {
                if words(cell) > CELL_WORDS {
                    found.push(format!("{name}: a cell of {} words: {cell}", words(cell)));
                }
            }
            if line.starts_with('|') || line.starts_with("![") {
                continue;
            }
            paragraph.push_str(line);
            paragraph.push('\n');
            if breakable(line).chars().count() > COLUMNS {
                found.push(format!("{name}: a line over {COLUMNS} columns: {line}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in pages() {
        let folder = root.join(&name).parent().unwrap().to_owned();
        let prose = prose(&text).join("\n");
        let heads: Vec<String> = prose
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| anchor(line.trim_start_matches('#').trim()))
            .collect();
        for link in prose.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.starts_with("crate") || target.contains("://") {
                continue;
            }
            let (file, head) = target.split_once('#').unwrap_or((target, ""));
            assert!(
                folder.join(file).exists(),
                "{name} links to {target}, which is not there"
            );
            let heads = match file {
                "" => heads.clone(),
                file => anchors(&folder.join(file)),
            };
            assert!(
                head.is_empty() || heads.iter().any(|known| known == head),
                "{name} links to {target}, and there is no such head"
            );
        }
    }
}

/// The anchors of a file's heads.
fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// A head as the end of a link: lower case, with dashes for blanks.
fn anchor(head: &str) -> String {
    let kept = head.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn every_page_of_the_guide_is_shown_and_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shown = fs::read_to_string(root.join("src/guide/mod.rs")).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for (name, _) in pages() {
        if let Some(file) = name.strip_prefix("src/guide/") {
            assert!(
                shown.contains(&format!("\"{file}\"")),
                "cargo doc lacks {name}"
            );
            assert!(readme.contains(&name), "README does not list {name}");
        }
    }
}

/// Readers of a pipe that may end before they have read it: whoever writes to them is then killed
/// (SIGPIPE) or not, as the two happen to be timed, and with `pipefail` the command fails.
const HASTY_READERS: [&str; 4] = ["| head", "| grep -q", "| grep -m", "| read"];

/// The project's shell scripts.
const SCRIPTS: [&str; 6] = [
    ".ci/run",
    "benches/peers/run.sh",
    "tests/arm64/model.sh",
    "tests/arm64/run.sh",
    "tests/arm64/tools.sh",
    "tests/systems/check.sh",
];

#[test]
fn no_command_ends_by_chance() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = SCRIPTS.map(|name| {
        let text = fs::read_to_string(root.join(name)).unwrap();
        (name.to_owned(), text)
    });
    for (name, text) in pages().into_iter().chain(scripts) {
        for line in text.lines().filter(|line| !line.starts_with('|')) {
            let hasty = HASTY_READERS.iter().find(|reader| line.contains(**reader));
            assert!(
                hasty.is_none(),
                "{name}: the reader after a pipe may end before its writer, which then fails: {line}"
            );
        }
    }
}

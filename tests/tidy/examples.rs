//! Examples: every public item of the library has one that runs, or names the item whose example
//! shows it.
//!
//! An item is public if `cargo doc` shows it: its module is public and not hidden, or a module above
//! hands its name on. An item without code of its own says `Example: [`target`].` on a line of its
//! docs, where the target is an item or a method with code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::sources;

/// What an item begins with, at the left margin.
const KINDS: [&str; 8] = [
    "const ", "enum ", "fn ", "static ", "struct ", "trait ", "type ", "union ",
];

/// Words between `pub` and the kind.
const BEFORE: [&str; 3] = ["async ", "const fn", "unsafe "];

/// A public item, or a method.
struct Item {
    file: String,
    name: String,
    /// The type or trait whose method it is.
    of: Option<String>,
    /// The lines of its docs, without `///`.
    docs: Vec<String>,
}

/// A file's module: whether the module above shows it whole, and the names that it hands on.
#[derive(Default)]
struct Handing {
    modules: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// The name that a line defines in public.
fn defined(line: &str) -> Option<&str> {
    let mut rest = line.strip_prefix("pub ")?;
    for word in BEFORE {
        rest = match word {
            "const fn" if rest.starts_with(word) => &rest["const ".len()..],
            word => rest.strip_prefix(word).unwrap_or(rest),
        };
    }
    let name = KINDS.iter().find_map(|kind| rest.strip_prefix(kind))?;
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    Some(&name[..end.unwrap_or(name.len())])
}

/// The type that an `impl` block is of, or the trait that begins.
fn implemented(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("pub trait ") {
        let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
        return Some(name[..end].to_owned());
    }
    let rest = line.strip_prefix("impl")?;
    // Behind the parameters, and behind the trait.
    let mut depth = 0;
    let own = rest.char_indices().find(|(_, c)| {
        depth += i32::from(*c == '<') - i32::from(*c == '>');
        *c == ' ' && depth == 0
    });
    let rest = rest[own?.0..].trim_start();
    let of = rest.split_once(" for ").map_or(rest, |(_, of)| of);
    let end = of.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    Some(of[..end].to_owned())
}

/// The items and methods of a file, with their docs.
fn items(file: &str, text: &str) -> Vec<Item> {
    let (mut found, mut docs, mut of) = (Vec::new(), Vec::new(), None);
    for line in text.lines() {
        let inner = line.trim_start();
        if let Some(doc) = inner.strip_prefix("///") {
            docs.push(doc.strip_prefix(' ').unwrap_or(doc).to_owned());
            continue;
        }
        of = implemented(line).or(of);
        if line == "}" {
            of = None;
        }
        let is_method = line.starts_with("    pub ") || line.starts_with("    fn ");
        let public = match line.strip_prefix("    fn ") {
            Some(rest) => format!("pub fn {rest}"),
            None => inner.to_owned(),
        };
        if let Some(name) = defined(&public).filter(|_| is_method || line.starts_with("pub ")) {
            found.push(Item {
                file: file.to_owned(),
                name: name.to_owned(),
                of: is_method.then(|| of.clone().unwrap_or_default()),
                docs: std::mem::take(&mut docs),
            });
        }
        // Attributes may take several lines.
        let is_attribute = inner.starts_with("#[") || inner.starts_with(")]");
        if !is_attribute && !docs_go_on(line) {
            docs.clear();
        }
    }
    found
}

/// Whether a line between docs and item belongs to an attribute of several lines.
fn docs_go_on(line: &str) -> bool {
    line.starts_with("    ")
        && !line.trim_start().starts_with("pub ")
        && !line.ends_with(['{', '}'])
}

/// What each module hands on, by its path (`nn/core`; empty for the crate).
fn handed_on(texts: &[(String, String)]) -> BTreeMap<String, Handing> {
    let mut all: BTreeMap<String, Handing> = BTreeMap::new();
    for (file, text) in texts {
        let own = all.entry(module(file)).or_default();
        let mut is_hidden = false;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("pub mod ").filter(|_| !is_hidden) {
                let name = name.trim_end_matches(['{', ';', ' ']);
                own.modules.insert(name.to_owned());
            }
            is_hidden = match line {
                "#[doc(hidden)]" => true,
                line => is_hidden && !line.starts_with("pub ") && !line.is_empty(),
            };
        }
        for used in text.split("\npub use ").skip(1) {
            let used = used.split(';').next().unwrap_or_default();
            let names = used.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            own.names.extend(names.map(str::to_owned));
        }
    }
    all
}

/// The module of a file below `src`: `nn/core` of `nn/core/mod.rs`, empty of `lib.rs`.
fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.strip_prefix("lib")
        .filter(|rest| rest.is_empty())
        .unwrap_or(path)
        .to_owned()
}

/// Whether `cargo doc` shows `name` of the module at `path`; the module itself, without a name.
fn is_shown(handed: &BTreeMap<String, Handing>, path: &str, name: Option<&str>) -> bool {
    if path.is_empty() {
        return true;
    }
    let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
    let Some(handing) = handed.get(above) else {
        return false;
    };
    if handing.modules.contains(last) && is_shown(handed, above, None) {
        return true;
    }
    name.is_some_and(|name| handing.names.contains(name) && is_shown(handed, above, Some(name)))
}

impl Item {
    fn has_code(&self) -> bool {
        let is_run = |line: &String| line == "```" || line == "```no_run";
        self.docs.iter().filter(|line| is_run(line)).count() > 0
    }

    /// What its line of an example names: `Type::method` or an item.
    fn target(&self) -> Option<&str> {
        let target = |line: &String| line.starts_with("Example: [`");
        let line = self.docs.iter().find(|line| target(line))?;
        line.split('`').nth(1)
    }

    fn is(&self, target: &str) -> bool {
        match target.rsplit_once("::") {
            Some((of, name)) => self.name == name && self.of.as_deref() == Some(of),
            None => self.name == target && self.of.is_none(),
        }
    }
}

/// The library's files below `src`, each with its text: neither the program nor what calls the
/// system.
fn library() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources("src").into_iter().map(|(path, text)| {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
        (file.replace('\\', "/"), text)
    });
    let is_other = |file: &str| {
        let folders = ["cli/", "sys/"];
        folders.iter().any(|folder| file.starts_with(folder)) || file.ends_with("tests.rs")
    };
    files
        .filter(|(file, _)| !is_other(file) && !["main.rs", "build.rs"].contains(&file.as_str()))
        .collect()
}

#[test]
fn every_public_item_has_an_example() {
    let texts = library();
    let handed = handed_on(&texts);
    let all: Vec<Item> = texts
        .iter()
        .flat_map(|(file, text)| items(file, text))
        .collect();
    let shown = all.iter().filter(|item| {
        item.of.is_none() && is_shown(&handed, &module(&item.file), Some(&item.name))
    });
    let shown: Vec<&Item> = shown.collect();
    assert!(shown.len() > 400, "{} public items were found", shown.len());
    let mut missing = Vec::new();
    for item in shown.into_iter().filter(|item| !item.has_code()) {
        let place = format!("src/{}: {}", item.file, item.name);
        match item.target() {
            None => missing.push(format!("{place} has no example")),
            Some(target) => {
                let mut named = all.iter().filter(|other| other.is(target));
                if !named.any(Item::has_code) {
                    missing.push(format!("{place} names {target}, which has no example"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn items_and_who_shows_them_are_found() {
    let lib = "pub mod a;\n#[doc(hidden)]\npub mod hidden;\npub use hidden::Kept;\n";
    let a = "mod b;\npub use b::{Shown};\n";
    let b = "/// S.\n///\n/// ```\n#[error(\n    \"text\"\n)]\npub struct Shown {\n    pub x: u8,\n}\nimpl<'a> Shown<'a> {\n    /// M.\n    pub fn of() {}\n}\npub const fn not() {}\n";
    let hidden = "pub struct Kept;\npub struct Other;\n";
    let texts = [
        ("lib.rs", lib),
        ("a/mod.rs", a),
        ("a/b.rs", b),
        ("hidden.rs", hidden),
    ];
    let texts = texts.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let handed = handed_on(&texts);
    let shown = texts.iter().flat_map(|(file, text)| items(file, text));
    let shown = shown.map(|item| {
        let is_shown = is_shown(&handed, &module(&item.file), Some(&item.name));
        (
            item.name.clone(),
            item.of.is_some(),
            item.has_code(),
            is_shown,
        )
    });
    let expected = [
        ("Shown", false, true, true),
        ("of", true, false, false),
        ("not", false, false, false),
        ("Kept", false, false, true),
        ("Other", false, false, false),
    ];
    let expected =
        expected.map(|(name, method, code, shown)| (name.to_owned(), method, code, shown));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

//! The import graph of the sources: which file takes a name from which, re-exports followed to the
//! file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{shipped, sources};

/// A module's path from the crate's root: `["engine", "all_reduce", "plan"]`.
type ModulePath = Vec<String>;

/// One source file, as far as imports go.
struct Module {
    file: String,
    defines: BTreeSet<String>,
    /// Names that it hands on: the name, and the path that it stands for.
    exports: Vec<(String, ModulePath)>,
    /// Paths that it uses itself, from the crate's root.
    uses: Vec<ModulePath>,
}

/// The files of `src` and, for each, the files it takes names from, with one of the names.
pub(crate) struct ImportGraph {
    pub(crate) edges: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl ImportGraph {
    pub(crate) fn of_sources() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let texts: Vec<(ModulePath, String, String)> = sources("src")
            .into_iter()
            .map(|(path, text)| {
                let relative = path.strip_prefix(&root).unwrap().to_str().unwrap();
                (module_path(relative), relative.to_owned(), shipped(&text))
            })
            .filter(|(_, file, _)| !file.ends_with("tests.rs") && file != "build.rs")
            .collect();
        let known: BTreeSet<ModulePath> = texts.iter().map(|(path, ..)| path.clone()).collect();
        let modules: BTreeMap<ModulePath, Module> = texts
            .iter()
            .map(|(path, file, code)| (path.clone(), read(path, file, code, &known)))
            .collect();
        let mut edges = BTreeMap::new();
        for module in modules.values() {
            let targets: &mut BTreeMap<String, BTreeSet<String>> =
                edges.entry(module.file.clone()).or_default();
            for used in module.uses.iter().filter(|used| !used.is_empty()) {
                if let Some(file) = defining_file(used, &modules, 0).filter(|f| *f != module.file) {
                    let name = used.last().unwrap().clone();
                    targets.entry(file).or_default().insert(name);
                }
            }
        }
        Self { edges }
    }

    /// The groups of files that reach each other, largest first.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let reachable: BTreeMap<&str, BTreeSet<&str>> = self
            .edges
            .keys()
            .map(|file| (file.as_str(), self.reachable_from(file)))
            .collect();
        let mut circles: Vec<Vec<String>> = Vec::new();
        let mut placed = BTreeSet::new();
        for file in self.edges.keys().map(String::as_str) {
            if placed.contains(file) || !reachable[file].contains(file) {
                continue;
            }
            let back = |other: &&&str| reachable.get(**other).is_some_and(|r| r.contains(file));
            let circle: Vec<&str> = reachable[file].iter().filter(back).copied().collect();
            placed.extend(circle.iter().copied());
            circles.push(circle.into_iter().map(str::to_owned).collect());
        }
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    fn reachable_from(&self, file: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = vec![file];
        while let Some(next) = open.pop() {
            for target in self.edges.get(next).into_iter().flat_map(BTreeMap::keys) {
                if found.insert(target.as_str()) {
                    open.push(target);
                }
            }
        }
        found
    }

    /// The arrows of a circle, a line each.
    pub(crate) fn arrows_within(&self, circle: &[String]) -> String {
        let mut lines = Vec::new();
        for from in circle {
            for (to, names) in self.edges[from]
                .iter()
                .filter(|(to, _)| circle.contains(to))
            {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                lines.push(format!("  {from} -> {to}: {}", names.join(", ")));
            }
        }
        lines.join("\n")
    }
}

/// `engine/all_reduce/mod.rs` is `engine::all_reduce`; `lib.rs` the root.
fn module_path(relative: &str) -> ModulePath {
    let stem = relative.trim_end_matches(".rs");
    let parts = stem
        .split('/')
        .filter(|part| !matches!(*part, "mod" | "lib"));
    parts.map(str::to_owned).collect()
}

fn read(path: &ModulePath, file: &str, code: &str, known: &BTreeSet<ModulePath>) -> Module {
    let mut module = Module {
        file: file.to_owned(),
        defines: definitions(code),
        exports: Vec::new(),
        uses: Vec::new(),
    };
    let mut rest = String::new();
    for statement in statements(code) {
        let Some((is_public, tree)) = use_tree(&statement) else {
            rest.push_str(&statement);
            rest.push('\n');
            continue;
        };
        for (full, name) in leaves(&tree) {
            let Some(full) = absolute(path, &full, known) else {
                continue;
            };
            // A table of contents hands names on and uses none of them.
            if is_public {
                module.exports.push((name, full));
            } else {
                module.exports.push((name, full.clone()));
                module.uses.push(full);
            }
        }
    }
    for inline in inline_paths(&rest) {
        module.uses.extend(absolute(path, &inline, known));
    }
    module
}

/// The code cut after each `;`, `{` and `}` outside of a `use`.
fn statements(code: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut current = String::new();
    for line in code.lines() {
        current.push_str(line);
        current.push('\n');
        let is_use = use_tree(&current).is_some();
        if !is_use || line.trim_end().ends_with(';') {
            statements.push(std::mem::take(&mut current));
        }
    }
    statements.push(current);
    statements
}

/// Whether it is public, and what stands between `use` and `;`.
fn use_tree(statement: &str) -> Option<(bool, String)> {
    let text = statement.trim();
    let (visibility, tree) = match text.strip_prefix("pub") {
        Some(rest) => {
            let rest = rest.trim_start_matches(|c: char| c == '(' || c == ')' || c.is_alphabetic());
            (true, rest.trim_start())
        }
        None => (false, text),
    };
    let tree = match visibility {
        true => {
            text.split_once("use ")
                .filter(|(head, _)| head.starts_with("pub") && !head.contains("fn"))?
                .1
        }
        false => tree.strip_prefix("use ")?,
    };
    let flat: String = tree
        .trim_end_matches(';')
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    Some((visibility, flat))
}

/// Every path of a `use` tree, with the name it is known by here.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some((prefix, group)) = tree.split_once('{') {
        let prefix: Vec<String> = segments(prefix);
        let group = group.trim().trim_end_matches(';').trim();
        let group = group.strip_suffix('}').unwrap_or(group);
        return split_top(group)
            .into_iter()
            .flat_map(|part| leaves(&part))
            .map(|(path, name)| ([prefix.clone(), path].concat(), name))
            .collect();
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim().to_owned())),
        None => (tree, None),
    };
    let mut path = segments(path);
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
    vec![(path, name)]
}

fn segments(path: &str) -> Vec<String> {
    let parts = path
        .split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Split at the commas that are in no braces.
fn split_top(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// From the crate's root; none for other crates' paths.
fn absolute(
    module: &ModulePath,
    path: &[String],
    known: &BTreeSet<ModulePath>,
) -> Option<ModulePath> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        child => {
            base.push(child.to_owned());
            if !known.contains(&base) {
                return None;
            }
            rest = &path[1..];
        }
    }
    Some([base, rest.to_vec()].concat())
}

/// Names that stand after `struct`, `enum`, `trait`, `fn`, ...
fn definitions(code: &str) -> BTreeSet<String> {
    let keywords = [
        "struct",
        "enum",
        "trait",
        "fn",
        "const",
        "static",
        "type",
        "macro_rules!",
        "union",
    ];
    let words: Vec<&str> = code.split_whitespace().collect();
    words
        .windows(2)
        .filter(|pair| keywords.contains(&pair[0]))
        .map(|pair| {
            pair[1]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

/// `crate::a::b` and `super::c` within the code.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            let is_visibility = code[..at].ends_with("pub(in ");
            if is_visibility || before.is_some_and(|c| is_word(c) || c == ':') {
                continue;
            }
            let path: String = code[at..]
                .chars()
                .take_while(|c| is_word(*c) || *c == ':')
                .collect();
            found.push(segments(&path));
        }
    }
    found
}

/// The file that defines what a path names: through modules, then re-exports.
fn defining_file(
    path: &[String],
    modules: &BTreeMap<ModulePath, Module>,
    depth: usize,
) -> Option<String> {
    let (known, module) = (0..=path.len())
        .rev()
        .find_map(|len| modules.get(&path[..len]).map(|module| (len, module)))?;
    let Some(name) = path.get(known) else {
        return Some(module.file.clone());
    };
    if module.defines.contains(name) || depth > 8 {
        return Some(module.file.clone());
    }
    let exported = module.exports.iter().find(|(exported, _)| exported == name);
    let globs = module
        .exports
        .iter()
        .filter(|(exported, _)| exported == "*");
    let through = |target: &ModulePath| defining_file(target, modules, depth + 1);
    exported
        .and_then(|(_, target)| through(target))
        .or_else(|| {
            globs
                .map(|(_, target)| {
                    [&target[..target.len() - 1], std::slice::from_ref(name)].concat()
                })
                .find_map(|target| through(&target))
        })
        .or_else(|| Some(module.file.clone()))
}

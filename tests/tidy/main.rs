//! The house rules that a machine can check: heads, sizes, layers, printing.

mod book;
mod circles;
mod examples;
mod functions;
mod imports;
mod interface;
mod orderings;
mod systems;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// Longest file, in lines.
const FILE_LINES: usize = 400;

/// Which modules of the crate a module may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("sync", &[]),
    ("seed", &[]),
    ("sys", &["sync"]),
    ("memory", &["sys"]),
    ("disk", &["sys"]),
    ("input", &["disk", "sys"]),
    ("output", &["disk", "sys"]),
    ("lock", &["disk"]),
    ("meant", &[]),
    ("real", &[]),
    ("stats", &["seed"]),
    ("metrics", &[]),
    ("engine", &["sync", "seed", "memory", "sys"]),
    ("optim", &["meant", "real"]),
    ("data", &["seed", "sync", "input", "meant", "output", "sys"]),
    ("nn", &["sync", "seed", "meant", "memory", "engine"]),
    (
        "train",
        &[
            "sync", "seed", "input", "output", "metrics", "engine", "optim", "data", "nn",
        ],
    ),
    ("report", &["engine", "nn", "sys"]),
    (
        "study",
        &[
            "sync", "seed", "input", "meant", "output", "lock", "stats", "engine", "optim", "data",
            "nn", "train", "report", "sys",
        ],
    ),
    ("export", &["nn", "input", "meant", "output"]),
    (
        "run",
        &[
            "seed", "input", "meant", "output", "lock", "metrics", "engine", "data", "nn", "train",
            "report", "export", "sys",
        ],
    ),
    (
        "cli",
        &[
            "sync", "seed", "input", "meant", "output", "real", "stats", "metrics", "engine",
            "optim", "data", "nn", "train", "report", "study", "run", "export", "sys",
        ],
    ),
    ("guide", &[]),
    ("lib", &["train"]),
];

/// Which of its own folders (and files) each folder of `nn` may import.
const NN_FOLDERS: [(&str, &[&str]); 7] = [
    ("shape", &[]),
    ("error", &["shape"]),
    ("kernel", &["error", "shape"]),
    ("core", &["error", "shape", "kernel"]),
    ("loss", &["error", "shape", "kernel", "core"]),
    ("layers", &["error", "shape", "kernel", "core"]),
    (
        "model",
        &["error", "shape", "kernel", "core", "loss", "layers"],
    ),
];

/// What `nn` takes from `engine`: the replica's side of it.
const NN_FROM_ENGINE: [&str; 13] = [
    "Batch",
    "Combination",
    "ErrorSums",
    "Fold",
    "AllGather",
    "Phase",
    "Replica",
    "Shard",
    "StepShape",
    "Sums",
    "part",
    "split_point",
    "squared_norm",
];

/// Not of the crate: a program that tells Cargo things by printing them.
const BUILD_SCRIPT: &str = "src/build.rs";

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut found,
    );
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

fn everything() -> Vec<(PathBuf, String)> {
    ["src", "tests", "benches", "examples"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

/// Its lines that are no comments.
fn code(text: &str) -> String {
    let lines = text.lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    code.join("\n")
}

/// The code before the unit tests.
fn shipped(text: &str) -> String {
    let code = code(text);
    let ends = ["\n#[cfg(test)]", "\n#[cfg(all(test, "];
    let ends = ends.iter().filter_map(|end| code.find(end));
    code[..ends.min().unwrap_or(code.len())].to_owned()
}

#[test]
fn every_file_opens_with_its_purpose_and_stays_short() {
    for (path, text) in everything() {
        assert!(text.starts_with("//! "), "{} has no head", path.display());
        let lines = text.lines().count();
        assert!(lines < FILE_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn modules_import_only_what_lies_below_them() {
    for (path, text) in sources("src") {
        let relative = path
            .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
            .unwrap();
        let module = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .replace(".rs", "");
        if module == "main" || path.ends_with(BUILD_SCRIPT) {
            continue;
        }
        let (_, allowed) = LAYERS
            .iter()
            .find(|(name, _)| *name == module)
            .expect("a module of the table");
        // Unit tests may reach sideways; what is shipped may not.
        if path.ends_with("tests.rs") {
            continue;
        }
        for used in shipped(&text).split("crate::").skip(1) {
            let name: String = used
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            assert!(
                name == module || allowed.contains(&name.as_str()),
                "{} imports {name}",
                path.display()
            );
            if module == "nn" && name == "engine" {
                let items = used
                    .trim_start_matches("engine::")
                    .split(';')
                    .next()
                    .unwrap();
                let items = items.trim_matches(['{', '}']).split(',').map(str::trim);
                for item in items.filter(|item| !item.is_empty()) {
                    assert!(
                        NN_FROM_ENGINE.contains(&item),
                        "{} takes {item} from engine",
                        path.display()
                    );
                }
            }
        }
    }
}

#[test]
fn folders_of_nn_import_only_what_lies_below_them() {
    let graph = imports::ImportGraph::of_sources();
    for (file, targets) in &graph.edges {
        let Some(own) = nn_folder(file) else { continue };
        let (_, allowed) = NN_FOLDERS
            .iter()
            .find(|(folder, _)| *folder == own)
            .expect("a folder of the table");
        for (target, names) in targets {
            let Some(other) = nn_folder(target) else {
                continue;
            };
            assert!(
                other == own || allowed.contains(&other),
                "{file} imports {names:?} from {target}"
            );
        }
    }
}

/// `core` of `nn/core/op.rs`, `error` of `nn/error.rs`; none of a file of another module.
fn nn_folder(file: &str) -> Option<&str> {
    let within = file.strip_prefix("nn/").filter(|name| *name != "mod.rs")?;
    within.split(['/', '.']).next()
}

#[test]
fn only_the_program_prints_and_only_sync_names_locks_and_atomics() {
    for (path, text) in sources("src") {
        let code = code(&text);
        let is_cli =
            path.components().any(|part| part.as_os_str() == "cli") || path.ends_with(BUILD_SCRIPT);
        assert!(
            is_cli || !code.contains("println!"),
            "{} prints",
            path.display()
        );
        if !path.ends_with("sync.rs") {
            for name in ["sync::atomic", "parking_lot", "loom::"] {
                assert!(!code.contains(name), "{} names {name}", path.display());
            }
        }
        for word in ["FIX", "XX", "TO"]
            .into_iter()
            .zip(["ME", "X", "DO"])
            .map(|(a, b)| [a, b].concat())
        {
            assert!(!text.contains(&word), "{} says {word}", path.display());
        }
    }
}

/// Ways to make, change, move or remove a file or a folder, and to read a file whole, all of which are
/// `disk`'s.
const CALLS: [&str; 13] = [
    "File::create",
    "File::options",
    "OpenOptions",
    "fs::copy",
    "fs::create_dir",
    "fs::hard_link",
    "fs::read(",
    "fs::read_to_string",
    "fs::remove_",
    "fs::rename",
    "fs::set_permissions",
    "fs::write",
    "sync_data",
];

/// Files that read what is no data: settings of the system, the version, what comes out of a pipe, who
/// holds a lock.
const READS_ELSEWHERE: [&str; 9] = [
    "sys/signals.rs",
    "sys/cores.rs",
    "sys/limits.rs",
    "sys/machine.rs",
    "study/disturbance.rs",
    "study/bench.rs",
    "build.rs",
    "input.rs",
    "lock.rs",
];

#[test]
fn only_disk_makes_changes_and_removes_files() {
    for (path, text) in sources("src") {
        let is_its_own = path.ends_with("src/disk.rs") || path.ends_with("tests.rs");
        let reads = READS_ELSEWHERE.iter().any(|file| path.ends_with(file));
        let calls = CALLS
            .iter()
            .filter(|name| !reads || !name.starts_with("fs::read"));
        for name in calls {
            let code = shipped(&text);
            assert!(
                is_its_own || !code.contains(name),
                "{} names {name}",
                path.display()
            );
        }
    }
}

/// Files with unsafe code, and how often each says so, its reason and tests included; counts may
/// only fall.
const UNSAFE: [(&str, usize); 5] = [
    // Functions of a library that is loaded at run time, three of which read or write memory.
    ("engine/ranks/mpi.rs", 8),
    // Calls of functions compiled for an instruction set, of its loads and stores, and of what makes
    // denormals zeros.
    ("nn/kernel/x86.rs", 17),
    // The same, and what keeps its order.
    ("nn/kernel/neon.rs", 14),
    // A call to the system each.
    ("sys/library.rs", 2),
    ("sys/pages.rs", 3),
];

#[test]
fn unsafe_stays_in_the_instruction_sets_in_mpi_and_in_two_calls_to_the_system() {
    for (path, text) in sources("src") {
        let listed = UNSAFE.iter().find(|(file, _)| path.ends_with(file));
        let most = listed.map_or(0, |(_, most)| *most);
        let code = code(&text);
        let found = code.matches("unsafe").count();
        assert!(found <= most, "{} is unsafe", path.display());
        let asking =
            ["x86.rs", "neon.rs", "fused.rs"].map(|file| Path::new("nn/kernel").join(file));
        let may_ask = asking.iter().any(|file| path.ends_with(file));
        assert!(
            may_ask || !code.contains("target_feature"),
            "{} compiles for an instruction set itself",
            path.display()
        );
    }
}

/// What a machine that does something else at the same time changes.
const CLOCKS: [&str; 2] = [".elapsed(", "Instant::now() - "];

#[test]
fn no_test_reads_a_clock() {
    let tests = sources("tests").into_iter().map(|(path, text)| {
        let code = code(&text);
        (path, code)
    });
    let units = sources("src").into_iter().map(|(path, text)| {
        let is_docs = |line: &&str| line.trim_start().starts_with("//");
        let docs: Vec<&str> = text.lines().filter(is_docs).collect();
        let unit = match path.ends_with("tests.rs") {
            true => text.as_str(),
            false => text
                .split_once("\n#[cfg(test)]")
                .map_or("", |(_, unit)| unit),
        };
        let code = [docs.join("\n"), code(unit)].join("\n");
        (path, code)
    });
    for (path, code) in tests
        .chain(units)
        .filter(|(path, _)| !path.ends_with("tidy/main.rs"))
    {
        for clock in CLOCKS {
            assert!(
                !code.contains(clock),
                "{} says {clock}: what it holds must hold on a busy machine",
                path.display()
            );
        }
    }
}

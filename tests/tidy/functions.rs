//! Functions: how long they are, and how many parameters they take.

use super::{everything, shipped, sources};

/// Longest function, in lines.
const FUNCTION_LINES: usize = 60;

/// Most parameters after `self`.
const PARAMETERS: usize = 6;

/// Functions over the limit of lines, which may only become fewer.
const LONG_FUNCTIONS: &[&str] = &[];

/// Functions that pack several parameters into a tuple, by module; each count may only fall.
const TUPLE_PARAMETERS: &[(&str, usize)] = &[];

#[test]
fn functions_stay_short() {
    let mut long = Vec::new();
    for (path, text) in everything() {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let has_body = !line.ends_with("{}") && !line.ends_with(';');
            let Some(name) = function_name(line).filter(|_| has_body) else {
                continue;
            };
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[start..].iter().position(|l| **l == end).unwrap_or(0);
            if length > FUNCTION_LINES {
                long.push(format!("{}: {name}", path.file_name().unwrap().display()));
            }
        }
    }
    assert_eq!(long, LONG_FUNCTIONS, "the list may only shrink");
}

#[test]
fn functions_take_few_parameters_and_no_tuples() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut with_tuples = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (path, text) in sources("src") {
        let relative = path.strip_prefix(&root).unwrap();
        let module = relative.components().next().unwrap().as_os_str();
        let module = module.to_string_lossy().replace(".rs", "");
        for (name, parameters) in signatures(&shipped(&text)) {
            let shown = format!("{}: {name}", relative.display());
            let count = parameters.iter().filter(|p| !is_self(p)).count();
            assert!(count <= PARAMETERS, "{shown} takes {count} parameters");
            if parameters.iter().any(|parameter| is_tuple(parameter)) {
                with_tuples.entry(module.clone()).or_default().push(shown);
            }
        }
    }
    let counts: Vec<(&str, usize)> = with_tuples
        .iter()
        .map(|(module, functions)| (module.as_str(), functions.len()))
        .collect();
    let all: Vec<String> = with_tuples.values().flatten().cloned().collect();
    assert!(
        counts == TUPLE_PARAMETERS,
        "a struct with names instead of a tuple; counts may only fall: {counts:?}\n{}",
        all.join("\n")
    );
}

/// The name of the function that begins on a line.
fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let before = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "unsafe",
        "const",
        "async",
    ];
    let first = words.by_ref().find(|word| !before.contains(word))?;
    let name = words.next().filter(|_| first == "fn")?;
    name.split(['(', '<']).next()
}

fn is_self(parameter: &str) -> bool {
    let name = parameter.split(':').next().unwrap();
    name.split([' ', '&']).any(|word| word == "self")
}

/// Whether its pattern or its type is a tuple of two or more.
fn is_tuple(parameter: &str) -> bool {
    let kind = parameter
        .split_once(':')
        .map_or("", |(_, kind)| kind)
        .trim();
    let kind = kind.trim_start_matches("&mut ").trim_start_matches('&');
    parameter.trim().starts_with('(') || (kind.starts_with('(') && kind != "()")
}

/// Every function's name, with its parameters as they are written.
fn signatures(code: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in code.lines() {
        let start = at;
        at += line.len() + 1;
        let Some(name) = function_name(line) else {
            continue;
        };
        let after_name = start + line.find("fn ").unwrap() + "fn ".len() + name.len();
        found.push((name.to_owned(), parameters(&code[after_name..])));
    }
    found
}

/// What stands in the first parentheses after the generics, split at its own commas.
fn parameters(text: &str) -> Vec<String> {
    let mut parameters = vec![String::new()];
    let (mut angles, mut depth) = (0, 0);
    let mut previous = ' ';
    for c in text.chars() {
        match c {
            '<' => angles += 1,
            '>' if previous != '-' => angles -= 1,
            _ => {}
        }
        previous = c;
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 && angles == 0 => {
                parameters.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 && c == ')' && angles == 0 {
            break;
        }
        let opens = depth == 1 && c == '(' && angles == 0 && parameters == [""];
        if depth > 0 && !opens {
            parameters.last_mut().unwrap().push(c);
        }
    }
    parameters.retain(|parameter| !parameter.trim().is_empty());
    parameters
}

//! Recipes of presets: what a training follows where nothing else is asked for.

use serde_json::Value;

use crate::files::Folder;
use crate::program::{stdout, value};

/// The lines of a printed configuration that set these keys.
fn shown(text: &str, keys: &[&str]) -> Vec<String> {
    let is_asked = |line: &&str| {
        keys.iter()
            .any(|key| line.starts_with(&format!("{key} = ")))
    };
    text.lines().filter(is_asked).map(str::to_owned).collect()
}

#[test]
fn a_preset_has_a_recipe_which_flags_and_files_go_before() {
    let keys = ["lr", "name", "schedule", "clip_norm", "size"];
    let plain = stdout(&["config", "--preset", "gpt", "--epochs", "7"]);
    let expected = [
        "lr = 0.003",
        "name = \"adamw\"",
        "clip_norm = 1.0",
        "schedule = \"warmup 100 steps, cosine to 0.1 over 7 epochs\"",
        "size = 32",
    ];
    let own = |text: &str| -> Vec<String> {
        let section = text.split("[optimizer]").nth(1).unwrap();
        shown(section, &keys)
    };
    assert_eq!(own(&plain), expected);
    // A flag goes before it, and so does a file.
    let asked = stdout(&[
        "config",
        "--preset",
        "gpt",
        "--lr",
        "0.05",
        "--clip-norm",
        "2",
    ]);
    assert_eq!(
        own(&asked)[..3],
        ["lr = 0.05", "name = \"adamw\"", "clip_norm = 2.0"]
    );
    let folder = Folder::new("recipes");
    let file = folder.file("gpt.toml", plain.as_bytes());
    let again = stdout(&[
        "config",
        "--config",
        file.to_str().unwrap(),
        "--epochs",
        "9",
    ]);
    assert_eq!(own(&again), expected);
    let defaults = own(&stdout(&["config"]));
    let other = stdout(&["config", "--preset", "gpt", "--optimizer", "momentum"]);
    assert_eq!(own(&other), defaults);
    assert_eq!(own(&stdout(&["config", "--preset", "mlp_small"])), defaults);
}

#[test]
fn what_is_followed_is_printed_and_kept_and_a_text_follows_that_of_its_model() {
    let folder = Folder::new("recipe-of-text");
    let text = folder.file("verses.txt", "to be or not to be, ".repeat(200).as_bytes());
    let (text, run) = (text.to_str().unwrap(), folder.0.join("run"));
    let run = run.to_str().unwrap();
    let train = ["train", "--data", text, "--max-steps", "20"];
    let said = stdout(&[&train[..], &["--out", run]].concat());
    let recipe = value(&said, "recipe");
    assert!(
        recipe.starts_with("that of gpt (lr 0.003, optimizer adamw, "),
        "{recipe}"
    );
    assert!(value(&said, "optimizer").starts_with("adamw (lr 0.003, "));
    let json = stdout(&[&train[..], &["--lr", "0.01", "--json"]].concat());
    let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let recipe = first["recipe"].as_object().unwrap();
    assert_eq!(recipe["optimizer.name"], "adamw");
    assert!(!recipe.contains_key("optimizer.lr"));
    // A run that goes on keeps it, however long it is made.
    let longer = stdout(&["train", "--resume", run, "--max-steps", "30"]);
    let schedule = "warmup 2 steps, cosine to 0.1 over 20 steps";
    assert_eq!(value(&longer, "schedule"), schedule);
    let own = ["--layers", "embedding 8, lstm 8"];
    let own = stdout(&[&train[..], &own].concat());
    assert!(!own.contains("recipe: "), "{own}");
}

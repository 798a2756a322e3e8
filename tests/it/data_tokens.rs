//! Tokenizers from files, and the tokens that training drops.

use serde_json::{Value, json};

use crate::files::Folder;
use unisono::data::{Dataset, LabelsMut, TextDataset, Tokenizer};

/// Pieces of one and two letters, joined by merges.
fn tokenizer(more: &str, vocabulary: &str) -> String {
    format!(
        r#"{{"version": "1.0", {more} "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": null, "model": {{"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": {vocabulary}, "merges": ["a b"]}}}}"#
    )
}

const SMALL: &str = r#"{"a": 0, "b": 1, "ab": 2, " ": 3}"#;
const PLAIN: &str = r#""truncation": null, "padding": null,"#;

#[test]
fn pieces_are_joined_whole_texts_are_encoded_and_unknown_letters_are_named() {
    let folder = Folder::new("tokens");
    let read = |text: String| Tokenizer::from_json(&folder.file("tokenizer.json", text.as_bytes()));
    let pieces = read(tokenizer(PLAIN, SMALL)).unwrap();
    assert_eq!(
        (pieces.len(), pieces.encode("ab ba").unwrap()),
        (4, vec![2, 3, 1, 0])
    );
    let error = pieces.encode("abc").unwrap_err().to_string();
    assert!(error.contains("'c'"), "{error}");
    let truncates = r#""truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}, "padding": null,"#;
    let whole = read(tokenizer(truncates, SMALL)).unwrap();
    assert_eq!(whole.encode(&"ab".repeat(50)).unwrap().len(), 50);
    let gap = read(tokenizer(PLAIN, r#"{"a": 0, "b": 4000000000, "ab": 2}"#));
    assert!(gap.unwrap_err().to_string().contains("below 2^24"));
    assert!(read("{}".to_owned()).is_err());
}

/// Calls `each` with the JSON in which one value at a time is another.
fn with_odd_values(json: &Value, each: &mut dyn FnMut(Value)) {
    let odd = [
        json!(5),
        json!(-1.5),
        json!(""),
        json!([1]),
        json!({"type": 7}),
        Value::Null,
    ];
    odd.into_iter().for_each(&mut *each);
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                with_odd_values(value, &mut |odd| {
                    let mut whole = json.clone();
                    whole[name] = odd;
                    each(whole);
                });
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                with_odd_values(value, &mut |odd| {
                    let mut whole = json.clone();
                    whole[at] = odd;
                    each(whole);
                });
            }
        }
        _ => {}
    }
}

#[test]
fn values_of_a_wrong_kind_anywhere_in_a_tokenizer_are_no_panic() {
    let folder = Folder::new("odd-tokens");
    let mut whole: Value = serde_json::from_str(&tokenizer(PLAIN, SMALL)).unwrap();
    whole["decoder"] = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "_"}, "content": " "},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "WordPiece", "prefix": "##", "cleanup": true},
    ]});
    whole["normalizer"] =
        json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]});
    whole["pre_tokenizer"] = json!({"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": false});
    whole["added_tokens"] = json!([{"id": 4, "content": "<x>", "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true}]);
    let (mut tried, mut read) = (0, 0);
    with_odd_values(&whole, &mut |odd| {
        let path = folder.file("tokenizer.json", odd.to_string().as_bytes());
        tried += 1;
        match Tokenizer::from_json(&path) {
            Ok(tokenizer) => {
                // Whatever it makes of a text, it makes no panic.
                if let Ok(tokens) = tokenizer.encode("ab a b_<x>") {
                    let _ = tokenizer.decode(&tokens);
                }
                read += 1;
            }
            Err(error) => assert!(error.to_string().contains("tokenizer.json"), "{error}"),
        }
    });
    assert!(tried > 200 && read > 20, "{tried}, {read}");
    // The crate panics at this one.
    whole["normalizer"] = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"});
    let path = folder.file("tokenizer.json", whole.to_string().as_bytes());
    let error = Tokenizer::from_json(&path).unwrap_err().to_string();
    assert!(error.contains("panics at"), "{error}");
}

#[test]
fn dropped_tokens_are_drawn_anew_by_epoch_and_row_and_labels_stay() {
    let data = TextDataset::new((0..400).map(|at| at % 50).collect(), 50, 8, 42).unwrap();
    let dropped = data.clone().with_token_dropout(0.25).unwrap();
    let draw = |data: &TextDataset, epoch: u32| {
        let rows: Vec<u32> = (0..40).collect();
        let (mut inputs, mut next) = (vec![0.0; 320], vec![0; 320]);
        data.draw(epoch, &rows, &mut inputs, LabelsMut::Classes(&mut next));
        (inputs, next)
    };
    let mut changed = 0;
    for epoch in 0..10 {
        let ((plain, next), (odd, same)) = (draw(&data, epoch), draw(&dropped, epoch));
        assert_eq!(next, same);
        assert_eq!(odd, draw(&dropped, epoch).0);
        changed += plain.iter().zip(&odd).filter(|(a, b)| a != b).count();
    }
    // A quarter, less the fiftieth that is drawn as it was: 784 of 3,200, five deviations of 24.
    assert!((664..904).contains(&changed), "{changed}");
    assert!(data.with_token_dropout(1.5).is_err());
}

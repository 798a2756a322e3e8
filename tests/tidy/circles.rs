//! No circles: files that import each other, directly or through others, can only be read all at once.

use super::imports::ImportGraph;

/// Files that may import each other, circle by circle; the list may only shrink.
const CIRCLES: &[&[&str]] = &[
    &[
        "cli/args.rs",
        "cli/config.rs",
        "cli/load/augment.rs",
        "cli/load/mod.rs",
        "cli/load/words.rs",
        "cli/mod.rs",
        "cli/optim.rs",
        "cli/sections.rs",
        "cli/study_args.rs",
        "cli/whole.rs",
    ],
    &["cli/scaling.rs", "cli/what_if.rs"],
    &["cli/settings_table/mod.rs", "cli/study_plan.rs"],
];

#[test]
fn no_files_import_each_other_in_a_circle() {
    let graph = ImportGraph::of_sources();
    let found = graph.circles();
    let described: Vec<String> = found
        .iter()
        .map(|circle| {
            let arrows = graph.arrows_within(circle);
            format!("{} files:\n{arrows}", circle.len())
        })
        .collect();
    assert!(found == CIRCLES, "{}", described.join("\n"));
}

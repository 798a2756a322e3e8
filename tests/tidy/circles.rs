//! No circles: files that import each other, directly or through others, can only be read all at once.

use super::imports::ImportGraph;

/// Files that may import each other, circle by circle; the list may only shrink.
const CIRCLES: &[&[&str]] = &[];

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

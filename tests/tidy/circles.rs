//! No circles: files that import each other, directly or through others, can only be read all at once.

use super::imports::ImportGraph;

/// Files that may import each other, circle by circle; the list may only shrink.
const CIRCLES: &[&[&str]] = &[
    &[
        "nn/kernel/conv.rs",
        "nn/kernel/fold.rs",
        "nn/kernel/fold_rows.rs",
        "nn/kernel/pack.rs",
        "nn/kernel/part.rs",
        "nn/kernel/product.rs",
        "nn/kernel/rows.rs",
        "nn/kernel/winograd.rs",
        "nn/kernel/x86.rs",
    ],
    &[
        "study/batch_size/prospect.rs",
        "study/batch_size/steps.rs",
        "study/batch_size/workload.rs",
    ],
    &["data/columns.rs", "data/csv.rs"],
    &["study/bench.rs", "study/rig.rs"],
    &["study/scaling/charts.rs", "study/scaling/report.rs"],
    &["study/scaling/costs.rs", "study/scaling/scenario.rs"],
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

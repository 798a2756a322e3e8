//! Layers as JSON: `{"layer": KIND, "settings": ...}`, with the layers of a combination among its
//! settings.
//!
//! Made of text alone, in the order of the fields, so that the same layer is the same bytes in
//! every build: a digest may be taken of them.

use std::sync::Arc;

use serde::Serialize;

use super::layer::Spec;

/// A layer with settings of its own.
pub(in crate::nn) fn layer_json(kind: &str, settings: &impl Serialize) -> Option<String> {
    let settings = text(settings);
    Some(format!(r#"{{"layer":"{kind}","settings":{settings}}}"#))
}

/// Branches that are joined.
pub(in crate::nn) fn branches_json(
    kind: &str,
    join: &impl Serialize,
    branches: &[Vec<Arc<dyn Spec>>],
) -> Option<String> {
    let branches: Vec<String> = branches.iter().map(|branch| layers_json(branch)).collect();
    let (join, branches) = (text(join), branches.join(","));
    Some(format!(
        r#"{{"layer":"{kind}","settings":{{"join":{join},"branches":[{branches}]}}}}"#
    ))
}

/// An embedding whose table is the head behind `body`, too.
pub(in crate::nn) fn tied_json(table: &impl Serialize, body: &[Arc<dyn Spec>]) -> Option<String> {
    let (table, body) = (text(table), layers_json(body));
    Some(format!(
        r#"{{"layer":"tied_embedding","settings":{{"table":{table},"body":{body}}}}}"#
    ))
}

/// Layers one after another. One that is code alone stands as its name, and what `Debug` says of
/// it.
pub(in crate::nn) fn layers_json(layers: &[Arc<dyn Spec>]) -> String {
    let own = |layer: &Arc<dyn Spec>| {
        let (name, debug) = (text(&layer.name()), text(&format!("{layer:?}")));
        format!(r#"{{"layer":"own","settings":{{"name":{name},"debug":{debug}}}}}"#)
    };
    let layers = layers.iter();
    let layers: Vec<String> = layers
        .map(|layer| layer.to_json().unwrap_or_else(|| own(layer)))
        .collect();
    format!("[{}]", layers.join(","))
}

fn text(settings: &impl Serialize) -> String {
    serde_json::to_string(settings).expect("settings are plain values")
}

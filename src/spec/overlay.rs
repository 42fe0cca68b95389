//! Overlays and environments: merged by key over the spec; lists and single values are replaced.

use super::node::{Content, Node};

pub fn merge(base: &mut Node, over: &Node) {
    match (&mut base.content, &over.content) {
        (Content::Map(base), Content::Map(over)) => {
            for entry in over {
                match base.iter_mut().find(|existing| existing.key.text == entry.key.text) {
                    Some(existing) => merge(&mut existing.value, &entry.value),
                    None => base.push(entry.clone()),
                }
            }
        }
        _ => *base = over.clone(),
    }
}

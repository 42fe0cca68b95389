//! Overlays and environments: merged by key over the spec; lists and single values are replaced.

use super::node::{Content, Node};

pub(super) fn merge(base: &mut Node, over: &Node) {
    match (&mut base.content, &over.content) {
        (Content::Map(base), Content::Map(over)) => {
            for entry in over {
                match base.iter_mut().find(|existing| existing.key.text == entry.key.text) {
                    Some(existing) => {
                        let maps = |node: &Node| matches!(node.content, Content::Map(_));
                        // A value that is replaced stands where its successor stands, key and all.
                        if !(maps(&existing.value) && maps(&entry.value)) {
                            existing.key = entry.key.clone();
                        }
                        merge(&mut existing.value, &entry.value);
                    }
                    None => base.push(entry.clone()),
                }
            }
        }
        _ => *base = over.clone(),
    }
}

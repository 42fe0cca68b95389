//! Node types: what AWS offers for the group decides whether and when.

use super::modify;
use crate::model::attribute::{Difference, Phase};
use crate::model::draft::{Draft, Scene};
use crate::model::live::strings;

pub fn cache_node_type(draft: &mut Draft, scene: &Scene<'_>, difference: &Difference) {
    let (wanted, live) =
        (difference.declared.as_str().unwrap_or_default(), scene.live_text("cacheNodeType").unwrap_or_default());
    let tiered = |node_type: &str| node_type.starts_with("cache.r6gd.");
    if tiered(wanted) != tiered(&live) {
        draft.replaces(difference, "AWS does not scale between r6gd (data tiering) and other node types");
        return;
    }
    draft.shows(difference);
    let allowed = scene.live.allowed_node_types.get(&scene.resource.address.id);
    let lists =
        |list: &str| allowed.is_some_and(|allowed| strings(allowed.get(list)).any(|node_type| node_type == wanted));
    let up = match allowed {
        Some(_) if lists("ScaleUpModifications") => true,
        Some(_) if lists("ScaleDownModifications") => false,
        Some(allowed) => {
            let offered: Vec<_> = strings(allowed.get("ScaleUpModifications"))
                .chain(strings(allowed.get("ScaleDownModifications")))
                .collect();
            draft.blocks(
                "allowed-node-type",
                format!("AWS does not offer {wanted} for this group"),
                format!(
                    "it offers {}",
                    if offered.is_empty() { "no change at the moment".to_owned() } else { offered.join(", ") }
                ),
            );
            return;
        }
        // The endpoint has no ListAllowedNodeTypeModifications: go by the size's name.
        None => size(wanted) >= size(&live),
    };
    // More memory before shards go, less only after shards came.
    let phase = if up { Phase::NodeTypeUp } else { Phase::NodeTypeDown };
    modify(draft, phase).insert(difference.member.into(), difference.declared.clone());
}

fn size(node_type: &str) -> u32 {
    match node_type.rsplit('.').next().unwrap_or_default() {
        "micro" => 1,
        "small" => 2,
        "medium" => 4,
        "large" => 8,
        "xlarge" => 16,
        other => other.strip_suffix("xlarge").and_then(|times| times.parse::<u32>().ok()).map_or(0, |times| times * 16),
    }
}

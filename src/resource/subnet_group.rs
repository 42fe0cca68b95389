//! Subnet groups: the subnets that nodes may be placed in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::kind_row::{Arn, Calls, IdForm, KindRow, Names, Use};
use super::local;
use super::local::MANAGED;
use crate::model::attribute::{Attribute, Impact, Phase, Read, Route};
use crate::model::draft::{Draft, Scene};
use crate::model::live::{Live, strings};
use crate::model::shape::{Field, list, text};
use crate::model::text::plural;
use crate::model::{Address, Kind, Operation};

/// The rows of a subnet group.
#[rustfmt::skip]
pub const ATTRIBUTES: &[Attribute] = &[
    Attribute::new(Field::new("description", "CacheSubnetGroupDescription", text(255), "What the group is for."),
        Read::Own("CacheSubnetGroupDescription"), Route::Call(Phase::Settings), Impact::None, "").import(super::local::not_blank),
    Attribute::new(Field::new("subnetIds", "SubnetIds", list(&text(255), 1, 20), "Subnets of one VPC: 1 to 20.").required(),
        Read::With(|view| Some(view.own("Subnets")?.as_array()?.iter().filter_map(|subnet| subnet.get("SubnetIdentifier").cloned()).collect())),
        Route::Call(Phase::Settings), Impact::None, "A subnet that a node lives in cannot be removed."),
    local::TAGS_ROW,
];

/// Subnet groups as a kind, whose every change names the subnets.
pub const KIND: KindRow = KindRow {
    uses: Some(Use {
        fields: "cacheSubnetGroupName",
        users: |live, group| groups_of_clusters(live, "/CacheSubnetGroupName", group),
    }),
    reads: &["elasticache:DescribeCacheSubnetGroups"],
    reserves_default: true,
    is_aws_own: |id| id == "default",
    facts: |view| {
        let subnets = view.own("Subnets").and_then(Value::as_array).map_or(0, Vec::len);
        vec![view.word("VpcId"), plural(subnets, "subnet")]
    },
    create: |_, creation| {
        creation.parameters.entry("CacheSubnetGroupDescription").or_insert_with(|| json!(MANAGED));
    },
    finish: subnets_in_every_call,
    ..KindRow::plain(
        Names {
            kind: "subnetGroup",
            section: "subnetGroups",
            noun: "subnet group",
            about: "Subnet groups, by name: the subnets that nodes may be placed in.",
        },
        ATTRIBUTES,
        Arn::elasticache("subnetgroup"),
        IdForm {
            pattern: "^[a-zA-Z0-9-]+$",
            longest: 255,
            words: "1 to 255 letters, digits and hyphens",
            of_aws: None,
        },
        Calls {
            create: Operation::CreateCacheSubnetGroup,
            modify: Operation::ModifyCacheSubnetGroup,
            delete: Operation::DeleteCacheSubnetGroup,
            id_member: "CacheSubnetGroupName",
        },
    )
};

/// AWS wants the subnets in every modification.
fn subnets_in_every_call(draft: &mut Draft, scene: &Scene<'_>) {
    if let Some(call) = draft.calls.iter_mut().find(|call| call.operation == Operation::ModifyCacheSubnetGroup)
        && let Some(subnets) = scene.wanted("subnetIds")
    {
        draft.subnets = Some(strings(Some(&subnets)).map(str::to_owned).collect());
        call.parameters.entry("SubnetIds").or_insert(subnets);
    }
}

/// The replication groups whose clusters hold this id at that place.
pub fn groups_of_clusters(live: &Live, pointer: &str, used: &Address) -> BTreeSet<Address> {
    let uses = |cluster: &&Value| cluster.pointer(pointer).and_then(Value::as_str) == Some(used.id.as_str());
    let groups =
        live.cache_clusters.values().filter(uses).filter_map(|cluster| cluster.get("ReplicationGroupId")?.as_str());
    groups.map(|id| Address::new(Kind::ReplicationGroup, id)).collect()
}

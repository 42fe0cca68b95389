//! Endpoint names as AWS forms them, or the addresses of real local servers.

use super::{ClusterMode, ReplicationGroup, Tls};
use crate::state::State;
use crate::wire::output::{Output, Record};

/// Stands where AWS puts an account's random part.
const ACCOUNT_PART: &str = "sandbox";

pub fn endpoint(state: &State, name: String, port: i64) -> Output {
    let address = state.addresses.get(&name).cloned().unwrap_or(name);
    Record::new().put("Address", address).put("Port", port).into()
}

fn zone(state: &State) -> String {
    format!("{}.cache.amazonaws.com", state.settings.region_code())
}

pub fn primary_name(state: &State, group: &ReplicationGroup) -> String {
    let (id, zone) = (&group.id, zone(state));
    match group.tls {
        Tls::Off => format!("{id}.{ACCOUNT_PART}.ng.0001.{zone}"),
        _ => format!("master.{id}.{ACCOUNT_PART}.{zone}"),
    }
}

pub fn reader_name(state: &State, group: &ReplicationGroup) -> String {
    let (id, zone) = (&group.id, zone(state));
    match group.tls {
        Tls::Off => format!("{id}-ro.{ACCOUNT_PART}.ng.0001.{zone}"),
        _ => format!("replica.{id}.{ACCOUNT_PART}.{zone}"),
    }
}

pub fn configuration_name(state: &State, group: &ReplicationGroup) -> String {
    let (id, zone) = (&group.id, zone(state));
    match group.tls {
        Tls::Off => format!("{id}.{ACCOUNT_PART}.clustercfg.{zone}"),
        _ => format!("clustercfg.{id}.{ACCOUNT_PART}.{zone}"),
    }
}

pub fn member_name(state: &State, group: &ReplicationGroup, member: &str) -> String {
    let (id, zone) = (&group.id, zone(state));
    match group.tls {
        Tls::Off => format!("{member}.{ACCOUNT_PART}.0001.{zone}"),
        _ => format!("{member}.{id}.{ACCOUNT_PART}.{zone}"),
    }
}

pub fn serverless_name(state: &State, cache: &str) -> String {
    format!("{cache}-{ACCOUNT_PART}.serverless.{}", zone(state))
}

/// Cluster mode enabled has one configuration endpoint; the others have a primary and a reader.
/// In `compatible` a group has both, so that clients can move.
pub fn has_primary_endpoint(group: &ReplicationGroup) -> bool {
    group.cluster_mode != ClusterMode::Enabled
}

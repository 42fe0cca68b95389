//! Endpoint names as AWS forms them, or the addresses of real local servers.

use super::{ClusterMode, ReplicationGroup, Tls};
use crate::control::serverless::ServerlessCache;
use crate::state::State;
use crate::wire::output::{Output, Record};

/// Stands where AWS puts an account's random part.
const ACCOUNT_PART: &str = "sandbox";

/// What an endpoint is called on AWS, and for whom a real server gets a loopback address. The second
/// stays the same when TLS changes the first.
pub(crate) struct Name {
    pub aws: String,
    pub local: String,
}

pub(crate) fn endpoint(state: &State, name: Name, port: i64) -> Output {
    let address = match &state.servers.0 {
        Some(servers) => servers.address(&name.local).to_string(),
        None => name.aws,
    };
    Record::new().put("Address", address).put("Port", port).into()
}

fn zone(state: &State) -> String {
    format!("{}.cache.amazonaws.com", state.settings.region_code())
}

/// Names before and after TLS: `cache.sandbox.ng.0001.use1…` and `master.cache.sandbox.use1…`.
fn name(group: &ReplicationGroup, kind: &str, plain: String, encrypted: String) -> Name {
    let aws = if group.tls == Tls::Off { plain } else { encrypted };
    Name { aws, local: format!("{kind}.{}", group.id) }
}

pub(crate) fn primary(state: &State, group: &ReplicationGroup) -> Name {
    let (id, zone) = (&group.id, zone(state));
    let plain = format!("{id}.{ACCOUNT_PART}.ng.0001.{zone}");
    name(group, "primary", plain, format!("master.{id}.{ACCOUNT_PART}.{zone}"))
}

pub(crate) fn reader(state: &State, group: &ReplicationGroup) -> Name {
    let (id, zone) = (&group.id, zone(state));
    let plain = format!("{id}-ro.{ACCOUNT_PART}.ng.0001.{zone}");
    name(group, "reader", plain, format!("replica.{id}.{ACCOUNT_PART}.{zone}"))
}

pub(crate) fn configuration(state: &State, group: &ReplicationGroup) -> Name {
    let (id, zone) = (&group.id, zone(state));
    let plain = format!("{id}.{ACCOUNT_PART}.clustercfg.{zone}");
    name(group, "configuration", plain, format!("clustercfg.{id}.{ACCOUNT_PART}.{zone}"))
}

pub(crate) fn member(state: &State, group: &ReplicationGroup, member: &str) -> Name {
    let (id, zone) = (&group.id, zone(state));
    let aws = match group.tls {
        Tls::Off => format!("{member}.{ACCOUNT_PART}.0001.{zone}"),
        _ => format!("{member}.{id}.{ACCOUNT_PART}.{zone}"),
    };
    Name { aws, local: member.to_owned() }
}

pub(crate) fn serverless(state: &State, cache: &ServerlessCache) -> Name {
    let name = &cache.name;
    let place = if cache.connection_type == "public" { "public.serverless" } else { "serverless" };
    Name { aws: format!("{name}-{ACCOUNT_PART}.{place}.{}", zone(state)), local: format!("serverless.{name}") }
}

/// Cluster mode enabled has one configuration endpoint; the others have a primary and a reader.
/// In `compatible` a group has both, so that clients can move.
pub(crate) fn has_primary(group: &ReplicationGroup) -> bool {
    group.cluster_mode != ClusterMode::Enabled
}

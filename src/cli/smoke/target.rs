//! Where a cache's clients connect, and what they should find there: from the spec and what AWS says.

use std::path::PathBuf;

use serde_json::Value;

use crate::client::{EndpointMap, Tls, Way};
use crate::model::live::View;
use crate::model::{Resource, Spec};
use crate::resource::parameter_group;
use crate::resource::replication_group::nodes::replica_counts;
use crate::smoke::{Expect, Member, Target};

type Endpoint = (String, u16);

fn endpoint(value: Option<&Value>) -> Option<Endpoint> {
    let value = value?;
    Some((value.get("Address")?.as_str()?.to_owned(), u16::try_from(value.get("Port")?.as_u64()?).ok()?))
}

/// `None` for a cache without an endpoint.
pub fn target(spec: &Spec, resource: &Resource, view: &View<'_>, stand_in: bool) -> Option<Target> {
    let smoke = resource.fields.get("smoke");
    let serverless = resource.address.kind.is_serverless();
    let cluster = view.flag("ClusterEnabled");
    let first = view.node_groups().first();
    let (found, reader) = if serverless {
        (endpoint(view.own("Endpoint")), endpoint(view.own("ReaderEndpoint")))
    } else if cluster {
        (endpoint(view.own("ConfigurationEndpoint")), None)
    } else {
        (
            endpoint(first.and_then(|group| group.get("PrimaryEndpoint"))),
            endpoint(first.and_then(|group| group.get("ReaderEndpoint"))),
        )
    };
    let (host, port) = found?;
    let tls = serverless || view.flag("TransitEncryptionEnabled");
    let counts = replica_counts(view);
    let map = map(smoke, (&host, port));
    let tunnelled = !map.is_empty();
    Some(Target {
        address: resource.address.to_string(),
        way: Way { host, port, cluster, tls: tls.then(Tls::default), map, ..Way::default() },
        ca_file: smoke.and_then(|smoke| smoke.get("caFile")?.as_str()).map(PathBuf::from),
        plaintext_too: view.text("TransitEncryptionMode") == Some("preferred"),
        reader,
        serverless,
        stand_in,
        tunnelled,
        members: members(view),
        expect: Expect {
            engine: view.text("Engine").map(str::to_owned),
            engine_version: engine_version(resource, view),
            maxmemory_policy: policy(spec, view),
            replicas: (!serverless).then(|| counts.first().map(|(_, count)| *count)).flatten(),
            shards: cluster.then_some(counts.len()),
        },
    })
}

/// `host` and `port` are the near end for the cache's own endpoint; `endpointMap` has all the others.
fn map(smoke: Option<&Value>, own: (&str, u16)) -> EndpointMap {
    let mut map = EndpointMap::default();
    let field = |name: &str| smoke.and_then(|smoke| smoke.get(name));
    let port = field("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    if let Some(near) = field("host").and_then(Value::as_str) {
        map.insert((own.0.to_owned(), own.1), (near.to_owned(), port.unwrap_or(own.1)));
    } else if let Some(port) = port {
        map.insert((own.0.to_owned(), own.1), (own.0.to_owned(), port));
    }
    let entries = field("endpointMap").and_then(Value::as_object);
    for (real, near) in entries.into_iter().flatten() {
        let near = near.as_str().and_then(|near| near.rsplit_once(':'));
        let Some((near, Ok(near_port))) = near.map(|(host, port)| (host, port.parse())) else { continue };
        let real = match real.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host.to_owned(), port),
            _ => (real.clone(), own.1),
        };
        map.insert(real, (near.to_owned(), near_port));
    }
    map
}

/// The nodes by AWS's names, with their own endpoints where AWS tells them.
fn members(view: &View<'_>) -> Vec<Member> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let of_shard = |group: &Value| {
        let shard = text(group, "NodeGroupId");
        let members = group.get("NodeGroupMembers").and_then(Value::as_array).cloned().unwrap_or_default();
        members.into_iter().map(move |member| (shard.clone(), member)).collect::<Vec<_>>()
    };
    let described = view.node_groups().iter().flat_map(of_shard);
    described
        .filter_map(|(shard, member)| {
            let id = text(&member, "CacheClusterId")?;
            let cluster = view.members.iter().find(|cluster| text(cluster, "CacheClusterId").as_ref() == Some(&id));
            let own = endpoint(member.get("ReadEndpoint"));
            let node = || endpoint(cluster?.get("CacheNodes")?.get(0)?.get("Endpoint"));
            Some(Member {
                endpoint: own.or_else(node),
                shard,
                availability_zone: text(&member, "PreferredAvailabilityZone"),
                node_type: cluster.and_then(|cluster| text(cluster, "CacheNodeType")),
                id,
            })
        })
        .collect()
}

fn engine_version(resource: &Resource, view: &View<'_>) -> Option<String> {
    let live = view.members.first().and_then(|cluster| cluster.get("EngineVersion")?.as_str());
    resource.text("engineVersion").or(live).map(str::to_owned)
}

/// The eviction policy that the cache's parameter group sets, where that is known.
fn policy(spec: &Spec, view: &View<'_>) -> Option<String> {
    let name = view.members.first()?.pointer("/CacheParameterGroup/CacheParameterGroupName")?.as_str()?;
    parameter_group::parameter(spec, view.live, name, "maxmemory-policy")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tunnel_is_a_way_to_the_real_name() {
        let smoke = json!({"host": "127.0.0.1", "port": 7000, "endpointMap": {"b.example": "127.0.0.1:7001", "c.example:6380": "localhost:7002"}});
        let map = map(Some(&smoke), ("a.example", 6379));
        assert_eq!(map.lead("a.example", 6379), ("127.0.0.1".to_owned(), 7000));
        assert_eq!(map.lead("b.example", 6379), ("127.0.0.1".to_owned(), 7001));
        assert_eq!(map.lead("c.example", 6380), ("localhost".to_owned(), 7002));
        assert!(super::map(None, ("a.example", 6379)).is_empty());
    }
}

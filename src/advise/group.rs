//! A replication group: what its nodes measured, and what follows.

use serde_json::Value;

use super::cost::{billed_now, estimate};
use super::course::Course;
use super::figures::{Bound, figure};
use super::{Input, too_little};
use super::{live, remedies};
use crate::model::advice::{CacheAdvice, Figure};
use crate::model::cost::Estimate;
use crate::model::live::{View, strings};
use crate::model::metrics::Metrics;
use crate::model::node_type::{self, NodeType, RESERVED_MEMORY_PERCENT};
use crate::model::sample::Sample;
use crate::model::{Address, Resource};
use crate::resource::parameter_group::{self, is_aws_own};

/// Of 65,000 connections that a node takes.
pub(super) const CONNECTIONS: f64 = 52_000.0;
pub(super) const HIT_RATE: f64 = 90.0;
pub(super) const MEMORY: f64 = 80.0;
/// Of the engine's thread, as an average of an hour; alarms look at minutes, and at 90.
pub(super) const ENGINE_CPU: f64 = 80.0;
pub(super) const LAG: f64 = 1.0;
/// CloudWatch's own alarm takes the engine's thread from this many cores on, and below it the node's.
pub(super) const MANY_VCPU: u32 = 4;
/// The article's rule of thumb: this share of the data gets four fifths of the reads.
const WORKING_SET: f64 = 0.2;

/// One node with what it measured.
pub(super) struct Node {
    pub id: String,
    /// AWS tells it only with cluster mode disabled.
    pub is_primary: Option<bool>,
    pub bytes: Course,
    /// In percent: the engine's thread, or one core's share of a small node.
    pub cpu: Course,
    pub host_cpu: Course,
    /// Bytes a second, the busier direction.
    pub network: Course,
}

pub(super) struct Shard {
    pub id: String,
    pub nodes: Vec<Node>,
}

impl Shard {
    /// Bytes that it holds, in its fullest hour.
    pub(super) fn bytes(&self) -> Option<f64> {
        self.nodes.iter().filter_map(|node| node.bytes.max()).reduce(f64::max)
    }

    /// Of its busiest node, but for one hour in twenty.
    pub(super) fn cpu(&self) -> Option<f64> {
        self.nodes.iter().filter_map(|node| node.cpu.p95()).reduce(f64::max)
    }
}

/// All that advice on a group looks at.
pub(super) struct Group<'a> {
    pub input: &'a Input<'a>,
    pub resource: &'a Resource,
    pub address: &'a Address,
    pub engine: String,
    pub version: String,
    pub node_type: Option<&'static NodeType>,
    pub cluster: bool,
    pub shards: Vec<Shard>,
    /// Hours with measurements.
    pub hours: usize,
    pub reserved_percent: u64,
    /// `maxmemory-policy`, where it is known.
    pub policy: Option<String>,
    pub memory: Course,
    pub hits: Course,
    pub misses: Course,
    pub evictions: Course,
    pub reclaimed: Course,
    pub connections: Course,
    pub lag: Course,
    pub exceeded: Course,
    pub reads: Course,
    pub writes: Course,
    pub commands: Course,
    pub cost: Estimate,
    pub sample: Option<&'a Sample>,
}

impl Group<'_> {
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.shards.iter().flat_map(|shard| &shard.nodes)
    }

    pub(super) fn node_count(&self) -> usize {
        self.nodes().count()
    }

    /// Bytes that data may use on a node.
    pub(super) fn usable(&self) -> Option<f64> {
        self.node_type.map(|node_type| node_type.usable_memory(self.reserved_percent) as f64)
    }

    /// Of the fullest shard.
    pub(super) fn used(&self) -> Option<f64> {
        self.shards.iter().filter_map(Shard::bytes).reduce(f64::max)
    }

    /// Of all shards; `None` where one of them has no measurements.
    pub(super) fn used_total(&self) -> Option<f64> {
        self.shards.iter().map(Shard::bytes).sum()
    }

    pub(super) fn hit_rate(&self) -> Option<f64> {
        let (hits, misses) = (self.hits.sum(), self.misses.sum());
        (hits + misses > 0.0).then(|| 100.0 * hits / (hits + misses))
    }

    /// Share of reads among the commands that read or write, in percent.
    pub(super) fn read_share(&self) -> Option<f64> {
        let (reads, writes) = (self.reads.sum(), self.writes.sum());
        (reads + writes > 0.0).then(|| 100.0 * reads / (reads + writes))
    }

    pub(super) fn memory_percent(&self) -> Option<f64> {
        self.memory.p95().or_else(|| Some(100.0 * self.used()? / self.usable()?))
    }

    /// The busiest shard's CPU.
    pub(super) fn cpu(&self) -> Option<f64> {
        self.shards.iter().filter_map(Shard::cpu).reduce(f64::max)
    }

    /// At which its CPU is the limit.
    pub(super) fn cpu_threshold(&self) -> f64 {
        match self.node_type.map(|node_type| node_type.vcpu) {
            Some(vcpu) if vcpu < MANY_VCPU => 90.0 / f64::from(vcpu),
            _ => ENGINE_CPU,
        }
    }

    /// Bytes a second of the busiest node, the busier direction.
    pub(super) fn network(&self) -> Option<f64> {
        self.nodes().filter_map(|node| node.network.p95()).reduce(f64::max)
    }

    /// Does the spec leave this field alone?
    pub(super) fn ignores(&self, field: &str) -> bool {
        let ignored = self.resource.fields.get("lifecycle").and_then(|lifecycle| lifecycle.get("ignore"));
        strings(ignored).any(|name| name == field)
    }
}

/// Figures and advice of a replication group.
pub(super) fn advice(input: &Input<'_>, resource: &Resource, view: &View<'_>) -> CacheAdvice {
    let group = read(input, resource, view);
    let mut notes: Vec<String> = too_little(group.hours).into_iter().collect();
    if group.node_type.is_none() {
        notes.push("its node type is not in the table of node types: sizes are not judged".to_owned());
    }
    notes.extend(group.sample.into_iter().flat_map(live::told));
    let declared = resource.text("cacheNodeType");
    let live = group.node_type.map(|node_type| node_type.name.as_str());
    let settled = declared.is_none() || live.is_none() || declared == live;
    if !settled {
        notes.push(
            "the spec declares another node type than the live one: apply it first, then sizes are judged".to_owned(),
        );
    }
    CacheAdvice {
        address: group.address.clone(),
        hours: group.hours,
        figures: figures(&group).into_iter().chain(group.sample.into_iter().flat_map(live::figures)).collect(),
        advice: remedies::of_group(&group, settled),
        sample: group.sample.cloned(),
        notes,
    }
}

fn read<'a>(input: &'a Input<'a>, resource: &'a Resource, view: &View<'_>) -> Group<'a> {
    let text = |member: &str| {
        view.members
            .iter()
            .find_map(|cluster| cluster.get(member)?.as_str())
            .or_else(|| view.text(member))
            .unwrap_or_default()
    };
    let node_type = node_type::get(text("CacheNodeType"));
    let small = node_type.is_some_and(|node_type| node_type.vcpu < MANY_VCPU);
    let metrics = input.metrics;
    let shards: Vec<Shard> = view
        .node_groups()
        .iter()
        .map(|shard| Shard {
            id: shard.get("NodeGroupId").and_then(Value::as_str).unwrap_or_default().to_owned(),
            nodes: shard
                .get("NodeGroupMembers")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|member| Some(node(metrics, member.get("CacheClusterId")?.as_str()?, view, small)))
                .collect(),
        })
        .collect();
    let ids: Vec<&str> = view.member_ids().collect();
    let of = |name: &str| -> Vec<Course> { ids.iter().map(|id| Course::new(metrics.of(id, name))).collect() };
    let commands: Vec<Course> = ["GetTypeCmds", "SetTypeCmds", "EvalBasedCmds", "PubSubBasedCmds", "StreamBasedCmds"]
        .into_iter()
        .flat_map(of)
        .collect();
    let exceeded: Vec<Course> = ["NetworkBandwidthInAllowanceExceeded", "NetworkBandwidthOutAllowanceExceeded"]
        .into_iter()
        .flat_map(of)
        .collect();
    let parameter = |name: &str| parameter(input, resource, view, name);
    let sample = input.samples.get(&resource.address);
    let default_group = resource.text("cacheParameterGroupName").is_none_or(is_aws_own);
    Group {
        input,
        resource,
        address: &resource.address,
        engine: text("Engine").to_owned(),
        version: text("EngineVersion").to_owned(),
        node_type,
        cluster: view.flag("ClusterEnabled"),
        hours: ids
            .iter()
            .map(|id| metrics.of(id, "CPUUtilization").len().max(metrics.of(id, "EngineCPUUtilization").len()))
            .max()
            .unwrap_or(0),
        shards,
        reserved_percent: parameter("reserved-memory-percent")
            .and_then(|text| text.parse().ok())
            .unwrap_or(RESERVED_MEMORY_PERCENT),
        policy: sample
            .and_then(|sample| sample.maxmemory_policy.clone())
            .or_else(|| parameter("maxmemory-policy"))
            // What a group of AWS's own says.
            .or_else(|| default_group.then(|| "volatile-lru".to_owned())),
        memory: Course::highest(&of("DatabaseMemoryUsagePercentage")),
        hits: Course::summed(&of("CacheHits")),
        misses: Course::summed(&of("CacheMisses")),
        evictions: Course::summed(&of("Evictions")),
        reclaimed: Course::summed(&of("Reclaimed")),
        connections: Course::highest(&of("CurrConnections")),
        lag: Course::highest(&of("ReplicationLag")),
        exceeded: Course::summed(&exceeded),
        reads: Course::summed(&of("GetTypeCmds")),
        writes: Course::summed(&of("SetTypeCmds")),
        commands: Course::summed(&commands),
        cost: estimate(&billed_now(resource.address.kind, view), &input.live.region, input.prices, input.today),
        sample,
    }
}

fn node(metrics: &Metrics, id: &str, view: &View<'_>, small: bool) -> Node {
    let of = |name: &str| Course::new(metrics.of(id, name));
    let host_cpu = of("CPUUtilization");
    Node {
        id: id.to_owned(),
        is_primary: view.role(id).map(|role| role == "primary"),
        bytes: of("BytesUsedForCache"),
        cpu: if small { host_cpu.clone() } else { of("EngineCPUUtilization") },
        host_cpu,
        network: Course::highest(&[of("NetworkBytesIn"), of("NetworkBytesOut")]).per_second(),
    }
}

/// What a parameter of the group's parameter group says: declared, else live.
fn parameter(input: &Input<'_>, resource: &Resource, view: &View<'_>, name: &str) -> Option<String> {
    let live = view
        .members
        .iter()
        .find_map(|cluster| cluster.pointer("/CacheParameterGroup/CacheParameterGroupName")?.as_str());
    let group = resource.text("cacheParameterGroupName").or(live)?;
    parameter_group::parameter(input.spec, input.live, group, name)
}

/// The node whose course comes to most.
fn worst<'a>(group: &'a Group<'_>, of: impl Fn(&Node) -> Option<f64>) -> Option<&'a Node> {
    group
        .nodes()
        .filter(|node| of(node).is_some())
        .max_by(|one, other| of(one).unwrap_or(0.0).total_cmp(&of(other).unwrap_or(0.0)))
}

fn figures(group: &Group<'_>) -> Vec<Figure> {
    let small = group.node_type.is_some_and(|node_type| node_type.vcpu < MANY_VCPU);
    let worst_of =
        |of: fn(&Node) -> Option<f64>| worst(group, of).map(|node| format!(", {}", node.id)).unwrap_or_default();
    let busiest = worst(group, |node| node.cpu.p95());
    let busiest_cpu = busiest.map(|node| node.cpu.clone()).unwrap_or_default();
    let network = worst(group, |node| node.network.p95()).map(|node| node.network.clone()).unwrap_or_default();
    let gigabits = |bytes: f64| bytes * 8.0 / 1e9;
    let share = group.hits.share(&group.misses);
    let traffic = Course::summed(&group.nodes().map(|node| node.network.clone()).collect::<Vec<_>>());
    let bursts = traffic.max().zip(traffic.mean()).filter(|(_, mean)| *mean > 0.0).map(|(max, mean)| max / mean);
    let bytes = Course::highest(&group.nodes().map(|node| node.bytes.clone()).collect::<Vec<_>>());
    let baseline = group.node_type.map(|node_type| node_type.baseline_gbps);
    let lag_bound = if group.lag.is_empty() { Bound::None } else { Bound::AtMost(LAG) };
    let mut figures = vec![
        figure(
            "hitRate",
            group.hit_rate(),
            "percent",
            Bound::AtLeast(HIT_RATE),
            &share,
            "CacheHits and CacheMisses, sums of all nodes".into(),
        ),
        figure(
            "memory",
            group.memory_percent(),
            "percent",
            Bound::Below(MEMORY),
            &group.memory,
            "DatabaseMemoryUsagePercentage, 95th percentile of the hours' maxima, fullest node".into(),
        ),
        figure(
            "used",
            group.used(),
            "bytes",
            group.usable().map_or(Bound::Unknown, Bound::AtMost),
            &bytes,
            format!(
                "BytesUsedForCache, maximum{}; the threshold is maxmemory less {} % reserve",
                worst_of(|node| node.bytes.max()),
                group.reserved_percent
            ),
        ),
        figure(
            "workingSet",
            group.used().map(|used| used * WORKING_SET),
            "bytes",
            Bound::None,
            &Course::default(),
            "rule of thumb: 20 % of the data gets 80 % of the hits".into(),
        ),
        figure(
            "evictions",
            (!group.evictions.is_empty()).then(|| group.evictions.sum()),
            "count",
            Bound::AtMost(0.0),
            &group.evictions,
            "Evictions, sum of all nodes".into(),
        ),
        figure(
            if small { "cpu" } else { "engineCpu" },
            busiest_cpu.p95(),
            "percent",
            Bound::Below(group.cpu_threshold()),
            &busiest_cpu,
            format!(
                "{}, 95th percentile of the hours' averages{}",
                if small { "CPUUtilization" } else { "EngineCPUUtilization" },
                busiest.map(|node| format!(", {}", node.id)).unwrap_or_default()
            ),
        ),
        figure(
            "network",
            network.p95().map(gigabits),
            "Gbps",
            baseline.map_or(Bound::Unknown, Bound::Below),
            &network,
            format!(
                "NetworkBytesIn and NetworkBytesOut, busier direction, 95th percentile of the hours{}; the threshold is the node type's baseline",
                worst_of(|node| node.network.p95())
            ),
        ),
        figure(
            "networkExceeded",
            (!group.exceeded.is_empty()).then(|| group.exceeded.sum()),
            "packets",
            Bound::AtMost(0.0),
            &group.exceeded,
            "NetworkBandwidthIn/OutAllowanceExceeded, sum of all nodes".into(),
        ),
        figure("bursts", bursts, "times the mean", Bound::None, &traffic, "network traffic of the busiest hour".into()),
        figure(
            "connections",
            group.connections.max(),
            "count",
            Bound::Below(CONNECTIONS),
            &group.connections,
            "CurrConnections, maximum of any node; a node takes 65,000".into(),
        ),
        figure(
            "replicationLag",
            group.lag.p95(),
            "seconds",
            lag_bound,
            &group.lag,
            "ReplicationLag, 95th percentile of the hours' averages, worst replica".into(),
        ),
        figure(
            "commands",
            group.commands.per_second().mean(),
            "per second",
            Bound::None,
            &group.commands,
            "GetTypeCmds, SetTypeCmds, EvalBasedCmds, PubSubBasedCmds and StreamBasedCmds, all nodes".into(),
        ),
    ];
    figures.extend(burst_credits(group));
    figures.extend(host_memory(group));
    // A group without replicas has no lag to speak of.
    figures.retain(|figure| figure.name != "replicationLag" || figure.value.is_some());
    figures
}

fn burst_credits(group: &Group<'_>) -> Option<Figure> {
    let credits = lowest(group, "CPUCreditBalance");
    (!credits.is_empty()).then(|| {
        figure(
            "cpuCredits",
            credits.min(),
            "count",
            Bound::AtLeast(1.0),
            &credits,
            "CPUCreditBalance, minimum of any node".into(),
        )
    })
}

fn host_memory(group: &Group<'_>) -> Option<Figure> {
    let free = lowest(group, "FreeableMemory");
    (!free.is_empty()).then(|| {
        figure(
            "freeableMemory",
            free.min(),
            "bytes",
            Bound::AtLeast(100e6),
            &free,
            "FreeableMemory, minimum of any node".into(),
        )
    })
}

fn lowest(group: &Group<'_>, name: &str) -> Course {
    let courses: Vec<Course> = group.nodes().map(|node| Course::new(group.input.metrics.of(&node.id, name))).collect();
    Course::joined(&courses, f64::min)
}

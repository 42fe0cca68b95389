//! One rule is one row: id, severity, what it looks at, and why.

use serde_json::Value;

use super::held::{self, Held, WholeSpec};
use crate::model::Severity::{self, Info, Warn};
use crate::model::live::{Live, strings};
use crate::model::version::Version;
use crate::model::{Kind, Resource};
use crate::resource::parameter_group;
use crate::resource::secret;
use crate::resource::user::{self, Reach};

/// Finds a fault: the field that it hangs on ("" for the resource itself) and a sentence.
pub type Check = fn(&Resource, &WholeSpec<'_>, Option<&Live>) -> Option<(&'static str, String)>;

pub struct Rule {
    pub id: &'static str,
    /// Unless the policy says otherwise; a rule without one is asked for by the policy.
    pub severity: Option<Severity>,
    pub kinds: &'static [Kind],
    pub why: &'static str,
    pub check: Check,
}

impl Rule {
    /// Its severity as a spec writes it: `none` of a rule that has to be asked for.
    pub fn usual(&self) -> &'static str {
        self.severity.map_or("none", Severity::word)
    }
}

const GROUP: &[Kind] = &[Kind::ReplicationGroup];
const SERVERLESS: &[Kind] = &[Kind::ServerlessCache];
const CACHES: &[Kind] = &[Kind::ReplicationGroup, Kind::ServerlessCache];

fn on(resource: &Resource, field: &str) -> bool {
    resource.flag(field) == Some(true)
}

fn hit(field: &'static str, message: &str) -> Option<(&'static str, String)> {
    Some((field, message.to_owned()))
}

fn lacks(field: &'static str, what: &str, held: Held) -> Option<(&'static str, String)> {
    held.lacks(what).map(|why| (field, why))
}

/// The id of every rule, with its reason: for the schema.
pub fn described() -> Vec<(&'static str, &'static str)> {
    RULES.iter().map(|rule| (rule.id, rule.why)).collect()
}

#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    Rule { id: "tls", severity: Some(Warn), kinds: GROUP,
        why: "Without TLS, anyone on the network path can read keys, values and passwords.",
        check: |group, _, live| lacks("transitEncryptionEnabled", "encryption in transit", held::switch(group, live, "transitEncryptionEnabled")) },
    Rule { id: "encryption-at-rest", severity: Some(Warn), kinds: GROUP,
        why: "Encryption at rest cannot be added later: it is chosen when the group is created.",
        check: |group, _, live| {
            if held::is_unencrypted_against_the_spec(&group.address, group.flag("atRestEncryptionEnabled"), live) {
                return hit("atRestEncryptionEnabled", "encryption at rest is declared, and the live group has none: only a replacement brings it");
            }
            lacks("atRestEncryptionEnabled", "encryption at rest", held::encryption_at_rest(group, live))
        } },
    Rule { id: "customer-managed-key", severity: Some(Info), kinds: CACHES,
        why: "A key of your own can be audited, rotated and revoked.",
        check: |cache, _, live| held::value(cache, live, "kmsKeyId").is_none().then(|| hit("", "encryption at rest uses AWS's own key")).flatten() },
    Rule { id: "auth-required", severity: Some(Warn), kinds: CACHES,
        why: "Without a token or users, every client that reaches the port may do everything.",
        check: |cache, _, live| {
            if cache.text("engine") == Some("memcached") {
                return None;
            }
            match held::access_control(cache, live) {
                Held::Declared(true) | Held::Live(true) | Held::Default(true) => None,
                Held::Declared(false) => hit("", "the spec removes the AUTH token or the users: every client may do everything"),
                Held::Live(false) => hit("", "no AUTH token and no user group, declared or live: every client may do everything"),
                Held::Default(false) | Held::Unknown => hit("", "no AUTH token and no user group is declared: every client may do everything"),
            }
        } },
    Rule { id: "tls-preferred", severity: Some(Warn), kinds: GROUP,
        why: "With `preferred`, a client that forgets TLS still connects, and sends its password in the clear. It is a stage on the way to `required`.",
        check: |group, _, live| {
            let mode = group.text("transitEncryptionMode");
            if mode == Some("preferred") {
                return hit("transitEncryptionMode", "plain connections are still answered; `required` once all clients use TLS");
            }
            let is_preferred = live.and_then(|live| live.get(&group.address)?.get("TransitEncryptionMode")?.as_str()) == Some("preferred");
            (on(group, "transitEncryptionEnabled") && mode.is_none() && is_preferred)
                .then(|| hit("transitEncryptionEnabled", "the live group still answers plain connections, and no transitEncryptionMode is declared: it stays so")).flatten()
        } },
    Rule { id: "auto-failover", severity: Some(Warn), kinds: GROUP,
        why: "Without failover the cache is down until its primary is replaced.",
        check: |group, _, live| {
            let cluster = group.number("numNodeGroups").is_some_and(|shards| shards > 1) || group.text("clusterMode") == Some("enabled");
            let held = held::switch(group, live, "automaticFailoverEnabled");
            if cluster { None } else { lacks("automaticFailoverEnabled", "automatic failover", held) }
        } },
    Rule { id: "multi-az", severity: Some(Warn), kinds: GROUP,
        why: "Without Multi-AZ, primary and replicas may share the zone that fails.",
        check: |group, _, live| lacks("multiAZEnabled", "Multi-AZ", held::switch(group, live, "multiAZEnabled")) },
    Rule { id: "backup", severity: Some(Warn), kinds: CACHES,
        why: "Automatic snapshots are off by default; without one, lost data stays lost.",
        check: |cache, _, live| {
            let held = held::snapshots(cache, live);
            let lacks = cache.text("engine") != Some("memcached") && !matches!(held, Held::Declared(true) | Held::Live(true) | Held::Default(true));
            let live = if held == Held::Live(false) { ", and the spec does not ask for any" } else { "" };
            lacks.then(|| ("snapshotRetentionLimit", format!("no automatic snapshots are kept{live}")))
        } },
    Rule { id: "auto-minor", severity: Some(Warn), kinds: GROUP,
        why: "Minor engine versions carry security fixes.",
        check: |group, _, live| {
            let off = held::value(group, live, "autoMinorVersionUpgrade")?.as_bool() == Some(false);
            let whose = held::whose(group, "autoMinorVersionUpgrade");
            off.then(|| ("autoMinorVersionUpgrade", format!("minor engine versions are not taken automatically{whose}")))
        } },
    Rule { id: "engine-eol", severity: Some(Warn), kinds: GROUP,
        why: "Redis 4 and 5 are out of standard support.",
        check: |group, _, live| {
            let version = held::text(group, live, "engineVersion")?;
            let old = Version::parse(&version).is_some_and(|version| version.major < 6);
            let whose = held::whose(group, "engineVersion");
            old.then(|| ("engineVersion", format!("redis before 6 is out of standard support: {version}{whose}")))
        } },
    Rule { id: "valkey-advice", severity: Some(Info), kinds: CACHES,
        why: "Valkey speaks the same protocol, costs less on ElastiCache, and redis 5.0.6 and later move to it in place.",
        check: |cache, _, live| (held::text(cache, live, "engine").as_deref() == Some("redis")).then(|| hit("engine", "redis could move to valkey in place")).flatten() },
    Rule { id: "default-parameter-group", severity: Some(Info), kinds: GROUP,
        why: "The default group cannot be edited: the first parameter that matters needs another group.",
        check: |group, _, live| held::text(group, live, "cacheParameterGroupName").is_none_or(|name| parameter_group::is_aws_own(&name))
            .then(|| hit("cacheParameterGroupName", "uses AWS's default parameter group")).flatten() },
    Rule { id: "default-subnet-group", severity: Some(Warn), kinds: GROUP,
        why: "The default subnet group lies in the default VPC.",
        check: |group, _, live| held::text(group, live, "cacheSubnetGroupName").is_none_or(|name| name == "default")
            .then(|| hit("cacheSubnetGroupName", "uses the default subnet group, or declares none")).flatten() },
    Rule { id: "security-group", severity: Some(Warn), kinds: CACHES,
        why: "Without one, the VPC's default security group decides who reaches the cache.",
        check: |cache, _, live| {
            if cache.fields.contains_key("securityGroupIds") {
                return None;
            }
            // AWS puts the VPC's default group on what is made without one: that there is one says little.
            let now = held::value(cache, live, "securityGroupIds");
            let now: Vec<&str> = strings(now.as_ref()).collect();
            let whose = if now.is_empty() { String::new() } else { format!(": live are {}, chosen by hand or the VPC's default", now.join(", ")) };
            Some(("", format!("no security group is declared{whose}")))
        } },
    Rule { id: "default-port", severity: None, kinds: GROUP,
        why: "Some compliance catalogues ask for a port other than 6379.",
        check: |group, _, live| (held::value(group, live, "port").and_then(|port| port.as_i64()).unwrap_or(6379) == 6379).then(|| hit("port", "uses the default port 6379")).flatten() },
    Rule { id: "previous-generation", severity: Some(Warn), kinds: GROUP,
        why: "Previous-generation node types are slower for the same money.",
        check: |group, _, live| {
            let node_type = held::text(group, live, "cacheNodeType")?;
            let old = ["t1", "t2", "m1", "m2", "m3", "c1", "r3"].contains(&node_type.split('.').nth(1)?);
            let whose = held::whose(group, "cacheNodeType");
            old.then(|| ("cacheNodeType", format!("a previous-generation node type: {node_type}{whose}")))
        } },
    Rule { id: "read-only-replica-routing", severity: Some(Info), kinds: GROUP,
        why: "With a single replica, reads lose their node during every failover and every node replacement.",
        check: |group, _, _| (group.number("numCacheClusters") == Some(2) || group.number("replicasPerNodeGroup") == Some(1))
            .then(|| hit("", "one replica a shard: none is left for reads while it is promoted")).flatten() },
    Rule { id: "protect", severity: Some(Info), kinds: CACHES,
        why: "A protected cache is not deleted or replaced, whatever is allowed on the command line.",
        check: |cache, _, _| (cache.lifecycle("protect") != Some(true)).then(|| hit("", "lifecycle.protect is not `true`")).flatten() },
    Rule { id: "final-snapshot", severity: Some(Warn), kinds: CACHES,
        why: "Automatic snapshots are deleted with the cache; only the final snapshot stays.",
        check: |cache, _, _| (cache.lifecycle("finalSnapshot") == Some(false)).then(|| hit("lifecycle.finalSnapshot", "the cache is deleted without a final snapshot")).flatten() },
    Rule { id: "no-alarms", severity: Some(Warn), kinds: CACHES,
        why: "Evictions, full memory and lag go unnoticed without alarms.",
        check: |cache, all, live| held::unwatched(cache, all, live).map(|why| ("", why)) },
    Rule { id: "alarm-no-action", severity: Some(Warn), kinds: &[Kind::ReplicationGroup, Kind::ServerlessCache, Kind::Alarm, Kind::CompositeAlarm],
        why: "An alarm without an action notifies nobody, unless a composite alarm with one watches it.",
        check: |resource, all, _| {
            let (is_alarm, is_composite) = (resource.address.kind.is_alarm(), resource.address.kind == Kind::CompositeAlarm);
            let alarm = if is_alarm { Some(&resource.fields) } else { resource.fields.get("alarms").and_then(Value::as_object) };
            let silent = alarm.is_some_and(|alarm| !held::acts(alarm)) && (is_composite || !held::is_told_by_another(resource, all.spec));
            silent.then(|| hit(if is_alarm { "" } else { "alarms" }, "alarms without alarmActions notify nobody")).flatten()
        } },
    Rule { id: "serverless-limits", severity: Some(Warn), kinds: SERVERLESS,
        why: "A serverless cache without limits costs what its clients make it cost.",
        check: |cache, _, live| {
            let limits = held::value(cache, live, "cacheUsageLimits").unwrap_or_default();
            let limit = |pointer: &str| limits.pointer(pointer).is_some();
            let message = match (limit("/dataStorage/maximum"), limit("/ecpuPerSecond/maximum")) {
                (true, true) => return None,
                (false, false) => "no maximum for storage or processing: the cost has no bound",
                (false, true) => "no maximum for storage (dataStorage.maximum): its cost has no bound",
                (true, false) => "no maximum for processing (ecpuPerSecond.maximum): its cost has no bound",
            };
            hit("cacheUsageLimits", message)
        } },
    Rule { id: "maxmemory-policy", severity: Some(Warn), kinds: &[Kind::ParameterGroup],
        why: "With noeviction a full cache refuses writes; with volatile-* it does so once no key has a TTL.",
        check: |group, _, _| (group.fields.get("parameters")?.get("maxmemory-policy")?.as_str()? == "noeviction")
            .then(|| hit("parameters.maxmemory-policy", "noeviction: a full cache refuses writes")).flatten() },
    Rule { id: "dangerous-acl", severity: Some(Warn), kinds: &[Kind::User],
        why: "A user with every command can empty the cache, whatever its key patterns say: FLUSHALL takes no key.",
        check: |user, _, _| match user::reach(user.text("accessString")?) {
            Reach::Everything => hit("accessString", "the user may do everything with every key"),
            Reach::Dangerous => hit("accessString", "the user may empty the cache or change its settings: such commands take no key, so key patterns do not hold it back; add -@dangerous"),
            Reach::Ordinary => None,
        } },
    Rule { id: "weak-secret", severity: Some(Warn), kinds: &[Kind::ReplicationGroup, Kind::User],
        why: "The mark of a secret from the environment or a file stands in a tag. Who may read the tag can try guesses at it: random secrets outlast that, words and repetitions do not.",
        check: |resource, _, live| {
            let (field, _) = secret::field(resource.address.kind)?;
            let seen = live?.secrets.get(&secret::key(&resource.address, field))?;
            seen.weak.then(|| hit(field, "anyone who can read its mark in the tag could guess this secret: use a random one, or keep it in Secrets Manager or SSM")).flatten()
        } },
    Rule { id: "smoke-host", severity: Some(Warn), kinds: CACHES,
        why: "The smoke test logs in at the host that the spec names, so whoever can change that line decides who receives the password. TLS checks that it is the cache; a waiver says that the host is known.",
        check: |cache, _, _| {
            let smoke = cache.fields.get("smoke")?;
            let host = smoke.get("host").and_then(Value::as_str);
            let mapped = smoke.get("endpointMap").and_then(Value::as_object).into_iter().flatten().filter_map(|(_, place)| place.as_str());
            let hosts: Vec<&str> = host.into_iter().chain(mapped).collect();
            let field = if host.is_some() { "smoke.host" } else { "smoke.endpointMap" };
            (!hosts.is_empty()).then(|| (field, format!("the smoke test logs in at {} instead of the cache's endpoint", hosts.join(", "))))
        } },
    Rule { id: "placeholder", severity: Some(Warn), kinds: &[Kind::ReplicationGroup, Kind::ServerlessCache, Kind::SubnetGroup],
        why: "What `cachectl init` cannot know is left to be filled in; AWS knows no subnet or security group of that name.",
        check: |resource, _, _| ["subnetIds", "securityGroupIds"].into_iter().find_map(|field| {
            let left = strings(resource.fields.get(field)).find(|id| id.contains("replace-me"))?;
            Some((field, format!("{left} stands for one of yours")))
        }) },
];

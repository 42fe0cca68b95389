//! An account for planning: the sandbox in process, read into `Live` and written to by a plan's steps.

use std::collections::{BTreeMap, BTreeSet};

use cachectl::model::live::{Live, Tags, strings};
use cachectl::model::options::Options;
use cachectl::model::plan::Plan;
use cachectl::model::secret::Seen;
use cachectl::model::step::{MemberAlarms, Work};
use cachectl::model::{Address, Kind, Resource, Spec, Step};
use cachectl::plan::{self, companions, composites};
use cachectl::resource::parameter_group::{declared_parameters, user_parameters};
use cachectl::resource::{companion, dashboard, ownership, secret};
use cachectl::spec;
use cachectl_sandbox::{Direct, Refusal};
use serde_json::{Map, Value, json};

use super::sendable::unsendable;

/// A plan that takes more applies than this goes round in circles.
const MOST_HOPS: usize = 6;

pub(crate) struct Account {
    pub sandbox: Direct,
    /// Versions of secrets by place and key; 1 where nothing is set.
    pub secrets: BTreeMap<String, usize>,
}

/// A spec from its sections.
pub(crate) fn spec(sections: &str) -> Spec {
    let text = format!("apiVersion: cachectl/v1\nstack: prod\nregion: us-east-1\n{sections}");
    let loaded = spec::from_text(&text);
    match loaded.spec {
        Some(spec) => spec,
        None => panic!("no spec: {:#?}\n{text}", loaded.diagnostics),
    }
}

/// `--allow` for everything that the words name.
pub(crate) fn options(allow: &[&str]) -> Options {
    Options {
        allow: allow.iter().map(|text| text.parse().expect("ACTION:GLOB")).collect(),
        timestamp: "20270101-120000".into(),
        ..Options::default()
    }
}

/// How each kind is listed: the call, its items, their ids.
const LISTS: [(Kind, &str, &str, &str); 8] = [
    (Kind::ReplicationGroup, "DescribeReplicationGroups", "/ReplicationGroups", "ReplicationGroupId"),
    (Kind::ParameterGroup, "DescribeCacheParameterGroups", "/CacheParameterGroups", "CacheParameterGroupName"),
    (Kind::SubnetGroup, "DescribeCacheSubnetGroups", "/CacheSubnetGroups", "CacheSubnetGroupName"),
    (Kind::User, "DescribeUsers", "/Users", "UserId"),
    (Kind::UserGroup, "DescribeUserGroups", "/UserGroups", "UserGroupId"),
    (Kind::ServerlessCache, "DescribeServerlessCaches", "/ServerlessCaches", "ServerlessCacheName"),
    (Kind::Alarm, "DescribeAlarms", "/MetricAlarms", "AlarmName"),
    (Kind::CompositeAlarm, "DescribeAlarms", "/CompositeAlarms", "AlarmName"),
];

impl Account {
    pub(crate) fn new() -> Self {
        Self { sandbox: Direct::new(cachectl_sandbox::Options::default()), secrets: BTreeMap::new() }
    }

    /// An account where the stack stands as declared.
    pub(crate) fn with(sections: &str) -> Self {
        let mut account = Self::new();
        account.apply_all(&spec(sections), &options(&[]));
        account
    }

    pub(crate) fn call(&mut self, operation: &str, parameters: Value) -> Value {
        match self.sandbox.call(operation, parameters.clone()) {
            Ok(answer) => answer,
            Err(refusal) => panic!("{operation} {parameters}: {refusal}"),
        }
    }

    /// Every item of a paged list.
    fn list(&mut self, operation: &str, items: &str, parameters: &Value) -> Vec<Value> {
        let mut found = Vec::new();
        let mut marker = Value::Null;
        let token = match operation {
            "GetResources" => "PaginationToken",
            "DescribeAlarms" | "DescribeServerlessCaches" | "ListDashboards" => "NextToken",
            _ => "Marker",
        };
        loop {
            let mut page = parameters.clone();
            page[token] = marker;
            let mut answer = self.call(operation, page);
            if let Some(Value::Array(items)) = answer.pointer_mut(items).map(Value::take) {
                found.extend(items);
            }
            marker = answer.get(token).cloned().unwrap_or_default();
            if marker.as_str().is_none_or(str::is_empty) {
                return found;
            }
        }
    }

    fn keyed(&mut self, operation: &str, items: &str, id: &str) -> BTreeMap<String, Value> {
        let parameters = match operation {
            "DescribeCacheClusters" => json!({"ShowCacheNodeInfo": true}),
            "DescribeAlarms" => json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}),
            _ => json!({}),
        };
        let key = |item: &Value| item.get(id).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.list(operation, items, &parameters).into_iter().map(|item| (key(&item), item)).collect()
    }

    /// What the reader would have read.
    pub(crate) fn live(&mut self, spec: &Spec) -> Live {
        let mut live = Live {
            account_id: "012345678901".into(),
            partition: "aws".into(),
            region: "us-east-1".into(),
            cache_clusters: self.keyed("DescribeCacheClusters", "/CacheClusters", "CacheClusterId"),
            ..Live::default()
        };
        for (kind, operation, items, id) in LISTS {
            *live.of_mut(kind) = self.keyed(operation, items, id);
        }
        for name in self.keyed("ListDashboards", "/DashboardEntries", "DashboardName").into_keys() {
            let mut own = self.call("GetDashboard", json!({"DashboardName": name}));
            let text = own["DashboardBody"].as_str().unwrap_or_default();
            own["DashboardBody"] = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            live.of_mut(Kind::Dashboard).insert(name, own);
        }
        let custom: Vec<String> =
            live.of(Kind::ParameterGroup).keys().filter(|name| !name.starts_with("default.")).cloned().collect();
        for name in custom {
            let of = json!({"CacheParameterGroupName": name, "Source": "user"});
            let parameters = self.list("DescribeCacheParameters", "/Parameters", &of);
            live.parameters.insert(name, parameters);
        }
        self.read_tags(&mut live, spec);
        for resource in spec.resources.values() {
            self.read_details(&mut live, resource);
        }
        live
    }

    fn read_tags(&mut self, live: &mut Live, spec: &Spec) {
        let all = Kind::ALL.into_iter().flat_map(|kind| {
            live.of(kind).keys().map(move |id| (Address::new(kind, id), Tags::new())).collect::<Vec<_>>()
        });
        live.tags = all.collect();
        for resource in self.list("GetResources", "/ResourceTagMappingList", &json!({})) {
            let arn = resource.get("ResourceARN").and_then(Value::as_str).unwrap_or_default();
            let Some(address) = Address::from_arn(arn) else { continue };
            // An ARN does not tell the two types of alarms apart.
            let composite = Address::new(Kind::CompositeAlarm, &address.id);
            let is_composite = address.kind == Kind::Alarm && live.get(&composite).is_some();
            let address = if is_composite { composite } else { address };
            let text = |tag: &Value, member: &str| tag[member].as_str().unwrap_or_default().to_owned();
            let tags: Tags = resource["Tags"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|tag| (text(tag, "Key"), text(tag, "Value")))
                .collect();
            if tags.get(ownership::STACK) == Some(&spec.stack) {
                live.owned.insert(address.clone());
            }
            live.tags.insert(address, tags);
        }
    }

    /// What is read only where it matters: offered node types, parameter families, marks of secrets.
    fn read_details(&mut self, live: &mut Live, resource: &Resource) {
        let address = &resource.address;
        let node_type = live.get(address).and_then(|group| group.get("CacheNodeType")?.as_str());
        if node_type.is_some() && resource.text("cacheNodeType").is_some_and(|declared| Some(declared) != node_type) {
            let answer = self.call("ListAllowedNodeTypeModifications", json!({"ReplicationGroupId": address.id}));
            live.allowed_node_types.insert(address.id.clone(), answer);
        }
        let declared = resource.fields.get("parameters");
        let differs = declared.is_some()
            && (live.get(address).is_none() || declared_parameters(declared) != user_parameters(live, &address.id));
        if let Some(family) = resource.text("family").filter(|family| differs && !live.families.contains_key(*family)) {
            let of = json!({"CacheParameterGroupFamily": family});
            let rows = self.list("DescribeEngineDefaultParameters", "/EngineDefaults/Parameters", &of);
            live.families.insert(family.to_owned(), rows);
        }
        if let Some((field, tag)) = secret::field(address.kind)
            && let Some(declared) = resource.fields.get(field).filter(|value| !value.is_null())
        {
            let references = declared.as_array().map_or(std::slice::from_ref(declared), Vec::as_slice);
            let marks: Vec<String> = references.iter().map(|reference| self.version(reference)).collect();
            let mark = marks.join(" ");
            let known = live.tags.get(address).and_then(|tags| tags.get(tag)).map(|tag| secret::mark(tag));
            let matches = known == Some(mark.as_str());
            live.secrets.insert(secret::key(address, field), Seen { mark, matches, weak: false });
        }
    }

    pub(crate) fn version(&self, reference: &Value) -> String {
        let version = format!("v{}", self.secrets.get(&place(reference)).copied().unwrap_or(1));
        secret::versioned(reference, &version)
    }

    fn resolved(&self, value: &Value) -> Value {
        match value {
            Value::Object(_) => {
                json!(format!("{}-{}-long-enough-to-be-one", place(value), self.version(value).replace('@', "-")))
            }
            Value::Array(items) => items.iter().map(|item| self.resolved(item)).collect(),
            other => other.clone(),
        }
    }

    pub(crate) fn plan(&mut self, spec: &Spec, options: &Options) -> Plan {
        let live = self.live(spec);
        plan::plan(spec, &live, options, Vec::new())
    }

    /// Sends one step's call, or those that the alarms of a cache come to.
    pub(crate) fn step(&mut self, spec: &Spec, options: &Options, step: &Step, steps: &[Step]) -> Result<(), Refusal> {
        if let Work::MemberAlarms(MemberAlarms { cache, .. }) = &step.work {
            let live = self.live(spec);
            let members = composites::of_members(spec, &live, options, cache, steps);
            for alarm in members.stages.into_iter().flatten() {
                assert_eq!(unsendable(alarm.operation(), alarm.parameters()), None);
                self.sandbox.call(alarm.operation().name(), Value::Object(alarm.parameters().clone()))?;
            }
            return Ok(());
        }
        let mut parameters = step.parameters().clone();
        for member in ["AuthToken", "Passwords"] {
            if let Some(value) = parameters.get(member) {
                let resolved = self.resolved(value);
                parameters.insert(member.into(), resolved);
            }
        }
        if let Some(why) = unsendable(step.operation(), &parameters) {
            panic!("{why}");
        }
        let kind = step.address.kind;
        if let Some(cache) = companion::to_come(kind, &parameters) {
            let written = companions::written_out(spec, &self.live(spec), kind, &cache);
            let (member, body) = written.expect("a cache with nodes");
            parameters.insert(member.into(), body);
        }
        if let Some(body) = parameters.get_mut(dashboard::BODY) {
            *body = json!(body.to_string());
        }
        match self.sandbox.call(step.operation().name(), Value::Object(parameters)) {
            // An apply takes this refusal for a token that is set already.
            Err(refusal) if refusal.message.contains("2 AUTH tokens") => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Carries a plan out. The reason, where one of its steps is refused.
    pub(crate) fn run(&mut self, spec: &Spec, options: &Options, plan: &Plan) -> Result<(), String> {
        for step in &plan.steps {
            self.step(spec, options, step, &plan.steps)
                .map_err(|refusal| format!("step {} {}: {refusal}\n{}", step.id, brief(step), shown(plan)))?;
        }
        Ok(())
    }

    /// Applies until nothing is left to do: hop after hop.
    pub(crate) fn settle(&mut self, spec: &Spec, options: &Options) -> Result<Vec<Plan>, String> {
        let mut plans = Vec::new();
        loop {
            let plan = self.plan(spec, options);
            if plan.is_blocked() {
                return Err(format!("blocked:\n{}", shown(&plan)));
            }
            if plan.steps.is_empty() {
                let says_otherwise =
                    plan.changes.iter().find(|change| !change.attributes.is_empty() && change.remaining.is_empty());
                return match says_otherwise {
                    Some(change) => Err(format!("{} differs, and no step mends it:\n{}", change.address, shown(&plan))),
                    None => Ok(plans),
                };
            }
            if plans.len() == MOST_HOPS {
                return Err(format!("not settled after {MOST_HOPS} applies:\n{}", shown(&plan)));
            }
            self.run(spec, options, &plan)?;
            plans.push(plan);
        }
    }

    pub(crate) fn apply_all(&mut self, spec: &Spec, options: &Options) -> Vec<Plan> {
        self.settle(spec, options).unwrap_or_else(|why| panic!("{why}"))
    }

    pub(crate) fn member_ids(&mut self, group: &str) -> Vec<String> {
        let answer = self.call("DescribeReplicationGroups", json!({"ReplicationGroupId": group}));
        strings(answer.pointer("/ReplicationGroups/0/MemberClusters")).map(str::to_owned).collect()
    }
}

fn place(reference: &Value) -> String {
    let text = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("{}-{}", text("secretsManager").replace('/', "-"), text("key"))
}

/// The mark of a key of the secret `prod/cache` at a version.
pub(crate) fn mark(key: &str, version: usize) -> String {
    secret::versioned(&json!({"secretsManager": "prod/cache", "key": key}), &format!("v{version}"))
}

fn brief(step: &Step) -> String {
    format!("{} {} {}", step.operation(), step.address, Value::Object(step.parameters().clone()))
}

/// A plan in lines, for the message of a failed test.
pub(crate) fn shown(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for change in &plan.changes {
        lines.push(format!("{:?} {}", change.action, change.address));
        lines.extend(change.attributes.iter().map(|a| format!("    {}: {} -> {}", a.path, a.before, a.after)));
        lines.extend(change.pending.iter().map(|pending| format!("    pending {} {}", pending.path, pending.value)));
        lines.extend(change.remaining.iter().map(|remaining| format!("    then {remaining}")));
        lines.extend(change.blocked.iter().map(|b| format!("    blocked {}: {} ({})", b.rule, b.reason, b.hint)));
    }
    lines.extend(plan.steps.iter().map(|step| format!("  {} after {:?}: {}", step.id, step.after, brief(step))));
    lines.extend(plan.notes.iter().map(|note| format!("  note {note}")));
    lines.join("\n")
}

/// The parameters of a step without what every call of its resource carries.
pub(crate) fn decisive(step: &Step) -> Map<String, Value> {
    let carried: BTreeSet<&str> = [step.address.kind.id_member(), "ApplyImmediately"].into();
    step.parameters()
        .iter()
        .filter(|(name, _)| !carried.contains(name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

//! The bulk reader: list calls where many are wanted, calls by name where few are, at most four round
//! trips deep.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::client::{Aws, Identity};
use super::error::{AwsError, Kind as ErrorKind};
use super::{describe, secrets, tags};
use crate::plan::ownership;
use crate::resource::live::{Live, strings};
use crate::resource::parameter_group::{declared_parameters, user_parameters};
use crate::resource::{Address, Kind, alarm, secret};
use crate::spec::Spec;

/// After the first page of a list, up to this many missing resources are asked for by name.
const FEW: usize = 10;
/// Requests under way at once.
const CONCURRENCY: usize = 16;
const ALARM_NAMES: usize = 100;

type Found = BTreeMap<String, Value>;

/// What a read is for.
struct Wanted {
    by_kind: BTreeMap<Kind, BTreeSet<String>>,
}

impl Wanted {
    fn new(spec: &Spec) -> Self {
        let mut wanted = Self { by_kind: BTreeMap::new() };
        for resource in spec.resources.values() {
            wanted.add(resource.address.clone());
            for need in crate::plan::order::references(resource) {
                wanted.add(need);
            }
        }
        wanted
    }

    fn add(&mut self, address: Address) {
        self.by_kind.entry(address.kind).or_default().insert(address.id);
    }

    fn of(&self, kind: Kind) -> BTreeSet<String> {
        self.by_kind.get(&kind).cloned().unwrap_or_default()
    }
}

/// Reads everything that a plan of this spec looks at.
pub async fn read(aws: &Aws, identity: &Identity, spec: &Spec) -> Result<Live, AwsError> {
    let mut live = Live {
        account_id: identity.account_id.clone(),
        partition: identity.partition.clone(),
        region: aws.region.clone(),
        ..Live::default()
    };
    let mut wanted = Wanted::new(spec);
    let (owned, first) = futures::join!(tags::owned_by(aws, &spec.stack), read_kinds(aws, &wanted));
    first?.store(&mut live);
    take_owned(owned, &mut wanted, &mut live)?;
    // Orphans of kinds, or with names, that the spec does not have.
    let mut missing = Wanted { by_kind: BTreeMap::new() };
    for (kind, ids) in &wanted.by_kind {
        for id in ids.iter().filter(|id| *kind != Kind::Alarm && !live.of(*kind).contains_key(*id)) {
            let address = Address { kind: *kind, id: id.clone() };
            if live.owned.contains(&address) && !spec.resources.contains_key(&address) {
                missing.add(address);
            }
        }
    }
    if !missing.by_kind.is_empty() {
        read_kinds(aws, &missing).await?.store(&mut live);
    }
    let details = futures::try_join!(
        parameters(aws, &live, &wanted),
        alarms(aws, &live, spec, &wanted),
        allowed_node_types(aws, &live, spec),
        confirmed_tags(aws, &live, spec),
    )?;
    let (parameters, (alarms, alarm_notes), (allowed, allowed_notes), confirmed) = details;
    live.parameters = parameters;
    live.alarms = alarms;
    live.allowed_node_types = allowed;
    live.notes.extend(alarm_notes.into_iter().chain(allowed_notes));
    for (address, tags) in confirmed {
        match tags {
            Some(tags) => drop(live.tags.insert(address, tags)),
            None => drop(live.tags.remove(&address)),
        }
    }
    let families = families(aws, &live, spec).await?;
    live.families = families.0;
    live.notes.extend(families.1);
    secrets_seen(aws, &mut live, spec).await?;
    live.api_calls = aws.calls();
    Ok(live)
}

/// What `GetResources` knows: who is owned, and all their tags.
fn take_owned(
    owned: Result<Option<BTreeMap<Address, crate::resource::live::Tags>>, AwsError>,
    wanted: &mut Wanted,
    live: &mut Live,
) -> Result<(), AwsError> {
    match owned? {
        Some(owned) => {
            for (address, tags) in owned {
                wanted.add(address.clone());
                live.owned.insert(address.clone());
                live.tags.insert(address, tags);
            }
        }
        None => {
            live.orphans_unknown = true;
            live.notes.push("tag:GetResources is not available here: ownership was read resource by resource, orphans are not known".into());
        }
    }
    Ok(())
}

#[derive(Default)]
struct Kinds {
    groups: Found,
    clusters: Found,
    parameter_groups: Found,
    subnet_groups: Found,
    users: Found,
    user_groups: Found,
    serverless: Found,
    notes: Vec<String>,
    seen: usize,
}

impl Kinds {
    fn store(self, live: &mut Live) {
        live.replication_groups.extend(self.groups);
        live.cache_clusters.extend(self.clusters);
        live.parameter_groups.extend(self.parameter_groups);
        live.subnet_groups.extend(self.subnet_groups);
        live.users.extend(self.users);
        live.user_groups.extend(self.user_groups);
        live.serverless_caches.extend(self.serverless);
        live.notes.extend(self.notes);
        live.seen += self.seen;
    }
}

/// An endpoint that lacks the operation has none of these resources; the plan says so.
fn tolerate(result: Result<(Found, usize), AwsError>, notes: &mut Vec<String>) -> Result<(Found, usize), AwsError> {
    match result {
        Err(error) if error.kind == ErrorKind::Unsupported => {
            notes.push(format!("{} is not implemented by this endpoint: taken as empty", error.operation));
            Ok((Found::new(), 0))
        }
        other => other,
    }
}

async fn read_kinds(aws: &Aws, wanted: &Wanted) -> Result<Kinds, AwsError> {
    let (groups, parameter_groups, subnet_groups, users, user_groups, serverless) = futures::join!(
        groups_and_members(aws, wanted.of(Kind::ReplicationGroup)),
        list_parameter_groups(aws, wanted.of(Kind::ParameterGroup)),
        list_subnet_groups(aws, wanted.of(Kind::SubnetGroup)),
        list_users(aws, wanted.of(Kind::User)),
        list_user_groups(aws, wanted.of(Kind::UserGroup)),
        list_serverless(aws, wanted.of(Kind::ServerlessCache)),
    );
    let mut kinds = Kinds::default();
    let (groups, clusters) = groups?;
    kinds.seen += groups.1;
    kinds.groups = groups.0;
    kinds.clusters = clusters;
    kinds.parameter_groups = tolerate(parameter_groups, &mut kinds.notes)?.0;
    kinds.subnet_groups = tolerate(subnet_groups, &mut kinds.notes)?.0;
    kinds.users = tolerate(users, &mut kinds.notes)?.0;
    kinds.user_groups = tolerate(user_groups, &mut kinds.notes)?.0;
    let (serverless, seen) = tolerate(serverless, &mut kinds.notes)?;
    kinds.seen += seen;
    kinds.serverless = serverless;
    Ok(kinds)
}

/// One Describe call that lists in pages and also takes a name. The first page is always a list; what
/// is still missing then is asked for by name where it is little, since other teams' resources may
/// fill many pages.
macro_rules! lister {
    ($name:ident, $operation:literal, $call:ident, $by_id:ident, $items:ident, $id:ident, $describe:path) => {
        async fn $name(aws: &Aws, wanted: BTreeSet<String>) -> Result<(Found, usize), AwsError> {
            let (mut found, mut seen, mut marker) = (Found::new(), 0, None);
            while !wanted.is_empty() {
                let answer = aws.elasticache.$call().max_records(100).set_marker(marker.take()).send().await;
                let answer = answer.map_err(|error| AwsError::of($operation, error))?;
                for item in answer.$items() {
                    seen += 1;
                    let id = item.$id().unwrap_or_default().to_ascii_lowercase();
                    if wanted.contains(&id) {
                        found.insert(id, $describe(item));
                    }
                }
                let missing: Vec<_> = wanted.iter().filter(|id| !found.contains_key(*id)).cloned().collect();
                marker = answer.marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
                if marker.is_none() || missing.is_empty() {
                    break;
                }
                if missing.len() <= FEW {
                    let reads = missing.into_iter().map(|id| async move {
                        match aws.elasticache.$call().$by_id(&id).send().await {
                            Ok(answer) => Ok(answer.$items().first().map(|item| (id, $describe(item)))),
                            Err(error) => match AwsError::of($operation, error) {
                                error if error.kind == ErrorKind::NotFound => Ok(None),
                                error => Err(error),
                            },
                        }
                    });
                    let more: Vec<Option<(String, Value)>> =
                        stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await?;
                    found.extend(more.into_iter().flatten());
                    break;
                }
            }
            Ok((found, seen))
        }
    };
}

lister!(
    list_groups,
    "DescribeReplicationGroups",
    describe_replication_groups,
    replication_group_id,
    replication_groups,
    replication_group_id,
    describe::replication_group
);
lister!(
    list_parameter_groups,
    "DescribeCacheParameterGroups",
    describe_cache_parameter_groups,
    cache_parameter_group_name,
    cache_parameter_groups,
    cache_parameter_group_name,
    describe::parameter_group
);
lister!(
    list_subnet_groups,
    "DescribeCacheSubnetGroups",
    describe_cache_subnet_groups,
    cache_subnet_group_name,
    cache_subnet_groups,
    cache_subnet_group_name,
    describe::subnet_group
);
lister!(list_users, "DescribeUsers", describe_users, user_id, users, user_id, describe::user);
lister!(
    list_user_groups,
    "DescribeUserGroups",
    describe_user_groups,
    user_group_id,
    user_groups,
    user_group_id,
    describe::user_group
);

async fn list_serverless(aws: &Aws, wanted: BTreeSet<String>) -> Result<(Found, usize), AwsError> {
    let (mut found, mut seen, mut token) = (Found::new(), 0, None);
    while !wanted.is_empty() {
        let answer = aws.elasticache.describe_serverless_caches().set_next_token(token.take()).send().await;
        let answer = answer.map_err(|error| AwsError::of("DescribeServerlessCaches", error))?;
        for cache in answer.serverless_caches() {
            seen += 1;
            let id = cache.serverless_cache_name().unwrap_or_default().to_ascii_lowercase();
            if wanted.contains(&id) {
                found.insert(id, describe::serverless_cache(cache));
            }
        }
        token = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() || found.len() == wanted.len() {
            break;
        }
    }
    Ok((found, seen))
}

/// Groups and, side by side with them, the first page of member clusters; then the members that are
/// still missing.
async fn groups_and_members(aws: &Aws, wanted: BTreeSet<String>) -> Result<((Found, usize), Found), AwsError> {
    if wanted.is_empty() {
        return Ok(((Found::new(), 0), Found::new()));
    }
    let (groups, page) = futures::try_join!(list_groups(aws, wanted), clusters_page(aws, None))?;
    let needed: BTreeSet<String> =
        groups.0.values().flat_map(|group| strings(group.get("MemberClusters"))).map(str::to_owned).collect();
    let clusters = members(aws, &needed, page).await?;
    Ok((groups, clusters))
}

type Page = (Vec<(String, Value)>, Option<String>);

async fn clusters_page(aws: &Aws, marker: Option<String>) -> Result<Page, AwsError> {
    let answer = aws
        .elasticache
        .describe_cache_clusters()
        .max_records(100)
        .show_cache_node_info(true)
        .set_marker(marker)
        .send()
        .await;
    let answer = answer.map_err(|error| AwsError::of("DescribeCacheClusters", error))?;
    let clusters = answer
        .cache_clusters()
        .iter()
        .map(|cluster| (cluster.cache_cluster_id().unwrap_or_default().to_owned(), describe::cache_cluster(cluster)));
    Ok((clusters.collect(), answer.marker().filter(|marker| !marker.is_empty()).map(str::to_owned)))
}

async fn members(aws: &Aws, needed: &BTreeSet<String>, first: Page) -> Result<Found, AwsError> {
    let mut found = Found::new();
    let mut page = first;
    loop {
        let (clusters, marker) = page;
        found.extend(clusters.into_iter().filter(|(id, _)| needed.contains(id)));
        let missing: Vec<_> = needed.iter().filter(|id| !found.contains_key(*id)).collect();
        let Some(marker) = marker.filter(|_| !missing.is_empty()) else { break };
        if missing.len() <= FEW {
            let reads = missing.into_iter().map(|id| async move {
                match aws
                    .elasticache
                    .describe_cache_clusters()
                    .cache_cluster_id(id)
                    .show_cache_node_info(true)
                    .send()
                    .await
                {
                    Ok(answer) => Ok(answer
                        .cache_clusters()
                        .first()
                        .map(|cluster| (id.clone(), describe::cache_cluster(cluster)))),
                    Err(error) => match AwsError::of("DescribeCacheClusters", error) {
                        error if error.kind == ErrorKind::NotFound => Ok(None),
                        error => Err(error),
                    },
                }
            });
            found.extend(try_join_all(reads).await?.into_iter().flatten());
            break;
        }
        page = clusters_page(aws, Some(marker)).await?;
    }
    Ok(found)
}

/// The replication groups, members and serverless caches of these ids, for an observer: list calls.
pub async fn caches(
    aws: &Aws,
    groups: BTreeSet<String>,
    serverless: BTreeSet<String>,
    users: BTreeSet<String>,
    user_groups: BTreeSet<String>,
) -> Result<Live, AwsError> {
    let mut wanted = Wanted { by_kind: BTreeMap::new() };
    wanted.by_kind.insert(Kind::ReplicationGroup, groups);
    wanted.by_kind.insert(Kind::ServerlessCache, serverless);
    wanted.by_kind.insert(Kind::User, users);
    wanted.by_kind.insert(Kind::UserGroup, user_groups);
    let mut live = Live::default();
    read_kinds(aws, &wanted).await?.store(&mut live);
    Ok(live)
}

/// What a user set in each parameter group. AWS has no list call for this: one call a group.
async fn parameters(aws: &Aws, live: &Live, wanted: &Wanted) -> Result<BTreeMap<String, Vec<Value>>, AwsError> {
    let names = wanted
        .of(Kind::ParameterGroup)
        .into_iter()
        .filter(|name| live.parameter_groups.contains_key(name) && !name.starts_with("default."));
    let reads = names.map(|name| async move {
        let mut out = Vec::new();
        let mut marker = None;
        loop {
            let answer = aws
                .elasticache
                .describe_cache_parameters()
                .cache_parameter_group_name(&name)
                .source("user")
                .max_records(100)
                .set_marker(marker)
                .send()
                .await;
            let answer = answer.map_err(|error| AwsError::of("DescribeCacheParameters", error))?;
            out.extend(answer.parameters().iter().map(describe::parameter));
            marker = answer.marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                return Ok::<_, AwsError>((name, out));
            }
        }
    });
    stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await
}

/// What the parameters of a family are and allow; only where a group is new or differs.
async fn families(
    aws: &Aws,
    live: &Live,
    spec: &Spec,
) -> Result<(BTreeMap<String, Vec<Value>>, Vec<String>), AwsError> {
    let changed =
        spec.resources.values().filter(|resource| resource.address.kind == Kind::ParameterGroup).filter(|resource| {
            let declared = resource.fields.get("parameters");
            declared.is_some()
                && (live.get(&resource.address).is_none()
                    || declared_parameters(declared) != user_parameters(live, &resource.address.id))
        });
    let families: BTreeSet<String> =
        changed.filter_map(|resource| resource.text("family").map(str::to_owned)).collect();
    let reads = families.into_iter().map(|family| async move {
        let mut out = Vec::new();
        let mut marker = None;
        loop {
            let answer = aws
                .elasticache
                .describe_engine_default_parameters()
                .cache_parameter_group_family(&family)
                .max_records(100)
                .set_marker(marker)
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                // The check of parameters is a courtesy; AWS makes its own.
                Err(error) => return Err((family, AwsError::of("DescribeEngineDefaultParameters", error))),
            };
            let defaults = answer.engine_defaults();
            out.extend(defaults.into_iter().flat_map(|defaults| defaults.parameters()).map(describe::parameter));
            marker =
                defaults.and_then(|defaults| defaults.marker()).filter(|marker| !marker.is_empty()).map(str::to_owned);
            if marker.is_none() {
                return Ok((family, out));
            }
        }
    });
    let (mut found, mut notes) = (BTreeMap::new(), Vec::new());
    for answer in stream::iter(reads).buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await {
        match answer {
            Ok((family, parameters)) => drop(found.insert(family, parameters)),
            Err((_, error)) if error.kind == ErrorKind::Interrupted => return Err(error),
            Err((family, error)) => notes.push(format!("the parameters of {family} were not checked: {error}")),
        }
    }
    Ok((found, notes))
}

/// By name, a hundred a call: the alarms that the spec asks for and those that carry the stack's tag.
async fn alarms(aws: &Aws, live: &Live, spec: &Spec, wanted: &Wanted) -> Result<(Found, Vec<String>), AwsError> {
    let mut names: BTreeSet<String> = alarm::wanted(spec, live).named.into_iter().map(|alarm| alarm.name).collect();
    names.extend(live.owned.iter().filter(|address| address.kind == Kind::Alarm).map(|address| address.id.clone()));
    names.extend(wanted.of(Kind::Alarm));
    let chunks: Vec<Vec<String>> =
        names.into_iter().collect::<Vec<_>>().chunks(ALARM_NAMES).map(<[String]>::to_vec).collect();
    let by_name = |names: Vec<String>| async move {
        let answer = aws.cloudwatch.describe_alarms().set_alarm_names(Some(names)).max_records(100).send().await;
        let answer = answer.map_err(|error| AwsError::of("DescribeAlarms", error))?;
        Ok::<_, AwsError>(
            answer
                .metric_alarms()
                .iter()
                .map(|alarm| (alarm.alarm_name().unwrap_or_default().to_owned(), describe::metric_alarm(alarm)))
                .collect::<Vec<_>>(),
        )
    };
    let pages: Vec<Vec<(String, Value)>> =
        stream::iter(chunks.into_iter().map(by_name)).buffer_unordered(CONCURRENCY).try_collect().await?;
    let mut found: Found = pages.into_iter().flatten().collect();
    if live.orphans_unknown {
        // Without tags, ownership reads from the descriptions of all alarms.
        found.extend(described_alarms(aws, &spec.stack).await?);
    }
    Ok((found, Vec::new()))
}

async fn described_alarms(aws: &Aws, stack: &str) -> Result<Found, AwsError> {
    let (mut found, mut token) = (Found::new(), None);
    loop {
        let answer = aws.cloudwatch.describe_alarms().max_records(100).set_next_token(token).send().await;
        let answer = answer.map_err(|error| AwsError::of("DescribeAlarms", error))?;
        for item in answer.metric_alarms() {
            let value = describe::metric_alarm(item);
            if alarm::stack_of(&value) == Some(stack) {
                found.insert(item.alarm_name().unwrap_or_default().to_owned(), value);
            }
        }
        token = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Only for groups whose declared node type is not the live one.
async fn allowed_node_types(aws: &Aws, live: &Live, spec: &Spec) -> Result<(Found, Vec<String>), AwsError> {
    let differs =
        spec.resources.values().filter(|resource| resource.address.kind == Kind::ReplicationGroup).filter_map(
            |resource| {
                let declared = resource.text("cacheNodeType")?;
                let current = live.get(&resource.address)?.get("CacheNodeType")?.as_str()?;
                (declared != current).then(|| resource.address.id.clone())
            },
        );
    let reads = differs.map(|id| async move {
        let answer = aws.elasticache.list_allowed_node_type_modifications().replication_group_id(&id).send().await;
        match answer {
            Ok(answer) => Ok((
                id,
                serde_json::json!({
                    "ScaleUpModifications": answer.scale_up_modifications(),
                    "ScaleDownModifications": answer.scale_down_modifications(),
                }),
            )),
            Err(error) => Err((id, AwsError::of("ListAllowedNodeTypeModifications", error))),
        }
    });
    let (mut found, mut notes) = (Found::new(), Vec::new());
    for answer in stream::iter(reads).buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await {
        match answer {
            Ok((id, value)) => drop(found.insert(id, value)),
            Err((_, error)) if error.kind == ErrorKind::Interrupted => return Err(error),
            Err((id, error)) => notes.push(format!("which node types AWS offers for {id} was not checked: {error}")),
        }
    }
    Ok((found, notes))
}

type Confirmed = Vec<(Address, Option<crate::resource::live::Tags>)>;

/// `GetResources` lags behind: where its tags are missing or differ from what is declared, the resource
/// itself is asked. `None` where AWS refuses, as it does while a group is not available.
async fn confirmed_tags(aws: &Aws, live: &Live, spec: &Spec) -> Result<Confirmed, AwsError> {
    let doubtful = spec
        .resources
        .values()
        .filter(|resource| resource.address.kind != Kind::Alarm && live.get(&resource.address).is_some())
        .filter(|resource| {
            live.tags.get(&resource.address).is_none_or(|tags| {
                ownership::wanted_tags(spec, live, resource).iter().any(|(key, value)| tags.get(key) != value.as_ref())
            })
        });
    let reads = doubtful.map(|resource| async move {
        let address = resource.address.clone();
        match tags::of(aws, &live.arn(&address)).await {
            Ok(tags) => Ok((address, Some(tags))),
            Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
            // What GetResources said is better than nothing.
            Err(_) => {
                let known = live.tags.get(&address).cloned();
                Ok((address, known))
            }
        }
    });
    stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await
}

/// The marks of the secrets that the spec points to.
async fn secrets_seen(aws: &Aws, live: &mut Live, spec: &Spec) -> Result<(), AwsError> {
    for resource in spec.resources.values() {
        let Some((field, tag)) = secret::field(resource.address.kind) else { continue };
        let Some(declared) = resource.fields.get(field).filter(|value| !value.is_null()) else { continue };
        let known = live.tags.get(&resource.address).and_then(|tags| tags.get(tag)).map(String::as_str);
        match secrets::seen(aws, declared, known).await {
            Ok(seen) => drop(live.secrets.insert(secret::key(&resource.address, field), seen)),
            Err(error) if live.get(&resource.address).is_some() && error.kind != ErrorKind::Interrupted => {
                live.notes.push(format!("{} {field} is not compared: {error}", resource.address));
            }
            Err(error) => {
                return Err(AwsError {
                    operation: format!("{} of {} {field}", error.operation, resource.address),
                    ..error
                });
            }
        }
    }
    Ok(())
}

/// The states of the stack's resources, orphans included, without their details.
pub async fn stack_states(aws: &Aws, identity: &Identity, spec: &Spec) -> Result<(Live, Vec<Address>), AwsError> {
    let mut wanted = Wanted { by_kind: BTreeMap::new() };
    let owned = tags::owned_by(aws, &spec.stack).await?.unwrap_or_default();
    let orphans: Vec<Address> =
        owned.into_keys().filter(|address| address.kind.ready() != crate::plan::model::Wait::Nothing).collect();
    for address in spec
        .resources
        .keys()
        .chain(&orphans)
        .filter(|address| address.kind.ready() != crate::plan::model::Wait::Nothing)
    {
        wanted.add(address.clone());
    }
    let mut live = Live { account_id: identity.account_id.clone(), region: aws.region.clone(), ..Live::default() };
    read_kinds(aws, &wanted).await?.store(&mut live);
    Ok((live, orphans))
}

/// Caches of the region that this spec does not have, by address.
pub async fn unmanaged(aws: &Aws, spec: &Spec, live: &Live) -> Result<Vec<String>, AwsError> {
    let mut out = Vec::new();
    let mut marker = None;
    loop {
        let answer = aws.elasticache.describe_replication_groups().max_records(100).set_marker(marker).send().await;
        let answer = answer.map_err(|error| AwsError::of("DescribeReplicationGroups", error))?;
        out.extend(
            answer
                .replication_groups()
                .iter()
                .filter_map(|group| Some(Address::new(Kind::ReplicationGroup, group.replication_group_id()?))),
        );
        marker = answer.marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    let mut token = None;
    loop {
        let answer = aws.elasticache.describe_serverless_caches().set_next_token(token).send().await;
        let answer = match answer.map_err(|error| AwsError::of("DescribeServerlessCaches", error)) {
            Err(error) if error.kind == ErrorKind::Unsupported => break,
            other => other?,
        };
        out.extend(
            answer
                .serverless_caches()
                .iter()
                .filter_map(|cache| Some(Address::new(Kind::ServerlessCache, cache.serverless_cache_name()?))),
        );
        token = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    out.retain(|address| !spec.resources.contains_key(address) && !live.owned.contains(address));
    Ok(out.iter().map(Address::to_string).collect())
}

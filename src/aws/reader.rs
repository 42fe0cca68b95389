//! The bulk reader: list calls where many are wanted, calls by name where few are, at most four round
//! trips deep.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::client::{Aws, Identity};
use super::error::{AwsError, Kind as ErrorKind};
use super::lists::{CONCURRENCY, Found, Wanted, read_kinds};
use super::pages::Pages;
use super::{describe, secrets, tags};
use crate::model::live::Live;
use crate::model::secret::Marks;
use crate::model::{Address, Kind, Resource, Spec};
use crate::resource::parameter_group::{declared_parameters, is_aws_own, user_parameters};
use crate::resource::{alarm, ownership, secret};

const ALARM_NAMES: usize = 100;

/// An account of which nothing was read yet.
pub(super) fn empty(aws: &Aws, identity: &Identity) -> Live {
    Live {
        account_id: identity.account_id.clone(),
        partition: identity.partition.clone(),
        region: aws.region.clone(),
        ..Live::default()
    }
}

/// Reads everything that a plan of this spec looks at; `told` are the marks of an earlier plan.
pub async fn read(aws: &Aws, identity: &Identity, spec: &Spec, told: &Marks) -> Result<Live, AwsError> {
    let mut live = empty(aws, identity);
    let mut wanted = Wanted::new(spec);
    let (owned, first) = futures::join!(tags::owned_by(aws, &spec.stack), read_kinds(aws, &wanted));
    first?.store(&mut live);
    take_owned(owned, &mut wanted, &mut live)?;
    // Orphans of kinds, or with names, that the spec does not have.
    let mut missing = Wanted::default();
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
        watching(aws, &live, spec),
    )?;
    let (parameters, alarms, (allowed, allowed_notes), confirmed, composites) = details;
    live.composite_alarms = composites;
    live.parameters = parameters;
    let known = &live.parameters;
    live.parameter_groups.retain(|name, _| is_aws_own(name) || known.contains_key(name));
    live.alarms = alarms;
    live.allowed_node_types = allowed;
    live.notes.extend(allowed_notes);
    for (address, tags) in confirmed {
        match tags {
            Ok(tags) => drop(live.tags.insert(address, tags)),
            // What GetResources said lags behind, but it was read.
            Err(Some(why)) if !live.tags.contains_key(&address) => drop(live.tags_unread.insert(address, why)),
            Err(_) => {}
        }
    }
    let families = families(aws, &live, spec).await?;
    live.families = families.0;
    live.notes.extend(families.1);
    secrets_seen(aws, &mut live, spec, told).await?;
    live.api_calls = aws.calls();
    Ok(live)
}

/// What `GetResources` knows: who is owned, and all their tags.
fn take_owned(
    owned: Result<Option<BTreeMap<Address, crate::model::live::Tags>>, AwsError>,
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

/// These alone, as they are now: themselves, the parameters of parameter groups, and the tags of what is no alarm.
pub async fn again(aws: &Aws, identity: &Identity, addresses: &[Address]) -> Result<Live, AwsError> {
    let mut live = empty(aws, identity);
    let mut wanted = Wanted::default();
    addresses.iter().cloned().for_each(|address| wanted.add(address));
    let (kinds, alarms) = futures::try_join!(read_kinds(aws, &wanted), alarms_by_name(aws, wanted.of(Kind::Alarm)))?;
    kinds.store(&mut live);
    live.alarms = alarms;
    live.parameters = parameters(aws, &live, &wanted).await?;
    for address in addresses.iter().filter(|address| address.kind != Kind::Alarm) {
        if live.get(address).is_none() {
            continue;
        }
        let arn = live.arn(address);
        match tags::of(aws, &arn).await {
            Ok(tags) => drop(live.tags.insert(address.clone(), tags)),
            Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
            // It went meanwhile, or is busy.
            Err(error) if error.kind == ErrorKind::NotFound || error.is_state() => {}
            Err(error) => drop(live.tags_unread.insert(address.clone(), error.to_string())),
        }
    }
    Ok(live)
}

/// The replication groups, members and serverless caches of these ids, for an observer: list calls.
pub async fn caches(
    aws: &Aws,
    groups: BTreeSet<String>,
    serverless: BTreeSet<String>,
    users: BTreeSet<String>,
    user_groups: BTreeSet<String>,
) -> Result<Live, AwsError> {
    let mut wanted = Wanted::default();
    wanted.by_kind.insert(Kind::ReplicationGroup, groups);
    wanted.by_kind.insert(Kind::ServerlessCache, serverless);
    wanted.by_kind.insert(Kind::User, users);
    wanted.by_kind.insert(Kind::UserGroup, user_groups);
    let mut live = Live::default();
    read_kinds(aws, &wanted).await?.store(&mut live);
    Ok(live)
}

/// What a user set in each parameter group. AWS has no list call for this: one call a group.
pub(super) async fn parameters(
    aws: &Aws,
    live: &Live,
    wanted: &Wanted,
) -> Result<BTreeMap<String, Vec<Value>>, AwsError> {
    let names = wanted
        .of(Kind::ParameterGroup)
        .into_iter()
        .filter(|name| live.parameter_groups.contains_key(name) && !is_aws_own(name));
    let reads = names.map(|name| async move {
        let mut out = Vec::new();
        let mut pages = Pages::of("DescribeCacheParameters");
        loop {
            let answer = aws
                .elasticache
                .describe_cache_parameters()
                .cache_parameter_group_name(&name)
                .source("user")
                .max_records(100)
                .set_marker(pages.token())
                .send()
                .await;
            let answer = match answer.map_err(|error| AwsError::of("DescribeCacheParameters", error)) {
                Ok(answer) => answer,
                // Lists lag behind: the group was deleted a moment ago.
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            out.extend(answer.parameters().iter().map(describe::parameter));
            if !pages.turn(answer.marker())? {
                return Ok(Some((name, out)));
            }
        }
    });
    let found: Vec<Option<(String, Vec<Value>)>> =
        stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
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
        let mut pages = Pages::of("DescribeEngineDefaultParameters");
        loop {
            let answer = aws
                .elasticache
                .describe_engine_default_parameters()
                .cache_parameter_group_family(&family)
                .max_records(100)
                .set_marker(pages.token())
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                // The check of parameters is a courtesy; AWS makes its own.
                Err(error) => return Err((family, AwsError::of("DescribeEngineDefaultParameters", error))),
            };
            let defaults = answer.engine_defaults();
            out.extend(defaults.into_iter().flat_map(|defaults| defaults.parameters()).map(describe::parameter));
            match pages.turn(defaults.and_then(|defaults| defaults.marker())) {
                Ok(true) => {}
                Ok(false) => return Ok((family, out)),
                Err(error) => return Err((family, error)),
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
pub(super) async fn alarms(aws: &Aws, live: &Live, spec: &Spec, wanted: &Wanted) -> Result<Found, AwsError> {
    let mut names: BTreeSet<String> = alarm::wanted(spec, live).named.into_iter().map(|alarm| alarm.name).collect();
    names.extend(live.owned.iter().filter(|address| address.kind == Kind::Alarm).map(|address| address.id.clone()));
    names.extend(wanted.of(Kind::Alarm));
    let mut found = alarms_by_name(aws, names).await?;
    if live.orphans_unknown {
        // Without tags, ownership reads from the descriptions of all alarms.
        found.extend(described_alarms(aws, None, |alarm| alarm::stack_of(alarm) == Some(&spec.stack)).await?);
    }
    Ok(found)
}

pub(super) async fn alarms_by_name(aws: &Aws, names: BTreeSet<String>) -> Result<Found, AwsError> {
    let chunks: Vec<Vec<String>> =
        names.into_iter().collect::<Vec<_>>().chunks(ALARM_NAMES).map(<[String]>::to_vec).collect();
    let by_name = chunks.into_iter().map(|names| pages_of_alarms(aws, Some(names), None, |_| true));
    let pages: Vec<Found> = stream::iter(by_name).buffer_unordered(CONCURRENCY).try_collect().await?;
    Ok(pages.into_iter().flatten().collect())
}

/// All alarms, or those whose names begin with a prefix, as far as they are taken.
pub(super) async fn described_alarms(
    aws: &Aws,
    prefix: Option<String>,
    takes: impl Fn(&Value) -> bool,
) -> Result<Found, AwsError> {
    pages_of_alarms(aws, None, prefix, takes).await
}

async fn pages_of_alarms(
    aws: &Aws,
    names: Option<Vec<String>>,
    prefix: Option<String>,
    takes: impl Fn(&Value) -> bool,
) -> Result<Found, AwsError> {
    let (mut found, mut pages) = (Found::new(), Pages::of("DescribeAlarms"));
    loop {
        let call =
            aws.cloudwatch.describe_alarms().set_alarm_names(names.clone()).set_alarm_name_prefix(prefix.clone());
        let answer = call.max_records(100).set_next_token(pages.token()).send().await;
        let answer = answer.map_err(|error| AwsError::of("DescribeAlarms", error))?;
        for item in answer.metric_alarms() {
            let value = describe::metric_alarm(item);
            if takes(&value) {
                found.insert(item.alarm_name().unwrap_or_default().to_owned(), value);
            }
        }
        if !pages.turn(answer.next_token())? {
            return Ok(found);
        }
    }
}

/// The composite alarms of the region, where the plan may delete an alarm that one of them watches.
async fn watching(aws: &Aws, live: &Live, spec: &Spec) -> Result<Found, AwsError> {
    let wanted: BTreeSet<String> = alarm::wanted(spec, live).named.into_iter().map(|alarm| alarm.name).collect();
    let mut owned = live.owned.iter().filter(|address| address.kind == Kind::Alarm).peekable();
    let shrinks = |resource: &Resource| {
        let nodes = live.view(&resource.address).map_or(0, |view| view.member_ids().count());
        resource.address.kind == Kind::ReplicationGroup && alarm::declared_nodes(resource).0 < nodes
    };
    let may_go = live.orphans_unknown
        || (owned.peek().is_some() && spec.resources.values().any(shrinks))
        || owned.any(|address| !wanted.contains(&address.id));
    if may_go { composite_alarms(aws).await } else { Ok(Found::new()) }
}

/// Every composite alarm of the region.
pub async fn composite_alarms(aws: &Aws) -> Result<Found, AwsError> {
    let (mut found, mut token) = (Found::new(), None);
    loop {
        let call = aws.cloudwatch.describe_alarms().alarm_types(AlarmType::CompositeAlarm).max_records(100);
        let answer = call.set_next_token(token).send().await.map_err(|error| AwsError::of("DescribeAlarms", error))?;
        let named = |alarm: &CompositeAlarm| {
            (alarm.alarm_name().unwrap_or_default().to_owned(), describe::composite_alarm(alarm))
        };
        found.extend(answer.composite_alarms().iter().map(named));
        token = answer.next_token().filter(|next| !next.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// What a plan of one cache's alarms looks at, and no more: whoever creates a hundred caches reads this a
/// hundred times.
pub async fn members_and_alarms(aws: &Aws, identity: &Identity, spec: &Spec, cache: &str) -> Result<Live, AwsError> {
    let mut live = empty(aws, identity);
    let mut wanted = Wanted::default();
    for address in spec.resources.keys().filter(|address| address.kind.is_cache() && address.id == cache) {
        wanted.add(address.clone());
    }
    let prefix = Some(format!("{cache}-"));
    let (kinds, alarms) = futures::try_join!(read_kinds(aws, &wanted), described_alarms(aws, prefix, |_| true))?;
    kinds.store(&mut live);
    live.alarms = alarms;
    Ok(live)
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

/// What a resource itself says of its tags, or why it does not: `None` where AWS refuses because it is not available.
type Confirmed = Vec<(Address, Result<crate::model::live::Tags, Option<String>>)>;

/// `GetResources` lags behind: where its tags are missing or differ from what is declared, the resource
/// itself is asked.
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
            Ok(tags) => Ok((address, Ok(tags))),
            Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
            // AWS tells no tags while a group is not available.
            Err(error) if error.is_state() => Ok((address, Err(None))),
            Err(error) => Ok((address, Err(Some(error.to_string())))),
        }
    });
    stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await
}

/// The marks of the secrets that the spec points to.
async fn secrets_seen(aws: &Aws, live: &mut Live, spec: &Spec, told: &Marks) -> Result<(), AwsError> {
    let declared = spec.resources.values().filter_map(|resource| {
        let (field, tag) = secret::field(resource.address.kind)?;
        let declared = resource.fields.get(field).filter(|value| !value.is_null())?;
        let known = live.tags.get(&resource.address).and_then(|tags| tags.get(tag)).cloned();
        Some((&resource.address, field, declared, known))
    });
    let reads = declared.map(|(address, field, declared, known)| async move {
        let told = told.get(address).map(String::as_str);
        (address, field, secrets::seen(aws, field, declared, known.as_deref(), told).await)
    });
    let found: Vec<_> = stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
    for (address, field, seen) in found {
        match seen {
            Ok(seen) => drop(live.secrets.insert(secret::key(address, field), seen)),
            Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
            Err(error) => drop(live.unreadable.insert(address.clone(), error.to_string())),
        }
    }
    Ok(())
}

/// Caches of the region that this spec does not have, by address.
pub async fn unmanaged(aws: &Aws, spec: &Spec, live: &Live) -> Result<Vec<String>, AwsError> {
    let mut out = Vec::new();
    let mut pages = Pages::of("DescribeReplicationGroups");
    loop {
        let answer =
            aws.elasticache.describe_replication_groups().max_records(100).set_marker(pages.token()).send().await;
        let answer = answer.map_err(|error| AwsError::of("DescribeReplicationGroups", error))?;
        out.extend(
            answer
                .replication_groups()
                .iter()
                .filter_map(|group| Some(Address::new(Kind::ReplicationGroup, group.replication_group_id()?))),
        );
        if !pages.turn(answer.marker())? {
            break;
        }
    }
    let mut pages = Pages::of("DescribeServerlessCaches");
    loop {
        let answer = aws.elasticache.describe_serverless_caches().set_next_token(pages.token()).send().await;
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
        if !pages.turn(answer.next_token())? {
            break;
        }
    }
    out.retain(|address| !spec.resources.contains_key(address) && !live.owned.contains(address));
    Ok(out.iter().map(Address::to_string).collect())
}

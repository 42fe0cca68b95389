//! The bulk reader: list calls where many are wanted, calls by name where few are, at most four round
//! trips deep.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::client::{Aws, Identity};
use super::error::{AwsError, Kind as ErrorKind};
pub use super::kinds::alarm::{NAMES as ALARM_NAMES, composite_alarms};
use super::kinds::alarm::{alarms_by_name, described_alarms};
use super::kinds::composite_alarm::{claim_tags, store};
use super::kinds::parameter_group::{families, parameters};
use super::lists::{CONCURRENCY, Wanted};
use super::pages::Pages;
use super::{kinds, secrets, tags};
use crate::model::live::{Found, Live, strings};
use crate::model::secret::Marks;
use crate::model::{Address, Kind, Resource, Spec};
use crate::resource::parameter_group::is_aws_own;
use crate::resource::replication_group::zones;
use crate::resource::{alarm, composite_alarm, members, ownership, secret};

/// An account of which nothing was read yet.
pub(super) fn empty(aws: &Aws, identity: &Identity) -> Live {
    Live {
        account_id: identity.account_id.clone(),
        partition: identity.partition.clone(),
        region: aws.region.clone(),
        ..Live::default()
    }
}

/// A list of tags of so many resources is read in two chains side by side.
const MANY: usize = 100;

/// Reads everything that a plan of this spec looks at; `told` are the marks of an earlier plan.
pub async fn read(aws: &Aws, identity: &Identity, spec: &Spec, told: &Marks) -> Result<Live, AwsError> {
    let mut wanted = Wanted::new(spec);
    // The tags of everything take the longest, and little depends on them.
    let (owned, declared) = futures::join!(
        tags::owned_by(aws, &spec.stack, spec.resources.len() > MANY),
        declared(aws, identity, spec, &wanted)
    );
    let mut live = declared?;
    take_owned(owned, &mut wanted, &mut live)?;
    orphans(aws, spec, &wanted, &mut live).await?;
    // What only the tags tell of: parameter groups and alarms that the spec does not have any more.
    let known = std::mem::take(live.of_mut(Kind::Alarm));
    let known_composites = live.of(Kind::CompositeAlarm).clone();
    let groups: BTreeSet<String> =
        wanted.of(Kind::ParameterGroup).into_iter().filter(|name| !live.parameters.contains_key(name)).collect();
    let more = Wanted { by_kind: [(Kind::ParameterGroup, groups)].into(), ..Wanted::default() };
    let (parameters, alarms, confirmed, composites) = futures::try_join!(
        parameters(aws, &live, &more),
        unknown_alarms(aws, &live, spec, &known, &known_composites),
        confirmed_tags(aws, &live, spec, &known),
        watching(aws, &live, spec),
    )?;
    live.parents = composites;
    live.parameters.extend(parameters);
    let known_parameters: BTreeSet<String> = live.parameters.keys().cloned().collect();
    live.of_mut(Kind::ParameterGroup).retain(|name, _| is_aws_own(name) || known_parameters.contains(name));
    *live.of_mut(Kind::Alarm) = known;
    store(alarms, &mut live);
    claim_tags(&mut live);
    if aws.log_alarms.are_unknown() {
        live.notes
            .push("log alarms cannot be asked for here: that one has the name of an alarm shows when it is put".into());
    }
    for (address, tags) in confirmed {
        match tags {
            Ok(tags) => drop(live.tags.insert(address, tags)),
            // What GetResources said lags behind, but it was read.
            Err(Some(why)) if !live.tags.contains_key(&address) => drop(live.tags_unread.insert(address, why)),
            Err(_) => {}
        }
    }
    secrets_seen(aws, &mut live, spec, told).await?;
    live.api_calls = aws.calls();
    Ok(live)
}

/// What the spec declares, in as far as no tag is needed for it.
async fn declared(aws: &Aws, identity: &Identity, spec: &Spec, wanted: &Wanted) -> Result<Live, AwsError> {
    let (groups, others) = wanted.parted(Kind::ParameterGroup);
    let (mut live, mut of_groups) = (empty(aws, identity), empty(aws, identity));
    // What is set in parameter groups takes a call each, and waits for nothing but their list.
    let set = async {
        kinds::read(aws, &groups, &mut of_groups).await?;
        of_groups.parameters = parameters(aws, &of_groups, &groups).await?;
        Ok::<_, AwsError>(())
    };
    let rest = async {
        kinds::read(aws, &others, &mut live).await?;
        users_from_the_internet(aws, spec, &mut live).await?;
        lived_in(aws, spec, &mut live).await?;
        let mut names = alarm_names(spec, &live);
        names.extend(wanted.of(Kind::Alarm));
        names.extend(wanted.of(Kind::CompositeAlarm));
        let mut elsewhere = composite_alarm::named_by(spec);
        elsewhere.retain(|name| !names.contains(name));
        names.extend(elsewhere.iter().cloned());
        let (alarms, allowed) = futures::try_join!(alarms_by_name(aws, names), allowed_node_types(aws, &live, spec))?;
        Ok((elsewhere, alarms, allowed))
    };
    let ((), (elsewhere, alarms, (allowed, allowed_notes))) = futures::try_join!(set, rest)?;
    *live.of_mut(Kind::ParameterGroup) = std::mem::take(of_groups.of_mut(Kind::ParameterGroup));
    live.parameters = of_groups.parameters;
    live.notes.extend(of_groups.notes);
    let is_elsewhere =
        |name: &String, alarm: &Value| elsewhere.contains(name) && alarm::stack_of(alarm) != Some(spec.stack.as_str());
    let (others, own): (Found, Found) = alarms.into_iter().partition(|(name, alarm)| is_elsewhere(name, alarm));
    live.alarms_elsewhere = others.into_keys().collect();
    store(own, &mut live);
    live.allowed_node_types = allowed;
    live.notes.extend(allowed_notes);
    let families = families(aws, &live, spec).await?;
    live.families = families.0;
    live.notes.extend(families.1);
    Ok(live)
}

/// The subnet groups of caches whose spec names zones and no subnet group: they say where new nodes can go.
async fn lived_in(aws: &Aws, spec: &Spec, live: &mut Live) -> Result<(), AwsError> {
    let mut wanted = Wanted::default();
    for group in spec.of(Kind::ReplicationGroup).filter(|group| !zones::declared(&group.fields).is_empty()) {
        let Some(view) = live.view(&group.address) else { continue };
        let name = view.members.iter().find_map(|cluster| cluster.get("CacheSubnetGroupName")?.as_str());
        let subnet_group = name.map(|name| Address::new(Kind::SubnetGroup, name));
        if let Some(subnet_group) = subnet_group.filter(|address| live.get(address).is_none()) {
            wanted.add(subnet_group);
        }
    }
    if wanted.by_kind.is_empty() { Ok(()) } else { kinds::read(aws, &wanted, live).await }
}

fn alarm_names(spec: &Spec, live: &Live) -> BTreeSet<String> {
    alarm::wanted(spec, live).named.into_iter().map(|alarm| alarm.name).collect()
}

/// The users of groups that the spec does not have and that a public endpoint is to have: IAM users alone may be.
async fn users_from_the_internet(aws: &Aws, spec: &Spec, live: &mut Live) -> Result<(), AwsError> {
    let is_public = |cache: &&Resource| {
        let now = live.get(&cache.address).and_then(|own| own.get("ConnectionType")?.as_str());
        cache.text("connectionType").or(now) == Some("public")
    };
    let groups = spec.of(Kind::ServerlessCache).filter(is_public).filter_map(|cache| cache.text("userGroupId"));
    let groups = groups
        .map(|id| Address::new(Kind::UserGroup, id))
        .filter(|group| !spec.resources.contains_key(group) && !group.is_aws_own());
    let members = groups.filter_map(|group| live.get(&group)?.get("UserIds"));
    let unread = |id: &&str| !live.of(Kind::User).contains_key(*id);
    let users: BTreeSet<String> =
        members.flat_map(|ids| strings(Some(ids))).filter(unread).map(str::to_owned).collect();
    if users.is_empty() {
        return Ok(());
    }
    let wanted = Wanted { by_kind: [(Kind::User, users)].into(), ..Wanted::default() };
    kinds::read(aws, &wanted, live).await
}

/// Orphans of kinds, or with names, that the spec does not have.
async fn orphans(aws: &Aws, spec: &Spec, wanted: &Wanted, live: &mut Live) -> Result<(), AwsError> {
    let mut missing = Wanted::default();
    for (kind, ids) in &wanted.by_kind {
        for id in ids.iter().filter(|id| !kind.is_alarm() && !live.of(*kind).contains_key(*id)) {
            let address = Address { kind: *kind, id: id.clone() };
            if live.owned.contains(&address) && !spec.resources.contains_key(&address) {
                missing.add(address);
            }
        }
    }
    if missing.by_kind.is_empty() { Ok(()) } else { kinds::read(aws, &missing, live).await }
}

/// The alarms that carry the stack's tag and were not asked for yet; without tags, those whose descriptions say so.
async fn unknown_alarms(
    aws: &Aws,
    live: &Live,
    spec: &Spec,
    known: &Found,
    composites: &Found,
) -> Result<Found, AwsError> {
    let owned = live.owned.iter().filter(|address| address.kind == Kind::Alarm).map(|address| &address.id);
    let is_known = |name: &String| known.contains_key(name) || composites.contains_key(name);
    let mut names: BTreeSet<String> = owned.filter(|name| !is_known(name)).cloned().collect();
    if !names.is_empty() {
        // What was asked for and is not there is not asked for again.
        let asked = alarm_names(spec, live);
        names.retain(|name| !asked.contains(name));
    }
    let mut found = alarms_by_name(aws, names).await?;
    if live.orphans_unknown {
        found.extend(described_alarms(aws, None, |alarm| alarm::stack_of(alarm) == Some(&spec.stack)).await?);
    }
    Ok(found)
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

/// These alone, as they are now: themselves, the parameters of parameter groups, and the tags of what does not say itself whose it is.
pub async fn again(aws: &Aws, identity: &Identity, addresses: &[Address]) -> Result<Live, AwsError> {
    let mut live = empty(aws, identity);
    let mut wanted = Wanted::default();
    addresses.iter().cloned().for_each(|address| wanted.add(address));
    let names = [wanted.of(Kind::Alarm), wanted.of(Kind::CompositeAlarm)].into_iter().flatten().collect();
    let ((), alarms) = futures::try_join!(kinds::read(aws, &wanted, &mut live), alarms_by_name(aws, names))?;
    store(alarms, &mut live);
    live.parameters = parameters(aws, &live, &wanted).await?;
    for address in addresses {
        if live.get(address).is_none() || ownership::says_itself(&live, address) {
            continue;
        }
        match tags::of(aws, &live.arn(address)).await {
            Ok(tags) => drop(live.tags.insert(address.clone(), tags)),
            Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
            // It went meanwhile, or is busy.
            Err(error) if error.kind == ErrorKind::NotFound || error.is_state() => {}
            Err(error) => drop(live.tags_unread.insert(address.clone(), error.to_string())),
        }
    }
    Ok(live)
}

/// These resources and the members of groups among them, for an observer: list calls, and no tags.
pub async fn these(aws: &Aws, addresses: impl IntoIterator<Item = Address>) -> Result<Live, AwsError> {
    let mut wanted = Wanted::default();
    addresses.into_iter().for_each(|address| wanted.add(address));
    let mut live = Live::default();
    kinds::read(aws, &wanted, &mut live).await?;
    Ok(live)
}

/// By name, a hundred a call: the alarms that the spec asks for and those that carry the stack's tag.
pub(super) async fn alarms(aws: &Aws, live: &Live, spec: &Spec, wanted: &Wanted) -> Result<Found, AwsError> {
    let mut names: BTreeSet<String> = alarm::wanted(spec, live).named.into_iter().map(|alarm| alarm.name).collect();
    names.extend(live.owned.iter().filter(|address| address.kind == Kind::Alarm).map(|address| address.id.clone()));
    names.extend(wanted.of(Kind::Alarm));
    names.extend(wanted.of(Kind::CompositeAlarm));
    let mut found = alarms_by_name(aws, names).await?;
    if live.orphans_unknown {
        // Without tags, ownership reads from the descriptions of all alarms.
        found.extend(described_alarms(aws, None, |alarm| alarm::stack_of(alarm) == Some(&spec.stack)).await?);
    }
    Ok(found)
}

/// The composite alarms of the region, where the plan may delete an alarm that one of them watches: one that the spec
/// does not ask for, or not of the members that its caches have when they are as declared, or made again.
async fn watching(aws: &Aws, live: &Live, spec: &Spec) -> Result<Found, AwsError> {
    let mut owned = live.owned.iter().filter(|address| address.kind == Kind::Alarm).peekable();
    if owned.peek().is_none() && !live.orphans_unknown {
        return Ok(Found::new());
    }
    let wanted = alarm_names(spec, live);
    let has_others = |cache: &Resource| {
        let members = members::to_come(spec, cache);
        members::nodes(live, &cache.address, "node").iter().any(|member| !members.contains(member))
    };
    let mut caches = spec.resources.values().filter(|resource| resource.address.kind.is_cache());
    let may_go = live.orphans_unknown || owned.any(|address| !wanted.contains(&address.id)) || caches.any(has_others);
    if may_go { composite_alarms(aws).await } else { Ok(Found::new()) }
}

/// What a plan of these caches' alarms looks at, and no more. Alarms can be called anything: they are asked for by
/// their names, those that were there `before` among them.
pub async fn members_and_alarms(
    aws: &Aws,
    identity: &Identity,
    spec: &Spec,
    before: BTreeSet<String>,
) -> Result<Live, AwsError> {
    let mut live = empty(aws, identity);
    let mut wanted = Wanted::default();
    spec.resources.keys().filter(|address| address.kind.is_cache()).for_each(|cache| wanted.add(cache.clone()));
    kinds::read(aws, &wanted, &mut live).await?;
    let mut names = alarm_names(spec, &live);
    names.extend(before);
    names.extend(spec.of(Kind::CompositeAlarm).map(|composite| composite.address.id.clone()));
    store(alarms_by_name(aws, names).await?, &mut live);
    Ok(live)
}

/// Only for groups whose declared node type is not the live one.
async fn allowed_node_types(aws: &Aws, live: &Live, spec: &Spec) -> Result<(Found, Vec<String>), AwsError> {
    let differs = spec.of(Kind::ReplicationGroup).filter_map(|resource| {
        let declared = resource.text("cacheNodeType")?;
        let current = live.get(&resource.address)?.get("CacheNodeType")?.as_str()?;
        (declared != current).then(|| resource.address.id.clone())
    });
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
/// itself is asked. So it is with what could say whose it is, and does not.
async fn confirmed_tags(aws: &Aws, live: &Live, spec: &Spec, alarms: &Found) -> Result<Confirmed, AwsError> {
    let doubtful = spec
        .resources
        .values()
        .filter(|resource| !resource.address.kind.notes_its_stack() && live.get(&resource.address).is_some())
        .filter(|resource| {
            live.tags.get(&resource.address).is_none_or(|tags| {
                ownership::wanted_tags(spec, live, resource).iter().any(|(key, value)| tags.get(key) != value.as_ref())
            })
        });
    let (told, unsaid) = unsaid_tags(aws, live, alarms).await?;
    let addresses = doubtful.map(|resource| resource.address.clone()).chain(unsaid);
    let reads = addresses.map(|address| async move {
        match tags::of(aws, &live.arn(&address)).await {
            Ok(tags) => Ok((address, Ok(tags))),
            Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
            // AWS tells no tags while a group is not available; some endpoints tell none of CloudWatch's.
            Err(error) if error.is_state() || error.kind == ErrorKind::Unsupported => Ok((address, Err(None))),
            Err(error) => Ok((address, Err(Some(error.to_string())))),
        }
    });
    let asked: Confirmed = stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await?;
    Ok(told.into_iter().chain(asked).collect())
}

/// The tags of what could say whose it is, does not, and does not carry the stack's tag: a hundred a call, or which of
/// them have to be asked one by one.
async fn unsaid_tags(aws: &Aws, live: &Live, alarms: &Found) -> Result<(Confirmed, Vec<Address>), AwsError> {
    let mut unsaid = Vec::new();
    for kind in Kind::ALL {
        let Some(noted) = kind.row().stack_noted else { continue };
        let found = if kind == Kind::Alarm { alarms } else { live.of(kind) };
        let silent = found.iter().filter(|(_, own)| noted(own).is_none()).map(|(id, _)| Address::new(kind, id));
        unsaid.extend(silent.filter(|address| !live.tags.contains_key(address)));
    }
    let arns: Vec<String> = unsaid.iter().map(|address| live.arn(address)).collect();
    match tags::of_arns(aws, &arns).await? {
        Some(mut tags) => {
            let told = unsaid.into_iter().map(|address| (tags.remove(&address).unwrap_or_default(), address));
            Ok((told.map(|(tags, address)| (address, Ok(tags))).collect(), Vec::new()))
        }
        None => Ok((Confirmed::new(), unsaid)),
    }
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

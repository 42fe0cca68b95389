//! What an account has, whoever made it: for an import, and for a look at a stack.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};

use super::client::{Aws, Identity};
use super::error::{AwsError, Kind as ErrorKind};
use super::kinds::alarm::{alarms_by_name, composite_alarms, described_alarms};
use super::kinds::composite_alarm::{claim_tags, store};
use super::kinds::parameter_group::parameters;
use super::kinds::replication_group::lone_clusters;
use super::lists::{CONCURRENCY, Wanted};
use super::reader::{alarms, empty};
use super::{kinds, service_updates, tags};
use crate::model::live::{Found, Live, Tags};
use crate::model::{Address, Glob, Kind, Selection, Spec};
use crate::resource::alarm;
use crate::resource::ownership::{self, STACK};

/// What a selection may name, in lists: kinds of which much is meant as a whole, others by name.
pub async fn selected(aws: &Aws, identity: &Identity, selection: &Selection) -> Result<Live, AwsError> {
    let mut live = empty(aws, identity);
    let mut wanted = Wanted { whole: selection.kinds(), ..Wanted::default() };
    selection.exact().for_each(|address| wanted.add(address));
    let listed = !wanted.whole.is_empty();
    let everything = async { if listed { tags::everything(aws).await } else { Ok(None) } };
    let lone = async { if selection.all { lone_clusters(aws).await } else { Ok(Vec::new()) } };
    let ((), alarms, everything, lone) = futures::try_join!(
        kinds::read(aws, &wanted, &mut live),
        named_alarms(aws, selection, &wanted),
        everything,
        lone
    )?;
    live.lone_clusters = lone;
    store(alarms, &mut live);
    kinds::companions(aws, &mut live).await?;
    let addresses: Vec<Address> =
        Kind::ALL.into_iter().flat_map(|kind| live.of(kind).keys().map(move |id| Address::new(kind, id))).collect();
    let named: BTreeSet<String> = live
        .of(Kind::ParameterGroup)
        .keys()
        .filter(|name| {
            let address = Address::new(Kind::ParameterGroup, name);
            selection.all || selection.globs.iter().any(|glob| glob.matches(&address))
        })
        .cloned()
        .collect();
    let groups = Wanted { by_kind: [(Kind::ParameterGroup, named)].into(), ..Wanted::default() };
    let arns: Vec<String> = addresses.iter().map(|address| live.arn(address)).collect();
    let known = async {
        match everything {
            Some(known) => Ok(Some(known)),
            None if listed => Ok(None),
            None => tags::of_arns(aws, &arns).await,
        }
    };
    let (parameters, known) = futures::try_join!(parameters(aws, &live, &groups), known)?;
    live.parameters = parameters;
    match known {
        // What has no tags is not among them.
        Some(mut known) => {
            live.tags = addresses
                .into_iter()
                .map(|address| {
                    let tags = known.remove(&address).unwrap_or_default();
                    (address, tags)
                })
                .collect();
            live.tags.extend(known.into_iter().filter(|(address, _)| address.kind == Kind::Alarm));
            claim_tags(&mut live);
        }
        None => {
            live.notes.push("tag:GetResources is not available here: tags were read resource by resource".into());
            let meant = |address: &&Address| {
                !ownership::says_itself(&live, address)
                    && (selection.all || selection.globs.iter().any(|glob| glob.matches(address)))
            };
            let asked: Vec<&Address> = addresses.iter().filter(meant).collect();
            let tags = tags_one_by_one(aws, &live, &asked).await?;
            live.tags.extend(tags);
        }
    }
    if !selection.all {
        let more = alarms_of_stacks(aws, &mut live, listed).await?;
        store(more, &mut live);
        claim_tags(&mut live);
        // A composite alarm over alarms that are imported is told, whoever has it.
        if !live.of(Kind::Alarm).is_empty() {
            live.parents = composite_alarms(aws).await?;
        }
    }
    live.api_calls = aws.calls();
    Ok(live)
}

/// The alarms that are meant themselves.
async fn named_alarms(aws: &Aws, selection: &Selection, wanted: &Wanted) -> Result<Found, AwsError> {
    if selection.all {
        return described_alarms(aws, None, |_| true).await;
    }
    let named = [wanted.of(Kind::Alarm), wanted.of(Kind::CompositeAlarm)].into_iter().flatten().collect();
    let mut found = alarms_by_name(aws, named).await?;
    let globs: Vec<&Glob> = selection.globs.iter().filter(|glob| glob.0.contains('*')).collect();
    let of_kinds = [Kind::Alarm, Kind::CompositeAlarm].iter().any(|kind| wanted.whole.contains(kind));
    if of_kinds && !globs.is_empty() {
        // Names keep their letter case, and globs do not look at it: a prefix would.
        let meant = |alarm: &serde_json::Value| {
            let name = alarm.get("AlarmName").and_then(serde_json::Value::as_str).unwrap_or_default();
            let kind = if alarm.get("AlarmRule").is_some() { Kind::CompositeAlarm } else { Kind::Alarm };
            globs.iter().any(|glob| glob.matches(&Address::new(kind, name)))
        };
        found.extend(described_alarms(aws, None, meant).await?);
    }
    Ok(found)
}

/// Alarms of the caches' stacks: some of them belong to the caches. Where tags were listed, they are known.
async fn alarms_of_stacks(aws: &Aws, live: &mut Live, listed: bool) -> Result<Found, AwsError> {
    let stacks: BTreeSet<String> = live
        .tags
        .iter()
        .filter(|(address, _)| address.kind.is_cache())
        .filter_map(|(_, tags)| tags.get(STACK).cloned())
        .collect();
    let of_stacks = |(address, tags): &(&Address, &Tags)| {
        address.kind == Kind::Alarm && tags.get(STACK).is_some_and(|stack| stacks.contains(stack))
    };
    let mut names: BTreeSet<String> =
        live.tags.iter().filter(of_stacks).map(|(address, _)| address.id.clone()).collect();
    for stack in stacks.iter().filter(|_| !listed) {
        let owned = tags::owned_by(aws, stack, false).await?;
        let Some(owned) = owned else {
            return described_alarms(aws, None, |alarm| alarm::stack_of(alarm).is_some()).await;
        };
        names.extend(owned.keys().filter(|address| address.kind == Kind::Alarm).map(|address| address.id.clone()));
        live.owned.extend(owned.into_keys());
    }
    names.retain(|name| [Kind::Alarm, Kind::CompositeAlarm].iter().all(|kind| !live.of(*kind).contains_key(name)));
    alarms_by_name(aws, names).await
}

async fn tags_one_by_one(aws: &Aws, live: &Live, addresses: &[&Address]) -> Result<Vec<(Address, Tags)>, AwsError> {
    let reads = addresses.iter().map(|address| async {
        match tags::of(aws, &live.arn(address)).await {
            Ok(tags) => Ok(Some(((*address).clone(), tags))),
            Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
            // Refused while a group is not available: who owns it is not known then.
            Err(_) => Ok(None),
        }
    });
    let answers: Vec<Result<_, AwsError>> = stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
    Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The tags of what the spec declares and the stack's tag is not on: it is another stack's, or nobody's. A hundred a
/// call; what has no stack's tag by that is asked itself, since GetResources lags behind.
async fn unmarked_tags(aws: &Aws, spec: &Spec, live: &mut Live) -> Result<(), AwsError> {
    let is_unmarked = |address: &&Address| {
        live.get(address).is_some() && !live.tags.contains_key(*address) && !ownership::says_itself(live, address)
    };
    let unmarked: Vec<&Address> = spec.resources.keys().filter(is_unmarked).collect();
    let arns: Vec<String> = unmarked.iter().map(|address| live.arn(address)).collect();
    let mut told = tags::of_arns(aws, &arns).await?.unwrap_or_default();
    told.retain(|_, tags| tags.contains_key(STACK));
    let silent: Vec<&Address> = unmarked.into_iter().filter(|address| !told.contains_key(*address)).collect();
    let asked = tags_one_by_one(aws, live, &silent).await?;
    live.tags.extend(told);
    live.tags.extend(asked);
    Ok(())
}

/// What a look at a stack shows: its resources, members and alarms, orphans among them.
pub async fn stack(aws: &Aws, identity: &Identity, spec: &Spec) -> Result<Live, AwsError> {
    let mut live = empty(aws, identity);
    let mut wanted = Wanted::new(spec);
    let (owned, ()) =
        futures::try_join!(tags::owned_by(aws, &spec.stack, false), kinds::read(aws, &wanted, &mut live))?;
    live.orphans_unknown = owned.is_none();
    if owned.is_none() {
        live.notes.push("tag:GetResources is not available here: orphans are not known".into());
    }
    let mut missing = Wanted::default();
    for (address, tags) in owned.into_iter().flatten() {
        if !address.kind.is_alarm() && live.get(&address).is_none() && !spec.resources.contains_key(&address) {
            missing.add(address.clone());
        }
        wanted.add(address.clone());
        live.owned.insert(address.clone());
        live.tags.insert(address, tags);
    }
    if !missing.by_kind.is_empty() {
        kinds::read(aws, &missing, &mut live).await?;
    }
    let (alarms, (due, unread)) =
        futures::try_join!(alarms(aws, &live, spec, &wanted), service_updates::due(aws, &live))?;
    store(alarms, &mut live);
    claim_tags(&mut live);
    unmarked_tags(aws, spec, &mut live).await?;
    live.update_actions = due;
    live.notes.extend(unread);
    let told: Vec<String> =
        live.unread.iter().map(|(address, why)| format!("{address} could not be read: {why}")).collect();
    live.notes.extend(told);
    live.api_calls = aws.calls();
    Ok(live)
}

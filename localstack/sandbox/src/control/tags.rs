//! Tags of everything that has an ElastiCache ARN.

use std::collections::BTreeMap;

use crate::life::{Job, durations};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

const PER_RESOURCE: usize = 50;

pub(crate) type Tags = BTreeMap<String, String>;

pub(crate) fn read(input: &Input) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for item in input.list("Tags").unwrap_or_default() {
        let key = item.text("Key").unwrap_or_default();
        let value = item.text("Value").unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 {
            return Err(Refusal::invalid_value("Tag keys must be between 1 and 128 characters long."));
        }
        if value.chars().count() > 256 {
            return Err(Refusal::invalid_value("Tag values must be at most 256 characters long."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::invalid_value(format!("Tag keys must not start with aws: {key}")));
        }
        let illegal = |c: char| !(c.is_alphanumeric() || " _./=+:-@".contains(c));
        if key.contains(illegal) || value.contains(illegal) {
            return Err(Refusal::invalid_value(format!("Invalid characters in tag {key}={value}")));
        }
        tags.insert(key, value);
    }
    if tags.len() > PER_RESOURCE {
        return Err(too_many());
    }
    Ok(tags)
}

fn too_many() -> Refusal {
    Refusal::bad(
        "TagQuotaPerResourceExceeded",
        format!("The number of tags exceeds the limit of {PER_RESOURCE} tags per resource."),
    )
}

pub(crate) fn put(state: &mut State, arn: &str, tags: Tags) {
    if !tags.is_empty() {
        state.tags.entry(arn.to_owned()).or_default().extend(tags);
    }
}

pub(crate) fn forget(state: &mut State, arn: &str) {
    state.tags.remove(arn);
}

pub(crate) fn render(tags: &Tags) -> impl Iterator<Item = Output> + '_ {
    tags.iter().map(|(key, value)| Record::new().put("Key", key).put("Value", value).into())
}

/// The resource an ARN names, if it exists and lets itself be tagged now. Answers with the group
/// whose status a tag change touches.
fn resolve(state: &State, arn: &str) -> Result<Option<String>, Refusal> {
    let prefix = state.settings.arn("", "");
    let (kind, name) = arn
        .strip_prefix(prefix.trim_end_matches("::"))
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|rest| rest.split_once(':'))
        .ok_or_else(|| Refusal::bad("InvalidARN", format!("The ARN is invalid: {arn}")))?;
    let missing = |code| Err(Refusal::missing(code, format!("{name} is either not present or not available.")));
    match kind {
        "replicationgroup" => {
            let group = state.group(name)?;
            if group.status != "available" {
                // TF issues 30444 and 44787, also while snapshotting.
                return Err(Refusal::group_state("Cluster not in available state to perform tagging operations."));
            }
            Ok(Some(name.to_owned()))
        }
        "cluster" => match crate::control::clusters::find(state, name) {
            Some((_, member)) if member.status == "available" => Ok(None),
            Some(_) => Err(Refusal::bad(
                "InvalidReplicationGroupState",
                "Cluster not in available state to perform tagging operations.",
            )),
            None => missing("CacheClusterNotFound"),
        },
        "parametergroup" if name.starts_with("default.") => {
            Err(Refusal::invalid_value("Tagging of default cache parameter groups is not allowed."))
        }
        "parametergroup" if state.parameter_groups.contains_key(name) => Ok(None),
        "parametergroup" => missing("CacheParameterGroupNotFound"),
        "subnetgroup" if name == "default" => {
            Err(Refusal::invalid_value("The default cache subnet group can not be tagged."))
        }
        "subnetgroup" if state.subnet_groups.contains_key(name) => Ok(None),
        "subnetgroup" => {
            Err(Refusal::bad("CacheSubnetGroupNotFoundFault", format!("Cache Subnet Group {name} does not exist.")))
        }
        "serverlesscache" => match state.serverless.get(name) {
            Some(cache) if cache.status == "available" => Ok(None),
            Some(_) => Err(Refusal::bad(
                "InvalidServerlessCacheStateFault",
                "Serverless cache is not in available state to perform tagging operations.",
            )),
            None => missing("ServerlessCacheNotFoundFault"),
        },
        "user" => match state.users.get(name) {
            // TF issue 34002.
            Some(user) if user.status != "active" => {
                Err(Refusal::bad("InvalidUserState", format!("User {name} is not available for tagging.")))
            }
            Some(_) => Ok(None),
            None => missing("UserNotFound"),
        },
        "usergroup" => match state.user_groups.get(name) {
            Some(group) if group.status != "active" => {
                Err(Refusal::bad("InvalidUserGroupState", format!("User group {name} is not available for tagging.")))
            }
            Some(_) => Ok(None),
            None => missing("UserGroupNotFound"),
        },
        "snapshot" if state.snapshots.contains_key(name) => Ok(None),
        "snapshot" => missing("SnapshotNotFoundFault"),
        "serverlesscachesnapshot" if state.serverless_snapshots.contains_key(name) => Ok(None),
        "serverlesscachesnapshot" => missing("ServerlessCacheSnapshotNotFoundFault"),
        _ => Err(Refusal::bad("InvalidARN", format!("The ARN is invalid: {arn}"))),
    }
}

fn answer(state: &State, arn: &str) -> Output {
    let empty = Tags::new();
    let tags = state.tags.get(arn).unwrap_or(&empty);
    Record::new().list("TagList", "Tag", render(tags)).into()
}

pub(crate) fn list(state: &State, input: &Input) -> Result<Output, Refusal> {
    let arn = input.required("ResourceName")?;
    resolve(state, &arn)?;
    Ok(answer(state, &arn))
}

pub(crate) fn add(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let arn = input.required("ResourceName")?;
    let group = resolve(state, &arn)?;
    let tags = read(input)?;
    let mut wanted = state.tags.get(&arn).cloned().unwrap_or_default();
    wanted.extend(tags.clone());
    if wanted.len() > PER_RESOURCE {
        return Err(too_many());
    }
    change(state, &arn, group, |state, arn| put(state, arn, tags.clone()));
    Ok(answer(state, &arn))
}

pub(crate) fn remove(state: &mut State, input: &Input) -> Result<Output, Refusal> {
    let arn = input.required("ResourceName")?;
    let group = resolve(state, &arn)?;
    let keys = input.texts("TagKeys").unwrap_or_default();
    let held = state.tags.get(&arn).cloned().unwrap_or_default();
    if let Some(key) = keys.iter().find(|key| !held.contains_key(*key)) {
        return Err(Refusal::missing(
            "TagNotFound",
            format!("The requested tag was not found on this resource: {key}"),
        ));
    }
    change(state, &arn, group, |state, arn| {
        if let Some(tags) = state.tags.get_mut(arn) {
            tags.retain(|key, _| !keys.contains(key));
        }
    });
    Ok(answer(state, &arn))
}

/// A group's tags reach its members, and the group is `modifying` while they do.
fn change(state: &mut State, arn: &str, group: Option<String>, edit: impl Fn(&mut State, &str)) {
    edit(state, arn);
    let Some(id) = group else {
        return;
    };
    let members: Vec<String> = state
        .groups
        .get(&id)
        .map(|group| group.members().map(|member| member.id.clone()).collect())
        .unwrap_or_default();
    for member in members {
        edit(state, &state.settings.arn("cluster", &member));
    }
    state.edit_group(&id, |group| group.status = "modifying");
    state.later(durations::TAGS, Job::GroupAvailable(id));
}

//! Members that Create and Modify share, checked for form. AWS refuses these whatever is live.

use crate::refusal::Refusal;
use crate::state::Settings;
use crate::wire::input::Input;

pub(crate) use super::logs::one_of;

/// 1-40 letters, digits and hyphens, beginning with a letter, no double hyphen, none at the end.
pub(crate) fn group_id(id: &str) -> Result<(), Refusal> {
    identifier("ReplicationGroupId", id, 40)
}

pub(crate) fn identifier(member: &str, id: &str, longest: usize) -> Result<(), Refusal> {
    let legal = (1..=longest).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !id.contains("--")
        && !id.ends_with('-');
    if legal {
        return Ok(());
    }
    Err(Refusal::invalid_value(format!(
        "The parameter {member} is not a valid identifier. Identifiers must begin with a letter; must \
         contain only ASCII letters, digits, and hyphens; must be at most {longest} characters long; \
         and must not end with a hyphen or contain two consecutive hyphens: {id}"
    )))
}

pub(crate) fn description(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.chars().count() > 255 {
        return Err(Refusal::invalid_value(
            "The parameter ReplicationGroupDescription must be between 1 and 255 characters long.",
        ));
    }
    Ok(())
}

/// 16-128 printable ASCII characters; the specials AWS takes are `! & # $ ^ < > -`.
pub(crate) fn auth_token(token: &str) -> Result<(), Refusal> {
    if !(16..=128).contains(&token.len()) {
        return Err(Refusal::invalid_value(
            "Invalid AuthToken provided. Must be at least 16 characters and no more than 128 characters.",
        ));
    }
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!&#$^<>-".contains(&byte)) {
        return Err(Refusal::invalid_value(
            "Invalid AuthToken provided. Only printable ASCII characters are allowed, and of the \
             nonalphanumeric ones only !, &, #, $, ^, <, >, and -.",
        ));
    }
    Ok(())
}

pub(crate) fn snapshot_retention(input: &Input) -> Result<Option<i64>, Refusal> {
    match input.int("SnapshotRetentionLimit")? {
        Some(days) if !(0..=35).contains(&days) => {
            Err(Refusal::invalid_value(format!("Invalid snapshot retention limit: {days}. Must be between 0 and 35")))
        }
        days => Ok(days),
    }
}

/// SNS topics of the caller's own account and region (AWS guide, ECEvents.SNS).
pub(crate) fn topic(arn: &str, settings: &Settings) -> Result<(), Refusal> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "sns", region, owner, name] if !name.is_empty() => {
            if *owner != settings.account_id {
                Err(Refusal::invalid_value("The topic's owner must be the same as the cache cluster's owner."))
            } else if *region != settings.region {
                Err(Refusal::invalid_value("The topic must be in the same region as the cache cluster."))
            } else {
                Ok(())
            }
        }
        _ => Err(Refusal::invalid_value(format!("Invalid notification topic ARN: {arn}"))),
    }
}

pub(crate) fn security_groups(input: &Input) -> Result<Option<Vec<String>>, Refusal> {
    let Some(groups) = input.texts("SecurityGroupIds").filter(|groups| !groups.is_empty()) else {
        return Ok(None);
    };
    match groups.iter().find(|id| !id.starts_with("sg-")) {
        Some(id) => Err(Refusal::invalid_value(format!("Invalid security group {id}"))),
        None => Ok(Some(groups)),
    }
}

pub(crate) fn network(input: &Input, member: &str, allowed: &[&str]) -> Result<Option<String>, Refusal> {
    let value = input.text(member);
    if let Some(value) = &value {
        one_of(member, value, allowed)?;
    }
    Ok(value)
}

pub(crate) fn durability(input: &Input) -> Result<Option<String>, Refusal> {
    network(input, "Durability", &["default", "async", "sync", "disabled"])
}

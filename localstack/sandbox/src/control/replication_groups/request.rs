//! Members that Create and Modify share, checked for form. AWS refuses these whatever is live.

use crate::refusal::Refusal;
use crate::wire::input::Input;

pub use super::logs::one_of;

/// 1-40 letters, digits and hyphens, beginning with a letter, no double hyphen, none at the end.
pub fn group_id(id: &str) -> Result<(), Refusal> {
    identifier("ReplicationGroupId", id, 40)
}

pub fn identifier(member: &str, id: &str, longest: usize) -> Result<(), Refusal> {
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

pub fn description(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.chars().count() > 255 {
        return Err(Refusal::invalid_value(
            "The parameter ReplicationGroupDescription must be between 1 and 255 characters long.",
        ));
    }
    Ok(())
}

/// 16-128 printable ASCII characters; the specials AWS takes are `! & # $ ^ < > -`.
pub fn auth_token(token: &str) -> Result<(), Refusal> {
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

/// `sun:05:00-sun:09:00`, at least an hour long.
pub fn maintenance_window(text: &str) -> Result<String, Refusal> {
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let text = text.to_ascii_lowercase();
    let moment = |part: &str| {
        let (day, clock) = part.split_once(':')?;
        let day = DAYS.iter().position(|name| *name == day)?;
        Some(day * 1440 + minutes(clock)?)
    };
    let parsed = text.split_once('-').and_then(|(from, to)| Some((moment(from)?, moment(to)?)));
    let refuse = |why: &str| {
        Refusal::invalid_value(format!("Invalid maintenance window: {text}. {why} (format ddd:hh24:mi-ddd:hh24:mi)"))
    };
    let (from, to) = parsed.ok_or_else(|| refuse("It does not parse."))?;
    if (to + 7 * 1440 - from) % (7 * 1440) < 60 {
        return Err(refuse("The minimum maintenance window is a 60 minute period."));
    }
    Ok(text)
}

/// `03:00-04:00`, at least an hour long.
pub fn snapshot_window(text: &str) -> Result<(), Refusal> {
    let parsed = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
    match parsed {
        Some((from, to)) if (to + 1440 - from) % 1440 >= 60 => Ok(()),
        Some(_) => Err(Refusal::invalid_value(format!(
            "Invalid snapshot window: {text}. It must be at least 60 minutes long."
        ))),
        None => Err(Refusal::invalid_value(format!("Invalid snapshot window: {text} (format hh24:mi-hh24:mi)"))),
    }
}

/// `hh:mm` as minutes of the day.
pub fn minutes(clock: &str) -> Option<usize> {
    let (hour, minute) = clock.split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute): (usize, usize) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

pub fn snapshot_retention(input: &Input) -> Result<Option<i64>, Refusal> {
    match input.int("SnapshotRetentionLimit")? {
        Some(days) if !(0..=35).contains(&days) => {
            Err(Refusal::invalid_value(format!("Invalid snapshot retention limit: {days}. Must be between 0 and 35")))
        }
        days => Ok(days),
    }
}

/// SNS topics of the caller's own account.
pub fn topic(arn: &str, account: &str) -> Result<(), Refusal> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "sns", _, owner, name] if !name.is_empty() => {
            if *owner == account {
                Ok(())
            } else {
                Err(Refusal::invalid_value("The topic's owner must be the same as the cache cluster's owner."))
            }
        }
        _ => Err(Refusal::invalid_value(format!("Invalid notification topic ARN: {arn}"))),
    }
}

pub fn security_groups(input: &Input) -> Result<Option<Vec<String>>, Refusal> {
    let Some(groups) = input.texts("SecurityGroupIds").filter(|groups| !groups.is_empty()) else {
        return Ok(None);
    };
    match groups.iter().find(|id| !id.starts_with("sg-")) {
        Some(id) => Err(Refusal::invalid_value(format!("Invalid security group {id}"))),
        None => Ok(Some(groups)),
    }
}

pub fn network(input: &Input, member: &str, allowed: &[&str]) -> Result<Option<String>, Refusal> {
    let value = input.text(member);
    if let Some(value) = &value {
        one_of(member, value, allowed)?;
    }
    Ok(value)
}

pub fn durability(input: &Input) -> Result<Option<String>, Refusal> {
    network(input, "Durability", &["default", "async", "sync", "disabled"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_at_least_an_hour() {
        assert_eq!(maintenance_window("SUN:05:00-sun:09:00"), Ok("sun:05:00-sun:09:00".into()));
        assert!(maintenance_window("sat:23:30-sun:00:30").is_ok());
        assert!(maintenance_window("sun:05:00-sun:05:30").is_err());
        assert!(maintenance_window("05:00-06:00").is_err());
        assert!(snapshot_window("23:30-00:30").is_ok());
        assert!(snapshot_window("03:00-03:59").is_err());
    }
}

//! What must be so before AWS is asked for a failover: a drill that finds out afterwards has done the harm.

use super::look::Objection;
use crate::model::plan::Ownership;

/// Test failovers that AWS carries out in any 24 hours, counted in shards (API_TestFailover).
pub const QUOTA: usize = 15;

/// Who said on the command line that it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    Nobody,
    /// A pattern that matches the cache among others.
    Pattern,
    /// The cache by its full name.
    Name,
}

/// A replication group as the spec and AWS tell of it.
#[derive(Clone, Debug)]
pub struct Standing {
    pub address: String,
    pub allowed: Allowed,
    pub ownership: Ownership,
    pub is_protected: bool,
    /// Why it is not at rest; `None` where it is.
    pub unready: Option<String>,
    pub has_failover: bool,
    pub is_multi_az: bool,
    /// What AWS has accepted and not yet carried out.
    pub pending: Vec<String>,
    /// The shards that are to fail over, each with its replicas.
    pub shards: Vec<(String, usize)>,
    /// Test failovers of the last 24 hours; `None` where AWS does not let these credentials read its events.
    pub recent: Option<usize>,
}

/// Everything that speaks against it.
pub fn objections(standing: &Standing) -> Vec<Objection> {
    let mut found = Vec::new();
    let mut object = |rule, reason: String, hint: String| found.push(Objection::new(rule, reason, hint));
    let address = &standing.address;
    let allow = format!("--allow failover:{address}");
    match (standing.allowed, standing.is_protected) {
        (Allowed::Nobody, false) => object("failover-not-allowed", "a failover must be allowed".into(), allow),
        (Allowed::Nobody, true) => {
            object("failover-not-allowed", "it is protected, and a failover must be allowed".into(), allow);
        }
        (Allowed::Pattern, true) => {
            object("protected", "it is protected: a pattern does not allow it, its name does".into(), allow);
        }
        (Allowed::Pattern, false) | (Allowed::Name, _) => {}
    }
    match standing.ownership {
        Ownership::Owned => {}
        Ownership::Absent => object("absent", "it does not exist".into(), "apply the spec first".into()),
        Ownership::Foreign => object(
            "foreign",
            "it belongs to another stack".into(),
            "drill it with the spec of the stack that owns it".into(),
        ),
        Ownership::Unowned => object(
            "unowned",
            "it does not carry this stack's tag".into(),
            format!("adopt it first: cachectl apply --allow adopt:{address}"),
        ),
        Ownership::Unknown => object(
            "ownership-unknown",
            "its tags could not be read, so its owner is unknown".into(),
            "allow these credentials elasticache:ListTagsForResource on it".into(),
        ),
    }
    if standing.ownership == Ownership::Absent {
        return found;
    }
    if let Some(state) = &standing.unready {
        object("not-available", format!("it is not available: {state}"), "wait until it is".into());
    }
    if !standing.has_failover {
        let hint = "declare `automaticFailoverEnabled: true` with a replica, and apply".into();
        object("no-automatic-failover", "automatic failover is off".into(), hint);
    }
    if !standing.is_multi_az {
        let hint = "declare `multiAZEnabled: true`, and apply".into();
        object("no-multi-az", "Multi-AZ is off: the replica may be lost with the primary".into(), hint);
    }
    if !standing.pending.is_empty() {
        let hint = format!(
            "wait until it is carried out; what waits for the window goes now with: cachectl apply --allow flush:{address}"
        );
        object("pending", format!("{} is pending", standing.pending.join(", ")), hint);
    }
    for (shard, _) in standing.shards.iter().filter(|(_, replicas)| *replicas == 0) {
        let hint = "declare a replica for every shard, and apply".into();
        object("no-replica", format!("shard {shard} has no replica that could take over"), hint);
    }
    if let Some(recent) = standing.recent
        && recent + standing.shards.len() > QUOTA
    {
        let wanted = standing.shards.len();
        let reason = format!("AWS tests {QUOTA} shards in 24 hours: {recent} were tested, and {wanted} are wanted");
        object("quota", reason, "try again tomorrow, or drill one shard with --shard".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit() -> Standing {
        Standing {
            address: "replicationGroup/cache".into(),
            allowed: Allowed::Name,
            ownership: Ownership::Owned,
            is_protected: false,
            unready: None,
            has_failover: true,
            is_multi_az: true,
            pending: Vec::new(),
            shards: vec![("0001".into(), 1)],
            recent: Some(0),
        }
    }

    fn rules(change: impl FnOnce(&mut Standing)) -> Vec<&'static str> {
        let mut standing = fit();
        change(&mut standing);
        objections(&standing).into_iter().map(|objection| objection.rule).collect()
    }

    #[test]
    fn a_group_that_is_as_it_should_be_is_drilled() {
        assert_eq!(objections(&fit()), []);
        assert_eq!(rules(|standing| standing.allowed = Allowed::Pattern), [""; 0]);
        assert_eq!(rules(|standing| standing.is_protected = true), [""; 0], "it was named");
        assert_eq!(rules(|standing| standing.recent = None), [""; 0], "AWS itself refuses what is too much");
    }

    #[test]
    fn each_precondition_has_its_refusal() {
        assert_eq!(rules(|standing| standing.allowed = Allowed::Nobody), ["failover-not-allowed"]);
        assert_eq!(rules(|standing| standing.unready = Some("modifying".into())), ["not-available"]);
        assert_eq!(rules(|standing| standing.has_failover = false), ["no-automatic-failover"]);
        assert_eq!(rules(|standing| standing.is_multi_az = false), ["no-multi-az"]);
        assert_eq!(rules(|standing| standing.pending = vec!["EngineVersion".into()]), ["pending"]);
        assert_eq!(rules(|standing| standing.shards = vec![("0002".into(), 0)]), ["no-replica"]);
        assert_eq!(rules(|standing| standing.recent = Some(15)), ["quota"]);
        let three = |standing: &mut Standing| standing.shards = vec![("0001".into(), 1); 3];
        assert_eq!(rules(three), [""; 0]);
        assert_eq!(rules(|standing| (three(standing), standing.recent = Some(13)).1), ["quota"]);
    }

    #[test]
    fn ownership_fails_closed() {
        for (ownership, rule) in [
            (Ownership::Foreign, "foreign"),
            (Ownership::Unowned, "unowned"),
            (Ownership::Unknown, "ownership-unknown"),
            (Ownership::Absent, "absent"),
        ] {
            assert_eq!(rules(|standing| standing.ownership = ownership), [rule]);
        }
    }

    #[test]
    fn what_is_protected_must_be_named() {
        let protected = |allowed| {
            rules(|standing| {
                standing.is_protected = true;
                standing.allowed = allowed;
            })
        };
        assert_eq!(protected(Allowed::Pattern), ["protected"]);
        assert_eq!(protected(Allowed::Nobody), ["failover-not-allowed"]);
    }
}

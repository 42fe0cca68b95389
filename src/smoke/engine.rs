//! Which engine answers, and what it does when memory is full.

use super::checks::Finding;
use super::target::{Expect, Target};
use crate::client::topology::Facts;

/// Engine and version from `INFO server`. On Valkey `redis_version` is the Redis it is compatible
/// with (valkey 9.1.2 says 7.2.4), so it counts only where no `server_name` is given.
pub(super) fn identity(info: &Facts) -> (String, Option<String>) {
    match info.get("server_name") {
        Some(name) => (name.clone(), info.get(&format!("{name}_version")).cloned()),
        None if info.contains_key("valkey_version") => ("valkey".to_owned(), info.get("valkey_version").cloned()),
        None => ("redis".to_owned(), info.get("redis_version").cloned()),
    }
}

/// Engine and version against what is declared. A stand-in has whatever is installed on this machine.
pub(super) fn finding(target: &Target, engine: &str, version: Option<&str>) -> Finding {
    let expect = &target.expect;
    let found = format!("{engine} {}", version.unwrap_or("(version unknown)"));
    if target.stand_in {
        return Finding::passed(format!("{found}, standing in for ElastiCache: not compared"));
    }
    if let Some(wanted) = &expect.engine
        && wanted != engine
    {
        return Finding::failed(
            format!("{found}, not {wanted}"),
            Some("the endpoint belongs to another cache, or a tunnel leads elsewhere".to_owned()),
        );
    }
    match (&expect.engine_version, version) {
        // Without knowing the engine, a version says nothing.
        (Some(wanted), Some(version)) if expect.engine.is_some() => {
            if same_release(wanted, version) {
                Finding::passed(found)
            } else {
                Finding::failed(
                    format!("{found}, not {wanted}"),
                    Some("an upgrade may wait for the maintenance window: see pending changes".to_owned()),
                )
            }
        }
        _ => Finding::passed(found),
    }
}

/// Major and minor, as far as they are wanted: `7.2` is `7.2.6`, `6.x` and `6` are any 6.
fn same_release(wanted: &str, version: &str) -> bool {
    let mut version = version.split('.');
    wanted.split('.').take(2).all(|part| match version.next() {
        Some(found) => part == found || part == "x",
        None => false,
    })
}

/// Memory full of keys that may not go is an outage for writers, so the policy in effect counts, not
/// the parameter group's.
pub(super) fn policy(expect: &Expect, info: &Facts) -> Finding {
    let Some(policy) = info.get("maxmemory_policy") else {
        return Finding::not_tested("INFO memory does not report maxmemory_policy", None);
    };
    match &expect.maxmemory_policy {
        Some(wanted) if wanted != policy => Finding::failed(
            format!("{policy} in effect, not {wanted}"),
            Some("check that the cache uses the parameter group and that no reboot is pending".to_owned()),
        ),
        _ => {
            let unlimited = info.get("maxmemory").is_some_and(|bytes| bytes == "0");
            Finding::passed(if unlimited { format!("{policy} (no maxmemory: never evicts)") } else { policy.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;
    use crate::client::topology::facts;

    fn target(engine: Option<&str>, version: Option<&str>) -> Target {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let expect = Expect { engine: own(engine), engine_version: own(version), ..Expect::default() };
        Target { expect, ..Target::default() }
    }

    #[test]
    fn a_valkey_server_is_not_taken_for_the_redis_it_is_compatible_with() {
        let info = facts("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n");
        assert_eq!(identity(&info), ("valkey".into(), Some("9.1.2".into())));
        let info = facts("redis_version:7.0.15\r\n");
        assert_eq!(identity(&info), ("redis".into(), Some("7.0.15".into())));
        let info = facts("redis_version:7.2.4\r\nserver_name:valkey\r\n");
        assert_eq!(identity(&info), ("valkey".into(), None));
    }

    #[test]
    fn another_engine_or_version_fails_unless_a_server_stands_in() {
        let status = |engine, version| finding(&target(engine, version), "valkey", Some("8.1.3")).status;
        assert_eq!(status(Some("valkey"), Some("8.1")), Verdict::Passed);
        assert_eq!(status(Some("valkey"), Some("7.2")), Verdict::Failed);
        assert_eq!(status(Some("redis"), Some("7.2")), Verdict::Failed);
        assert_eq!(status(None, Some("7.2")), Verdict::Passed);
        assert_eq!(finding(&target(Some("valkey"), Some("8.1")), "valkey", None).status, Verdict::Passed);
        let stand_in = Target { stand_in: true, ..target(Some("redis"), Some("7.2")) };
        assert_eq!(finding(&stand_in, "valkey", Some("8.1.3")).status, Verdict::Passed);
    }

    #[test]
    fn versions_are_compared_as_far_as_they_are_wanted() {
        assert!(same_release("7.2", "7.2.6"));
        assert!(same_release("6.x", "6.2.6") && same_release("6", "6.0.5"));
        assert!(same_release("5.0.6", "5.0.3"));
        assert!(!same_release("7.2", "7.20.1") && !same_release("7.2", "7"));
    }

    #[test]
    fn the_policy_in_effect_must_be_the_one_wanted() {
        let info = facts("maxmemory:1000\nmaxmemory_policy:volatile-lru\n");
        assert_eq!(policy(&Expect::default(), &info).status, Verdict::Passed);
        let wanted = Expect { maxmemory_policy: Some("allkeys-lru".into()), ..Expect::default() };
        assert_eq!(policy(&wanted, &info).status, Verdict::Failed);
        assert_eq!(policy(&wanted, &facts("")).status, Verdict::NotTested);
    }
}

//! (Spec, Live) to Plan: a pure function. What differs, which calls that takes, in which order, and
//! what stands in the way.

pub mod alarms;
pub mod draft;
pub mod fingerprint;
pub mod model;
pub mod options;
pub mod order;
pub mod ownership;
pub mod resource;

use serde_json::Value;

use crate::lint;
use crate::resource::attribute::Impact;
use crate::resource::live::Live;
use crate::resource::{Address, Kind};
use crate::spec::Spec;
use draft::Draft;
use model::{Action, Blocked, Change, FORMAT_VERSION, Finding, Ownership, Plan, Summary};
use options::{Options, Permit};

/// The plan of one resource: what it comes to, and the calls.
#[derive(Debug)]
pub struct Planned {
    pub draft: Draft,
    pub action: Action,
    pub ownership: Ownership,
    pub fingerprint: Option<String>,
    pub count: Option<usize>,
}

pub fn plan(spec: &Spec, live: &Live, options: &Options, findings: Vec<Finding>) -> Plan {
    let mut planned = Vec::new();
    for resource in spec.resources.values().filter(|resource| resource.address.kind != Kind::Alarm) {
        if options.selects(&resource.address) {
            planned.push(if options.destroy {
                resource::deleted(spec, live, options, &resource.address)
            } else {
                resource::planned(spec, live, options, resource)
            });
        }
    }
    alarms::planned(spec, live, options, &mut planned);
    let orphans = orphans(spec, live, options, &mut planned);
    guard_dependencies(spec, live, options, &mut planned);
    guard_limits(spec, options, &mut planned);
    let mut notes = live.notes.clone();
    for planned in &planned {
        notes.extend(
            planned.draft.warnings.iter().map(|(path, message)| format!("{} {path}: {message}", planned.draft.address)),
        );
    }
    let steps = order::steps(spec, live, &planned);
    let mut summary = Summary::default();
    for planned in &planned {
        let count = planned.count.unwrap_or(1);
        let sum = match planned.action {
            Action::Create => &mut summary.create,
            Action::Adopt => &mut summary.adopt,
            Action::Update => &mut summary.update,
            Action::Replace => &mut summary.replace,
            Action::Delete => &mut summary.delete,
            Action::Noop => &mut summary.noop,
        };
        *sum += count;
        summary.blocked += usize::from(!planned.draft.blocked.is_empty());
    }
    planned.sort_by(|one, other| one.draft.address.cmp(&other.draft.address));
    let changes = planned.into_iter().filter_map(|planned| change(planned, options)).collect();
    Plan {
        format_version: FORMAT_VERSION.to_owned(),
        stack: spec.stack.clone(),
        account_id: live.account_id.clone(),
        region: live.region.clone(),
        environment: spec.environment.clone(),
        spec_digest: spec.digest.clone(),
        summary,
        changes,
        steps,
        lint: findings,
        orphans,
        notes,
        api_calls: live.api_calls,
    }
}

/// Lint and plan in one go.
pub fn plan_with_lint(
    spec: &Spec,
    live: &Live,
    options: &Options,
    sources: &crate::spec::source::Sources,
    today: &str,
) -> Plan {
    plan(spec, live, options, lint::findings(spec, Some(live), sources, today))
}

fn change(planned: Planned, options: &Options) -> Option<Change> {
    let Planned { draft, action, ownership, fingerprint, count } = planned;
    let shown =
        action != Action::Noop || options.show_unchanged || !draft.pending.is_empty() || !draft.blocked.is_empty();
    let impact = match action {
        Action::Delete => Impact::Delete,
        Action::Replace => Impact::Replace,
        _ => draft.attributes.iter().map(|attribute| attribute.impact).max().unwrap_or(Impact::None),
    };
    shown.then(|| Change {
        address: draft.address,
        action,
        impact,
        ownership,
        attributes: draft.attributes,
        pending: draft.pending,
        remaining: draft.remaining,
        blocked: joined(draft.blocked),
        fingerprint,
        count,
    })
}

/// One resource has one reason; several are told as one.
fn joined(blocked: Vec<Blocked>) -> Option<Blocked> {
    let first = blocked.first()?;
    let join = |of: fn(&Blocked) -> &str| {
        blocked.iter().map(of).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
    };
    Some(Blocked {
        rule: first.rule.clone(),
        reason: join(|blocked| &blocked.reason),
        hint: join(|blocked| &blocked.hint),
    })
}

/// What the stack owns and the spec no longer has. Deleted only when pruning is asked for and allowed.
fn orphans(spec: &Spec, live: &Live, options: &Options, planned: &mut Vec<Planned>) -> Vec<Address> {
    if live.orphans_unknown {
        return Vec::new();
    }
    let claimed = |address: &Address| {
        spec.resources.contains_key(address)
            || planned.iter().any(|planned| planned.draft.address == *address)
            || (address.kind == Kind::Alarm && alarms::belongs_to_a_cache(spec, live, address))
    };
    let orphans: Vec<Address> =
        live.owned.iter().filter(|address| !claimed(address) && live.get(address).is_some()).cloned().collect();
    for address in orphans.iter().filter(|address| options.selects(address)) {
        if options.prune || options.destroy {
            planned.push(resource::deleted(spec, live, options, address));
        }
    }
    orphans
}

/// With `--only`, and with references to what is neither declared nor live: what a resource needs must exist.
fn guard_dependencies(spec: &Spec, live: &Live, options: &Options, planned: &mut [Planned]) {
    if options.destroy {
        return;
    }
    let made: Vec<Address> = planned
        .iter()
        .filter(|planned| planned.draft.blocked.is_empty())
        .map(|planned| planned.draft.address.clone())
        .collect();
    for planned in planned.iter_mut().filter(|planned| planned.action != Action::Delete) {
        let Some(resource) = spec.resources.get(&planned.draft.address) else { continue };
        for need in order::references(resource) {
            let default = need.id.starts_with("default");
            if live.get(&need).is_some() || made.contains(&need) || default {
                continue;
            }
            let declared = spec.resources.contains_key(&need);
            let (reason, hint) = if declared && !options.selects(&need) {
                (format!("needs {need}, which does not exist and --only leaves out"), format!("add --only {need}"))
            } else if declared {
                (format!("needs {need}, which is blocked itself"), format!("see {need}"))
            } else {
                (
                    format!("needs {need}, which exists neither in AWS nor in this spec"),
                    "declare it, or mend the name".to_owned(),
                )
            };
            planned.draft.blocks("missing-dependency", reason, hint);
        }
    }
}

/// The spec's own limits on what one apply may destroy.
fn guard_limits(spec: &Spec, options: &Options, planned: &mut [Planned]) {
    let limits = [("maxDeletes", Action::Delete), ("maxReplacements", Action::Replace)];
    for (name, action) in limits {
        let Some(limit) = spec.policy.get(name).and_then(Value::as_u64) else { continue };
        let counts = |planned: &&mut Planned| {
            planned.action == action && !(action == Action::Delete && alarms::follows_its_cache(planned))
        };
        let found = planned.iter_mut().filter(|planned| counts(planned)).count();
        if found as u64 <= limit || (options.destroy && action == Action::Replace) {
            continue;
        }
        for planned in planned.iter_mut().filter(|planned| counts(planned)) {
            planned.draft.blocks(
                "policy",
                format!("policy.{name} is {limit}, and {found} are planned"),
                format!("raise policy.{name} in the spec"),
            );
        }
    }
}

/// Deletions and replacements need a word on the command line.
pub fn needs_permit(draft: &mut Draft, options: &Options, permit: Permit) {
    if options.allows(permit, &draft.address) {
        return;
    }
    let (rule, name, what) = match permit {
        Permit::Delete => ("delete-not-allowed", "delete", "deleting it"),
        Permit::Replace => ("replace-not-allowed", "replace", "replacing it"),
        Permit::Adopt => ("adopt-not-allowed", "adopt", "it exists without this stack's tag; taking it over"),
        Permit::Reboot => ("reboot-not-allowed", "reboot", "rebooting it"),
        Permit::Flush => ("flush-pending", "flush", "carrying out what is pending"),
    };
    let address = draft.address.clone();
    draft.blocks(rule, format!("{what} must be allowed"), format!("--allow {name}:{address}"));
}

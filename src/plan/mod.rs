//! (Spec, Live) to Plan: a pure function. What differs, which calls that takes, in which order, and
//! what stands in the way.

pub mod alarms;
pub mod companions;
mod compare;
pub mod composites;
pub mod fingerprint;
pub mod guards;
pub mod late;
mod names;
pub mod order;
mod planned;
pub mod resource;
mod tags;
mod whole;

use std::collections::BTreeSet;

use crate::model::attribute::Impact;
use crate::model::draft::Draft;
use crate::model::live::Live;
use crate::model::options::Options;
use crate::model::plan::{Action, Blocked, Change, FORMAT_VERSION, Finding, Plan, Summary};
use crate::model::{Address, Kind, Spec};
use crate::resource::alarm;
pub use guards::needs_permit;
pub use names::holder_of_another_type;
pub use planned::Planned;
use whole::From;

pub fn plan(spec: &Spec, live: &Live, options: &Options, findings: Vec<Finding>) -> Plan {
    let mut planned = Vec::new();
    for resource in spec.resources.values().filter(|resource| !resource.address.kind.notes_its_stack()) {
        if options.selects(&resource.address) {
            planned.push(if options.destroy {
                resource::deleted(spec, live, options, &resource.address)
            } else {
                resource::planned(spec, live, options, resource)
            });
        }
    }
    let from = From { spec, live, options };
    let wanted = alarm::wanted(spec, live);
    let to_come = alarm::to_come(spec, live, &alarms::made_caches(from, &planned));
    alarms::planned(from, &wanted, &mut planned);
    composites::planned(from, &wanted, &to_come, &mut planned);
    companions::planned(from, &mut planned);
    let orphans = orphans(spec, live, options, &mut planned);
    late::postpone(spec, live, &mut planned);
    guards::dependencies(spec, live, options, &mut planned);
    guards::zones(spec, live, &mut planned);
    guards::uses(live, &mut planned);
    guards::parents(from, &to_come, &mut planned);
    names::collisions(from, &wanted, &to_come, &mut planned);
    guards::limits(spec, live, options, &mut planned);
    let mut notes = live.notes.clone();
    for planned in &planned {
        notes.extend(
            planned.draft.warnings.iter().map(|(path, message)| format!("{} {path}: {message}", planned.draft.address)),
        );
    }
    alarms::find_caches(spec, live, &mut planned);
    alarms::wait_for_blocked_caches(live, &mut planned);
    composites::missing(from, &wanted, &to_come, &mut planned);
    companions::wait_for_blocked_caches(&mut planned);
    let steps = order::steps(spec, &planned);
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
        cost: None,
    }
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
        cache: draft.cache,
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
            || (address.kind == Kind::Alarm && alarms::follows_a_cache(spec, live, address))
    };
    // Some say themselves whose they are, also where GetResources lags behind.
    let noting = Kind::ALL.into_iter().filter_map(|kind| Some((kind, kind.row().stack_noted?)));
    let described = noting.flat_map(|(kind, noted)| {
        let own = live.of(kind).iter().filter(move |(_, own)| noted(own) == Some(spec.stack.as_str()));
        own.map(move |(name, _)| Address::new(kind, name))
    });
    let owned: BTreeSet<Address> = live.owned.iter().cloned().chain(described).collect();
    let is_there = |address: &Address| live.get(address).is_some() || live.unread.contains_key(address);
    let orphans: Vec<Address> =
        owned.iter().filter(|address| !claimed(address) && is_there(address)).cloned().collect();
    for address in orphans.iter().filter(|address| options.selects(address)) {
        if options.prune || options.destroy {
            planned.push(resource::deleted(spec, live, options, address));
        }
    }
    orphans
}

//! A stack's state, for people: the table and Markdown. What is not well begins with `!`.

use super::inert::{code, prose};
use super::style::{Label, paint};
use super::value::{wrap, written};
use crate::model::Address;
use crate::model::live::Live;
use crate::model::plan::Ownership;
use crate::status::{Alarms, Endpoint, Health, LogDelivery, Report, Resource, ServiceUpdate, Shard};

/// Nodes are told one by one up to here; beyond, and in cluster mode, a line is a shard.
const FEW_NODES: usize = 8;

pub fn table(report: &Report, read: &str, width: usize) -> String {
    let mut out = format!(
        "{}   account {}   {}\n{}\n",
        paint(Label::Strong, &format!("stack {}", report.stack)),
        report.account_id,
        report.region,
        paint(Label::Dim, &wrap(read, width, "  "))
    );
    let longest = report.resources.iter().map(|one| one.address.to_string().chars().count()).max().unwrap_or(0);
    let mut brief_before = false;
    for resource in &report.resources {
        let is_brief = !resource.address.kind.is_cache();
        if !(is_brief && brief_before) {
            out.push('\n');
        }
        brief_before = is_brief;
        out.push_str(&block(resource, longest.min(44), width));
    }
    for note in &report.notes {
        out.push_str(&format!("\n{} {}", paint(Label::Dim, "note"), wrap(note, width.saturating_sub(5), "     ")));
    }
    if let Some(cost) = &report.cost {
        out.push_str(&super::cost::table(cost, width));
    }
    out.push_str(&format!("\n{}\n", last_line(report)));
    out
}

fn label(health: Health) -> Label {
    match health {
        Health::Ok => Label::Good,
        Health::Moving | Health::Unknown => Label::Warn,
        Health::Alarm | Health::Absent | Health::Broken => Label::Error,
    }
}

/// What stands at the beginning of a line that wants looking at.
fn mark(well: bool) -> String {
    if well { " ".to_owned() } else { paint(Label::Error, "!") }
}

fn block(resource: &Resource, longest: usize, width: usize) -> String {
    // A member that is not available has a line of its own.
    let mut nodes_of = resource.shards.iter().flat_map(|shard| &shard.nodes);
    let told = nodes_of.any(|node| resource.detail.split(' ').next() == Some(&node.id));
    let state = if resource.detail.is_empty() || told {
        resource.state.clone()
    } else {
        format!("{}, {}", resource.state, resource.detail)
    };
    let whose = whose(resource);
    let well = resource.is_ours()
        && (resource.health == Health::Ok || (resource.health == Health::Alarm && resource.alarms.is_some()));
    let shown = if well { Label::Good } else { label(resource.health) };
    let address = format!("{:<longest$}", resource.address.to_string());
    let mut out = format!("{} {address}  {}{whose}", mark(well), paint(shown, &state));
    let facts = facts(&resource.facts, width - 4);
    if !resource.address.kind.is_cache() {
        let taken = 4 + address.chars().count() + state.chars().count() + whose.chars().count();
        if facts.is_empty() || facts.contains('\n') || taken + 2 + facts.chars().count() > width {
            out.push('\n');
            if !facts.is_empty() {
                out.push_str(&format!("    {facts}\n"));
            }
        } else {
            out.push_str(&format!("   {facts}\n"));
        }
        out.push_str(&pending(resource, width));
        return out;
    }
    out.push('\n');
    if !facts.is_empty() {
        out.push_str(&format!("    {facts}\n"));
    }
    out.extend(resource.endpoints.iter().map(|endpoint| format!("    {}\n", endpoint_line(endpoint))));
    out.push_str(&nodes(&resource.shards));
    out.push_str(&pending(resource, width));
    out.push_str(&failures(resource, width));
    out.push_str(&service_updates(resource, width));
    if let Some(alarms) = &resource.alarms {
        out.push_str(&alarm_lines(alarms, width));
    }
    out
}

/// Behind the state: what is not simply the stack's.
fn whose(resource: &Resource) -> String {
    match &resource.other_stack {
        Some(stack) => format!("   belongs to the stack {stack}"),
        None if resource.orphan => "   orphan: not in the spec".to_owned(),
        None => owner(resource).map(|owner| format!("   {owner}")).unwrap_or_default(),
    }
}

/// Who has it, where that is neither this stack nor one that is known.
fn owner(resource: &Resource) -> Option<&'static str> {
    match resource.ownership {
        Ownership::Unowned => Some("not adopted: belongs to no stack"),
        Ownership::Unknown => Some("its tags could not be read: owner unknown"),
        Ownership::Owned | Ownership::Foreign | Ownership::Absent => None,
    }
}

fn endpoint_line(endpoint: &Endpoint) -> String {
    let role = if endpoint.role == "configuration" { "config" } else { endpoint.role };
    format!("{role:<9}{}:{}", endpoint.address, endpoint.port)
}

/// Where clients find these caches; nothing for those that have no endpoint yet.
pub fn endpoints(live: &Live, caches: &[&Address]) -> String {
    let told = caches.iter().filter_map(|cache| {
        let endpoints = crate::status::endpoints(&live.view(cache)?);
        let lines: String = endpoints.iter().map(|endpoint| format!("  {}\n", endpoint_line(endpoint))).collect();
        (!lines.is_empty()).then(|| format!("{cache}, not tested\n{lines}"))
    });
    told.collect()
}

/// Side by side as far as they fit; none is broken.
fn facts(facts: &[String], width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for fact in facts {
        let length = fact.chars().count();
        if column > 0 && column + 3 + length > width {
            out.push_str("\n    ");
            column = 0;
        } else if column > 0 {
            out.push_str("   ");
            column += 3;
        }
        out.push_str(fact);
        column += length;
    }
    out
}

fn nodes(shards: &[Shard]) -> String {
    let all = || shards.iter().flat_map(|shard| &shard.nodes);
    let ids = all().map(|node| node.id.chars().count()).max().unwrap_or(0);
    let zones = all().filter_map(|node| node.zone.as_ref()).map(|zone| zone.chars().count()).max().unwrap_or(0);
    let roles = all().any(|node| node.role.is_some());
    let line = |node: &crate::status::Node| {
        let role = match (&node.role, roles) {
            (Some(role), _) => format!("{role:<9}"),
            (None, true) => " ".repeat(9),
            (None, false) => String::new(),
        };
        let well = node.state == "available";
        let state = paint(if well { Label::Good } else { Label::Error }, &node.state);
        let zone = node.zone.as_deref().unwrap_or_default();
        format!("{}   {:<ids$}  {role}{zone:<zones$}  {state}\n", mark(well), node.id)
    };
    if shards.len() <= 1 && all().count() <= FEW_NODES {
        return all().map(line).collect();
    }
    let slots = shards.iter().filter_map(|shard| shard.slots.as_ref()).map(|slots| slots.chars().count().min(24));
    let slots = slots.max().unwrap_or(0);
    let mut out = String::new();
    for shard in shards {
        let bad: Vec<_> = shard.nodes.iter().filter(|node| node.state != "available").collect();
        if shard.id.is_empty() {
            out.extend(bad.into_iter().map(line));
            continue;
        }
        let well = shard.state == "available" && bad.is_empty();
        let zones: Vec<&str> = shard.nodes.iter().filter_map(|node| node.zone.as_deref()).collect();
        let state = paint(if well { Label::Good } else { Label::Error }, &shard.state);
        let ready = format!("{}/{} nodes", shard.nodes.len() - bad.len(), shard.nodes.len());
        let range = super::value::shortened(shard.slots.as_deref().unwrap_or_default(), slots);
        out.push_str(&format!(
            "{}   {}  {range:<slots$}  {state}  {ready}  {}\n",
            mark(well),
            shard.id,
            zones.join(" ")
        ));
        out.extend(bad.into_iter().map(line));
    }
    out
}

fn pending(resource: &Resource, width: usize) -> String {
    let told = resource.pending.iter().map(|pending| {
        let text = format!("pending: {} {}", pending.path, written(&pending.value));
        format!("{}   {}\n", paint(Label::Warn, "!"), paint(Label::Warn, &wrap(&text, width - 4, "      ")))
    });
    told.collect()
}

/// What is wrong with a cache that its state does not show.
fn told(resource: &Resource) -> Vec<String> {
    let log = |log: &LogDelivery| {
        let why = log.message.as_deref().unwrap_or("AWS does not say why");
        format!("{} to {} cannot be delivered: {why}", log.log_type, log.destination)
    };
    let rotation = resource.token_rotation.as_ref().map(|rotation| {
        let who = if rotation.open_to == "anyone" {
            "anyone who reaches the port gets in, even without a token"
        } else {
            "the token before still opens the cache"
        };
        format!(
            "token rotation: ROTATE is done and SET is not, so {who}; apply again once all clients use the new token"
        )
    });
    resource.failed_logs().map(log).chain(rotation).collect()
}

fn failures(resource: &Resource, width: usize) -> String {
    let lines = told(resource).into_iter().map(|text| {
        let text = wrap(&text, width - 4, "      ");
        format!("{}   {}\n", mark(false), paint(Label::Error, &text))
    });
    lines.collect()
}

/// `service update elc-20261101 (security-update, critical): not-applied, apply by 2026-11-15`
fn service_update(update: &ServiceUpdate) -> String {
    let by = update.apply_by.as_ref().map(|date| format!(", apply by {date}")).unwrap_or_default();
    let late = if update.is_late { ", which is over" } else { "" };
    let ServiceUpdate { name, kind, severity, status, .. } = update;
    format!("service update {name} ({kind}, {severity}): {status}{by}{late}")
}

fn service_updates(resource: &Resource, width: usize) -> String {
    let told = resource.service_updates.iter().map(|update| {
        let text = wrap(&service_update(update), width - 4, "      ");
        format!("{}   {}\n", mark(!update.is_late), paint(Label::Warn, &text))
    });
    told.collect()
}

fn alarm_lines(alarms: &Alarms, width: usize) -> String {
    if alarms.count() == 0 {
        return String::new();
    }
    let mut parts = vec![format!("{} OK", alarms.ok)];
    let more = [
        (alarms.firing.len(), "in ALARM"),
        (alarms.insufficient_data, "without data"),
        (alarms.absent.len(), "absent"),
    ];
    parts.extend(more.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let mut out = format!("    {:<9}{}: {}\n", "alarms", alarms.count(), parts.join(", "));
    for name in &alarms.firing {
        out.push_str(&format!("{}   {}\n", mark(false), paint(Label::Error, &format!("ALARM  {name}"))));
    }
    if !alarms.absent.is_empty() {
        let names = wrap(&format!("absent: {}", alarms.absent.join(", ")), width - 4, "      ");
        out.push_str(&format!("{}   {names}\n", mark(false)));
    }
    out
}

fn last_line(report: &Report) -> String {
    let count = |health: Health| report.resources.iter().filter(|resource| resource.health == health).count();
    let firing: usize =
        report.resources.iter().filter_map(|resource| resource.alarms.as_ref()).map(|alarms| alarms.firing.len()).sum();
    let lone = report.resources.iter().filter(|one| one.health == Health::Alarm && one.alarms.is_none()).count();
    let absent: usize =
        report.resources.iter().filter_map(|resource| resource.alarms.as_ref()).map(|alarms| alarms.absent.len()).sum();
    let of_caches: usize = report
        .resources
        .iter()
        .filter_map(|resource| resource.alarms.as_ref())
        .map(|alarms| alarms.insufficient_data)
        .sum();
    let blind = of_caches + report.resources.iter().filter(|one| one.state == "INSUFFICIENT_DATA").count();
    let of = |ownership: Ownership| report.resources.iter().filter(|one| one.ownership == ownership).count();
    let logs = report.resources.iter().flat_map(Resource::failed_logs).count();
    let parts: Vec<String> = [
        (count(Health::Broken), "broken"),
        (count(Health::Absent), "absent"),
        (count(Health::Unknown), "unknown"),
        (of(Ownership::Foreign), "of another stack"),
        (of(Ownership::Unowned), "not adopted"),
        (of(Ownership::Unknown), "of an unknown owner"),
        (logs, if logs == 1 { "log not delivered" } else { "logs not delivered" }),
        (
            report.resources.iter().filter(|resource| resource.token_rotation.is_some()).count(),
            "in the middle of a token rotation",
        ),
        (absent, if absent == 1 { "alarm absent" } else { "alarms absent" }),
        (firing + lone, "in ALARM"),
        (count(Health::Moving), "on the way"),
        (report.resources.iter().map(|resource| resource.pending.len()).sum(), "pending"),
        (report.resources.iter().map(|resource| resource.service_updates.len()).sum(), "service updates due"),
        // What an alarm would say is not known: nothing wrong is seen, which is not the same as well.
        (blind, if blind == 1 { "alarm without data" } else { "alarms without data" }),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(
        |(count, what)| {
            if count == 1 { format!("1 {}", what.replace("updates", "update")) } else { format!("{count} {what}") }
        },
    )
    .collect();
    let all = report.resources.len();
    let resources = if all == 1 { "resource" } else { "resources" };
    if parts.is_empty() {
        return paint(Label::Good, &format!("{all} {resources}, all well."));
    }
    paint(label(report.health.max(Health::Moving)), &format!("{all} {resources}: {}.", parts.join(", ")))
}

pub fn markdown(report: &Report) -> String {
    let mut out = format!(
        "### cachectl status: {} in {} ({})\n\n**{}**\n\n| | resource | state | | endpoint | alarms | pending |\n|---|---|---|---|---|---|---|\n",
        code(&report.stack),
        report.region,
        report.account_id,
        anstream::adapter::strip_str(&last_line(report))
    );
    for resource in &report.resources {
        let nodes: Vec<_> = resource.shards.iter().flat_map(|shard| &shard.nodes).collect();
        let ready = nodes.iter().filter(|node| node.state == "available").count();
        let mut facts = resource.facts.join(", ");
        if !nodes.is_empty() {
            facts.push_str(&format!(", {ready}/{} nodes", nodes.len()));
        }
        let state = if resource.health == Health::Ok {
            prose(&resource.state)
        } else {
            format!("**{}**", prose(&resource.state))
        };
        let endpoint =
            resource.endpoints.first().map(|one| code(&format!("{}:{}", one.address, one.port))).unwrap_or_default();
        let alarms = resource.alarms.as_ref().filter(|alarms| alarms.count() > 0).map(|alarms| {
            let firing: String = alarms.firing.iter().map(|name| format!(" **{}**", code(name))).collect();
            format!("{} of {} OK{firing}", alarms.ok, alarms.count())
        });
        let pending = resource.pending.iter().map(|one| code(&format!("{} {}", one.path, written(&one.value))));
        let due = resource.service_updates.iter().map(|update| prose(&service_update(update)));
        let wrong = told(resource).into_iter().map(|text| prose(&text));
        let pending: Vec<String> = pending.chain(wrong).chain(due).collect();
        out.push_str(&format!(
            "| {} | {}{} | {state} | {} | {endpoint} | {} | {} |\n",
            if resource.health == Health::Ok && resource.is_ours() && told(resource).is_empty() { "" } else { "!" },
            code(&resource.address.to_string()),
            match &resource.other_stack {
                Some(stack) => format!(" (of the stack {})", prose(stack)),
                None if resource.orphan => " (orphan)".to_owned(),
                None => owner(resource).map(|owner| format!(" ({owner})")).unwrap_or_default(),
            },
            prose(&facts),
            alarms.unwrap_or_default(),
            pending.join("; ")
        ));
    }
    if let Some(cost) = &report.cost {
        out.push_str(&super::cost::markdown(cost));
    }
    for note in &report.notes {
        out.push_str(&format!("\n- note: {}", prose(note)));
    }
    out
}

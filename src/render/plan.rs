//! A plan as a table for people, 80 columns and up.

use serde_json::Value;

use super::alike::{self, Calls, Group};
use super::environment::is_place;
use super::style::{Label, paint};
use super::value::{difference, hang, wrap, written};
use crate::model::Severity;
use crate::model::Step;
use crate::model::attribute::{Impact, Route};
use crate::model::operation::Verb;
use crate::model::plan::{Action, AttributeChange, Ownership, PendingValue, Plan};
use crate::model::step::{Call, Work};
use crate::model::text::plural;
use crate::resource::kind_row::KindRow;

/// What the header says besides the plan itself.
#[derive(Clone, Debug, Default)]
pub struct Header {
    pub endpoint: Option<String>,
    pub read: String,
    pub seconds: f64,
}

/// How much of a plan is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    #[default]
    Usual,
    /// The parameters of every call, as it is sent.
    Calls,
}

pub fn table(plan: &Plan, header: &Header, width: usize, detail: Detail) -> String {
    head(plan, header, width) + &body(plan, width, detail)
}

/// Only what changes and what stands in the way.
pub fn quiet(plan: &Plan, width: usize) -> String {
    let mut plan = plan.clone();
    plan.lint.retain(|finding| finding.severity == Severity::Error);
    plan.orphans.clear();
    plan.notes.clear();
    body(&plan, width, Detail::Usual).trim_start().to_owned()
}

fn body(plan: &Plan, width: usize, detail: Detail) -> String {
    let mut out = String::new();
    // Blank-separated blocks for what needs reading; lines stay together.
    let mut after_line = false;
    let groups = match detail {
        Detail::Usual => alike::changes(&plan.changes),
        Detail::Calls => plan.changes.iter().map(|change| Group { changes: vec![change], cache: None }).collect(),
    };
    for group in &groups {
        let block = block(group, width);
        let line = block.lines().count() == 1;
        if !(line && after_line) {
            out.push('\n');
        }
        after_line = line;
        out.push_str(&block);
    }
    if !plan.steps.is_empty() {
        out.push('\n');
        out.push_str(&match detail {
            Detail::Usual => steps(&alike::steps(plan), width),
            Detail::Calls => calls(&plan.steps, width),
        });
    }
    out.push_str(&lint(plan, width));
    out.push_str(&orphans(plan));
    for note in &plan.notes {
        out.push_str(&format!("{} {}\n", paint(Label::Dim, "note"), wrap(note, width.saturating_sub(5), "     ")));
    }
    if let Some(cost) = &plan.cost {
        out.push_str(&super::cost::table(cost, width));
    }
    out.push('\n');
    out.push_str(&last_line(plan));
    out.push('\n');
    out
}

fn head(plan: &Plan, header: &Header, width: usize) -> String {
    let mut line = format!("stack {}", paint(Label::Strong, &plan.stack));
    if let Some(environment) = &plan.environment {
        line.push_str(&format!("   env {environment}"));
    }
    line.push_str(&format!("   account {}   {}", plan.account_id, plan.region));
    if let Some(endpoint) = &header.endpoint {
        line.push_str(&format!("   {endpoint}"));
    }
    let read = if header.read.is_empty() {
        "A saved plan; nothing was read now".to_owned()
    } else {
        format!("Read {} in {} calls, {:.1} s", header.read, plan.api_calls, header.seconds)
    };
    format!("{line}\n{}\n", paint(Label::Dim, &wrap(&read, width, "  ")))
}

fn sign(action: Action) -> (&'static str, Label) {
    match action {
        Action::Create => ("+", Label::Create),
        Action::Adopt => (">", Label::Update),
        Action::Update => ("~", Label::Update),
        Action::Replace => ("-/+", Label::Replace),
        Action::Delete => ("-", Label::Delete),
        Action::Noop => ("=", Label::Dim),
    }
}

fn block(group: &Group<'_>, width: usize) -> String {
    let change = group.changes[0];
    let (sign, label) = sign(change.action);
    let (name, count) = group.title();
    let count = count.map(|count| format!("  x{count}")).unwrap_or_default();
    let title = format!("{sign} {name}{count}");
    let what = match (change.action, change.ownership) {
        (Action::Replace, _) => "REPLACED".to_owned(),
        (Action::Delete, _) => "deleted".to_owned(),
        (Action::Adopt, _) => "adopted: it exists without this stack's tag".to_owned(),
        (_, Ownership::Unknown) => "ownership unknown: its tags cannot be read now".to_owned(),
        (_, Ownership::Foreign) => "another stack's".to_owned(),
        _ => String::new(),
    };
    let mut out = paint(label, &title);
    if !what.is_empty() {
        out.push_str(&format!("   {}", paint(label, &what)));
    }
    // What is created in bulk stays a line.
    let in_bulk = change.action == Action::Create && change.address.kind.row().in_bulk;
    let beside = match (group.cache, in_bulk) {
        (Some(_), _) => group.what(),
        (None, true) => condition(&change.attributes),
        (None, false) => String::new(),
    };
    if !beside.is_empty() {
        let room = width.saturating_sub(strip_width(&out) + 2);
        let fits = beside.chars().count() <= room;
        out.push_str(&match fits || group.cache.is_none() {
            true => format!("  {beside}"),
            false => format!("\n    {}", wrap(&beside, width.saturating_sub(4), "    ")),
        });
    }
    out.push('\n');
    if !in_bulk {
        let name_width =
            change.attributes.iter().map(|attribute| attribute.path.chars().count()).max().unwrap_or(0).min(28);
        let taken_back = |path: &str| change.pending.iter().any(|pending| pending.contradicts && pending.path == path);
        for attribute in change.attributes.iter().filter(|attribute| !taken_back(&attribute.path)) {
            out.push_str(&attribute_line(attribute, change.action, name_width, width));
        }
    }
    for pending in &change.pending {
        let declared = change.attributes.iter().find(|attribute| attribute.path == pending.path);
        let text = told_of_pending(pending, declared);
        out.push_str(&format!("  {} {}\n", paint(Label::Warn, "!"), wrap(&text, width - 4, "    ")));
    }
    for remaining in &change.remaining {
        out.push_str(&format!(
            "  {} {}\n",
            paint(Label::Dim, ">"),
            wrap(&format!("then: {remaining}"), width - 4, "    ")
        ));
    }
    if let Some(blocked) = &change.blocked {
        let text = format!("BLOCKED ({}): {}", blocked.rule, blocked.reason);
        out.push_str(&format!("  {}\n", paint(Label::Error, &wrap(&text, width - 2, "    "))));
        if !blocked.hint.is_empty() {
            out.push_str(&format!("    {}\n", wrap(&blocked.hint, width - 4, "    ")));
        }
    }
    out
}

/// What AWS has accepted, and whether that is what the spec says.
fn told_of_pending(pending: &PendingValue, declared: Option<&AttributeChange>) -> String {
    let (path, value) = (&pending.path, written(&pending.value));
    match declared.filter(|_| pending.contradicts) {
        Some(declared) => {
            format!("pending: {path} {value}, which contradicts the spec: it is to stay {}", written(&declared.after))
        }
        None => format!("pending: {path} {value}, accepted by AWS, not yet in effect"),
    }
}

/// When an alarm fires, in short: `Average > 90 in 5 of 5 x 60 s`.
fn condition(attributes: &[AttributeChange]) -> String {
    let value =
        |path: &str| attributes.iter().find(|attribute| attribute.path == path).map(|found| written(&found.after));
    let Some(threshold) = value("threshold") else { return String::new() };
    let operator = match value("comparisonOperator").as_deref() {
        Some("GreaterThanThreshold") => ">",
        Some("GreaterThanOrEqualToThreshold") => ">=",
        Some("LessThanThreshold") => "<",
        Some("LessThanOrEqualToThreshold") => "<=",
        _ => return String::new(),
    };
    let statistic = value("statistic").or_else(|| value("extendedStatistic")).unwrap_or_default();
    let periods = value("evaluationPeriods").unwrap_or_default();
    let datapoints = value("datapointsToAlarm").unwrap_or_else(|| periods.clone());
    let each = value("period").map(|seconds| format!(" x {seconds} s")).unwrap_or_default();
    format!("{statistic} {operator} {threshold} in {datapoints} of {periods}{each}").trim_start().to_owned()
}

fn attribute_line(attribute: &AttributeChange, action: Action, name_width: usize, width: usize) -> String {
    let value = match (attribute.sensitive, action) {
        (true, _) if is_place(&attribute.after) => written(&attribute.after),
        (true, Action::Create) => "(secret)".to_owned(),
        (true, _) => match (attribute.before.is_null(), attribute.after.is_null()) {
            (_, true) => "(secret) -> (none)".to_owned(),
            // AWS never tells the one before.
            (true, false) => "a new (secret)".to_owned(),
            (false, false) => "(secret) -> (secret)".to_owned(),
        },
        (false, Action::Create) => written(&attribute.after),
        (false, _) => difference(&attribute.before, &attribute.after),
    };
    let impact = match attribute.impact {
        Impact::None => String::new(),
        Impact::Brief => paint(Label::Warn, "  brief: connections drop for seconds"),
        Impact::Reboot => paint(Label::Warn, "  needs a reboot"),
        Impact::Deferred => paint(Label::Warn, "  waits for the maintenance window"),
        Impact::Replace => paint(Label::Error, "  forces replacement"),
        Impact::Delete => paint(Label::Error, "  deleted"),
    };
    let indent = " ".repeat(4 + name_width + 2);
    let text = wrap(&value, width.saturating_sub(indent.len()).max(20), &indent);
    let fits = attribute.path.chars().count() <= name_width;
    let gap = if fits { String::new() } else { format!("\n{}", " ".repeat(4 + name_width)) };
    let plain = format!("    {:<name_width$}{gap}  {text}", attribute.path);
    let last = plain.lines().last().map_or(0, |line| line.chars().count());
    let impact_width = strip_width(&impact);
    if impact_width > 0 && last + impact_width > width {
        return format!("{plain}\n{indent}{}\n", impact.replacen("  ", "", 1));
    }
    format!("{plain}{impact}\n")
}

fn strip_width(styled: &str) -> usize {
    anstream::adapter::strip_str(styled).to_string().chars().count()
}

fn steps(steps: &[Calls<'_>], width: usize) -> String {
    let longest =
        |text: fn(&Calls<'_>) -> String| steps.iter().map(|calls| text(calls).chars().count()).max().unwrap_or(0);
    let number = longest(|calls| calls.ids());
    let operation = longest(|calls| calls.steps[0].operation().to_string());
    let address = longest(|calls| calls.address());
    let named = number + operation + address + 7;
    let mut out = format!("{}\n", paint(Label::Strong, "Steps"));
    for calls in steps {
        let name = format!(
            " {:>number$}  {:<operation$}  {:<address$}",
            calls.ids(),
            calls.steps[0].operation().name(),
            calls.address()
        );
        let text = told(calls);
        let word = text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
        // Names and words are never broken; where they leave no room, the parameters go below.
        let line = if text.is_empty() {
            name.trim_end().to_owned()
        } else if named + word.max(24) <= width {
            format!("{name}  {}", hang(&text, width, &" ".repeat(named)))
        } else {
            format!("{}\n      {}", name.trim_end(), hang(&text, width, "      "))
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// The steps with their calls as they are sent; secrets are references.
fn calls(all: &[Step], width: usize) -> String {
    let mut out = String::new();
    for step in all {
        let line = steps(&[Calls { steps: vec![step], cache: None }], width);
        out.push_str(if out.is_empty() { &line } else { line.split_once('\n').map_or("", |(_, rest)| rest) });
        let Work::Call(call) = &step.work else { continue };
        let text = serde_json::to_string_pretty(&call.parameters).unwrap_or_default();
        text.lines().for_each(|line| out.push_str(&format!("      {}\n", paint(Label::Dim, line))));
    }
    out
}

/// What the calls of a line change.
fn told(calls: &Calls<'_>) -> String {
    match calls.cache {
        Some(_) => format!("{}, a call each", plural(calls.steps.len(), "alarm")),
        None => parameters(calls.steps[0]),
    }
}

/// What the step changes, without what every call carries, and what is awaited.
fn parameters(step: &Step) -> String {
    match &step.work {
        Work::MemberAlarms(alarms) => {
            let named = format!("{}, named once the members are known", plural(alarms.count, "alarm"));
            let over = alarms.composites.iter().map(|name| format!("; then PutCompositeAlarm {name}"));
            named + &over.collect::<String>()
        }
        Work::Call(call) => of_call(step, call),
    }
}

fn of_call(step: &Step, call: &Call) -> String {
    let row = step.address.kind.row();
    // What every call carries.
    let plain = ["Tags", "ApplyImmediately", row.tags.arn_member, row.calls.id_member];
    let mut parts: Vec<String> = Vec::new();
    if matches!(call.operation.verb(), Verb::Create | Verb::Put) {
        parts.push(format!("{} parameters", call.parameters.len()));
        // Whether the data comes back is worth a word.
        let seeds = row.attributes.iter().filter(|attribute| matches!(attribute.route, Route::Seed));
        parts.extend(
            seeds
                .map(|seed| seed.field.member)
                .filter_map(|member| Some(format!("{member}={}", written(call.parameters.get(member)?)))),
        );
    } else {
        let shown = call.parameters.iter().filter(|(member, _)| !plain.contains(&member.as_str()));
        parts.extend(shown.map(|(member, value)| parameter(row, member, value)));
    }
    if call.operation.verb() == Verb::Tag {
        let tags = call.parameters.get("Tags").and_then(Value::as_array).into_iter().flatten();
        parts.extend(
            tags.filter_map(|tag| Some(format!("{}={}", tag.get("Key")?.as_str()?, written(tag.get("Value")?)))),
        );
    }
    // Settings take effect at once whatever the flag says.
    let mut waits = row.attributes.iter().filter(|row| row.may_wait);
    if call.is_deferred() && waits.any(|row| call.parameters.contains_key(row.field.member)) {
        parts.push("in the maintenance window".to_owned());
    }
    // So that nobody waits in the dark.
    parts.extend(call.typically().map(|typical| typical.to_string()));
    parts.join("; ")
}

fn parameter(row: &KindRow, member: &str, value: &Value) -> String {
    let is_secret = row.attributes.iter().any(|attribute| attribute.is_secret() && attribute.field.member == member);
    match (member, value) {
        _ if is_secret => format!("{member}=(secret)"),
        ("ParameterNameValues", Value::Array(items)) => {
            let one = |item: &Value| {
                let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let value = text("ParameterValue");
                if value.is_empty() { text("ParameterName") } else { format!("{}={value}", text("ParameterName")) }
            };
            items.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        ("AlarmNames", Value::Array(names)) => plural(names.len(), "alarm"),
        _ => format!("{member}={}", written(value)),
    }
}

fn lint(plan: &Plan, width: usize) -> String {
    // Those of the severity `info` are for `validate`; here they would bury what changes.
    let findings: Vec<_> = plan.lint.iter().filter(|finding| finding.severity != Severity::Info).collect();
    if findings.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", paint(Label::Strong, "Lint"));
    let mut told: Vec<(&str, &str)> = Vec::new();
    for finding in &findings {
        if told.contains(&(&finding.rule, &finding.message)) {
            continue;
        }
        told.push((&finding.rule, &finding.message));
        let alike =
            findings.iter().filter(|other| other.rule == finding.rule && other.message == finding.message).count();
        let more = if alike > 1 { format!(" and {} more", alike - 1) } else { String::new() };
        let label = if finding.severity == Severity::Error { Label::Error } else { Label::Warn };
        let text = format!("{}  {}{more}: {}", finding.rule, finding.address, finding.message);
        out.push_str(&format!(
            "  {} {}\n",
            paint(label, &format!("{:<5}", finding.severity)),
            wrap(&text, width - 8, "        ")
        ));
    }
    out
}

fn orphans(plan: &Plan) -> String {
    let names: String = plan.staying_orphans().map(|address| format!("  {address}\n")).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        "\nOrphans: owned by this stack, no longer in the spec\n{names}  --prune --allow delete:ADDRESS deletes them\n"
    )
}

pub fn last_line(plan: &Plan) -> String {
    let summary = plan.summary;
    let changes = summary.create + summary.adopt + summary.update + summary.replace + summary.delete;
    if changes == 0 && summary.blocked == 0 {
        return "No changes.".to_owned();
    }
    let adopt = if summary.adopt > 0 { format!("{} to adopt, ", summary.adopt) } else { String::new() };
    let blocked = if summary.blocked > 0 { format!("; {} blocked", summary.blocked) } else { String::new() };
    let steps = plan.steps.len();
    format!(
        "Plan: {} to create, {adopt}{} to update, {} to replace, {} to delete; {steps} {}{blocked}.",
        summary.create,
        summary.update,
        summary.replace,
        summary.delete,
        if steps == 1 { "step" } else { "steps" }
    )
}

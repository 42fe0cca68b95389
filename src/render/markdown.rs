//! Plans as Markdown, for a comment on a pull request: what destroys stands first, values stand in full, and
//! all of it fits into one comment.

use serde_json::Value;

use super::alike::{self, Group};
use super::environment::is_place;
use super::inert::{code, prose};
use super::plan::last_line;
use super::value::{leaves, said, written};
use crate::model::plan::{Action, AttributeChange, Change, Finding, Plan};
use crate::model::severity::Severity;
use crate::model::text::plural;

/// GitHub takes comments of up to 65,536 characters; the rest is for whoever posts it.
const MOST: usize = 64_000;
/// What the tables before it leave at least to the steps, the lint and the notes.
const FOR_THE_REST: usize = 8_000;
const WHERE: &str = "the job's log has them, and so has the plan as JSON (`--json-out`) or as a saved plan (`cachectl plan --show PLAN.json`)";

/// One plan, or several under each other, within one comment.
pub fn plans<'a>(plans: impl ExactSizeIterator<Item = &'a Plan>) -> String {
    let most = MOST / plans.len().max(1);
    plans.map(|plan| one(plan, most)).collect::<Vec<_>>().join("\n")
}

fn one(plan: &Plan, most: usize) -> String {
    let environment = plan.environment.as_ref().map(|name| format!(" ({})", code(name))).unwrap_or_default();
    let mut out = Page { text: String::new(), most: most.saturating_sub(FOR_THE_REST.min(most / 2)) };
    out.text.push_str(&format!(
        "### cachectl plan: {}{environment} in {}, account {}\n\n**{}**\n",
        code(&plan.stack),
        plan.region,
        plan.account_id,
        last_line(plan)
    ));
    let blocked: Vec<&Change> = plan.changes.iter().filter(|change| change.blocked.is_some()).collect();
    out.table(
        "Blocked",
        "| address | rule | why | what to do |\n|---|---|---|---|\n",
        blocked.iter().filter_map(|change| {
            let blocked = change.blocked.as_ref()?;
            let hint = prose(&blocked.hint);
            Some(format!(
                "| {} | {} | {} | {hint} |\n",
                code(&change.address.to_string()),
                code(&blocked.rule),
                prose(&blocked.reason)
            ))
        }),
    );
    let changes: Vec<&Change> = plan.changes.iter().filter(|change| change.action != Action::Noop).collect();
    let is_destructive = |change: &&&Change| matches!(change.action, Action::Replace | Action::Delete);
    let (destructive, rest): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| is_destructive(change));
    const HEAD: &str = "| | address | attribute | before | after | impact |\n|---|---|---|---|---|---|\n";
    out.table("Replaced or deleted", HEAD, rows(&destructive).into_iter());
    out.table("Changes", HEAD, rows(&rest).into_iter());
    let waiting = plan.changes.iter().flat_map(|change| {
        let address = code(&change.address.to_string());
        let pending = change.pending.iter().map({
            let address = address.clone();
            move |pending| {
                let what = if pending.contradicts { "pending, against the spec" } else { "pending" };
                format!("| {address} | {what}: {} | {} |\n", code(&pending.path), code(&written(&pending.value)))
            }
        });
        let remaining =
            change.remaining.iter().map(move |hop| format!("| {address} | a later plan | {} |\n", prose(hop)));
        pending.chain(remaining).collect::<Vec<_>>()
    });
    out.table("Still to come", "| address | | |\n|---|---|---|\n", waiting);
    out.most = most;
    if let Some(cost) = &plan.cost {
        out.text.push_str(&super::cost::markdown(cost));
    }
    out.table("Lint", "| severity | rule | where | what |\n|---|---|---|---|\n", lint(&plan.lint).into_iter());
    let orphans = plan.staying_orphans().map(|address| format!("- orphan: {}\n", code(&address.to_string())));
    out.list(orphans.chain(plan.notes.iter().map(|note| format!("- note: {}\n", prose(note)))));
    out.steps(plan);
    out.text
}

struct Page {
    text: String,
    most: usize,
}

impl Page {
    fn has_room(&self, text: &str) -> bool {
        // Below the table there is always a line that says what is left out.
        self.text.len() + text.len() + 400 < self.most
    }

    fn table(&mut self, title: &str, head: &str, rows: impl Iterator<Item = String>) {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return;
        }
        self.text.push_str(&format!("\n#### {title}\n\n{head}"));
        let mut left = 0;
        for row in rows {
            if left == 0 && self.has_room(&row) {
                self.text.push_str(&row);
            } else {
                left += 1;
            }
        }
        if left > 0 {
            self.text.push_str(&format!("\nAnd {} more: {WHERE}.\n", plural(left, "row")));
        }
    }

    fn steps(&mut self, plan: &Plan) {
        if plan.steps.is_empty() {
            return;
        }
        self.text.push_str(&format!("\n<details><summary>{}</summary>\n\n", plural(plan.steps.len(), "step")));
        let groups = alike::steps(plan);
        for (index, calls) in groups.iter().enumerate() {
            let (operation, address) = (code(calls.steps[0].operation().name()), code(&calls.address()));
            let many = match (&calls.cache, calls.steps[0].parameters().get("AlarmNames").and_then(Value::as_array)) {
                (Some(_), _) => format!(": {}, a call each", plural(calls.steps.len(), "alarm")),
                (None, Some(names)) => format!(": {}", plural(names.len(), "alarm")),
                (None, None) => String::new(),
            };
            let line = format!("- {} {operation} {address}{many}\n", calls.ids());
            if !self.has_room(&line) {
                let left: usize = groups[index..].iter().map(|calls| calls.steps.len()).sum();
                self.text.push_str(&format!("\nAnd {} more: {WHERE}.\n", plural(left, "step")));
                break;
            }
            self.text.push_str(&line);
        }
        self.text.push_str("\n</details>\n");
    }

    fn list(&mut self, lines: impl Iterator<Item = String>) {
        let mut left = 0;
        for (index, line) in lines.enumerate() {
            if index == 0 {
                self.text.push('\n');
            }
            if left == 0 && self.has_room(&line) {
                self.text.push_str(&line);
            } else {
                left += 1;
            }
        }
        if left > 0 {
            self.text.push_str(&format!("\nAnd {} more: {WHERE}.\n", plural(left, "line")));
        }
    }
}

/// Rows of a table, a line for each value that differs; alarms by cache.
fn rows(changes: &[&Change]) -> Vec<String> {
    let mut out = Vec::new();
    for group in alike::changes(changes.iter().copied()) {
        let (name, count) = group.title();
        let count = count.map(|count| format!(" x{count}")).unwrap_or_default();
        out.extend(block(&group, &format!("{}{count}", code(&name))));
    }
    out
}

fn sign(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Replace => "**replace**",
        Action::Delete => "**delete**",
        Action::Noop => "",
    }
}

/// What differs, leaf by leaf.
fn differences(change: &Change) -> Vec<(String, String, String)> {
    let one = |attribute: &AttributeChange| {
        if attribute.sensitive {
            let shown = |value: &Value| match value {
                Value::Null => "(none)".to_owned(),
                value if is_place(value) => written(value),
                _ => "(secret)".to_owned(),
            };
            return vec![(attribute.path.clone(), shown(&attribute.before), shown(&attribute.after))];
        }
        let named = |path: &str| match path {
            "" => attribute.path.clone(),
            path if path.starts_with('[') => format!("{}{path}", attribute.path),
            path => format!("{}.{path}", attribute.path),
        };
        let leaf = |(path, before, after): (String, &Value, &Value)| (named(&path), written(before), written(after));
        leaves(&attribute.before, &attribute.after).into_iter().map(leaf).collect()
    };
    change.attributes.iter().flat_map(one).collect()
}

fn block(group: &Group<'_>, named: &str) -> Vec<String> {
    let change = group.changes[0];
    let title = format!("| {} | {named} |", sign(change.action));
    let in_bulk = change.address.kind.row().in_bulk && change.action == Action::Create;
    if change.attributes.is_empty() || in_bulk {
        return vec![format!("{title} {} | | | |\n", prose(&group.what()))];
    }
    let mut out = Vec::new();
    for attribute in &change.attributes {
        let impact = format!("{:?}", attribute.impact).to_lowercase();
        let part = Change { attributes: vec![attribute.clone()], ..change.clone() };
        for (path, before, after) in differences(&part) {
            let title = if out.is_empty() { title.as_str() } else { "| | |" };
            let before = if change.action == Action::Create { String::new() } else { code(&before) };
            out.push(format!("{title} {} | {before} | {} | {impact} |\n", code(&path), code(&after)));
        }
    }
    out
}

/// Findings by rule; those of the severity `info` are for `validate`.
fn lint(findings: &[Finding]) -> Vec<String> {
    let mut groups: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Info) {
        match groups.iter_mut().find(|(first, _)| first.rule == finding.rule && first.message == finding.message) {
            Some((_, addresses)) => addresses.push(&finding.address),
            None => groups.push((finding, vec![&finding.address])),
        }
    }
    groups.sort_by_key(|(first, _)| first.severity != Severity::Error);
    let row = |(first, addresses): (&Finding, Vec<&str>)| {
        const SHOWN: usize = 5;
        let mut named: Vec<String> =
            addresses.iter().take(SHOWN).filter(|address| !address.is_empty()).map(|address| code(address)).collect();
        if addresses.len() > SHOWN {
            named.push(format!("{} more", addresses.len() - SHOWN));
        }
        let what = if first.address.is_empty() { said(first) } else { first.message.clone() };
        format!("| {} | {} | {} | {} |\n", first.severity, code(&first.rule), named.join(", "), prose(&what))
    };
    groups.into_iter().map(row).collect()
}

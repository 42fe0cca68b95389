//! What a rule means: of lint, of the spec, of the plan, and of other tools.

use super::Entry;
use crate::lint::elsewhere;
use crate::lint::rules::RULES;
use crate::model::refusals::REFUSALS;
use crate::spec::rules;

pub(super) fn topics() -> Vec<String> {
    let lint = RULES.iter().map(|rule| rule.id);
    let faults = rules::all().map(|rule| rule.code);
    let blocks = REFUSALS.iter().map(|refusal| refusal.rule);
    let foreign = elsewhere::ELSEWHERE.iter().map(|row| row.id);
    lint.chain(faults).chain(blocks).chain(foreign).map(str::to_owned).collect()
}

pub(super) fn about(topic: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = own(topic);
    for foreign in elsewhere::by_id(topic) {
        entries.push(Entry::new(foreign.id, format!("a rule of {}", foreign.tool)).says(match foreign.here {
            [] => "cachectl does not check this.".to_owned(),
            here => format!("The same is checked here by: {}.", here.join(", ")),
        }));
        entries.extend(foreign.here.iter().flat_map(|rule| own(rule)));
    }
    entries
}

/// Rules of cachectl's own by this name.
fn own(topic: &str) -> Vec<Entry> {
    lint(topic).into_iter().chain(fault(topic)).chain(refusal(topic)).collect()
}

fn lint(topic: &str) -> Option<Entry> {
    let rule = RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(topic))?;
    let of: Vec<&str> = rule.kinds.iter().map(|kind| kind.name()).collect();
    Some(
        Entry::new(rule.id, "a lint rule")
            .says(rule.why)
            .line(
                "severity",
                format!(
                    "{} by default; `policy: {{lint: {{{}: error | warn | info | none}}}}` sets it",
                    rule.usual(),
                    rule.id
                ),
            )
            .line("looks at", of.join(", "))
            .line("elsewhere", elsewhere::of(rule.id)),
    )
}

/// The codes of diagnostics: several rules may share one.
fn fault(topic: &str) -> Option<Entry> {
    let mut rows = rules::all().filter(|rule| rule.code.eq_ignore_ascii_case(topic)).peekable();
    let first = rows.peek()?.code;
    let mut entry = Entry::new(first, "a fault of the spec; no lint setting silences it");
    let mut sources: Vec<&str> = Vec::new();
    for row in rows {
        entry = entry.says(row.why);
        if !sources.contains(&row.source) {
            sources.push(row.source);
        }
    }
    Some(entry.line("learned from", sources.join("\n")).line("elsewhere", elsewhere::of(first)))
}

fn refusal(topic: &str) -> Option<Entry> {
    let refusal = REFUSALS.iter().find(|refusal| refusal.rule.eq_ignore_ascii_case(topic))?;
    Some(Entry::new(refusal.rule, "a reason why a plan is blocked (exit 3)").says(refusal.why))
}

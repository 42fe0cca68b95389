//! A plan as Markdown, for a comment on a pull request.

use super::environment::is_place;
use super::inert::{code, prose};
use super::plan::last_line;
use super::value::written;
use crate::model::plan::{Action, Plan};

pub fn plan(plan: &Plan) -> String {
    let mut out = format!(
        "### cachectl plan: {} in {} ({})\n\n**{}**\n",
        code(&plan.stack),
        plan.region,
        plan.account_id,
        last_line(plan)
    );
    if !plan.changes.is_empty() {
        out.push_str("\n| | address | attribute | before | after | impact |\n|---|---|---|---|---|---|\n");
    }
    for change in &plan.changes {
        let sign = match change.action {
            Action::Create => "create",
            Action::Adopt => "adopt",
            Action::Update => "update",
            Action::Replace => "**replace**",
            Action::Delete => "**delete**",
            Action::Noop => "",
        };
        let count = change.count.map(|count| format!(" x{count}")).unwrap_or_default();
        let title = format!("| {sign} | {}{count} |", code(&change.address.to_string()));
        let alarm = change.address.to_string().starts_with("alarm/") && change.action == Action::Create;
        if change.attributes.is_empty() || alarm {
            out.push_str(&format!("{title} | | | |\n"));
        } else {
            for (index, attribute) in change.attributes.iter().enumerate() {
                let title = if index == 0 { title.as_str() } else { "| | |" };
                let shown = |value| {
                    if attribute.sensitive && !is_place(value) { "(secret)".to_owned() } else { code(&written(value)) }
                };
                let impact = format!("{:?}", attribute.impact).to_lowercase();
                out.push_str(&format!(
                    "{title} {} | {} | {} | {impact} |\n",
                    code(&attribute.path),
                    shown(&attribute.before),
                    shown(&attribute.after)
                ));
            }
        }
        for pending in &change.pending {
            out.push_str(&format!(
                "| pending | | {} | | {} | deferred |\n",
                code(&pending.path),
                code(&written(&pending.value))
            ));
        }
        for remaining in &change.remaining {
            out.push_str(&format!("| then | | {} | | | |\n", prose(remaining)));
        }
        if let Some(blocked) = &change.blocked {
            out.push_str(&format!(
                "| **blocked** | | {} | {} | {} | |\n",
                blocked.rule,
                prose(&blocked.reason),
                prose(&blocked.hint)
            ));
        }
    }
    if let Some(cost) = &plan.cost {
        out.push_str(&super::cost::markdown(cost));
    }
    if !plan.steps.is_empty() {
        out.push_str("\n<details><summary>Steps</summary>\n\n");
        for step in &plan.steps {
            out.push_str(&format!("{}. `{}` {}\n", step.id, step.operation(), code(&step.address.to_string())));
        }
        out.push_str("\n</details>\n");
    }
    for finding in &plan.lint {
        let place = code(&finding.address);
        out.push_str(&format!("\n- {} `{}` {place}: {}", finding.severity, finding.rule, prose(&finding.message)));
    }
    for note in &plan.notes {
        out.push_str(&format!("\n- note: {}", prose(note)));
    }
    if !plan.orphans.is_empty() {
        let names: Vec<_> = plan.orphans.iter().map(|address| code(&address.to_string())).collect();
        out.push_str(&format!("\n\nOrphans: {}\n", names.join(", ")));
    }
    out
}

//! A plan as Markdown, for a comment on a pull request.

use super::plan::last_line;
use super::value::written;
use crate::model::plan::{Action, Plan};

pub fn plan(plan: &Plan) -> String {
    let mut out = format!(
        "### cachectl plan: `{}` in {} ({})\n\n**{}**\n",
        plan.stack,
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
        let title = format!("| {sign} | `{}`{count} |", change.address);
        let alarm = change.address.to_string().starts_with("alarm/") && change.action == Action::Create;
        if change.attributes.is_empty() || alarm {
            out.push_str(&format!("{title} | | | |\n"));
        } else {
            for (index, attribute) in change.attributes.iter().enumerate() {
                let title = if index == 0 { title.as_str() } else { "| | |" };
                let shown = |value| if attribute.sensitive { "(secret)".to_owned() } else { cell(&written(value)) };
                let impact = format!("{:?}", attribute.impact).to_lowercase();
                out.push_str(&format!(
                    "{title} {} | {} | {} | {impact} |\n",
                    attribute.path,
                    shown(&attribute.before),
                    shown(&attribute.after)
                ));
            }
        }
        for pending in &change.pending {
            out.push_str(&format!(
                "| pending | | {} | | {} | deferred |\n",
                pending.path,
                cell(&written(&pending.value))
            ));
        }
        for remaining in &change.remaining {
            out.push_str(&format!("| then | | {} | | | |\n", cell(remaining)));
        }
        if let Some(blocked) = &change.blocked {
            out.push_str(&format!(
                "| **blocked** | | {} | {} | {} | |\n",
                blocked.rule,
                cell(&blocked.reason),
                cell(&blocked.hint)
            ));
        }
    }
    if let Some(cost) = &plan.cost {
        out.push_str(&super::cost::markdown(cost));
    }
    if !plan.steps.is_empty() {
        out.push_str("\n<details><summary>Steps</summary>\n\n");
        for step in &plan.steps {
            out.push_str(&format!("{}. `{}` {}\n", step.id, step.operation(), step.address));
        }
        out.push_str("\n</details>\n");
    }
    for finding in &plan.lint {
        out.push_str(&format!("\n- {} `{}` {}: {}", finding.severity, finding.rule, finding.address, finding.message));
    }
    for note in &plan.notes {
        out.push_str(&format!("\n- note: {note}"));
    }
    if !plan.orphans.is_empty() {
        let names: Vec<_> = plan.orphans.iter().map(|address| format!("`{address}`")).collect();
        out.push_str(&format!("\n\nOrphans: {}\n", names.join(", ")));
    }
    out
}

pub fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

//! What an apply did, told at its end.

use super::style::{Label, paint};
use crate::model::Step;
use crate::model::plan::Plan;
use crate::model::report::{Status, StepResult};
use crate::model::text::plural;

/// So many of those that were not begun are named.
const NAMED: usize = 3;

pub fn table(plan: &Plan, results: &[StepResult]) -> String {
    let mut out: String = unfinished(plan, results).into_iter().map(|line| line + "\n").collect();
    let all_done = results.iter().all(|result| result.status == Status::Done);
    out.push_str(&paint(if all_done { Label::Good } else { Label::Error }, &last_line(results)));
    out.push('\n');
    out
}

/// Each step that failed or that AWS goes on with, and those that were not begun.
pub fn unfinished(plan: &Plan, results: &[StepResult]) -> Vec<String> {
    let of = |status: Status| {
        let found = results.iter().filter(move |result| result.status == status);
        found.filter_map(|result| Some((plan.step(result.step)?, result)))
    };
    let name = |step: &Step| format!("step {}, {} {}", step.id, step.operation(), step.address);
    let mut lines: Vec<String> = of(Status::Failed)
        .map(|(step, result)| {
            let error = result.error.as_deref().unwrap_or_default();
            format!("{} {}\n  {error}", paint(Label::Error, "FAILED"), name(step))
        })
        .collect();
    lines.extend(of(Status::Interrupted).map(|(step, result)| match &result.error {
        Some(state) => format!("Still running in AWS: {}: {state}", name(step)),
        None => format!("Was being sent: {}; the next plan shows whether AWS has it", name(step)),
    }));
    let skipped: Vec<String> = of(Status::Skipped).map(|(step, _)| name(step)).collect();
    if !skipped.is_empty() {
        let more = match skipped.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(format!("Not started: {}{more}", skipped[..skipped.len().min(NAMED)].join("; ")));
    }
    lines
}

/// `Applied: 5 steps.`, or what came of each.
fn last_line(results: &[StepResult]) -> String {
    let count = |status: Status| results.iter().filter(|result| result.status == status).count();
    let done = count(Status::Done);
    if done == results.len() {
        return format!("Applied: {}.", plural(done, "step"));
    }
    let sent = results.iter().filter(|result| result.status == Status::Interrupted && result.error.is_none()).count();
    let parts = [
        ("Applied", done),
        ("Failed", count(Status::Failed)),
        ("Still running in AWS", count(Status::Interrupted) - sent),
        ("Was being sent", sent),
        ("Not started", count(Status::Skipped)),
    ];
    let told = parts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what}: {count}."));
    told.collect::<Vec<_>>().join(" ")
}

//! What an apply did, told at its end.

use super::style::{Label, paint};
use crate::model::plan::Plan;
use crate::model::report::{Status, StepResult};

pub fn table(plan: &Plan, results: &[StepResult]) -> String {
    let count = |status: Status| results.iter().filter(|result| result.status == status).count();
    let (done, failed) = (count(Status::Done), count(Status::Failed));
    let not_done = results.len() - done;
    let mut out = String::new();
    for result in results.iter().filter(|result| result.status == Status::Failed) {
        let Some(step) = plan.step(result.step) else { continue };
        out.push_str(&format!(
            "{} step {}: {} {}\n  {}\n",
            paint(Label::Error, "FAILED"),
            step.id,
            step.operation(),
            step.address,
            result.error.as_deref().unwrap_or_default()
        ));
    }
    for result in results.iter().filter(|result| result.status == Status::Interrupted) {
        let Some(step) = plan.step(result.step) else { continue };
        let name = format!("Step {} ({} {})", step.id, step.operation(), step.address);
        out.push_str(&match &result.error {
            Some(state) => format!("{name} goes on inside AWS: {state}.\n"),
            None => format!("{name} was being sent; the next plan shows whether AWS has it.\n"),
        });
    }
    let line = if not_done == 0 {
        format!("Applied: {done} {}.", if done == 1 { "step" } else { "steps" })
    } else {
        format!("Applied: {done}. Failed: {failed}. Not started or not finished: {}.", not_done - failed)
    };
    out.push_str(&paint(if not_done == 0 { Label::Good } else { Label::Error }, &line));
    out.push('\n');
    out
}

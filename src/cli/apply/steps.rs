//! The steps of a plan being carried out, and what is to be done where one failed.

use super::super::args::Format;
use super::super::canary::{Canaries, Noting};
use super::super::events::Journal;
use super::super::exit::{CliError, Exit};
use super::super::progress::Live as LiveProgress;
use super::{Outcome, Run};
use crate::apply;
use crate::model::live::Live;
use crate::model::options::Options;
use crate::model::plan::Plan;
use crate::model::report::{Remedy, Status, StepResult};
use crate::render;

impl Run<'_> {
    /// Runs the steps, with `--canary` under clients of each cache, and says how that ended.
    pub(super) async fn watched(
        &self,
        plan: &Plan,
        live: &Live,
        options: &Options,
        journal: &Journal,
        outcome: &mut Outcome,
    ) -> Result<(Vec<StepResult>, Exit), CliError> {
        if !self.canary {
            return self.execute(plan, live, options, journal, None).await;
        }
        let canaries = Canaries::begin(self.printer, self.session, plan, live).await?;
        let ended = self.execute(plan, live, options, journal, Some(&canaries)).await;
        let told = canaries.end(plan).await?;
        told.lines().for_each(|line| journal.canary(line));
        if self.format == Format::Table {
            self.printer.result(&told.table());
        } else {
            told.missed().iter().for_each(|bound| self.printer.stderr(&format!("canary: {bound}")));
        }
        outcome.canary.get_or_insert_default().extend(told);
        ended
    }

    /// Runs the steps and says how that ended.
    pub async fn execute(
        &self,
        plan: &Plan,
        live: &Live,
        options: &Options,
        journal: &Journal,
        canaries: Option<&Canaries>,
    ) -> Result<(Vec<StepResult>, Exit), CliError> {
        let aws = &self.session.aws;
        let writes = aws.guard.writes();
        let progress = LiveProgress::new(self.printer, journal, &plan.steps);
        let reporter = Noting { progress: &progress, canaries };
        let settings = self.settings();
        let results =
            progress.over(apply::run(aws, &self.session.spec, options, plan, live, &settings, &reporter)).await;
        progress.finish();
        if self.format == Format::Table {
            self.printer.result(&format!("\n{}", render::results::table(plan, &results)));
        } else {
            render::results::unfinished(plan, &results).iter().for_each(|line| self.printer.stderr(line));
        }
        let failed = results.iter().any(|result| result.status != Status::Done);
        let exit = if aws.guard.is_interrupted() {
            self.printer.stderr(&format!("Resume with the same command: {}", command_line()));
            Exit::Interrupted
        } else if !failed {
            Exit::Done
        } else {
            let partly = aws.guard.writes() > writes || results.iter().any(|result| result.timed_out);
            let moved = results.iter().any(|result| result.moved);
            if !partly {
                self.printer.stderr("Nothing was changed.");
            }
            what_it_takes(&results, partly, moved).iter().for_each(|line| self.printer.stderr(line));
            match (partly, moved) {
                (true, _) => Exit::Partly,
                (false, true) => Exit::Stale,
                (false, false) => Exit::Error,
            }
        };
        Ok((results, exit))
    }
}

/// What has to be done before the rest can be done. A call that AWS refused for what the spec asks is not worth
/// sending again.
fn what_it_takes(results: &[StepResult], partly: bool, moved: bool) -> Vec<String> {
    let failed = |remedy: Remedy| {
        let failed = results.iter().filter(|result| result.status == Status::Failed && result.remedy == remedy);
        let steps: Vec<String> = failed.map(|result| result.step.to_string()).collect();
        let word = if steps.len() == 1 { "step" } else { "steps" };
        (!steps.is_empty()).then(|| format!("{word} {}", steps.join(", ")))
    };
    let mut lines = Vec::new();
    if let Some(steps) = failed(Remedy::Spec) {
        lines.push(format!("AWS does not take what the spec asks for in {steps}: change that first. The next apply then does what is left."));
    }
    if let Some(steps) = failed(Remedy::Quota) {
        lines.push(format!("AWS has no room for {steps}: ask for less, or AWS for more (Service Quotas). The next apply then does what is left."));
    }
    if let Some(steps) = failed(Remedy::Permission) {
        lines.push(format!("These credentials may not do {steps}: `cachectl iam-policy SPEC --for apply` prints what is needed. The next apply then does what is left."));
    }
    if let Some(steps) = failed(Remedy::Destination) {
        lines.push(format!("AWS cannot deliver the logs of {steps}: fix their destination or its resource policy. The next apply then turns them on again."));
    }
    if let Some(steps) = failed(Remedy::TakenBack) {
        lines.push(format!("AWS took {steps} back: usually the data does not fit, or the nodes are too busy to move it. Choose more memory, or wait for a quieter time. The next apply tries what the spec then asks for."));
    }
    if let Some(steps) = failed(Remedy::Cause) {
        lines.push(format!("What {steps} left does not recover on its own: fix the cause that AWS names in its events. `cachectl plan` then shows what the next apply does."));
    }
    if !lines.is_empty() {
        return lines;
    }
    match (partly, moved) {
        (true, _) => vec!["Run the same command again: it reads what is live and does what is left.".to_owned()],
        (false, true) => vec!["Run the same command again, and read the new plan.".to_owned()],
        (false, false) => Vec::new(),
    }
}

/// As it was typed, for "run this again".
fn command_line() -> String {
    let quote = |arg: String| if arg.contains([' ', '*', '?']) { format!("'{arg}'") } else { arg };
    std::iter::once("cachectl".to_owned()).chain(std::env::args().skip(1).map(quote)).collect::<Vec<_>>().join(" ")
}

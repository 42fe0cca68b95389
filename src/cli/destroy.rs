//! `cachectl destroy`

use super::apply::{Run, count};
use super::args::{Destroy as Args, Format};
use super::events::Journal;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session::{self, Session};
use super::{clock, plan as plan_command};
use crate::aws::Access;
use crate::plan::model::FORMAT_VERSION;
use crate::plan::options::Options;
use serde_json::{Value, json};

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let request = session::request(&args.path, &args.spec);
    let session = Session::open(printer, &request, &args.aws, Access::ReadWrite).await?;
    let run = Run { printer, session: &session, execution: &args.execution, format: args.format, detailed: false };
    let (document, exit) = run.recorded(async |journal| carry_out(&run, args, journal).await).await?;
    if args.format == Format::Json {
        printer.result(&(serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"));
    }
    Ok(exit)
}

async fn carry_out(run: &Run<'_>, args: &Args, journal: &Journal) -> Result<(Value, Exit), CliError> {
    let (printer, session) = (run.printer, run.session);
    run.settle(journal).await?;
    let mut options = Options {
        allow: args.allow.clone(),
        only: args.only.clone(),
        destroy: true,
        timestamp: clock::compact(),
        ..Options::default()
    };
    // A person at a terminal allows it by typing the stack's name below.
    if printer.can_ask() && !args.execution.yes && options.allow.is_empty() {
        options.allow.extend("delete:*".parse());
    }
    let (live, plan) = session.planned(&options).await?;
    if args.format == Format::Table {
        plan_command::print(printer, Format::Table, &[(plan.clone(), session.header(&live))]);
    }
    let mut results = Vec::new();
    let exit = if plan.is_blocked() && plan.summary.blocked > 0 {
        printer.error(
            &CliError::new(Exit::Blocked, "blocked: nothing was deleted")
                .hint("each blocked deletion above says what it needs"),
        );
        Exit::Blocked
    } else if plan.steps.is_empty() {
        Exit::Done
    } else {
        confirm(run, &plan.stack, plan.steps.len())?;
        let (done, exit) = run.execute(&plan, &live, &options, journal).await?;
        results = done;
        if exit == Exit::Done { gone(run, &options).await? } else { exit }
    };
    let document = json!({"formatVersion": FORMAT_VERSION, "plan": plan, "results": results, "remaining": [], "pending": [], "smoke": []});
    Ok((document, exit))
}

fn confirm(run: &Run<'_>, stack: &str, steps: usize) -> Result<(), CliError> {
    if run.execution.yes {
        return Ok(());
    }
    let question = format!(
        "This deletes the caches of `{stack}` and their data in {}. Type the stack's name to go on:",
        count(steps, "step")
    );
    match run.printer.ask(&question) {
        Some(answer) if answer == stack => Ok(()),
        Some(_) => Err(CliError::new(Exit::Error, "not confirmed: nothing was deleted")),
        None => Err(CliError::new(Exit::Usage, "there is no terminal to ask on; nothing was deleted")
            .hint("add --yes --allow 'delete:*'")),
    }
}

/// Reads again: nothing of the stack may be left.
async fn gone(run: &Run<'_>, options: &Options) -> Result<Exit, CliError> {
    let (_, plan) = run.planned_until(options, |plan| plan.steps.is_empty()).await?;
    if plan.steps.is_empty() {
        run.printer.note("Read again: nothing of the stack is left.");
        return Ok(Exit::Done);
    }
    let left: Vec<_> = plan.changes.iter().map(|change| change.address.to_string()).collect();
    run.printer.error(
        &CliError::new(Exit::Partly, format!("still there: {}", left.join(", "))).hint("run the same command again"),
    );
    Ok(Exit::Partly)
}

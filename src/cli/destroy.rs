//! `cachectl destroy`

use std::path::PathBuf;

use super::apply::{Outcome, Run, Tested, count};
use super::args::{AwsArgs, Execution, Format, SpecArgs};
use super::clock;
use super::events::Journal;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session::{self, Session};
use crate::aws::{Access, reader};
use crate::model::options::{Allow, Options};
use crate::model::plan::Plan;
use crate::model::secret::Marks;
use crate::model::{Glob, Kind};
use crate::render::environment::hidden;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Allow deletion for a glob of addresses, such as 'delete:*'; repeatable
    #[arg(long = "allow", value_name = "ACTION:GLOB")]
    pub allow: Vec<Allow>,
    /// Only addresses that match; repeatable
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<Glob>,
    #[command(flatten)]
    pub execution: Execution,
    /// Nothing is tested after a deletion: for scripts that pass the same flags to apply
    #[arg(long, hide = true)]
    pub no_smoke: bool,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
}

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let request = session::request(&args.path, &args.spec);
    let session = Session::to_plan(printer, &request, &args.aws, Access::ReadWrite).await?;
    let run = Run {
        printer,
        session: &session,
        execution: &args.execution,
        canary: false,
        tested: Tested::default(),
        format: args.format,
        detailed: false,
        prices: None,
    };
    let mut outcome = Outcome::default();
    let ended = run.recorded(async |journal| carry_out(&run, args, journal, &mut outcome).await).await;
    if args.format != Format::Json {
        return ended;
    }
    let (document, exit) = match ended {
        Ok(exit) => (outcome.document(), exit),
        Err(error) => {
            printer.error(&error);
            (outcome.failed(&args.path, &error), error.exit)
        }
    };
    printer.document(&document);
    Ok(exit)
}

async fn carry_out(run: &Run<'_>, args: &Args, journal: &Journal, outcome: &mut Outcome) -> Result<Exit, CliError> {
    let (printer, session) = (run.printer, run.session);
    let (mut live, _) = run.at_rest(journal, &Marks::new()).await?;
    if !live.of(Kind::Alarm).is_empty() {
        live.parents = reader::composite_alarms(&session.aws).await?;
    }
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
    let mut plan = session.plan(&live, &options)?;
    // Best practice is of no use to what goes.
    plan.lint.clear();
    outcome.plan = Some(hidden(&plan, &session.spec));
    run.show(&plan, &live);
    if plan.is_blocked() {
        printer.error(
            &CliError::new(Exit::Blocked, "blocked: nothing was deleted")
                .hint("each blocked deletion above says what it needs"),
        );
        Ok(Exit::Blocked)
    } else if plan.steps.is_empty() {
        Ok(Exit::Done)
    } else {
        if confirm(run, &plan)? {
            (live, plan) = run.unmoved(&plan, &options).await?;
        }
        let (done, exit) = run.execute(&plan, &live, &options, journal, None).await?;
        outcome.results = done;
        if exit == Exit::Done { gone(run, &options).await } else { Ok(exit) }
    }
}

/// Was somebody asked?
fn confirm(run: &Run<'_>, plan: &Plan) -> Result<bool, CliError> {
    if run.execution.yes {
        return Ok(false);
    }
    let question = format!(
        "{}: this deletes {} and their data in {}. Type the stack's name to go on:",
        run.session.place(),
        count(plan.summary.delete, "resource"),
        count(plan.steps.len(), "step")
    );
    match run.printer.ask(&question) {
        Some(answer) if answer == plan.stack => Ok(true),
        Some(_) => Err(CliError::new(Exit::Error, "not confirmed: nothing was deleted")),
        None => Err(CliError::new(Exit::Usage, "there is no terminal to ask on; nothing was deleted")
            .hint("add --yes --allow 'delete:*'")),
    }
}

/// Reads again: nothing of the stack may be left.
async fn gone(run: &Run<'_>, options: &Options) -> Result<Exit, CliError> {
    // What a late read still shows has no tags any more: a change that is blocked, without a step.
    let nothing_left = |plan: &Plan| plan.steps.is_empty() && !plan.is_blocked();
    let (_, plan) = run.planned_until(options, nothing_left).await?;
    if nothing_left(&plan) {
        run.printer.note("Read again: nothing of the stack is left.");
        return Ok(Exit::Done);
    }
    let left: Vec<_> = plan.changes.iter().map(|change| change.address.to_string()).collect();
    run.printer.error(
        &CliError::new(Exit::Partly, format!("still there: {}", left.join(", "))).hint("run the same command again"),
    );
    Ok(Exit::Partly)
}

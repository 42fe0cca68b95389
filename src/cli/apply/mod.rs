//! `cachectl apply`

mod proof;
mod question;
mod steps;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::proof::pending;
pub use self::question::count;
use super::args::{Allowances, AwsArgs, CostArgs, Execution, Format, SpecArgs};
use super::events::Journal;
use super::exit::{CliError, Exit};
use super::preflight;
use super::printer::Printer;
use super::progress::Live as LiveProgress;
use super::saved;
use super::session::{self, Session};
use super::system::interrupt;
use super::{canary, clock, cost, plan as plan_command};
use crate::apply::{self, Settings};
use crate::aws::Access;
use crate::aws::error::Kind as ErrorKind;
use crate::model::Address;
use crate::model::live::Live;
use crate::model::options::{Options, Permit};
use crate::model::plan::{FORMAT_VERSION, Plan};
use crate::model::prices::Prices;
use crate::model::report::StepResult;
use crate::model::secret::Marks;
use crate::render::environment::hidden;
use crate::resource::secret;
use crate::smoke::Report;

/// Which caches are tested after an apply.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Execution")]
pub struct Tested {
    /// Skip the smoke test
    #[arg(long, conflicts_with = "smoke")]
    pub no_smoke: bool,
    /// Smoke-test all caches of the stack, even when nothing changed
    #[arg(long)]
    pub smoke: bool,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Specs, or one saved plan; cachectl.yaml by default
    #[arg(value_name = "SPEC|PLAN.json")]
    pub specs: Vec<PathBuf>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    #[command(flatten)]
    pub allowances: Allowances,
    #[command(flatten)]
    pub cost: CostArgs,
    #[command(flatten)]
    pub execution: Execution,
    #[command(flatten)]
    pub tested: Tested,
    /// Keep a writer and a reader on each cache through its steps, and say what each step cost them
    #[arg(long, help_heading = "Execution")]
    pub canary: bool,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
}

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let prices = cost::prices(&args.cost)?;
    let paths = session::paths(&args.specs);
    session::distinct(&paths, &args.spec)?;
    if paths.iter().any(|path| saved::is_plan(path)) {
        alone(args, paths.len())?;
    }
    let mut worst = Exit::Done;
    let mut documents = Vec::new();
    for path in &paths {
        let mut outcome = Outcome::default();
        match one(printer, args, prices.as_deref(), path, &mut outcome).await {
            Ok(exit) => {
                worst = worst.max(exit);
                documents.push(outcome.document());
            }
            // Whoever reads JSON gets a document in any case.
            Err(error) if paths.len() > 1 || args.format == Format::Json => {
                printer.error(&error);
                worst = worst.max(error.exit);
                documents.push(outcome.failed(path, &error));
            }
            Err(error) => return Err(error),
        }
        if worst == Exit::Interrupted {
            break;
        }
    }
    if args.format == Format::Json {
        printer.document(&plan_command::listed(documents));
    }
    Ok(worst)
}

/// A saved plan says all there is to say: nothing goes beside it that would be ignored.
fn alone(args: &Args, paths: usize) -> Result<(), CliError> {
    let allowances = &args.allowances;
    let beside = [
        (paths > 1, "another spec or plan"),
        (args.spec.env.is_some(), "--env"),
        (!args.spec.overlay.is_empty(), "--overlay"),
        (!args.spec.var.is_empty(), "--var"),
        (!allowances.allow.is_empty(), "--allow"),
        (!allowances.only.is_empty(), "--only"),
        (allowances.prune, "--prune"),
        (allowances.all_hops, "--all-hops"),
    ];
    match beside.iter().find(|(given, _)| *given) {
        None => Ok(()),
        Some((_, what)) => Err(CliError::new(
            Exit::Usage,
            format!("a saved plan is applied as it is: {what} cannot be combined with it"),
        )
        .hint("give it to `cachectl plan --out PLAN.json`, then apply that plan alone")),
    }
}

async fn one(
    printer: &Printer,
    args: &Args,
    prices: Option<&Prices>,
    path: &Path,
    outcome: &mut Outcome,
) -> Result<Exit, CliError> {
    let (session, options, saved) = if saved::is_plan(path) {
        let saved = saved::read(path)?;
        let session = Session::to_plan(printer, &saved.request(), &args.aws, Access::ReadWrite).await?;
        (session, Options { secrets: true, ..saved.options() }, Some(saved))
    } else {
        let request = session::request(path, &args.spec);
        let session = Session::to_plan(printer, &request, &args.aws, Access::ReadWrite).await?;
        (session, Options { secrets: true, ..session::options(&args.allowances) }, None)
    };
    let run = Run {
        printer,
        session: &session,
        execution: &args.execution,
        canary: args.canary,
        tested: args.tested.clone(),
        format: args.format,
        detailed: args.allowances.detailed_exitcode,
        prices,
    };
    run.recorded(async |journal| run.carry_out(&options, saved.as_ref(), journal, outcome).await).await
}

/// One stack being applied or destroyed.
pub struct Run<'a> {
    pub printer: &'a Printer,
    pub session: &'a Session,
    pub execution: &'a Execution,
    /// Clients are kept on each cache through its steps.
    pub canary: bool,
    pub tested: Tested,
    pub format: Format,
    pub detailed: bool,
    /// With them the plan says what it costs.
    pub prices: Option<&'a Prices>,
}

/// What a run came to, as far as it went.
#[derive(Default)]
pub struct Outcome {
    pub plan: Option<Plan>,
    pub results: Vec<StepResult>,
    remaining: Vec<String>,
    pending: Vec<Value>,
    smoke: Vec<Report>,
    /// What clients noticed of each step; none without `--canary`.
    canary: Option<canary::Told>,
}

impl Outcome {
    pub fn document(&self) -> Value {
        let mut document = json!({
            "formatVersion": FORMAT_VERSION,
            "plan": self.plan,
            "results": self.results,
            "remaining": self.remaining,
            "pending": self.pending,
            "smoke": self.smoke,
        });
        if let Some(canary) = &self.canary {
            document["canary"] = canary.document();
        }
        document
    }

    /// The same of a run that an error ended.
    pub fn failed(&self, spec: &Path, error: &CliError) -> Value {
        let mut document = self.document();
        document["error"] = error.document(spec);
        document
    }
}

impl Run<'_> {
    /// Listens for interruptions and keeps the journal, from its first line to its last.
    pub async fn recorded(&self, work: impl AsyncFnOnce(&Journal) -> Result<Exit, CliError>) -> Result<Exit, CliError> {
        self.listen_for_interrupts();
        let journal = Journal::open(self.execution.events.as_deref(), self.session)?;
        let ended = work(&journal).await;
        journal.end(match &ended {
            Ok(exit) => *exit,
            Err(error) => error.exit,
        });
        match journal.failure() {
            Some(failure) => Err(failure),
            None => ended,
        }
    }

    async fn carry_out(
        &self,
        options: &Options,
        saved: Option<&saved::Saved>,
        journal: &Journal,
        outcome: &mut Outcome,
    ) -> Result<Exit, CliError> {
        let told = saved.map(|saved| secret::marks_of(&saved.plan)).unwrap_or_default();
        let (mut live, waited_for) = self.at_rest(journal, &told).await?;
        let mut plan = self.session.plan(&live, options)?;
        preflight::check(self.session, &mut plan, &live).await?;
        if let Some(saved) = saved {
            if let Some(why) = saved.stale(&self.session.spec, &live, &plan) {
                return Err(CliError::new(Exit::Stale, format!("the saved plan is stale: {why}"))
                    .hint("plan again; nothing was changed"));
            }
            if !plan.is_blocked() {
                self.printer.note("Planned again: the same steps as in the saved plan.");
            }
        }
        cost::add(&mut plan, &self.session.spec, &live, &options.only, self.prices);
        outcome.plan = Some(hidden(&plan, &self.session.spec));
        self.show(&plan, &live);
        if plan.is_blocked() {
            let error = CliError::new(Exit::Blocked, "blocked: nothing was changed")
                .hint("each blocked change above says what it needs");
            self.printer.error(&error);
            return Ok(Exit::Blocked);
        }
        let mut exit = Exit::Done;
        if !plan.steps.is_empty() {
            if saved.is_none() && self.confirm(&plan)? {
                (live, plan) = self.unmoved(&plan, options).await?;
            }
            let (results, ended) = self.watched(&plan, &live, options, journal, outcome).await?;
            outcome.results = results;
            if ended != Exit::Done {
                return Ok(ended);
            }
            // A saved plan is carried out as it is, and nothing beyond it.
            let mut again = Options { timestamp: clock::compact(), ..options.clone() };
            if saved.is_some() {
                again.allow.retain(|allow| allow.permit != Permit::Reboot);
            }
            (live, exit) = self.prove(&plan, &again, journal, outcome).await?;
            if saved.is_some() && exit == Exit::Done {
                self.tell_of_reboots(options, outcome);
            }
        } else {
            outcome.pending = pending(&hidden(&plan, &self.session.spec));
            if plan.is_contradicted() {
                let error = CliError::new(
                    Exit::Partly,
                    "AWS is carrying out what the spec contradicts, and no call stops that",
                )
                .hint("run the same command again once it is through");
                self.printer.error(&error);
                return Ok(Exit::Partly);
            }
        }
        if exit == Exit::Done {
            exit = self.smoke(&plan, &live, &waited_for, outcome).await?;
        }
        if exit == Exit::Done && outcome.canary.as_ref().is_some_and(canary::Told::fails) {
            exit = Exit::SmokeFailed;
        }
        if exit == Exit::Done && self.detailed && !outcome.pending.is_empty() && outcome.remaining.is_empty() {
            exit = Exit::Pending;
        }
        Ok(exit)
    }

    /// A quiet run shows its plan to somebody who is to confirm it, and where there is nothing else to show.
    pub fn show(&self, plan: &Plan, live: &Live) {
        let expected = self.printer.quiet && self.execution.yes && !plan.is_blocked() && !plan.steps.is_empty();
        if self.format == Format::Table && !expected {
            let plan = hidden(plan, &self.session.spec);
            plan_command::print(self.printer, Format::Table, &[(plan, self.session.header(live))]);
        }
    }

    /// The first Ctrl-C stops sending; the second leaves now.
    fn listen_for_interrupts(&self) {
        let guard = self.session.aws.guard.clone();
        let printer = self.printer.clone();
        tokio::spawn(async move {
            interrupt().await;
            if printer.is_asking() {
                printer.stderr("\nInterrupted: nothing was changed.");
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            guard.interrupt(|| {
                printer.stderr("\nInterrupted: no further call is sent. AWS finishes what it has begun.\nInterrupt again to leave now.");
            });
            interrupt().await;
            std::process::exit(i32::from(Exit::Interrupted.code()));
        });
    }

    /// What is live once it is at rest, and what of it had to be waited for: what an earlier run or somebody else
    /// began. Mostly nothing is on its way, and one read is enough.
    pub async fn at_rest(&self, journal: &Journal, told: &Marks) -> Result<(Live, BTreeSet<Address>), CliError> {
        let mut waited_for = BTreeSet::new();
        loop {
            let live = self.read(told).await?;
            let moving = apply::settle::moving(&self.session.spec, &live);
            if moving.is_empty() {
                return Ok((live, waited_for));
            }
            waited_for.extend(moving.iter().cloned());
            let reporter = LiveProgress::new(self.printer, journal, &[]);
            let settings = self.settings();
            let moved = reporter.over(apply::settle::settle(&self.session.aws, &moving, &settings, &reporter)).await;
            reporter.finish();
            moved.map_err(|failure| match failure {
                apply::Failure::Aws(error) if error.kind == ErrorKind::Interrupted => {
                    CliError::new(Exit::Interrupted, "interrupted before anything was changed")
                        .hint("run the same command again")
                }
                apply::Failure::Aws(error) => error.into(),
                other => CliError::new(Exit::Partly, other.to_string()).hint("run the same command again"),
            })?;
        }
    }

    /// As long as there is time.
    async fn read(&self, told: &Marks) -> Result<Live, CliError> {
        tokio::select! {
            live = self.session.read_again(told) => live,
            () = apply::until(self.settings().deadline) => {
                Err(CliError::new(Exit::Partly, "--timeout expired while AWS was being read")
                    .hint("run the same command again: it reads what is live and does what is left"))
            }
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            parallelism: usize::from(self.execution.parallelism),
            deadline: self.execution.timeout.map(|timeout| self.session.started + timeout),
            poll_interval: self.execution.poll_interval,
        }
    }
}

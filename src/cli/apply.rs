//! `cachectl apply`

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::args::{Apply as Args, Execution, Format, Tested};
use super::canary::{Canaries, Noting};
use super::events::Journal;
use super::exit::{CliError, Exit};
use super::preflight;
use super::printer::Printer;
use super::progress::Live as LiveProgress;
use super::saved;
use super::session::{self, Session};
use super::system::interrupt;
use super::{clock, cost, plan as plan_command, smoke};
use crate::apply::{self, Settings};
use crate::aws::Access;
use crate::aws::error::Kind as ErrorKind;
use crate::client::engine::Stop;
use crate::drill::Passage;
use crate::model::live::Live;
use crate::model::options::{Options, Permit};
use crate::model::plan::{Action, Change, FORMAT_VERSION, Plan};
use crate::model::prices::Prices;
use crate::model::report::{Remedy, Status, StepResult};
use crate::model::secret::Marks;
use crate::model::step::StepId;
use crate::model::{Address, Operation};
use crate::render;
use crate::render::environment::hidden;
use crate::render::style::{Label, paint};
use crate::resource::secret;
use crate::smoke::Report;

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
        let session = Session::open(printer, &saved.request(), &args.aws, Access::ReadWrite).await?;
        (session, Options { secrets: true, ..saved.options() }, Some(saved))
    } else {
        let request = session::request(path, &args.spec);
        let session = Session::open(printer, &request, &args.aws, Access::ReadWrite).await?;
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
    canary: Option<Vec<Passage>>,
    /// A bound of `drill.require` is missed, or could not be told.
    canary_missed: bool,
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
            document["canary"] = json!(canary);
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
        if exit == Exit::Done && outcome.canary_missed {
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
            guard.interrupt();
            printer.stderr("\nInterrupted: no further call is sent. AWS finishes what it has begun.\nInterrupt again to leave now.");
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

    /// What was shown is planned again after somebody thought about it: only the same steps were agreed to.
    pub async fn unmoved(&self, shown: &Plan, options: &Options) -> Result<(Live, Plan), CliError> {
        let live = self.read(&secret::marks_of(shown)).await?;
        let plan = self.session.plan(&live, options)?;
        let blocked = plan.changes.iter().find(|change| change.blocked.is_some());
        let blocked = blocked.map(|change| format!("{} is blocked by now", change.address));
        match blocked.or_else(|| plan.departs_from(shown)) {
            None => Ok((live, plan)),
            Some(why) => {
                Err(CliError::new(Exit::Stale, format!("something changed while the question was open: {why}"))
                    .hint("nothing was changed; run the same command again and read the new plan"))
            }
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

    /// Was somebody asked?
    fn confirm(&self, plan: &Plan) -> Result<bool, CliError> {
        if self.execution.yes {
            return Ok(false);
        }
        let counts = render::plan::last_line(plan);
        let question = format!("{}: {counts}\nApply it? Only `yes` is accepted:", self.session.place());
        match self.printer.ask(&question) {
            Some(answer) if answer == "yes" => Ok(true),
            Some(_) => Err(CliError::new(Exit::Error, "not confirmed: nothing was changed")),
            None => Err(CliError::new(Exit::Usage, "there is no terminal to ask on; nothing was changed")
                .hint("add --yes, or save a plan with `cachectl plan --out` and apply that")),
        }
    }

    /// What is live once somebody agreed to reboots that were in no plan before. They were allowed, and not seen.
    async fn agreed_to_reboots(&self, reboots: &Plan, live: Live, options: &Options) -> Result<Live, CliError> {
        if self.execution.yes {
            return Ok(live);
        }
        let left = |why: &str| {
            CliError::new(Exit::Partly, format!("{why}: the changes before it were made, and nothing was rebooted"))
                .hint("run the same command again for the reboots; without them the parameters wait")
        };
        let question = format!(
            "{}: {}\nReboot them now? Only `yes` is accepted:",
            self.session.place(),
            count(reboots.steps.len(), "reboot")
        );
        if self.printer.ask(&question).as_deref() != Some("yes") {
            return Err(left("not confirmed"));
        }
        let live = self.read(&Marks::new()).await?;
        match self.session.plan(&live, options)?.departs_from(reboots) {
            None => Ok(live),
            Some(why) => Err(left(&format!("something changed while the question was open: {why}"))),
        }
    }

    /// Reboots that were allowed and that a saved plan does not have.
    fn tell_of_reboots(&self, options: &Options, outcome: &Outcome) {
        let waits = |address: &Address| {
            outcome.pending.iter().any(|pending| {
                pending["address"] == json!(address) && pending["path"] == json!("cacheParameterGroupName")
            })
        };
        let mut caches = self.session.spec.resources.keys().filter(|address| waits(address));
        if let Some(cache) = caches.find(|address| options.allows(Permit::Reboot, address)) {
            self.printer.note(&format!(
                "{cache} waits for a reboot, which the saved plan did not have: plan again with --allow reboot:{cache}"
            ));
        }
    }

    /// Runs the steps, with `--canary` under clients of each cache, and says how that ended.
    async fn watched(
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
        told.passages.iter().for_each(|passage| journal.canary(passage));
        if self.format == Format::Table {
            self.printer.result(&told.table());
        } else {
            told.missed().iter().for_each(|bound| self.printer.stderr(&format!("canary: {bound}")));
        }
        outcome.canary_missed |= told.fails();
        outcome.canary.get_or_insert_default().extend(told.passages);
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

    /// Reads and plans until what is wanted is to be seen, or reads cannot lag behind any longer.
    pub async fn planned_until(
        &self,
        options: &Options,
        wanted: impl Fn(&Plan) -> bool,
    ) -> Result<(Live, Plan), CliError> {
        let settings = self.settings();
        let begun = Instant::now();
        loop {
            let live = self.read(&Marks::new()).await?;
            let plan = self.session.plan(&live, options)?;
            if wanted(&plan) || begun.elapsed() > settings.grace() {
                return Ok((live, plan));
            }
            tokio::time::sleep(settings.pause()).await;
        }
    }

    /// Reads and plans again: nothing may be left but what waits, and the next hop.
    async fn prove(
        &self,
        applied: &Plan,
        again: &Options,
        journal: &Journal,
        outcome: &mut Outcome,
    ) -> Result<(Live, Exit), CliError> {
        // A parameter group that was changed is applied to its members after the call.
        let (mut live, _) = self.at_rest(journal, &Marks::new()).await?;
        let mut plan = self.session.plan(&live, again)?;
        if let Some(reboots) = allowed_reboots(applied, &plan) {
            // Which members wait for a reboot is known once AWS has applied the parameters.
            self.show(&reboots, &live);
            live = self.agreed_to_reboots(&plan, live, again).await?;
            let (results, ended) = self.watched(&reboots, &live, again, journal, outcome).await?;
            outcome.results.extend(results);
            if ended != Exit::Done {
                return Ok((live, ended));
            }
            (live, plan) = self.planned_until(again, |plan| left(applied, plan).is_empty()).await?;
        } else if !left(applied, &plan).is_empty() {
            (live, plan) = self.planned_until(again, |plan| left(applied, plan).is_empty()).await?;
        }
        outcome.pending = pending(&hidden(&plan, &self.session.spec));
        for (address, pending) in plan.pending() {
            self.printer
                .note(&format!("pending: {address} {} waits for the maintenance window or a reboot", pending.path));
        }
        let hops = plan.changes.iter().filter(|change| is_next_hop(applied, change));
        outcome.remaining = hops.map(|change| change.address.to_string()).collect();
        let other = left(applied, &plan);
        let blocked: Vec<String> = plan
            .changes
            .iter()
            .filter(|change| change.blocked.is_some())
            .map(|change| change.address.to_string())
            .collect();
        if !outcome.remaining.is_empty() {
            self.printer.note(&format!("The next plan holds the next hop of {}.", outcome.remaining.join(", ")));
        }
        if other.is_empty() {
            if outcome.remaining.is_empty() && self.format == Format::Table {
                let left =
                    if outcome.pending.is_empty() { "no changes are left" } else { "only pending changes are left" };
                self.printer.note(&paint(Label::Good, &format!("Read again: {left}.")));
            }
            return Ok((live, Exit::Done));
        }
        let shown = hidden(&plan, &self.session.spec);
        plan_command::print(self.printer, Format::Table, &[(shown, self.session.header(&live))]);
        self.printer.error(&if other == blocked {
            CliError::new(Exit::Partly, format!("what is left is blocked: {}", blocked.join(", ")))
                .hint("each blocked change above says what it needs")
        } else {
            CliError::new(
                Exit::Partly,
                format!("AWS does not show all of it yet, or someone changed it: {}", other.join(", ")),
            )
            .hint("run the same command again; if that does not help, the plan above shows what differs")
        });
        Ok((live, Exit::Partly))
    }

    /// A cache that this run changed, or that it found on its way, is tested; the others are named.
    async fn smoke(
        &self,
        plan: &Plan,
        live: &Live,
        waited_for: &BTreeSet<Address>,
        outcome: &mut Outcome,
    ) -> Result<Exit, CliError> {
        let all = self.tested.smoke && plan.steps.is_empty();
        let changed = |address: &Address| {
            all || waited_for.contains(address) || plan.steps.iter().any(|step| step.address == *address)
        };
        let caches = || self.session.spec.resources.keys().filter(|address| address.kind.is_cache());
        if self.tested.no_smoke {
            if self.format == Format::Table && !self.printer.quiet {
                let changed: Vec<&Address> = caches().filter(|cache| changed(cache)).collect();
                self.printer.result(&render::status::endpoints(live, &changed));
            }
            return Ok(Exit::Done);
        }
        let untested: Vec<String> = caches().filter(|cache| !changed(cache)).map(Address::to_string).collect();
        if plan.steps.is_empty() && !untested.is_empty() {
            self.printer
                .note(&format!("Not tested, since nothing changed: {}. --smoke tests all.", untested.join(", ")));
        }
        if !caches().any(&changed) {
            return Ok(Exit::Done);
        }
        // An interrupt ends the test with its clean-up; a second one leaves at once.
        let stop = Stop::default();
        let wanted = smoke::Wanted { selected: &changed, print: self.format == Format::Table, thorough: false };
        let guard = self.session.aws.guard.clone();
        let tested = {
            let test = smoke::test(self.printer, self.session, live, &wanted, &stop);
            tokio::pin!(test);
            tokio::select! {
                tested = &mut test => tested?,
                () = guard.interruption() => {
                    stop.ask("interrupted");
                    test.await?
                }
            }
        };
        let failed = tested.iter().any(smoke::Tested::fails);
        outcome.smoke = tested.into_iter().map(|tested| tested.report).collect();
        Ok(match (stop.is_asked(), failed) {
            (true, _) => Exit::Interrupted,
            (false, true) => Exit::SmokeFailed,
            (false, false) => Exit::Done,
        })
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
    if !lines.is_empty() {
        return lines;
    }
    match (partly, moved) {
        (true, _) => vec!["Run the same command again: it reads what is live and does what is left.".to_owned()],
        (false, true) => vec!["Run the same command again, and read the new plan.".to_owned()],
        (false, false) => Vec::new(),
    }
}

/// What waits, as the result's document has it.
fn pending(plan: &Plan) -> Vec<Value> {
    plan.pending()
        .map(|(address, pending)| json!({"address": address, "path": pending.path, "value": pending.value}))
        .collect()
}

/// What should not be left once all steps are done; what is blocked is left, too.
fn left(applied: &Plan, plan: &Plan) -> Vec<String> {
    // The alarms of members to come wait for the hop of their cache.
    let waits_for_a_hop = |change: &Change| {
        let cache = change.count.and_then(|_| change.address.id.strip_suffix("-*"));
        let of_the_cache = |other: &&Change| other.address.kind.is_cache() && Some(other.address.id.as_str()) == cache;
        plan.changes.iter().filter(of_the_cache).any(|cache| is_next_hop(applied, cache))
    };
    let changes = plan.changes.iter().filter(|change| {
        let expected = change.action == Action::Noop || is_next_hop(applied, change) || waits_for_a_hop(change);
        change.blocked.is_some() || !expected
    });
    changes.map(|change| change.address.to_string()).collect()
}

/// The plan of the reboots alone that are allowed and that a changed parameter came to need, numbered on from the steps
/// that were carried out; `None` where anything else is left, too.
fn allowed_reboots(applied: &Plan, plan: &Plan) -> Option<Plan> {
    let reboots =
        |plan: &Plan| plan.steps.iter().filter(|step| step.operation() == Operation::RebootCacheCluster).count();
    let all = !plan.steps.is_empty() && reboots(plan) == plan.steps.len();
    if !all || reboots(applied) > 0 || plan.is_blocked() {
        return None;
    }
    let mut plan = plan.clone();
    let shift = |id: &mut StepId| id.0 += applied.steps.len();
    for step in &mut plan.steps {
        shift(&mut step.id);
        step.after.iter_mut().for_each(shift);
    }
    Some(plan)
}

/// What the applied plan said would remain may remain; anything else is a surprise.
fn is_next_hop(applied: &Plan, change: &Change) -> bool {
    change.action != Action::Noop && applied.change(&change.address).is_some_and(|before| !before.remaining.is_empty())
}

/// As it was typed, for "run this again".
fn command_line() -> String {
    let quote = |arg: String| if arg.contains([' ', '*', '?']) { format!("'{arg}'") } else { arg };
    std::iter::once("cachectl".to_owned()).chain(std::env::args().skip(1).map(quote)).collect::<Vec<_>>().join(" ")
}

pub fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

//! Whether what was applied is to be seen, and whether it answers its clients.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::args::Format;
use super::super::events::Journal;
use super::super::exit::{CliError, Exit};
use super::super::{plan as plan_command, smoke};
use super::{Outcome, Run};
use crate::client::engine::Stop;
use crate::model::live::Live;
use crate::model::options::Options;
use crate::model::plan::{Action, Change, Plan};
use crate::model::secret::Marks;
use crate::model::step::StepId;
use crate::model::{Address, Operation};
use crate::render;
use crate::render::environment::hidden;
use crate::render::style::{Label, paint};

impl Run<'_> {
    /// Reads and plans until what is wanted is to be seen, or a read began when none can lag behind any longer.
    pub async fn planned_until(
        &self,
        options: &Options,
        wanted: impl Fn(&Plan) -> bool,
    ) -> Result<(Live, Plan), CliError> {
        let settings = self.settings();
        let begun = Instant::now();
        loop {
            // A read may itself take long, and then tells of when it began.
            let waited = begun.elapsed();
            let live = self.read(&Marks::new()).await?;
            let plan = self.session.plan(&live, options)?;
            if wanted(&plan) || waited > settings.grace() {
                return Ok((live, plan));
            }
            tokio::time::sleep(settings.pause()).await;
        }
    }

    /// Reads and plans again: nothing may be left but what waits, and the next hop.
    pub(super) async fn prove(
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
    pub(super) async fn smoke(
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

/// What waits, as the result's document has it.
pub(super) fn pending(plan: &Plan) -> Vec<Value> {
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

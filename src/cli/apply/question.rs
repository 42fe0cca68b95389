//! What is asked before anything is sent, and whether it is still true once somebody has answered.

use serde_json::json;

use super::super::exit::{CliError, Exit};
use super::{Outcome, Run};
use crate::model::Address;
use crate::model::live::Live;
use crate::model::options::{Options, Permit};
use crate::model::plan::Plan;
use crate::model::secret::Marks;
use crate::render;
use crate::resource::secret;

impl Run<'_> {
    /// What was shown is planned again after somebody thought about it: only the same steps were agreed to.
    pub async fn unmoved(&self, shown: &Plan, options: &Options) -> Result<(Live, Plan), CliError> {
        let live = self.read(&secret::marks_of(shown)).await?;
        let plan = self.session.plan(&live, options)?;
        let blocked = plan.changes.iter().find(|change| change.blocked.is_some());
        let blocked = blocked.map(|change| format!("{} is now blocked", change.address));
        match blocked.or_else(|| plan.departs_from(shown)) {
            None => Ok((live, plan)),
            Some(why) => {
                Err(CliError::new(Exit::Stale, format!("something changed while the question was open: {why}"))
                    .hint("nothing was changed; run the same command again and read the new plan"))
            }
        }
    }

    /// Was somebody asked?
    pub(super) fn confirm(&self, plan: &Plan) -> Result<bool, CliError> {
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
    pub(super) async fn agreed_to_reboots(
        &self,
        reboots: &Plan,
        live: Live,
        options: &Options,
    ) -> Result<Live, CliError> {
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
    pub(super) fn tell_of_reboots(&self, options: &Options, outcome: &Outcome) {
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
}

pub fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

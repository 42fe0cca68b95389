//! The drill of one shard, from the first look to the report.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::watch::Watch;
use super::{Run, broken};
use crate::aws::error::Kind as ErrorKind;
use crate::aws::failover;
use crate::cli::clock;
use crate::cli::exit::{CliError, Exit};
use crate::cli::way_in::WayIn;
use crate::drill::{self, Course, Objection, Probes, Report, Require};

/// How the drill of a shard ended.
pub(super) enum Ended {
    Reported(Box<Report>),
    /// Nothing was asked of AWS.
    Refused(Vec<Objection>),
    /// The same, because somebody interrupted.
    Interrupted,
}

/// Clients run so long before anything is asked of AWS.
const WARM_UP: Duration = Duration::from_secs(2);
/// Within this they all have to get through.
const WARM_UP_LIMIT: Duration = Duration::from_secs(10);
/// What the last second saw counts.
const LATELY: Duration = Duration::from_secs(1);
/// Between two looks at the clients.
const PAUSE: Duration = Duration::from_millis(200);

impl Run<'_> {
    pub(super) async fn shard(&self, way: &WayIn, shard: &str, require: Require) -> Result<Ended, CliError> {
        let mut setup = way.setup(Some(shard), f64::from(self.args.rate), true);
        let looked = {
            let setup = setup.clone();
            tokio::task::spawn_blocking(move || drill::look(&setup)).await.map_err(broken)?
        };
        let look = match looked {
            Ok(look) if look.objections.is_empty() => look,
            Ok(look) => return Ok(Ended::Refused(look.objections)),
            Err(objection) => return Ok(Ended::Refused(vec![objection])),
        };
        setup.tag.clone_from(&look.tag);
        if setup.is_led_astray() {
            let hint = "declare a `smoke.keyPrefix` without braces";
            return Ok(Ended::Refused(vec![Objection::new(
                "prefix-has-tag",
                format!("the prefix {} puts all keys into one slot, which may be another shard's", setup.prefix),
                hint,
            )]));
        }
        let nodes = setup.nodes.iter().map(|node| node.id.clone()).collect();
        let probes = Probes::start(setup, look.shard, look.connecting)
            .map_err(|trouble| CliError::new(Exit::Error, format!("the clients cannot begin: {trouble}")))?;
        match self.warm_up(&probes).await {
            Warm::Well => {}
            Warm::Interrupted => {
                self.give_up(probes).await?;
                return Ok(Ended::Interrupted);
            }
            Warm::Not(why) => {
                self.give_up(probes).await?;
                return Ok(Ended::Refused(vec![Objection::new(
                    "clients-fail",
                    format!("clients do not get through before any failover: {why}"),
                    "find out with `cachectl smoke` first: a drill could not tell what the failover did",
                )]));
            }
        }
        self.printer.note(&format!(
            "Clients of shard {shard} get through, {} writes and reads a second; {} is the primary. Asking AWS for the failover ...",
            self.args.rate, look.primary
        ));
        self.fail_over(probes, shard, look.primary, nodes, require).await
    }

    async fn warm_up(&self, probes: &Probes) -> Warm {
        let guard = &self.session.aws.guard;
        loop {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = guard.interruption() => return Warm::Interrupted,
            }
            let now = probes.now();
            if now < WARM_UP {
                continue;
            }
            match probes.get_through(now.saturating_sub(LATELY), now) {
                Ok(()) => return Warm::Well,
                Err(why) if now >= WARM_UP_LIMIT => return Warm::Not(why),
                Err(_) => {}
            }
        }
    }

    /// Ends the clients and deletes their keys.
    async fn give_up(&self, probes: Probes) -> Result<(), CliError> {
        let cleared = tokio::task::spawn_blocking(move || {
            let (setup, _) = probes.finish();
            drill::clear(&setup)
        });
        let left = cleared.await.map_err(broken)?;
        if left > 0 {
            self.printer
                .note(&format!("{left} keys of the drill may be left; they expire automatically within 5 minutes."));
        }
        Ok(())
    }

    async fn fail_over(
        &self,
        probes: Probes,
        shard: &str,
        old_primary: String,
        nodes: BTreeSet<String>,
        require: Require,
    ) -> Result<Ended, CliError> {
        let mut watch = Watch::new(self, shard, old_primary.clone(), nodes);
        watch.remember().await;
        // What was seen before the clients warmed up is old by now.
        let now = probes.now();
        let stands = probes.primary().as_ref() == Some(&old_primary) && probes.is_whole();
        if let Some(why) = match probes.get_through(now.saturating_sub(LATELY), now) {
            Ok(()) if stands => None,
            Ok(()) => Some(format!("{old_primary} is not the one primary with its replicas in step any more")),
            Err(why) => Some(format!("clients do not get through any more: {why}")),
        } {
            self.give_up(probes).await?;
            let hint = "something else happens to it: try again once it is at rest";
            return Ok(Ended::Refused(vec![Objection::new("moved", why, hint)]));
        }
        let (called, started_at) = (probes.now(), clock::precise());
        self.called.store(true, Ordering::SeqCst);
        if let Err(error) = failover::test(&self.session.aws, &self.address.id, shard).await {
            let is_lost = error.may_have_acted();
            // A lost answer says nothing of what AWS did: its events, or a new primary, do.
            let taken = if is_lost { watch.was_taken(&probes, called).await } else { Some(false) };
            if taken != Some(true) {
                self.called.store(taken.is_none(), Ordering::SeqCst);
                self.give_up(probes).await?;
                return match error.kind {
                    _ if taken.is_none() => Err(CliError::from(error)
                        .hint("the answer was lost, and AWS's events could not be read: whether it fails over is not known; look at `cachectl status`")),
                    _ if is_lost => Err(CliError::from(error)
                        .hint("the answer was lost, and AWS reports no failover: look at `cachectl status` before another drill")),
                    ErrorKind::Interrupted => Ok(Ended::Interrupted),
                    ErrorKind::Refused | ErrorKind::NotFound => {
                        let error = CliError::from(error).exits(Exit::Blocked);
                        Err(error.hint("AWS refuses the failover; nothing was done"))
                    }
                    _ => Err(error.into()),
                };
            }
        }
        watch.until_restored(&probes, called).await;
        let patience = self.args.timeout;
        let (address, shard) = (self.address.to_string(), shard.to_owned());
        let (news, restored, interrupted, blind) = watch.end();
        let course = tokio::task::spawn_blocking(move || {
            let (setup, seen) = probes.finish();
            let count = drill::settle(&setup, &seen);
            Course {
                address,
                shard,
                started_at,
                called,
                old_primary,
                seen,
                count,
                news,
                restored,
                patience,
                interrupted,
                require,
                blind,
            }
        });
        Ok(Ended::Reported(Box::new(course.await.map_err(broken)?.report())))
    }
}

/// How the clients fared before the failover.
enum Warm {
    Well,
    Not(String),
    Interrupted,
}

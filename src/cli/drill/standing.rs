//! How a group stands before its drill, gathered from the spec, from AWS and from the command line.

use std::collections::BTreeSet;

use super::{Failover, Run};
use crate::aws::error::Kind as ErrorKind;
use crate::aws::failover;
use crate::cli::exit::{CliError, Exit};
use crate::drill::{Allowed, Standing};
use crate::model::live::Live;
use crate::model::{Address, Resource};
use crate::resource::ownership;
use crate::resource::readiness::{self, Condition};
use crate::resource::replication_group::nodes::replica_counts;
use crate::resource::replication_group::pending::accepted;

/// The shards that are meant; none of a group that does not exist.
pub(super) fn shards(args: &Failover, live: &Live, address: &Address) -> Result<Vec<String>, CliError> {
    let Some(view) = live.view(address) else { return Ok(Vec::new()) };
    let all: Vec<String> = replica_counts(&view).into_iter().map(|(shard, _)| shard).collect();
    if let Some(wanted) = &args.shard {
        // AWS takes `1` for `0001`.
        let wanted = format!("{wanted:0>4}");
        return if all.contains(&wanted) {
            Ok(vec![wanted])
        } else {
            Err(CliError::new(Exit::Usage, format!("{address} has no shard {wanted}: {}", all.join(", "))))
        };
    }
    match all.len() {
        0 | 1 => Ok(all),
        _ if args.each_shard => Ok(all),
        count => Err(CliError::new(Exit::Usage, format!("{address} has {count} shards: {}", all.join(", ")))
            .hint("choose one with --shard ID, or take one after the other with --each-shard")),
    }
}

impl Run<'_> {
    pub(super) async fn standing(
        &self,
        live: &Live,
        resource: &Resource,
        shards: &[String],
    ) -> Result<Standing, CliError> {
        let view = live.view(self.address);
        let (condition, state) = readiness::of(live, self.address);
        let counts = view.as_ref().map(replica_counts).unwrap_or_default();
        let pending: BTreeSet<String> =
            view.as_ref().into_iter().flat_map(accepted).map(|(member, _)| member.clone()).collect();
        let text = |member: &str| view.as_ref().and_then(|view| view.text(member));
        Ok(Standing {
            address: self.address.to_string(),
            allowed: self.allowed(),
            ownership: ownership::of(&self.session.spec, live, self.address),
            is_protected: ownership::is_protected(live, self.address, Some(resource)),
            unready: (condition != Condition::Ready).then(|| state.to_string()),
            has_failover: text("AutomaticFailover") == Some("enabled"),
            is_multi_az: text("MultiAZ") == Some("enabled"),
            pending: pending.into_iter().collect(),
            shards: counts.into_iter().filter(|(shard, _)| shards.contains(shard)).collect(),
            recent: self.recent().await?,
        })
    }

    /// A rehearsal needs no word.
    fn allowed(&self) -> Allowed {
        let mut matching = self.args.failover.iter().filter(|glob| glob.matches(self.address)).peekable();
        if self.args.dry_run {
            Allowed::Name
        } else if matching.peek().is_none() {
            Allowed::Nobody
        } else if matching.any(|glob| !glob.0.contains('*')) {
            Allowed::Name
        } else {
            Allowed::Pattern
        }
    }

    async fn recent(&self) -> Result<Option<usize>, CliError> {
        match failover::tested_today(&self.session.aws).await {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind == ErrorKind::AccessDenied => {
                self.printer.note("AWS's events may not be read (elasticache:DescribeEvents): whether today's quota of failovers is used up is not known here; AWS refuses what is too much.");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

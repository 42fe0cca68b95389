//! Every node by its own name: its certificate, its role, its link, how far it is behind, that it shows
//! what was written to its primary, and that it takes no writes itself.

use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::{RedisError, RedisResult};

use super::checks::Finding;
use super::nodes::{NodeState, primaries, state};
use super::patterns::Ground;
use super::probe::{Probe, milliseconds};
use super::report::{NodeReport, Verdict};
use super::shards::map_hint;
use crate::client::connect::{Connection, ask, is_denied};
use crate::client::topology::Shard;

/// A replica that has not been heard of for so long is not replicating, whatever its state says.
const LONGEST_SILENCE: u64 = 10;

/// Replicas acknowledge once a second, and a busy one a little later.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

/// What one replica showed.
struct Seen {
    report: NodeReport,
    /// How long the marker took.
    visible: Option<Duration>,
    status: Verdict,
    hint: Option<String>,
}

impl Probe<'_> {
    /// Roles, replicas and every node that can be reached. Gives the primaries' state before the load.
    pub(super) async fn nodes(&mut self, found: &[Shard], ground: &Ground) -> (Vec<NodeState>, Vec<NodeReport>) {
        let begun = Instant::now();
        let marked = self.mark(found, ground).await;
        let (states, late) = self.settled(found, &marked).await;
        if !self.server.cluster {
            self.server.nodes =
                states.first().filter(|state| state.trouble.is_none()).map(|state| 1 + state.replicas.len());
        }
        // Roles and replicas are AWS's affair on a serverless cache.
        if self.target.serverless {
            return (states, Vec::new());
        }
        self.roles(begun, &states);
        self.count(begun, &states, &late);

        let begun = Instant::now();
        let mut reports: Vec<NodeReport> = states.iter().map(primary_report).collect();
        let replicas = self.reachable(found);
        let seen =
            join_all(replicas.iter().map(|(shard, at)| self.look_at(&found[*shard], states.get(*shard), at, ground)))
                .await;
        if let Some(finding) = summary(&seen) {
            self.checks.add("nodes", begun, finding);
        }
        reports.extend(seen.into_iter().map(|seen| seen.report));
        (states, reports)
    }

    /// Writes a marker to every shard, so that there is something that replicas must show.
    async fn mark(&self, found: &[Shard], ground: &Ground) -> Vec<Option<u64>> {
        if self.unwritable.is_some() {
            return vec![None; found.len()];
        }
        let marking = found.iter().map(|shard| async {
            let (host, port) = &shard.primary;
            let mut connection = self.connector.node(host, *port).await.ok()?;
            let key = marker(shard, ground)?;
            ask::<()>(&mut connection, &["SET", &key, "seen", "PX", "60000"]).await.ok()?;
            let at = state(&self.connector, self.target, &shard.primary).await;
            // Asks the replicas how far they are; otherwise they tell once a second.
            let _: RedisResult<i64> = ask(&mut connection, &["WAIT", "100", "50"]).await;
            (at.trouble.is_none()).then_some(at.offset)
        });
        join_all(marking).await
    }

    /// The primaries, once their replicas have taken the marker or patience is over, and who has not taken it:
    /// a replica that has just joined loads a snapshot first.
    async fn settled(&self, found: &[Shard], marked: &[Option<u64>]) -> (Vec<NodeState>, Vec<String>) {
        let begun = Instant::now();
        let patience = self.settings.timeout.max(LEAST_PATIENCE);
        let wanted = self.target.expect.replicas.unwrap_or(0);
        loop {
            let states = primaries(&self.connector, self.target, found).await;
            let late: Vec<String> =
                states.iter().zip(marked).flat_map(|(state, marked)| late(state, *marked)).collect();
            let complete = states.iter().all(|state| {
                let online = state.replicas.iter().filter(|replica| replica.online).count();
                state.trouble.is_some() || online >= wanted.max(state.replicas.len())
            });
            if (complete && late.is_empty()) || begun.elapsed() > patience {
                return (states, late);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn roles(&mut self, begun: Instant, states: &[NodeState]) {
        let told = states.iter().filter(|state| state.trouble.is_none());
        let wrong: Vec<&str> = told.clone().filter(|state| !state.primary).map(|state| state.name.as_str()).collect();
        let finding = if !wrong.is_empty() {
            Finding::failed(
                format!(
                    "{} of {} primary endpoints lead to a replica: {}",
                    wrong.len(),
                    states.len(),
                    wrong.join(", ")
                ),
                Some("a failover may be under way, or a name is still cached".to_owned()),
            )
        } else if told.clone().count() == 0 {
            return;
        } else {
            Finding::passed(if states.len() == 1 {
                "primary".to_owned()
            } else {
                format!("{} primaries", states.len())
            })
        };
        self.checks.add("role", begun, finding);
    }

    fn count(&mut self, begun: Instant, states: &[NodeState], late: &[String]) {
        let mut finding = replica_count(states, self.target.expect.replicas);
        if !late.is_empty() && finding.status < Verdict::Failed {
            let hint = Some("a failover to it would lose what it does not have".to_owned());
            finding = Finding::failed(late.join("; "), hint);
        }
        self.checks.add("replicas", begun, finding);
    }

    /// The replicas that this machine has a way to, with the shard that each belongs to.
    fn reachable(&self, found: &[Shard]) -> Vec<(usize, (String, u16))> {
        if self.server.cluster {
            let all = found
                .iter()
                .enumerate()
                .flat_map(|(index, shard)| shard.replicas.iter().map(move |replica| (index, replica.clone())));
            return all.collect();
        }
        // Outside of cluster mode the names are AWS's; which of them is the primary shows on the way.
        let named = self.target.members.iter().filter_map(|member| member.endpoint.clone());
        named.filter(|(host, port)| self.target.reaches(host, *port)).map(|at| (0, at)).collect()
    }

    async fn look_at(&self, shard: &Shard, primary: Option<&NodeState>, at: &(String, u16), ground: &Ground) -> Seen {
        let found = state(&self.connector, self.target, at).await;
        let role = (found.trouble.is_none()).then(|| if found.primary { "primary" } else { "replica" }.to_owned());
        let report = NodeReport {
            name: found.name.clone(),
            role,
            link: found.link.clone(),
            behind: primary
                .filter(|primary| primary.trouble.is_none() && found.trouble.is_none() && !found.primary)
                .map(|primary| primary.offset.saturating_sub(found.offset)),
            trouble: found.trouble.clone().filter(|_| !found.denied),
        };
        let mut seen = Seen { report, visible: None, status: Verdict::Passed, hint: None };
        if let Some(trouble) = &found.trouble
            && !found.denied
        {
            seen.status = Verdict::Failed;
            seen.hint = Some(self.node_hint(trouble, at));
            return seen;
        }
        if found.primary {
            return seen;
        }
        let broken = match found.link.as_deref() {
            Some("up") | None => self.shows_the_marker(shard, at, ground, &mut seen).await,
            Some(link) => Ok(Some(format!("its link to the primary is {link}"))),
        };
        match broken {
            Ok(None) => {}
            Ok(Some(trouble)) => {
                seen.status = Verdict::Failed;
                seen.report.trouble = Some(trouble);
            }
            Err(error) if is_denied(&error) => seen.status = Verdict::NotTested,
            Err(error) => {
                seen.status = Verdict::Failed;
                seen.report.trouble = Some(self.connector.describe(&error));
            }
        }
        seen
    }

    fn node_hint(&self, trouble: &str, (host, port): &(String, u16)) -> String {
        if self.target.tunnelled && !self.target.reaches(host, *port) {
            return map_hint(host, *port);
        }
        if trouble.contains("certificate") || trouble.contains("NotValid") {
            return "the node's certificate must name the node's own endpoint".to_owned();
        }
        "see its state in `cachectl status` and DescribeEvents; a security group must let this machine in to every node"
            .to_owned()
    }

    /// Reads the marker at the replica, and tries to write there. What is wrong is `Some`.
    async fn shows_the_marker(
        &self,
        shard: &Shard,
        (host, port): &(String, u16),
        ground: &Ground,
        seen: &mut Seen,
    ) -> RedisResult<Option<String>> {
        let Some(key) = marker(shard, ground).filter(|_| self.unwritable.is_none()) else {
            return Ok(None);
        };
        let mut connection: Connection = self.connector.node(host, *port).await?;
        if self.server.cluster {
            let () = ask(&mut connection, &["READONLY"]).await?;
        }
        let begun = Instant::now();
        while ask::<Option<String>>(&mut connection, &["GET", &key]).await?.is_none() {
            if begun.elapsed() > self.settings.timeout {
                return Ok(Some(format!(
                    "a write to its primary was not visible after {}",
                    milliseconds(begun.elapsed())
                )));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        seen.visible = Some(begun.elapsed());
        let refusal: Result<(), RedisError> = ask(&mut connection, &["SET", &key, "no", "PX", "60000"]).await;
        Ok(match refusal {
            Err(error) if matches!(error.code(), Some("READONLY" | "MOVED")) => None,
            Err(error) if is_denied(&error) => None,
            Err(error) => return Err(error),
            // The user may not ask for its role: a node that takes writes is the primary.
            Ok(()) if seen.report.role.is_none() => None,
            Ok(()) => Some("it is a replica, and takes writes".to_owned()),
        })
    }
}

/// The replicas of a primary that have not acknowledged its marker.
fn late(state: &NodeState, marked: Option<u64>) -> Vec<String> {
    let Some(marked) = marked.filter(|_| state.trouble.is_none()) else { return Vec::new() };
    let since = state.offset.saturating_sub(marked);
    let behind = state.replicas.iter().filter(|replica| replica.online && replica.behind > since);
    behind
        .map(|replica| {
            format!("{} is {} bytes behind and was last heard of {} s ago", replica.name, replica.behind, replica.lag)
        })
        .collect()
}

/// The marker of a shard: a key that lives there.
fn marker(shard: &Shard, ground: &Ground) -> Option<String> {
    Some(ground.key(format_args!("{{{}}}:node", shard.tag()?)))
}

fn primary_report(state: &NodeState) -> NodeReport {
    NodeReport {
        name: state.name.clone(),
        role: state.trouble.is_none().then(|| if state.primary { "primary" } else { "replica" }.to_owned()),
        trouble: state.trouble.clone().filter(|_| !state.denied),
        ..NodeReport::default()
    }
}

fn summary(seen: &[Seen]) -> Option<Finding> {
    let worst = seen.iter().max_by_key(|seen| seen.status)?;
    let wrong: Vec<String> = seen
        .iter()
        .filter(|seen| seen.status == Verdict::Failed)
        .map(|seen| format!("{}: {}", seen.report.name, seen.report.trouble.as_deref().unwrap_or("unknown")))
        .collect();
    Some(if wrong.is_empty() {
        let slowest = seen.iter().filter_map(|seen| seen.visible).max();
        let visible = slowest.map_or(String::new(), |slowest| {
            format!("; a write is visible on replicas after {} at most, and they take none", milliseconds(slowest))
        });
        Finding::passed(format!("{} answer by their own names{visible}", seen.len()))
    } else {
        Finding::failed(wrong.join("; "), worst.hint.clone())
    })
}

/// What the primaries say of their replicas, against what should be there.
fn replica_count(states: &[NodeState], wanted: Option<usize>) -> Finding {
    let told: Vec<&NodeState> = states.iter().filter(|state| state.trouble.is_none()).collect();
    if let Some(state) = states.iter().find(|state| state.trouble.is_some()) {
        let trouble = state.trouble.clone().unwrap_or_default();
        return if state.denied {
            Finding::not_tested(trouble, Some("allow +info to the smoke user".to_owned()))
        } else {
            Finding::failed(format!("{}: {trouble}", state.name), None)
        };
    }
    let all = || told.iter().flat_map(|state| &state.replicas);
    let online = all().filter(|replica| replica.online).count();
    let silent: Vec<String> = all()
        .filter(|replica| replica.online && replica.lag >= LONGEST_SILENCE)
        .map(|replica| {
            format!("{} is {} bytes behind and was last heard of {} s ago", replica.name, replica.behind, replica.lag)
        })
        .collect();
    let mut text = format!("{online} online");
    if told.len() > 1 {
        text.push_str(&format!(" in {} shards", told.len()));
    }
    if online > 0 {
        let behind = all().filter(|replica| replica.online).map(|replica| replica.behind).max().unwrap_or(0);
        text.push_str(&format!(", at most {behind} bytes behind"));
    }
    let of = |state: &NodeState| state.replicas.iter().filter(|replica| replica.online).count();
    let short: Vec<String> = told
        .iter()
        .filter(|state| wanted.is_some_and(|wanted| of(state) < wanted))
        .map(|state| format!("{} has {} of {}", state.name, of(state), wanted.unwrap_or(0)))
        .collect();
    if !silent.is_empty() {
        Finding::failed(silent.join("; "), Some("a failover to it would lose what it does not have".to_owned()))
    } else if !short.is_empty() {
        Finding::failed(
            short.join("; "),
            Some("a replica may still be loading; without one in sync a failover loses data".to_owned()),
        )
    } else if wanted.is_some_and(|wanted| told.iter().any(|state| state.replicas.len() > wanted)) {
        Finding::warned(format!("{text}, more than expected"), None)
    } else if all().any(|replica| !replica.online) {
        Finding::warned(format!("{text}, {} still syncing", all().count() - online), None)
    } else {
        Finding::passed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::topology::Replica;

    fn shard(connected: usize, online: usize) -> NodeState {
        let replica = |index| Replica { name: format!("r{index}"), online: index < online, behind: 14, lag: 1 };
        NodeState {
            name: "p".into(),
            primary: true,
            replicas: (0..connected).map(replica).collect(),
            ..NodeState::default()
        }
    }

    #[test]
    fn replicas_are_counted_per_shard_and_only_when_in_sync() {
        let status = |seen: &[NodeState], wanted| replica_count(seen, wanted).status;
        assert_eq!(status(&[shard(1, 1), shard(1, 1)], Some(1)), Verdict::Passed);
        assert_eq!(status(&[shard(2, 2), shard(1, 0)], Some(1)), Verdict::Failed);
        assert_eq!(status(&[shard(2, 1)], None), Verdict::Warned);
        assert_eq!(status(&[shard(2, 2)], Some(1)), Verdict::Warned);
        assert_eq!(status(&[shard(0, 0)], Some(0)), Verdict::Passed);
    }

    #[test]
    fn a_replica_that_is_not_heard_of_fails_by_name() {
        let mut silent = shard(1, 1);
        silent.replicas[0] = Replica { name: "10.0.0.2:6379".into(), online: true, behind: 1_600_000, lag: 14 };
        let finding = replica_count(&[silent], Some(1));
        assert_eq!(finding.status, Verdict::Failed);
        assert_eq!(finding.detail, "10.0.0.2:6379 is 1600000 bytes behind and was last heard of 14 s ago");
    }
}

//! The checks that look at every node: slots and hash tags in cluster mode, roles, replicas, and
//! whether each shard takes writes.

use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::{RedisError, RedisResult, Value};

use super::checks::Finding;
use super::probe::{Probe, milliseconds};
use crate::client::connect::{Connection, ask, is_denied};
use crate::client::topology::{Facts, Replication, SLOTS, Shard, facts, replication, shards};

impl Probe<'_> {
    /// Cluster or not, as the server says; a difference to the spec is a finding, and the run goes
    /// on in the server's mode, because a client that insists would only see MOVED.
    pub(super) fn mode(&mut self, info: &RedisResult<Facts>) {
        let Some(enabled) = info.as_ref().ok().and_then(|info| info.get("cluster_enabled")).map(|value| value == "1")
        else {
            return;
        };
        let begun = Instant::now();
        if enabled != self.target.way.cluster && !self.target.serverless {
            let finding = if enabled {
                Finding::warn(
                    "the server runs in cluster mode, the spec does not",
                    Some("clients must be cluster-aware here (cluster mode compatible?)".to_owned()),
                )
            } else {
                Finding::failed(
                    "cluster support is disabled on the server",
                    Some("the endpoint does not belong to a cluster mode enabled cache".to_owned()),
                )
            };
            self.checks.add("cluster mode", begun, finding);
        }
        self.server.cluster = enabled;
        self.connector.set_cluster(enabled);
    }

    /// State, slot coverage and the shards. `None` when there is no way on.
    pub(super) async fn cluster(&mut self, connection: &mut Connection) -> Option<Vec<Shard>> {
        let asked = (self.target.way.host.as_str(), self.target.way.port);
        if !self.server.cluster {
            self.server.shards = Some(1);
            return Some(vec![Shard::only(asked.0, asked.1)]);
        }
        let begun = Instant::now();
        let state = ask::<String>(connection, &["CLUSTER", "INFO"]).await;
        let finding = match &state {
            Ok(text) => self.cluster_state(&facts(text)),
            Err(error) => self.not_seen(error, "+cluster|info"),
        };
        self.checks.add("cluster state", begun, finding);

        let begun = Instant::now();
        let found = match ask::<Value>(connection, &["CLUSTER", "SLOTS"]).await {
            Ok(reply) => shards(&reply, asked),
            Err(error) => {
                let hint =
                    is_denied(&error).then(|| "cluster clients need +cluster|slots and +cluster|shards".to_owned());
                let finding = Finding::failed(self.connector.describe(&error), hint);
                self.checks.add("shards", begun, finding);
                return None;
            }
        };
        self.server.shards = Some(found.len());
        self.server.nodes = Some(found.iter().map(|shard| 1 + shard.replicas.len()).sum());
        let finding = match self.target.expect.shards {
            _ if found.is_empty() => Finding::failed("CLUSTER SLOTS names no shard", None),
            // AWS scales a serverless cache's shards as it likes.
            Some(wanted) if wanted != found.len() && !self.target.serverless => Finding::failed(
                format!("{} shards, not {wanted}", found.len()),
                Some("resharding may still be under way".to_owned()),
            ),
            _ => Finding::ok(format!("{}", found.len())),
        };
        self.checks.add("shards", begun, finding);
        (!found.is_empty()).then_some(found)
    }

    /// The shards as any of the known nodes sees them by now.
    pub(super) async fn shards_now(&self, known: Vec<Shard>) -> Vec<Shard> {
        if !self.server.cluster {
            return known;
        }
        for (host, port) in known.iter().flat_map(|shard| std::iter::once(&shard.primary).chain(&shard.replicas)) {
            if let Ok(mut connection) = self.connector.node(host, *port).await
                && let Ok(reply) = ask::<Value>(&mut connection, &["CLUSTER", "SLOTS"]).await
            {
                let found = shards(&reply, (host, *port));
                if !found.is_empty() {
                    return found;
                }
            }
        }
        known
    }

    fn cluster_state(&mut self, state: &Facts) -> Finding {
        let number = |key: &str| state.get(key).and_then(|value| value.parse::<usize>().ok());
        let (assigned, ok) = (number("cluster_slots_assigned"), number("cluster_slots_ok"));
        self.server.slots = ok;
        let told = format!(
            "{}, {}/{SLOTS} slots",
            state.get("cluster_state").map_or("state not told", String::as_str),
            ok.unwrap_or(0)
        );
        if state.get("cluster_state").is_some_and(|state| state == "ok")
            && assigned == Some(usize::from(SLOTS))
            && ok == assigned
        {
            Finding::ok(told)
        } else {
            Finding::failed(told, Some("keys in slots without a node cannot be served".to_owned()))
        }
    }

    /// Keys of several slots in one command are refused, keys of one hash tag are not.
    pub(super) async fn hash_tags(&mut self, connection: &mut Connection) {
        if !self.server.cluster {
            return;
        }
        let begun = Instant::now();
        let prefix = &self.settings.key_prefix;
        let (a, b) = (format!("{prefix}{{a}}:1"), format!("{prefix}{{b}}:1"));
        let finding = match ask::<Value>(connection, &["MGET", &a, &b]).await {
            Err(error) if error.code() == Some("CROSSSLOT") => Finding::ok("MGET over two slots: CROSSSLOT"),
            Err(error) => self.command_failed(&error),
            Ok(_) if self.target.serverless => Finding::ok("MGET over two slots is served"),
            Ok(_) => Finding::failed(
                "MGET over two slots was answered",
                Some("the endpoint is not a cluster node".to_owned()),
            ),
        };
        self.checks.add("cross-slot refused", begun, finding);

        let begun = Instant::now();
        let finding = match self.tagged().await {
            Ok(true) => Finding::ok("MGET of two keys with one hash tag"),
            Ok(false) => Finding::failed("MGET of two tagged keys lost a value", None),
            Err(error) => self.command_failed(&error),
        };
        self.checks.add("hash tags", begun, finding);
    }

    async fn tagged(&self) -> RedisResult<bool> {
        let mut connection = self.connector.open().await?;
        let keys = ["1", "2"].map(|name| format!("{}{{tag}}:{name}", self.settings.key_prefix));
        for (key, value) in keys.iter().zip(["one", "two"]) {
            let () = ask(&mut connection, &["SET", key, value, "PX", "60000"]).await?;
        }
        let values: Vec<Option<String>> = ask(&mut connection, &["MGET", &keys[0], &keys[1]]).await?;
        Ok(values == [Some("one".to_owned()), Some("two".to_owned())])
    }

    /// Every primary, by its own name: takes a write, is a primary, and has its replicas.
    pub(super) async fn primaries(&mut self, found: &[Shard]) {
        let begun = Instant::now();
        let results = join_all(found.iter().map(|shard| self.write_and_read(shard))).await;
        let total = found.len();
        let mut failures = found.iter().zip(results).filter_map(|(shard, result)| {
            let (host, port) = &shard.primary;
            match result {
                Ok(true) => None,
                Ok(false) => Some(Finding::failed(format!("{host}:{port} did not return what was written"), None)),
                Err(error) => {
                    let mut finding = self.command_failed(&error);
                    finding.detail = format!("{host}:{port}: {}", finding.detail);
                    Some(finding)
                }
            }
        });
        let finding = match failures.next() {
            Some(first) => {
                let others = failures.count();
                let mut finding = first;
                if others > 0 {
                    finding.detail.push_str(&format!(" (and {others} more shards)"));
                }
                finding
            }
            None => Finding::ok(format!("{total}/{total} primaries")),
        };
        self.checks.add("write and read", begun, finding);
        // Roles and replicas are AWS's affair on a serverless cache.
        if !self.target.serverless {
            self.replicas(found).await;
        }
    }

    async fn write_and_read(&self, shard: &Shard) -> RedisResult<bool> {
        let (host, port) = &shard.primary;
        let mut connection = self.connector.node(host, *port).await?;
        let Some(tag) = shard.tag() else {
            return Ok(true);
        };
        let key = format!("{}{{{tag}}}:shard", self.settings.key_prefix);
        let () = ask(&mut connection, &["SET", &key, &tag, "PX", "60000"]).await?;
        let read: Option<String> = ask(&mut connection, &["GET", &key]).await?;
        Ok(read.is_some_and(|read| read == tag))
    }

    async fn replicas(&mut self, found: &[Shard]) {
        let begun = Instant::now();
        let wanted = self.target.expect.replicas;
        // A replica that has just joined loads a snapshot first; give it the time of one timeout.
        let seen = loop {
            let asked = join_all(found.iter().map(|shard| self.replication(shard))).await;
            let seen: Result<Vec<Replication>, RedisError> = asked.into_iter().collect();
            let settled = seen
                .as_ref()
                .map_or(true, |seen| seen.iter().all(|seen| seen.online >= wanted.unwrap_or(0).max(seen.connected)));
            if settled || begun.elapsed() > self.settings.timeout {
                break seen;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        match seen {
            Ok(seen) => {
                if !self.server.cluster {
                    self.server.nodes = seen.first().map(|seen| 1 + seen.connected);
                }
                self.checks.add("role", begun, roles(&seen));
                self.checks.add("replicas", begun, replica_count(&seen, wanted));
            }
            Err(error) => {
                let finding = self.not_seen(&error, "+info");
                self.checks.add("replicas", begun, finding);
            }
        }
    }

    async fn replication(&self, shard: &Shard) -> RedisResult<Replication> {
        let (host, port) = &shard.primary;
        let mut connection = self.connector.node(host, *port).await?;
        let text: String = ask(&mut connection, &["INFO", "replication"]).await?;
        Ok(replication(&facts(&text)))
    }

    /// The reader endpoint serves what was written at the primary endpoint, and takes no writes.
    pub(super) async fn reader(&mut self) {
        let Some((host, port)) = &self.target.reader else {
            return;
        };
        let begun = Instant::now();
        // A serverless cache's reader endpoint is for READONLY connections of cluster clients.
        let finding = if self.target.serverless {
            match self.connector.node(host, *port).await {
                Ok(_) => Finding::ok(format!("{host}:{port} answers")),
                Err(error) => Finding::failed(self.connector.describe(&error), None),
            }
        } else {
            match self.read_at(host, *port).await {
                Ok(finding) => finding,
                Err(error) => Finding::failed(format!("{host}:{port}: {}", self.connector.describe(&error)), None),
            }
        };
        self.checks.add("reader endpoint", begun, finding);
    }

    async fn read_at(&self, host: &str, port: u16) -> RedisResult<Finding> {
        let mut primary = self.connector.open().await?;
        let mut reader = self.connector.node(host, port).await?;
        let key = format!("{}marker", self.settings.key_prefix);
        let written = Instant::now();
        let () = ask(&mut primary, &["SET", &key, "seen", "PX", "60000"]).await?;
        let seen = loop {
            let value: Option<String> = ask(&mut reader, &["GET", &key]).await?;
            if value.is_some() {
                break written.elapsed();
            }
            if written.elapsed() > self.settings.timeout {
                return Ok(Finding::failed(
                    format!("a write was not visible after {}", milliseconds(written.elapsed())),
                    Some("check ReplicationLag and that the reader endpoint is this cache's".to_owned()),
                ));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let told = format!("a write is visible after {}", milliseconds(seen));
        Ok(match ask::<()>(&mut reader, &["SET", &key, "no", "PX", "60000"]).await {
            Err(error) if error.code() == Some("READONLY") => Finding::ok(format!("{told}, takes no writes")),
            Ok(()) if self.target.expect.replicas == Some(0) => {
                Finding::ok(format!("{told}; without replicas it is the primary"))
            }
            Ok(()) => Finding::warn(
                format!("{told}, but it takes writes: it leads to the primary"),
                Some("reads there take no load off the primary".to_owned()),
            ),
            Err(error) => Finding::warn(format!("{told}; a write gave {}", self.connector.describe(&error)), None),
        })
    }
}

fn roles(seen: &[Replication]) -> Finding {
    let replicas = seen.iter().filter(|seen| !seen.primary).count();
    if replicas == 0 {
        Finding::ok(if seen.len() == 1 { "primary".to_owned() } else { format!("{} primaries", seen.len()) })
    } else {
        Finding::failed(
            format!("{replicas} of {} primary endpoints are replicas", seen.len()),
            Some("a failover may be under way, or a name is still cached".to_owned()),
        )
    }
}

fn replica_count(seen: &[Replication], wanted: Option<usize>) -> Finding {
    let online: usize = seen.iter().map(|seen| seen.online).sum();
    let connected: usize = seen.iter().map(|seen| seen.connected).sum();
    let behind = seen.iter().map(|seen| seen.behind).max().unwrap_or(0);
    let lag = seen.iter().map(|seen| seen.lag).max().unwrap_or(0);
    let mut told = format!("{online} online");
    if seen.len() > 1 {
        told.push_str(&format!(" in {} shards", seen.len()));
    }
    if online > 0 {
        told.push_str(&format!(", at most {behind} bytes and {lag} s behind"));
    }
    let short = |seen: &&Replication| wanted.is_some_and(|wanted| seen.online < wanted);
    if let (Some(wanted), Some(worst)) = (wanted, seen.iter().filter(short).map(|s| s.online).min()) {
        Finding::failed(
            format!("{told}; a shard has {worst} of {wanted}"),
            Some("a replica may still be loading; without one in sync a failover loses data".to_owned()),
        )
    } else if wanted.is_some_and(|wanted| seen.iter().any(|seen| seen.connected > wanted)) {
        Finding::warn(format!("{told}, more than expected"), None)
    } else if online < connected {
        Finding::warn(format!("{told}, {} still syncing", connected - online), None)
    } else {
        Finding::ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::CheckStatus;
    use super::*;

    fn shard(connected: usize, online: usize) -> Replication {
        Replication { primary: true, connected, online, behind: 14, lag: 1 }
    }

    #[test]
    fn replicas_are_counted_per_shard_and_only_when_in_sync() {
        let status = |seen: &[Replication], wanted| replica_count(seen, wanted).status;
        assert_eq!(status(&[shard(1, 1), shard(1, 1)], Some(1)), CheckStatus::Ok);
        assert_eq!(status(&[shard(2, 2), shard(1, 0)], Some(1)), CheckStatus::Failed);
        assert_eq!(status(&[shard(2, 1)], None), CheckStatus::Warn);
        assert_eq!(status(&[shard(2, 2)], Some(1)), CheckStatus::Warn);
        assert_eq!(status(&[shard(0, 0)], Some(0)), CheckStatus::Ok);
    }

    #[test]
    fn a_primary_endpoint_that_leads_to_a_replica_fails() {
        let replica = Replication { primary: false, ..shard(0, 0) };
        assert_eq!(roles(&[shard(1, 1), replica]).status, CheckStatus::Failed);
    }
}

//! The checks that look at every node: slots and hash tags in cluster mode, roles, replicas, and
//! whether each shard takes writes.

use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::{RedisResult, Value};

use super::checks::Finding;
use super::patterns::Ground;
use super::probe::{Probe, milliseconds};
use super::report::Verdict;
use crate::client::connect::{Connection, ask, is_denied, tunnel};
use crate::client::topology::{Facts, SLOTS, Shard, facts, shards};

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
                Finding::warned(
                    "the server runs in cluster mode, the spec does not",
                    Some("clients must be cluster-aware here (cluster mode compatible?)".to_owned()),
                )
            } else {
                Finding::failed(
                    "cluster support is disabled on the server",
                    Some("the endpoint does not belong to a cache with cluster mode enabled".to_owned()),
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
            _ => Finding::passed(format!("{}", found.len())),
        };
        self.checks.add("shards", begun, finding);
        (!found.is_empty()).then_some(found)
    }

    /// Slots without a node, as the first primary that answers sees them.
    pub(super) async fn slots_now(&mut self, found: &[Shard]) -> Option<Finding> {
        for shard in found {
            let Ok(mut connection) = self.connector.node(&shard.primary.0, shard.primary.1).await else { continue };
            let Ok(text) = ask::<String>(&mut connection, &["CLUSTER", "INFO"]).await else { continue };
            let finding = self.cluster_state(&facts(&text));
            return (finding.status != Verdict::Passed).then_some(finding);
        }
        None
    }

    fn cluster_state(&mut self, state: &Facts) -> Finding {
        let number = |key: &str| state.get(key).and_then(|value| value.parse::<usize>().ok());
        let (assigned, ok) = (number("cluster_slots_assigned"), number("cluster_slots_ok"));
        self.server.slots = ok;
        let told = format!(
            "{}, {}/{SLOTS} slots",
            state.get("cluster_state").map_or("state unknown", String::as_str),
            ok.unwrap_or(0)
        );
        if state.get("cluster_state").is_some_and(|state| state == "ok")
            && assigned == Some(usize::from(SLOTS))
            && ok == assigned
        {
            Finding::passed(told)
        } else {
            Finding::failed(told, Some("keys in slots without a node cannot be served".to_owned()))
        }
    }

    /// Keys of several slots in one command are refused, keys of one hash tag are not.
    pub(super) async fn hash_tags(&mut self, connection: &mut Connection, ground: &Ground) {
        if !self.server.cluster {
            return;
        }
        let begun = Instant::now();
        let prefix = &self.settings.key_prefix;
        let (a, b) = (format!("{prefix}{{a}}:1"), format!("{prefix}{{b}}:1"));
        let finding = match ask::<Value>(connection, &["MGET", &a, &b]).await {
            Err(error) if error.code() == Some("CROSSSLOT") => Finding::passed("MGET over two slots: CROSSSLOT"),
            Err(error) => self.command_failed(&error),
            Ok(_) if self.target.serverless => Finding::passed("MGET over two slots is served"),
            Ok(_) => Finding::failed(
                "MGET over two slots was answered",
                Some("the endpoint is not a cluster node".to_owned()),
            ),
        };
        self.checks.add("cross-slot refused", begun, finding);
        if self.unwritable.is_some() {
            return;
        }

        let begun = Instant::now();
        let finding = match tagged(ground).await {
            Ok(true) => Finding::passed("MGET of two keys with one hash tag"),
            Ok(false) => Finding::failed("MGET of two tagged keys lost a value", None),
            Err((error, node)) => {
                let mut finding = self.command_failed(&error);
                finding.detail = format!("{node}: {}", finding.detail);
                finding
            }
        };
        self.checks.add("hash tags", begun, finding);
    }

    /// Every primary, by its own name, takes a write and returns it.
    pub(super) async fn primaries(&mut self, found: &[Shard], ground: &Ground) {
        if self.unwritable.is_some() {
            return;
        }
        let begun = Instant::now();
        let results = join_all(found.iter().map(|shard| self.write_and_read(shard, ground))).await;
        let total = found.len();
        let mut worst: Option<Finding> = None;
        let mut failed = 0;
        for (shard, result) in found.iter().zip(results) {
            let name = self.target.named(&shard.primary.0, shard.primary.1);
            let mut finding = match result {
                Ok(true) => continue,
                Ok(false) => Finding::failed("did not return what was written", None),
                Err(error) => self.command_failed(&error),
            };
            failed += 1;
            finding.detail = format!("{name}: {}", finding.detail);
            if finding.hint.is_none() && !self.target.reaches(&shard.primary.0, shard.primary.1) {
                finding.hint = Some(map_hint(&shard.primary.0, shard.primary.1));
            }
            match &mut worst {
                None => worst = Some(finding),
                // Every one by name: a count does not tell where to look.
                Some(worst) => {
                    worst.detail = format!("{}; {}", worst.detail, finding.detail);
                    worst.status = worst.status.max(finding.status);
                }
            }
        }
        let finding = match worst {
            Some(mut finding) => {
                if total > 1 {
                    finding.detail = format!("{failed} of {total} primaries: {}", finding.detail);
                }
                finding
            }
            None => Finding::passed(format!("{total}/{total} primaries")),
        };
        self.checks.add("write and read", begun, finding);
    }

    async fn write_and_read(&self, shard: &Shard, ground: &Ground) -> RedisResult<bool> {
        let (host, port) = &shard.primary;
        let mut connection = self.connector.node(host, *port).await?;
        let Some(tag) = shard.tag() else {
            return Ok(true);
        };
        let key = ground.key(format_args!("{{{tag}}}:shard"));
        let () = ask(&mut connection, &["SET", &key, &tag, "PX", "60000"]).await?;
        let read: Option<String> = ask(&mut connection, &["GET", &key]).await?;
        Ok(read.is_some_and(|read| read == tag))
    }

    /// The reader endpoint serves what was written at the primary endpoint, and takes no writes.
    pub(super) async fn reader(&mut self, ground: &Ground) {
        let Some((host, port)) = &self.target.reader else {
            return;
        };
        let begun = Instant::now();
        // A serverless cache's reader endpoint is for READONLY connections of cluster clients.
        let finding = if !self.target.reaches(host, *port) {
            Finding::not_tested(format!("no way to {host}:{port} through the tunnel"), Some(map_hint(host, *port)))
        } else if self.target.serverless || self.unwritable.is_some() {
            match self.connector.node(host, *port).await {
                Ok(_) => Finding::passed(format!("{host}:{port} answers")),
                Err(error) => Finding::failed(self.connector.describe(&error), None),
            }
        } else {
            match self.read_at(host, *port, ground).await {
                Ok(finding) => finding,
                Err(error) => Finding::failed(format!("{host}:{port}: {}", self.connector.describe(&error)), None),
            }
        };
        self.checks.add("reader endpoint", begun, finding);
    }

    async fn read_at(&self, host: &str, port: u16, ground: &Ground) -> RedisResult<Finding> {
        let mut primary = self.connector.endpoint().await?;
        let mut reader = self.connector.node(host, port).await?;
        let key = ground.key("marker");
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
            Err(error) if error.code() == Some("READONLY") => Finding::passed(format!("{told}, takes no writes")),
            Ok(()) if self.target.expect.replicas == Some(0) => {
                Finding::passed(format!("{told}; without replicas it is the primary"))
            }
            Ok(()) => Finding::warned(
                format!("{told}, but it takes writes: it leads to the primary"),
                Some("reads there take no load off the primary".to_owned()),
            ),
            Err(error) => Finding::warned(format!("{told}; a write gave {}", self.connector.describe(&error)), None),
        })
    }
}

/// How a name gets into the endpoint map.
pub(super) fn map_hint(host: &str, port: u16) -> String {
    format!(
        "open a tunnel, `{}`, and add `endpointMap: {{\"{host}:{port}\": \"127.0.0.1:NEAR\"}}`",
        tunnel(host, port, port).replace(&format!("localPortNumber={port}"), "localPortNumber=NEAR")
    )
}

async fn tagged(ground: &Ground) -> Result<bool, (redis::RedisError, String)> {
    let mut caller = ground.caller();
    let keys = ["1", "2"].map(|name| ground.key(format_args!("{{tag}}:{name}")));
    for (key, value) in keys.iter().zip(["one", "two"]) {
        let () = caller.query(redis::cmd("SET").arg(key).arg(value).arg("PX").arg(60_000)).await?;
    }
    let values: Vec<Option<String>> = caller.query(redis::cmd("MGET").arg(&keys[0]).arg(&keys[1])).await?;
    Ok(values == [Some("one".to_owned()), Some("two".to_owned())])
}

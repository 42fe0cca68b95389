//! The checks that come before any load: reachability, TLS, credentials, engine, TTLs, policy.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError, RedisResult, cmd};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::budget::{Load, Memory, Room, budget};
use super::checks::{Checks, Finding};
use super::nodes;
use super::patterns::Ground;
use super::report::ServerInfo;
use super::settings::Settings;
use super::target::Target;
use crate::client::caller::Caller;
use crate::client::connect::{Connection, Connector, Unreachable, ask, is_denied, reach};
use crate::client::tls;
use crate::client::topology::{Facts, Shard};

/// Everything that a run knows about its cache.
pub(super) struct Probe<'a> {
    pub(super) target: &'a Target,
    pub(super) settings: &'a Settings,
    pub(super) connector: Connector,
    pub(super) checks: Checks,
    pub(super) server: ServerInfo,
    /// The server runs on this machine, so what starves the client starves the cache.
    pub(super) same_machine: bool,
    /// Why nothing may be written: the cache is full, or the user may only read.
    pub(super) unwritable: Option<String>,
}

/// How long a node may go on reading its data.
const LOADING_PATIENCE: Duration = Duration::from_secs(10);

impl<'a> Probe<'a> {
    pub(super) fn new(target: &'a Target, settings: &'a Settings) -> Self {
        Self {
            target,
            settings,
            connector: Connector::new(target.way.clone(), settings.timeout),
            checks: Checks::default(),
            server: ServerInfo {
                cluster: target.way.cluster,
                node_type: target.members.iter().find_map(|member| member.node_type.clone()),
                availability_zones: zones(target),
                ..ServerInfo::default()
            },
            same_machine: false,
            unwritable: None,
        }
    }

    /// A connection to the endpoint, and the address behind its name.
    pub(super) async fn reach(&mut self) -> Result<SocketAddr, Unreachable> {
        let begun = Instant::now();
        let address = reach(&self.target.way, self.settings.timeout).await?;
        let took = milliseconds(begun.elapsed());
        let near = if self.target.tunnelled { ", the near end of a tunnel" } else { "" };
        let finding = Finding::passed(format!("TCP to {address} in {took}{near}"));
        self.checks.add("connect", begun, finding);
        Ok(address)
    }

    /// False when there is no way on.
    pub(super) async fn tls(&mut self, address: SocketAddr) -> bool {
        let Some(wanted) = &self.target.way.tls else {
            return true;
        };
        let begun = Instant::now();
        let limit = self.settings.timeout;
        let host = self.target.way.host.clone();
        let shaken = match tls::client_config(wanted.ca_pem.as_deref()) {
            Ok(config) => {
                let shake = spawn_blocking(move || tls::handshake(address, &host, config, limit));
                shake.await.unwrap_or_else(|error| Err(error.to_string()))
            }
            Err(error) => Err(error),
        };
        let finding = match &shaken {
            Ok(handshake) => {
                self.server.tls = Some(handshake.protocol.clone());
                self.server.certificate_days_left = handshake.days_left;
                certificate(&handshake.protocol, handshake.days_left)
            }
            Err(error) => Finding::failed(error, Some(tls::hint(error, wanted.ca_pem.is_some()))),
        };
        self.checks.add("TLS", begun, finding);
        if shaken.is_err() {
            return false;
        }
        if !self.target.plaintext_too {
            let begun = Instant::now();
            // A server that waits for a TLS record says nothing to a PING; a second tells.
            let limit = limit.min(Duration::from_secs(1));
            let answer = spawn_blocking(move || tls::plaintext_answer(address, limit)).await;
            let finding = match answer {
                Ok(Ok(None)) => Finding::passed("a PING without TLS gets no answer"),
                Ok(Ok(Some(reply))) => Finding::failed(
                    format!("a PING without TLS was answered: {reply}"),
                    Some("set transitEncryptionMode to required".to_owned()),
                ),
                Ok(Err(error)) => Finding::not_tested(error.to_string(), None),
                Err(error) => Finding::not_tested(error.to_string(), None),
            };
            self.checks.add("plaintext refused", begun, finding);
        }
        true
    }

    /// Logs in and pings. `None` when there is no way on.
    pub(super) async fn login(&mut self) -> Option<Connection> {
        let begun = Instant::now();
        let mut connected = self.greeted().await;
        // A node that reads its data after a restart says so, and is soon done.
        while connected.as_ref().is_err_and(|error| error.code() == Some("LOADING"))
            && begun.elapsed() < LOADING_PATIENCE
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
            connected = self.greeted().await;
        }
        let name = if self.target.way.password.is_some() { "AUTH" } else { "PING" };
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) if is_denied(&error) => {
                // Logged in, but PING is not in the user's access string. Everything else may be.
                let finding = Finding::warned(
                    self.connector.describe(&error),
                    Some("clients ping their connections: allow +@connection".to_owned()),
                );
                self.checks.add(name, begun, finding);
                return self.connector.endpoint().await.ok();
            }
            Err(error) => {
                let refused = error.kind() == ErrorKind::AuthenticationFailed;
                let finding = if refused && self.open_to_all().await {
                    Finding::failed(
                        "the cache refused the password, and lets anyone in without one",
                        Some("AUTH or RBAC is not in effect: check authToken or userGroupIds".to_owned()),
                    )
                } else {
                    Finding::failed(self.connector.describe(&error), login_hint(&error, self.target))
                };
                self.checks.add(name, begun, finding);
                return None;
            }
        };
        self.server.user = ask::<String>(&mut connection, &["ACL", "WHOAMI"]).await.ok();
        let mut detail = match (&self.target.way.password, &self.server.user) {
            (Some(_), Some(user)) => format!("logged in as {user}"),
            (Some(_), None) => "logged in".to_owned(),
            (None, _) => "PONG".to_owned(),
        };
        let mut round_trips = Vec::new();
        for _ in 0..20 {
            let begun = Instant::now();
            if ask::<String>(&mut connection, &["PING"]).await.is_ok() {
                round_trips.push(begun.elapsed());
            }
        }
        round_trips.sort();
        if let Some(median) = round_trips.get(round_trips.len() / 2) {
            self.server.rtt_ms = Some(median.as_secs_f64() * 1e3);
            detail.push_str(&format!(", round trip {}", milliseconds(*median)));
        }
        self.checks.add(name, begun, Finding::passed(detail));
        Some(connection)
    }

    async fn greeted(&self) -> RedisResult<Connection> {
        let mut connection = self.connector.endpoint().await?;
        ask::<String>(&mut connection, &["PING"]).await.map(|_| connection)
    }

    async fn open_to_all(&self) -> bool {
        match self.connector.without_credentials().endpoint().await {
            Ok(mut connection) => ask::<String>(&mut connection, &["PING"]).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Someone without the password must get nothing. A wrong password is not tried: ElastiCache
    /// counts those in `AuthenticationFailures`, and an alarm on it would go off.
    pub(super) async fn anonymous_access(&mut self) {
        if self.target.way.password.is_none() {
            return;
        }
        let begun = Instant::now();
        let connector = self.connector.without_credentials();
        let answer = match connector.endpoint().await {
            Ok(mut connection) => {
                ask::<Option<String>>(&mut connection, &["GET", &format!("{}anonymous", self.settings.key_prefix)])
                    .await
                    .map(|_| ())
            }
            Err(error) => Err(error),
        };
        let finding = match answer {
            Ok(()) => Finding::failed(
                "a connection without credentials may read keys",
                Some("set an auth token, or give the user group a `default` user without access".to_owned()),
            ),
            // A redirection is service: who may not come in is told so before.
            Err(error) if matches!(error.code(), Some("MOVED" | "ASK")) => Finding::failed(
                "a connection without credentials is served (it was sent on to another shard)",
                Some("set an auth token, or give the user group a `default` user without access".to_owned()),
            ),
            Err(error) if matches!(error.code(), Some("NOAUTH" | "NOPERM")) => {
                Finding::passed(self.connector.describe(&error))
            }
            Err(error) => Finding::warned(format!("no clear refusal: {}", self.connector.describe(&error)), None),
        };
        self.checks.add("no access without AUTH", begun, finding);
    }

    /// A key with a TTL is written, read, and gone when its time is over. False when that gave an error
    /// twice: then nothing else can work either, and waiting for its timeouts would take minutes.
    pub(super) async fn expiry(&mut self, ground: &Ground) -> bool {
        let begun = Instant::now();
        let key = ground.key("expiry");
        let mut caller = ground.caller();
        let mut expired = expire(&mut caller, &key).await;
        if expired.as_ref().is_err_and(|(error, _)| !is_denied(error)) {
            // A failover may have come in between; a new connection finds the new primary.
            expired = expire(&mut ground.caller(), &key).await;
        }
        let usable = expired.is_ok();
        let finding = match expired {
            Ok(Ok(detail)) => Finding::passed(detail),
            Ok(Err(broken)) => Finding::failed(broken, None),
            Err((error, node)) => {
                let mut finding = self.command_failed(&error);
                finding.detail = format!("{node}: {}", finding.detail);
                finding
            }
        };
        self.checks.add("TTL", begun, finding);
        if !usable {
            let finding = Finding::not_tested("no key can be written, so there is nothing to measure", None);
            self.checks.add("patterns", Instant::now(), finding);
        }
        usable
    }

    /// The engine and the eviction policy, from `INFO`: it shows them where `CONFIG` is not allowed,
    /// as on ElastiCache.
    pub(super) fn engine(&mut self, info: &RedisResult<Facts>) {
        let begun = Instant::now();
        match info {
            Ok(info) => {
                let (engine, version) = super::engine::identity(info);
                self.server.engine = Some(engine.clone());
                self.server.version = version.clone();
                self.same_machine = info.get("process_id").is_some_and(|pid| is_local(pid));
                let finding = super::engine::finding(self.target, &engine, version.as_deref());
                self.checks.add("engine", begun, finding);
                let policy = info.get("maxmemory_policy").cloned();
                let finding = super::engine::policy(&self.target.expect, info);
                self.server.maxmemory_policy = policy;
                self.checks.add("eviction policy", begun, finding);
            }
            Err(error) => {
                let finding = self.not_seen(error, "+info");
                self.checks.add("engine", begun, finding);
            }
        }
    }

    /// What the run may write, decided before the first byte. `None`: nothing.
    pub(super) async fn room(&mut self, shards: &[Shard]) -> Option<Room> {
        if self.settings.read_only {
            self.unwritable = Some("readOnly".to_owned());
            return None;
        }
        let begun = Instant::now();
        let look = async || -> Vec<Memory> {
            let states = nodes::primaries(&self.connector, self.target, shards).await;
            states.into_iter().filter_map(|state| state.memory).collect()
        };
        let before = look().await;
        let evicts = before.iter().any(|memory| memory.limit > 0);
        if evicts {
            // Long enough to see a cache at work that is evicting all the time.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let now = if evicts { look().await } else { before.clone() };
        match budget(&Load::of(self.settings), shards.len(), &before, &now) {
            Ok(room) => Some(room),
            Err(why) => {
                let refuses = self.server.maxmemory_policy.as_deref() == Some("noeviction");
                let refuses = refuses && now.iter().any(|memory| memory.limit > 0 && memory.used >= memory.limit);
                let finding = if refuses {
                    Finding::failed(
                        format!("{why}; under noeviction every write is refused"),
                        Some("scale up, or set maxmemory-policy to allkeys-lru".to_owned()),
                    )
                } else {
                    Finding::warned(
                        format!("{why}: nothing is written, so that no key of an application is evicted"),
                        Some("scale up, or test when there is room".to_owned()),
                    )
                };
                self.checks.add("memory", begun, finding);
                self.unwritable = Some(why);
                None
            }
        }
    }

    /// A read that only a check needs: what the user may not see is skipped, not failed.
    pub(super) fn not_seen(&self, error: &RedisError, permission: &str) -> Finding {
        if is_denied(error) {
            Finding::not_tested(self.connector.describe(error), Some(format!("allow {permission} to the smoke user")))
        } else {
            Finding::failed(self.connector.describe(error), None)
        }
    }

    /// A command that applications use did not work.
    pub(super) fn command_failed(&self, error: &RedisError) -> Finding {
        let hint = is_denied(error).then(|| {
            format!(
                "the user may not use keys under `{}`: declare `smoke.keyPrefix` with a prefix that its access \
                 string allows",
                self.settings.key_prefix
            )
        });
        Finding::failed(self.connector.describe(error), hint)
    }
}

/// Where the nodes are, each zone once.
fn zones(target: &Target) -> Vec<String> {
    let zones = target.members.iter().filter_map(|member| member.availability_zone.clone());
    zones.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Whether a server with this process id runs here: then it shares this machine's processors.
fn is_local(pid: &str) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    pid.bytes().all(|byte| byte.is_ascii_digit()) && (name.contains("valkey") || name.contains("redis"))
}

type Trouble = (RedisError, String);

async fn expire(caller: &mut Caller, key: &str) -> Result<Result<String, String>, Trouble> {
    let () = caller.query(cmd("SET").arg(key).arg("here").arg("PX").arg(60_000)).await?;
    let ttl: i64 = caller.query(cmd("PTTL").arg(key)).await?;
    let value: Option<String> = caller.query(cmd("GET").arg(key)).await?;
    if value.as_deref() != Some("here") {
        return Ok(Err(format!("wrote \"here\", read {value:?}")));
    }
    if !(1..=60_000).contains(&ttl) {
        return Ok(Err(format!("SET PX 60000 gave a TTL of {ttl} ms")));
    }
    let begun = Instant::now();
    let set: i64 = caller.query(cmd("PEXPIRE").arg(key).arg(80)).await?;
    let polling = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if caller.query::<Option<String>>(cmd("GET").arg(key)).await?.is_none() {
                return Ok::<_, Trouble>(begun.elapsed());
            }
        }
    };
    Ok(match timeout(Duration::from_secs(2), polling).await {
        Ok(gone) => {
            let gone = gone?;
            // The server's 80 ms began after ours, so an earlier end is wrong on every network.
            if set != 1 || gone < Duration::from_millis(80) {
                Err(format!("a key with a TTL of 80 ms was gone after {}", milliseconds(gone)))
            } else {
                Ok(format!("SET, GET, PTTL; gone {} after PEXPIRE 80", milliseconds(gone)))
            }
        }
        Err(_) => Err("a key with a TTL of 80 ms was still there after 2 s".to_owned()),
    })
}

fn certificate(protocol: &str, days_left: Option<i64>) -> Finding {
    match days_left {
        Some(days) if days < 14 => Finding::warned(
            format!("{protocol}, certificate expires in {days} days"),
            Some("AWS renews its certificates automatically; a private one must be renewed".to_owned()),
        ),
        Some(days) => Finding::passed(format!("{protocol}, certificate valid for {days} days")),
        None => Finding::passed(protocol.to_owned()),
    }
}

fn login_hint(error: &RedisError, target: &Target) -> Option<String> {
    let text = error.to_string();
    let has = |word: &str| error.code() == Some(word) || text.contains(word);
    if has("LOADING") {
        Some("the node reads its data after a restart: try again in a while".to_owned())
    } else if has("max number of clients") {
        Some("connections are used up: look for clients that do not reuse theirs (CurrConnections)".to_owned())
    } else if target.way.password.is_none() && has("NOAUTH") {
        Some("the cache requires a password: give the smoke test a user or the auth token".to_owned())
    } else if error.kind() == ErrorKind::AuthenticationFailed || has("WRONGPASS") {
        Some(match &target.way.username {
            Some(user) => format!(
                "check that user {user} is on, belongs to the cache's user group, and that the \
                 secret holds its current password"
            ),
            None => "check that the secret holds the current auth token; a cache with a user group \
                     needs a user name too"
                .to_owned(),
        })
    } else if target.way.tls.is_none() && (error.is_connection_dropped() || error.is_io_error()) {
        Some(
            "the connection was made and then lost: the port may speak TLS only \
             (transitEncryptionEnabled)"
                .to_owned(),
        )
    } else {
        None
    }
}

pub(super) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;
    use crate::client::Secret;

    #[test]
    fn a_certificate_about_to_expire_is_a_warning() {
        assert_eq!(certificate("TLSv1.3", Some(200)).status, Verdict::Passed);
        assert_eq!(certificate("TLSv1.3", Some(3)).status, Verdict::Warned);
        assert_eq!(certificate("TLSv1.2", None).detail, "TLSv1.2");
    }

    #[test]
    fn a_refused_login_says_what_to_look_at() {
        let refused = redis::make_extension_error("WRONGPASS".into(), None);
        let mut target = Target::default();
        target.way.password = Some(Secret::new("x"));
        assert!(login_hint(&refused, &target).unwrap().contains("auth token"));
        target.way.username = Some("app".into());
        assert!(login_hint(&refused, &target).unwrap().contains("user app"));
        target.way.password = None;
        let refused = redis::make_extension_error("NOAUTH".into(), None);
        assert!(login_hint(&refused, &target).unwrap().contains("requires a password"));
    }
}

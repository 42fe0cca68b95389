//! The control door: JSON under `/_sandbox/`.

use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloudwatch::metrics;
use crate::control::replication_groups::failover::{self, Failover};
use crate::control::replication_groups::{Global, global_member, modify};
use crate::control::serverless;
use crate::control::service_updates::{self, Published};
use crate::failures::Failure;
use crate::faults::Fault;
use crate::quotas::Quotas;
use crate::refusal::Refusal;
use crate::seed;
use crate::server::Shared;
use crate::state::State;

type Answer = (u16, &'static str, Vec<u8>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Faults {
    #[serde(default)]
    faults: Vec<Fault>,
    seed: Option<u64>,
    #[serde(default)]
    clear: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passing {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    group: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    groups: usize,
    #[serde(default)]
    tags: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metrics {
    metrics: Vec<metrics::Seeded>,
}

/// A primary whose node is lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lost {
    group: String,
    #[serde(default = "first_shard")]
    shard: String,
}

fn first_shard() -> String {
    "0001".into()
}

/// A serverless cache that data are migrated into, or without a status no more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Migration {
    cache: String,
    #[serde(default)]
    status: Option<String>,
}

/// A group that joins a global datastore, or without an id leaves it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GlobalMember {
    group: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    role: Role,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Role {
    #[default]
    Primary,
    Secondary,
}

fn ok(value: &Value) -> Answer {
    (200, "application/json", value.to_string().into_bytes())
}

fn bad(status: u16, message: impl std::fmt::Display) -> Answer {
    let body = json!({"error": message.to_string()}).to_string().into_bytes();
    (status, "application/json", body)
}

fn parsed<T: serde::de::DeserializeOwned>(body: &[u8], then: impl FnOnce(T) -> Answer) -> Answer {
    match serde_json::from_slice(body) {
        Ok(value) => then(value),
        Err(error) => bad(400, error),
    }
}

/// Changes the state, or says why not.
fn done(shared: &Shared, change: impl FnOnce(&mut State) -> Result<Value, Refusal>) -> Answer {
    match shared.lock().edit(change) {
        Ok(told) => ok(&told),
        Err(refusal) => bad(refusal.status, refusal),
    }
}

pub(crate) fn answer(shared: &Shared, method: &Method, route: &str, body: &[u8]) -> Answer {
    match (method.as_str(), route) {
        ("GET", "health") => ok(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})),
        ("GET", "ca.pem") => match shared.lock().ca_pem() {
            Some(pem) => (200, "application/x-pem-file", pem.into_bytes()),
            None => bad(404, "there is no certificate authority: the data plane is off"),
        },
        ("GET", "calls") => ok(&json!({"calls": shared.lock().calls()})),
        ("DELETE", "calls") => {
            shared.lock().clear_calls();
            ok(&json!({"calls": []}))
        }
        ("POST", "reset") => {
            shared.lock().reset();
            ok(&json!({"reset": "ok"}))
        }
        ("GET", "faults") => ok(&json!({"faults": shared.lock().faults.faults()})),
        ("DELETE", "faults") => {
            shared.lock().faults.clear();
            ok(&json!({"faults": []}))
        }
        ("POST", "faults") => parsed(body, |wanted: Faults| {
            let mut world = shared.lock();
            if wanted.clear {
                world.faults.clear();
            }
            if let Some(seed) = wanted.seed {
                world.faults.seed(seed);
            }
            for fault in wanted.faults {
                world.inject(fault);
            }
            ok(&json!({"faults": world.faults.faults()}))
        }),
        ("PUT", route) if route.starts_with("secrets/") => {
            let name = decoded(&route["secrets/".len()..]);
            let value = text(body);
            shared.lock().set_secret(&name, value);
            ok(&json!({"secret": name}))
        }
        ("PUT", route) if route.starts_with("parameters/") => {
            let name = decoded(&route["parameters/".len()..]);
            let value = text(body);
            shared.lock().set_parameter(&name, value);
            ok(&json!({"parameter": name}))
        }
        _ => order(shared, method, route, body),
    }
}

/// What is ordered of the world itself.
fn order(shared: &Shared, method: &Method, route: &str, body: &[u8]) -> Answer {
    match (method.as_str(), route) {
        ("POST", "maintenance") => parsed(body, |wanted: Group| {
            let id = wanted.group.to_ascii_lowercase();
            done(shared, |state| Ok(json!({"group": id, "applied": modify::open_window(state, &id)?})))
        }),
        ("POST", "time") => parsed(body, |wanted: Passing| {
            shared.lock().pass(Duration::from_secs(wanted.seconds));
            ok(&json!({"passed": wanted.seconds}))
        }),
        ("POST", "fail") => parsed(body, |failure: Failure| {
            done(shared, |state| {
                state.failures.push(failure);
                Ok(json!({"fail": "ok"}))
            })
        }),
        ("POST", "metrics") => parsed(body, |wanted: Metrics| {
            done(shared, |state| Ok(json!({"series": metrics::seed(state, &wanted.metrics)?})))
        }),
        ("GET", "failover") => done(shared, |state| Ok(json!(state.failover))),
        ("POST", "failover") => parsed(body, |how: Failover| {
            done(shared, |state| {
                state.failover = how;
                Ok(json!(state.failover))
            })
        }),
        ("POST", "primary-lost") => parsed(body, |wanted: Lost| {
            let (group, shard) = (wanted.group.to_ascii_lowercase(), wanted.shard);
            done(shared, |state| {
                failover::lose_primary(state, &group, &shard)?;
                Ok(json!({"group": group, "shard": shard}))
            })
        }),
        ("GET", "quotas") => done(shared, |state| Ok(json!(state.quotas))),
        ("POST", "quotas") => parsed(body, |quotas: Quotas| {
            done(shared, |state| {
                state.quotas = quotas;
                Ok(json!(state.quotas))
            })
        }),
        ("POST", "service-update") => parsed(body, |update: Published| {
            done(shared, |state| {
                service_updates::publish(state, update)?;
                Ok(json!({"service-update": "ok"}))
            })
        }),
        ("POST", "global-datastore") => parsed(body, |wanted: GlobalMember| {
            let group = wanted.group.to_ascii_lowercase();
            let global = wanted.id.map(|id| Global { id, is_primary: wanted.role == Role::Primary });
            done(shared, |state| {
                global_member(state, &group, global)?;
                Ok(json!({"group": group}))
            })
        }),
        ("POST", "migration") => parsed(body, |wanted: Migration| {
            let cache = wanted.cache.to_ascii_lowercase();
            done(shared, |state| {
                serverless::migrate(state, &cache, wanted.status)?;
                Ok(json!({"cache": cache}))
            })
        }),
        ("POST", "seed") => parsed(body, |wanted: Seed| {
            done(shared, |state| Ok(json!({"groups": seed::groups(state, wanted.groups, &wanted.tags)?})))
        }),
        (method, route) => bad(404, format!("no such door: {method} /_sandbox/{route}")),
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// `%2F` and the like in a name.
fn decoded(name: &str) -> String {
    form_urlencoded::parse(format!("n={}", name.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

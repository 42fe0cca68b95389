//! From the control plane's state to the shapes of real servers.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::control::engine::Engine;
use crate::control::events;
use crate::control::replication_groups::{self, ReplicationGroup, endpoints};
use crate::control::serverless::{self, ServerlessCache};
use crate::control::users::Authentication;
use crate::data::{Auth, DataPlane, Endpoints, Node, Shape, Shard, Tls, User};
use crate::life::Job;
use crate::server::Shared;
use crate::state::State;

/// What one group's servers are to become; `None` ends them.
pub(crate) struct Order {
    group: String,
    shape: Option<Shape>,
}

/// Hands shapes over to the worker, which makes them real while the API goes on answering.
pub(crate) struct Bridge {
    servers: DataPlane,
    orders: UnboundedSender<Order>,
}

/// How often time is looked at when nobody calls.
const TICK: Duration = Duration::from_millis(20);

/// `None` when no data plane is wanted.
pub(crate) async fn open(
    wanted: bool,
    server: Option<&Path>,
) -> io::Result<Option<(Bridge, UnboundedReceiver<Order>)>> {
    if !wanted {
        return Ok(None);
    }
    let Some(servers) = DataPlane::open(server).await? else {
        let text = "no Valkey or Redis server was found for the data plane (or no loopback addresses beside 127.0.0.1)";
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    };
    let (orders, waiting) = unbounded_channel();
    Ok(Some((Bridge { servers, orders }, waiting)))
}

/// Carries out orders: those of one group in turn, those of different groups together.
pub(crate) async fn work(orders: Option<UnboundedReceiver<Order>>, shared: Shared) {
    let Some(mut orders) = orders else {
        return std::future::pending().await;
    };
    let mut last: HashMap<String, JoinHandle<()>> = HashMap::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => shared.lock().advance(),
            order = orders.recv() => {
                let Some(order) = order else { return };
                let group = order.group.clone();
                let before = last.remove(&group);
                let task = tokio::spawn(carry_out(order, before, shared.clone()));
                last.retain(|_, task| !task.is_finished());
                last.insert(group, task);
            }
        }
    }
}

async fn carry_out(order: Order, before: Option<JoinHandle<()>>, shared: Shared) {
    if let Some(before) = before {
        // A failed order before this one is no reason not to try.
        let _ = before.await;
    }
    let servers = shared.lock().servers();
    let Some(servers) = servers else {
        return;
    };
    let result = match order.shape {
        Some(shape) => servers.apply(&order.group, shape).await,
        None => servers.remove(&order.group).await,
    };
    let failure = result.err().map(|error| error.to_string());
    if let Some(failure) = &failure {
        #[expect(clippy::print_stderr, reason = "a cache without its servers is not to be overlooked")]
        {
            eprintln!("cachectl-sandbox: the servers of {}: {failure}", order.group);
        }
    }
    shared.lock().servers_ready(&order.group, failure.as_deref());
}

impl Bridge {
    pub(crate) fn servers(&self) -> &DataPlane {
        &self.servers
    }

    pub(crate) fn hand_over(&self, state: &mut State) {
        for group in std::mem::take(&mut state.touched) {
            let shape = shape(state, &group);
            *state.busy.entry(group.clone()).or_default() += 1;
            // The worker is gone only when the sandbox ends.
            let _ = self.orders.send(Order { group, shape });
        }
    }
}

pub(crate) fn settle(state: &mut State, group: &str, failure: Option<&str>) {
    if let Some(count) = state.busy.get_mut(group) {
        *count -= 1;
        if *count == 0 {
            state.busy.remove(group);
        }
    }
    let Some(failure) = failure else { return };
    let why = format!("Sandbox: the servers of {group} are not as they should be: {failure}");
    if state.groups.get(group).is_some_and(|group| group.status == "creating") {
        state.timetable.cancel(|job| matches!(job, Job::GroupCreated(id) if id == group));
        replication_groups::create::fail(state, group, "create-failed", &why);
    } else if state.serverless.get(group).is_some_and(|cache| cache.status == "creating") {
        state.timetable.cancel(|job| matches!(job, Job::ServerlessReady(name) if name == group));
        serverless::fail(state, group, &why);
    } else {
        events::group(state, group, why);
    }
}

fn shape(state: &State, id: &str) -> Option<Shape> {
    if let Some(group) = state.groups.get(id) {
        return group_shape(state, group);
    }
    state.serverless.get(id).and_then(|cache| serverless_shape(state, cache))
}

fn group_shape(state: &State, group: &ReplicationGroup) -> Option<Shape> {
    if group.has_failed() {
        return None;
    }
    let has_primary = endpoints::has_primary(group);
    let local = |name: endpoints::Name| name.local;
    let shards = group.shards.iter().map(|shard| Shard {
        id: shard.id.clone(),
        slots: if group.is_clustered() { shard.slots.0.clone() } else { Vec::new() },
        nodes: shard
            .members
            .iter()
            .map(|member| Node { member: member.id.clone(), primary: member.primary, health: shard.health(&member.id) })
            .collect(),
    });
    Some(Shape {
        cluster: group.is_clustered(),
        serverless: false,
        port: u16::try_from(group.port).unwrap_or(6379),
        tls: match group.tls {
            replication_groups::Tls::Off => Tls::Off,
            replication_groups::Tls::Preferred => Tls::Preferred,
            replication_groups::Tls::Required => Tls::Required,
        },
        auth: auth(state, group),
        parameters: parameters(state, group),
        engine: group.version.engine.name().to_owned(),
        shards: shards.collect(),
        endpoints: Endpoints {
            primary: has_primary.then(|| local(endpoints::primary(state, group))),
            reader: has_primary.then(|| local(endpoints::reader(state, group))),
            configuration: group.is_clustered().then(|| local(endpoints::configuration(state, group))),
        },
        names_lag: group.shards.iter().any(replication_groups::Shard::names_lag),
        generation: group.generation,
    })
}

fn serverless_shape(state: &State, cache: &ServerlessCache) -> Option<Shape> {
    // There is no Memcached to start.
    if cache.engine == Engine::Memcached || cache.status == "create-failed" {
        return None;
    }
    Some(Shape {
        cluster: true,
        serverless: true,
        port: 6379,
        tls: Tls::Required,
        auth: match &cache.user_group {
            Some(id) => Auth::Users(users(state, std::slice::from_ref(id))),
            None => Auth::Open,
        },
        parameters: BTreeMap::new(),
        engine: cache.engine.name().to_owned(),
        shards: Vec::new(),
        endpoints: Endpoints { configuration: Some(endpoints::serverless(state, cache).local), ..Endpoints::default() },
        names_lag: false,
        generation: 0,
    })
}

fn auth(state: &State, group: &ReplicationGroup) -> Auth {
    let access = &group.access;
    if !access.user_groups.is_empty() {
        return Auth::Users(users(state, &access.user_groups));
    }
    if access.tokens.is_empty() {
        return Auth::Open;
    }
    Auth::Token { tokens: access.tokens.clone(), open: access.open }
}

fn users(state: &State, groups: &[String]) -> Vec<User> {
    let ids = groups.iter().filter_map(|id| state.user_groups.get(id)).flat_map(|group| &group.users);
    let users = ids.filter_map(|id| state.users.get(id));
    users
        .map(|user| User {
            name: user.name.clone(),
            access_string: user.access.clone(),
            // IAM users have no password here: nothing local can check their tokens.
            passwords: match &user.authentication {
                Authentication::Passwords(passwords) => passwords.clone(),
                Authentication::NoPassword | Authentication::Iam => Vec::new(),
            },
            no_password: user.authentication == Authentication::NoPassword,
        })
        .collect()
}

/// AWS's defaults differ from the engine's, so all of them are handed over. Those that need a reboot
/// are fixed when a server starts; only `databases` matters to clients.
fn parameters(state: &State, group: &ReplicationGroup) -> BTreeMap<String, String> {
    let Some(own) = state.parameter_groups.get(&group.parameter_group) else {
        return BTreeMap::new();
    };
    own.family
        .rows()
        .filter(|row| !row.reboot || row.name == "databases")
        .filter_map(|row| Some((row.name.to_owned(), own.value(row.name)?)))
        .collect()
}

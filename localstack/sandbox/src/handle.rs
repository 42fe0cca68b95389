//! Starting, steering and stopping a sandbox from Rust.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::bridge;
use crate::cloudwatch::metrics::{self, Seeded};
use crate::control::replication_groups::failover::{self, Failover};
use crate::control::replication_groups::{Global, global_member, modify};
use crate::control::service_updates::{self, Published};
use crate::control::users::Authentication;
use crate::failures::{Failure, Kind};
use crate::faults::Fault;
use crate::quotas::Quotas;
use crate::refusal::Refusal;
use crate::seed;
use crate::server::{self, Shared};
use crate::state::Settings;
use crate::world::{Call, World};

#[derive(Debug, Clone)]
pub struct Options {
    /// 0 takes a free one.
    pub port: u16,
    /// How much of AWS's real durations to wait: 0.0 makes every state instant, 1.0 takes as long as
    /// AWS, 0.001 creates a group in a third of a second.
    pub time_scale: f64,
    pub account_id: String,
    pub region: String,
    /// A cap on page sizes below the API's own, so that paging shows with few resources.
    pub page_size: Option<usize>,
    /// Whether endpoints lead to real servers. Starting fails with [`io::ErrorKind::NotFound`] when
    /// there is no server program.
    pub data_plane: bool,
    /// The server program; without it `$CACHECTL_SANDBOX_SERVER`, `valkey-server` or `redis-server`.
    pub server: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            port: 0,
            time_scale: 0.0,
            account_id: "012345678901".into(),
            region: "us-east-1".into(),
            page_size: None,
            data_plane: false,
            server: None,
        }
    }
}

/// A running sandbox. Dropping it stops the server and ends all its processes.
pub struct Sandbox {
    address: SocketAddr,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts on a thread and runtime of its own, so that it goes on while the caller blocks.
    ///
    /// # Errors
    /// The port is taken, or no thread can be started.
    pub async fn start(options: Options) -> io::Result<Sandbox> {
        let (ready, started) = oneshot::channel();
        let (thread, stop) = launch(options, ready)?;
        let (address, shared) = started.await.map_err(|_| ended())??;
        Ok(Sandbox { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The same for callers outside of any async runtime.
    ///
    /// # Errors
    /// The port is taken, or no thread can be started.
    pub fn start_blocking(options: Options) -> io::Result<Sandbox> {
        let (ready, started) = oneshot::channel();
        let (thread, stop) = launch(options, ready)?;
        let (address, shared) = started.blocking_recv().map_err(|_| ended())??;
        Ok(Sandbox { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every API call since the start or the last `clear_calls`, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls()
    }

    pub fn clear_calls(&self) {
        self.shared.lock().clear_calls();
    }

    pub fn inject(&self, fault: Fault) {
        self.shared.lock().inject(fault);
    }

    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Makes faults with a probability fall alike in every run with this seed.
    pub fn seed_faults(&self, seed: u64) {
        self.shared.lock().faults.seed(seed);
    }

    /// Forgets all resources, calls and faults.
    pub fn reset(&self) {
        self.shared.lock().reset();
    }

    /// Moves the sandbox's clock ahead: what would have happened in this time happens now. With a
    /// time scale of 1.0 nothing happens otherwise, so that a test sees every state for as long as
    /// it wants.
    pub fn pass(&self, time: Duration) {
        self.shared.lock().pass(time);
    }

    /// Carries out what the group has waiting for its maintenance window; `false` if nothing waits.
    ///
    /// # Errors
    /// The group does not exist or is not `available`.
    pub fn open_maintenance_window(&self, group: &str) -> Result<bool, Refusal> {
        let id = group.to_ascii_lowercase();
        self.shared.lock().edit(|state| modify::open_window(state, &id))
    }

    /// The AUTH tokens that a group takes, oldest first; an empty one where it lets in without one, too.
    pub fn tokens(&self, group: &str) -> Vec<String> {
        self.shared.lock().edit(|state| {
            let access = state.groups.get(group).map(|group| group.access.clone()).unwrap_or_default();
            access.open.then(String::new).into_iter().chain(access.tokens).collect()
        })
    }

    /// The passwords that a user logs in with.
    pub fn passwords(&self, user: &str) -> Vec<String> {
        self.shared.lock().edit(|state| match state.users.get(user).map(|user| &user.authentication) {
            Some(Authentication::Passwords(passwords)) => passwords.clone(),
            _ => Vec::new(),
        })
    }

    /// Orders one asynchronous failure, for one group or cache or for whichever comes next.
    pub fn fail_next(&self, kind: Kind, target: Option<&str>) {
        let target = target.map(str::to_owned);
        self.shared.lock().edit(|state| state.failures.push(Failure { kind, target }));
    }

    /// Gives metrics a past, and says how many series that made.
    ///
    /// # Errors
    /// A group does not exist, or a metric has no values.
    pub fn seed_metrics(&self, metrics: &[Seeded]) -> Result<usize, Refusal> {
        self.shared.lock().edit(|state| metrics::seed(state, metrics))
    }

    /// Chooses how failovers go from now on: gently, which is the default, or abruptly.
    pub fn set_failover(&self, how: Failover) {
        self.shared.lock().edit(|state| state.failover = how);
    }

    /// Loses the node of a shard's primary, so that a replica has to take over.
    ///
    /// # Errors
    /// The group does not exist, is busy, or has nobody to take over.
    pub fn lose_primary(&self, group: &str, shard: &str) -> Result<(), Refusal> {
        self.shared.lock().edit(|state| failover::lose_primary(state, &group.to_ascii_lowercase(), shard))
    }

    /// Makes a group a member of the global datastore of this id, its primary or a secondary; `None` takes it out.
    ///
    /// # Errors
    /// The group does not exist or is not `available`.
    pub fn set_global_datastore(&self, group: &str, id: Option<&str>, is_primary: bool) -> Result<(), Refusal> {
        let global = id.map(|id| Global { id: id.to_owned(), is_primary });
        self.shared.lock().edit(|state| global_member(state, &group.to_ascii_lowercase(), global))
    }

    /// Publishes a security update for these groups, as yet not applied.
    ///
    /// # Errors
    ///
    /// Where there is no such group.
    pub fn publish_service_update(&self, name: &str, severity: &str, groups: &[&str]) -> Result<(), Refusal> {
        let update = Published::security(name, severity, groups);
        self.shared.lock().edit(|state| service_updates::publish(state, update))
    }

    /// Raises or lowers quotas; [`Quotas::default`] is AWS's, but for the rates of calls, which are off.
    pub fn set_quotas(&self, quotas: Quotas) {
        self.shared.lock().edit(|state| state.quotas = quotas);
    }

    /// Makes `groups` available groups `seed-0001`… of two nodes each, without real servers.
    ///
    /// # Errors
    /// A quota is reached.
    pub fn seed(&self, groups: usize) -> Result<usize, Refusal> {
        self.seed_tagged(groups, &BTreeMap::new())
    }

    /// The same with tags on each.
    ///
    /// # Errors
    /// A quota is reached, or a tag is not a legal one.
    pub fn seed_tagged(&self, groups: usize, tags: &BTreeMap<String, String>) -> Result<usize, Refusal> {
        self.shared.lock().edit(|state| seed::groups(state, groups, tags))
    }

    /// The certificate authority of TLS endpoints, in PEM; `None` without a data plane.
    pub fn ca_pem(&self) -> Option<String> {
        self.shared.lock().ca_pem()
    }

    /// Gives Secrets Manager a new version of a secret.
    pub fn set_secret(&self, name: &str, json: &str) {
        self.shared.lock().set_secret(name, json.to_owned());
    }

    /// Gives SSM a new version of a SecureString.
    pub fn set_parameter(&self, name: &str, value: &str) {
        self.shared.lock().set_parameter(name, value.to_owned());
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("the sandbox's thread ended before it was ready")
}

type Ready = oneshot::Sender<io::Result<(SocketAddr, Shared)>>;

fn launch(options: Options, ready: Ready) -> io::Result<(JoinHandle<()>, oneshot::Sender<()>)> {
    // Real servers are reached through the sandbox's own endpoints, which are worth a second thread.
    let runtime = if options.data_plane {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?
    } else {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?
    };
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("cachectl-sandbox".into())
        .spawn(move || runtime.block_on(run(options, ready, stopped)))?;
    Ok((thread, stop))
}

async fn run(options: Options, ready: Ready, stopped: oneshot::Receiver<()>) {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await;
    let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            // The caller went away; nobody is left to tell.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let settings = Settings {
        account_id: options.account_id,
        region: options.region,
        page_size: options.page_size,
        time_scale: options.time_scale,
    };
    let (bridge, orders) = match bridge::open(options.data_plane, options.server.as_deref()).await {
        Ok(Some((bridge, orders))) => (Some(bridge), Some(orders)),
        Ok(None) => (None, None),
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let shared = Shared::new(World::new(settings, bridge));
    if ready.send(Ok((address, shared.clone()))).is_err() {
        return;
    }
    tokio::select! {
        never = server::serve(listener, shared.clone()) => match never {},
        () = bridge::work(orders, shared.clone()) => {}
        _ = stopped => {}
    }
    shared.lock().close_servers();
}

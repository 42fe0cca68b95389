//! The data plane: real Valkey or Redis processes behind the endpoints that the control plane hands out.
//!
//! ```text
//! client ── 127.A.B.n:6379 ── endpoint (TLS, routing) ── unix socket ── server process
//! ```
//!
//! Every name (of a member, of an endpoint) has a loopback address of its own. A server listens on a unix socket only;
//! its endpoint decides about TLS and where a connection leads, so that changes of either never restart a server.
//! Replicas and cluster nodes find each other through the same endpoints, by the addresses that clients see.
//!
//! What differs from ElastiCache: nothing is ever saved, a node that restarts is empty; the sandbox's own user shows
//! in `ACL LIST`; `CLIENT LIST` shows a unix socket instead of the client's address; a serverless reader endpoint leads
//! to the one node there is, and accepts writes.

mod access;
mod address;
mod certificate;
mod cluster;
mod endpoint;
mod group;
mod parameters;
mod replication;
mod reshard;
mod resp;
mod server;
mod shape;
mod topology;

use std::{
    collections::HashMap,
    io,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, PoisonError},
};

use address::Addresses;
use certificate::Authority;
use endpoint::Gate;
use group::Group;
use server::{Binary, Host};
pub use shape::{Auth, Endpoints, Health, Node, Shape, Shard, Tls, User};
use tokio::sync::Mutex;

/// The servers of one sandbox. Cheap to clone; the processes end with the last clone, or with this process, however
/// that ends.
///
/// It runs on the tokio runtime that called [`DataPlane::open`]; nothing answers while that runtime is blocked.
#[derive(Clone)]
pub struct DataPlane(Arc<Inner>);

struct Inner {
    host: Arc<Host>,
    gate: Gate,
    groups: std::sync::Mutex<HashMap<String, Arc<Mutex<Group>>>>,
}

impl DataPlane {
    /// Finds a server: the given path, else `$CACHECTL_SANDBOX_SERVER`, else `valkey-server` or `redis-server` in
    /// `PATH`. `None` when there is none, or when this machine has no loopback addresses beside 127.0.0.1 (macOS).
    ///
    /// A path or variable that names no server, or one older than 7.0, is an error.
    pub async fn open(server: Option<&Path>) -> io::Result<Option<DataPlane>> {
        let Some(binary) = Binary::find(server).await? else { return Ok(None) };
        let addresses = match Addresses::open() {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => return Ok(None),
            addresses => Arc::new(addresses?),
        };
        let gate = Gate { authority: Arc::new(Authority::new()?), addresses };
        let host = Arc::new(Host::new(binary)?);
        Ok(Some(DataPlane(Arc::new(Inner { host, gate, groups: Default::default() }))))
    }

    /// The loopback address that belongs to a name (a member, an endpoint) as long as this data plane lives. Any
    /// name has one, before and without [`DataPlane::apply`].
    pub fn address(&self, name: &str) -> Ipv4Addr {
        self.0.gate.addresses.of(name)
    }

    /// The certificate authority of this sandbox, in PEM. Every TLS endpoint's certificate names its address and
    /// `localhost`.
    pub fn ca_pem(&self) -> &str {
        self.0.gate.authority.pem()
    }

    /// `valkey 9.1.2`, `redis 7.0.15`
    pub fn server_version(&self) -> &str {
        &self.0.host.binary.version
    }

    /// Makes the processes of a group match the shape: starts, stops, promotes, reshards, reconfigures. Doing it again
    /// changes nothing. Calls for one group run one after the other, calls for different groups together.
    ///
    /// Returns when clients see the result: replicas are in sync, the cluster's nodes agree. (A new replica takes up to
    /// a second until new writes reach it at once.) A change of cluster mode
    /// or of the port starts empty servers. After an error the group is somewhere between; the next call goes on from
    /// there.
    pub async fn apply(&self, group: &str, shape: Shape) -> io::Result<()> {
        loop {
            let entry = self.groups().entry(group.to_owned()).or_default().clone();
            let mut locked = entry.lock().await;
            // Removed while this call waited: what it holds is a group that nobody would ever end.
            if self.groups().get(group).is_some_and(|current| Arc::ptr_eq(current, &entry)) {
                return locked.reshape(&self.0, group, shape).await;
            }
        }
    }

    /// Ends the processes and endpoints of a group. A group that is not there is no error.
    pub async fn remove(&self, group: &str) -> io::Result<()> {
        let entry = self.groups().remove(group);
        if let Some(entry) = entry {
            std::mem::take(&mut *entry.lock().await).end().await;
        }
        Ok(())
    }

    fn groups(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Mutex<Group>>>> {
        self.0.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that nobody else can guess or will draw.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let source = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    source.fill(&mut bytes).expect("the system has a source of random numbers");
    bytes
}

fn random_name() -> String {
    random::<10>().iter().map(|byte| format!("{byte:02x}")).collect()
}

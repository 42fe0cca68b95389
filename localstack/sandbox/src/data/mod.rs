//! The data plane: real Valkey or Redis processes behind the endpoints that the control plane hands out.
//!
//! ```text
//! client ── 127.A.B.n:6379 ── endpoint (TLS, routing) ── unix socket ── server process
//! ```

mod shape;

use std::{io, net::Ipv4Addr, path::Path, sync::Arc};

pub use shape::{Auth, Endpoints, Node, Shape, Shard, Tls, User};

/// The servers of one sandbox. Cheap to clone; the processes end with the last clone, or with this process.
///
/// It runs on the tokio runtime that called [`DataPlane::open`]; nothing answers while that runtime is blocked.
#[derive(Clone)]
pub struct DataPlane(Arc<Inner>);

struct Inner {}

impl DataPlane {
    /// Finds a server: the given path, else `$CACHECTL_SANDBOX_SERVER`, else `valkey-server` or `redis-server` in
    /// `PATH`. `None` when there is none, or when this machine has no loopback addresses beside 127.0.0.1 (macOS).
    pub async fn open(_server: Option<&Path>) -> io::Result<Option<DataPlane>> {
        Ok(None)
    }

    /// The loopback address that belongs to a name (a member, an endpoint) as long as this data plane lives. Any
    /// name has one, before and without [`DataPlane::apply`].
    pub fn address(&self, _name: &str) -> Ipv4Addr {
        let _ = &self.0;
        Ipv4Addr::LOCALHOST
    }

    /// The certificate authority of this sandbox. Every TLS endpoint's certificate names its address and `localhost`.
    pub fn ca_pem(&self) -> &str {
        ""
    }

    /// `valkey 9.1.2`, `redis 7.0.15`
    pub fn server_version(&self) -> &str {
        ""
    }

    /// Makes the processes of a group match the shape: starts, stops, promotes, reshards, reconfigures. Doing it again
    /// changes nothing. Calls for one group run one after the other, calls for different groups together.
    pub async fn apply(&self, _group: &str, _shape: Shape) -> io::Result<()> {
        Ok(())
    }

    /// Ends the processes and endpoints of a group. A group that is not there is no error.
    pub async fn remove(&self, _group: &str) -> io::Result<()> {
        Ok(())
    }
}

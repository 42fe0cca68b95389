//! What is probed (`Target`), and what is expected to be found there (`Expect`).

use std::path::PathBuf;

use crate::client::Way;

/// One cache, as its clients see it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// `replicationGroup/prod-cache`.
    pub address: String,
    pub way: Way,
    /// PEM file with the certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// `transitEncryptionMode: preferred`: the port speaks plaintext too.
    pub plaintext_too: bool,
    /// The reader endpoint, where there is one (cluster mode disabled, serverless).
    pub reader: Option<(String, u16)>,
    pub serverless: bool,
    /// The servers stand in for ElastiCache on this machine: engine and version are what is installed here.
    pub stand_in: bool,
    /// The endpoint is the near end of a tunnel: only names of the endpoint map can be reached.
    pub tunnelled: bool,
    /// The nodes as AWS names them; empty where AWS does not tell (serverless).
    pub members: Vec<Member>,
    pub expect: Expect,
}

impl Target {
    /// AWS's name of the node at this endpoint, beside the endpoint itself.
    pub fn named(&self, host: &str, port: u16) -> String {
        let at = |member: &&Member| member.endpoint.as_ref().is_some_and(|(name, at)| name == host && *at == port);
        match self.members.iter().find(at) {
            Some(member) => format!("{} ({host}:{port})", member.id),
            None => format!("{host}:{port}"),
        }
    }

    /// Whether this machine has a way to the node by its own name.
    pub fn reaches(&self, host: &str, port: u16) -> bool {
        !self.tunnelled || self.way.map.has(host, port)
    }
}

/// One node, as AWS describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// `prod-cache-0001-002`.
    pub id: String,
    pub shard: Option<String>,
    pub endpoint: Option<(String, u16)>,
    pub availability_zone: Option<String>,
    pub node_type: Option<String>,
}

/// What the spec (or AWS) says about the cache. `None` is not checked, only reported.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// `valkey` or `redis`.
    pub engine: Option<String>,
    /// As in the spec: `7.2`, `6.x`, `5.0.6`. Only major and minor are compared.
    pub engine_version: Option<String>,
    pub maxmemory_policy: Option<String>,
    /// Replicas per shard.
    pub replicas: Option<usize>,
    pub shards: Option<usize>,
}

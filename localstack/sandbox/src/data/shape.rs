//! What a replication group or a serverless cache looks like to the clients that connect to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
};

/// The data-plane view of one replication group or serverless cache. [`DataPlane::apply`](super::DataPlane::apply)
/// makes the running servers match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Cluster mode: slots are spread over the shards and clients follow `MOVED`.
    pub cluster: bool,
    /// One cluster-enabled node that owns all slots, whatever `cluster`, `tls` and `shards` say: TLS is always
    /// required, the endpoint `configuration` (or else `primary`) listens on `port`, `reader` (or else the same name)
    /// on the next port: 6379 and 6380 in ElastiCache.
    pub serverless: bool,
    /// The port of every endpoint and node, 1150 to 65535.
    pub port: u16,
    pub tls: Tls,
    pub auth: Auth,
    /// Engine parameters (`maxmemory-policy`, …). Those that the server does not know or refuses are skipped, and so
    /// are those that would take the server away from the sandbox (`port`, `save`, `requirepass`, …).
    pub parameters: BTreeMap<String, String>,
    /// `valkey` or `redis`. The binary that was found decides what `INFO` really says: a Redis server cannot report
    /// `server_name:valkey`, whatever this says.
    pub engine: String,
    /// Node groups. One with `slots` empty when cluster mode is disabled.
    pub shards: Vec<Shard>,
    pub endpoints: Endpoints,
    /// Endpoints lead where they led, whatever became of the nodes there: names follow a failover late.
    pub names_lag: bool,
    /// A new number is new nodes under the old data: clients' connections end, as with an engine upgrade.
    pub generation: u32,
}

/// `TransitEncryptionEnabled` and `TransitEncryptionMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// No encryption: a TLS client gets nowhere.
    Off,
    /// Both plaintext and TLS clients are served.
    Preferred,
    /// A plaintext client's connection is closed.
    Required,
}

/// How clients prove who they are.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// No password.
    Open,
    /// AUTH tokens: one, or two while a `ROTATE` waits for its `SET`.
    Token {
        tokens: Vec<String>,
        /// A `ROTATE` from no token at all: clients that send none are still served.
        open: bool,
    },
    /// RBAC: the users of the attached user groups. The engine's own `default` user is off unless it is listed.
    Users(Vec<User>),
}

/// A user of a user group, by its `UserName` (not its `UserId`).
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    /// `on ~app::* -@all +@read`
    pub access_string: String,
    pub passwords: Vec<String>,
    pub no_password: bool,
}

/// A node group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// `0001`
    pub id: String,
    /// Inclusive ranges, 0 to 16383. Empty when cluster mode is disabled.
    pub slots: Vec<(u16, u16)>,
    /// Exactly one of them is the primary.
    pub nodes: Vec<Node>,
}

/// A member cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name whose [`address`](super::DataPlane::address) the node listens on.
    pub member: String,
    pub primary: bool,
    pub health: Health,
}

/// What befell a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    #[default]
    Up,
    /// It serves clients, and its replicas hear nothing of it any more.
    CutOff,
    /// Its process was killed. While a primary is dead, nothing else about the group changes.
    Dead,
    /// Its machine is gone with it: connections hang instead of ending.
    Lost,
}

impl Health {
    fn is_dead(self) -> bool {
        matches!(self, Health::Dead | Health::Lost)
    }
}

/// The names (as given to [`DataPlane::address`](super::DataPlane::address)) that clients know the group by. Like the
/// names of members, each is of one group only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Cluster mode disabled: always leads to the current primary.
    pub primary: Option<String>,
    /// Cluster mode disabled: leads to the replicas in turn, or to the primary when there are none.
    pub reader: Option<String>,
    /// Cluster mode enabled: leads to any node.
    pub configuration: Option<String>,
}

// Passwords and tokens stay out of logs and of failed assertions.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Auth::Open => f.write_str("Open"),
            Auth::Token { tokens, open } => {
                write!(f, "Token({} valid, open: {open})", tokens.len())
            }
            Auth::Users(users) => f.debug_tuple("Users").field(users).finish(),
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("access_string", &self.access_string)
            .field("passwords", &self.passwords.len())
            .field("no_password", &self.no_password)
            .finish()
    }
}

impl Shard {
    pub(super) fn primary(&self) -> Option<&str> {
        self.nodes.iter().find(|node| node.primary).map(|node| node.member.as_str())
    }
}

impl Shape {
    /// Members whose process is to be killed.
    pub(super) fn dead(&self) -> impl Iterator<Item = &Node> {
        self.shards.iter().flat_map(|shard| &shard.nodes).filter(|node| node.health.is_dead())
    }

    pub(super) fn without_dead(mut self) -> Self {
        for shard in &mut self.shards {
            shard.nodes.retain(|node| !node.health.is_dead());
        }
        self
    }

    /// Fills in what serverless implies, and refuses what no group can be.
    pub(super) fn checked(mut self, group: &str) -> io::Result<Self> {
        if self.serverless {
            self.cluster = true;
            self.tls = Tls::Required;
            let known_as = self.endpoints.configuration.take().or(self.endpoints.primary.take());
            let known_as = known_as.unwrap_or_else(|| group.to_owned());
            self.endpoints.reader.get_or_insert_with(|| known_as.clone());
            // Clients are sent to the endpoint itself: a serverless cache has no nodes that they could see.
            let nodes = vec![Node { member: known_as, primary: true, health: Health::Up }];
            self.shards = vec![Shard { id: "0001".to_owned(), slots: vec![(0, 16383)], nodes }];
        }
        let refuse = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{group}: {text}")));
        if self.shards.is_empty() || (!self.cluster && self.shards.len() > 1) {
            return refuse(format!("{} shards with cluster mode {}", self.shards.len(), self.cluster));
        }
        let mut members = BTreeSet::new();
        let mut slots = BTreeSet::new();
        for shard in &self.shards {
            if shard.nodes.iter().filter(|node| node.primary).count() != 1 {
                return refuse(format!("shard {} has not exactly one primary", shard.id));
            }
            if let Some(twin) = shard.nodes.iter().find(|node| !members.insert(&node.member)) {
                return refuse(format!("member {} is there twice", twin.member));
            }
            let taken = shard.slots.iter().flat_map(|(first, last)| *first..=*last);
            if let Some(slot) = taken.into_iter().find(|slot| *slot > 16383 || !slots.insert(*slot)) {
                return refuse(format!("slot {slot} is out of range or in two shards"));
            }
        }
        Ok(self)
    }
}

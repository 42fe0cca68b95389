//! Server processes: finding a binary, starting it, and making sure that it ends.

use std::{
    env,
    fs::{self, DirBuilder},
    io,
    net::Ipv4Addr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{random_name, resp::Connection};

/// Commands that ElastiCache keeps from its users, under names that only the sandbox uses: a client gets the
/// engine's own `ERR unknown command`. PSYNC and SYNC are absent because replicas need them by name.
const RENAMED: [&str; 11] = [
    "BGREWRITEAOF",
    "BGSAVE",
    "CONFIG",
    "DEBUG",
    "FAILOVER",
    "MIGRATE",
    "MODULE",
    "REPLICAOF",
    "SAVE",
    "SHUTDOWN",
    "SLAVEOF",
];

pub(super) const CONFIG: &str = "SANDBOX.CONFIG";
pub(super) const MIGRATE: &str = "SANDBOX.MIGRATE";
pub(super) const REPLICAOF: &str = "SANDBOX.REPLICAOF";

/// Ends the server when its standard input closes: with `Server`, with the sandbox, and with a sandbox that was
/// killed and could not do anything about it. Then it cleans up.
const WATCHER: &str = r#"
"$1" "$2/server.conf" >"$2/log" 2>&1 &
server=$!
read -r _
kill -9 $server
wait $server 2>/dev/null
rm -rf -- "$2"
rmdir -- "$3" 2>/dev/null
"#;

/// In milliseconds, while the nodes have something to tell each other: news spreads at half the node timeout.
pub(super) const HURRIED_NODE_TIMEOUT: &str = "800";

/// In milliseconds, otherwise. Failure detection is for real failures of the network, of which a loopback interface
/// has none. What it sees here are busy build machines.
pub(super) const PATIENT_NODE_TIMEOUT: &str = "15000";

/// How long a server may take to answer for the first time.
const START: Duration = Duration::from_secs(15);

/// The server program of this sandbox.
pub(super) struct Binary {
    path: PathBuf,
    /// `valkey 9.1.2`
    pub(super) version: String,
}

impl Binary {
    pub(super) async fn find(given: Option<&Path>) -> io::Result<Option<Self>> {
        let named = given.map(Path::to_owned).or_else(|| env::var_os("CACHECTL_SANDBOX_SERVER").map(PathBuf::from));
        let Some(path) = named.or_else(|| in_path("valkey-server")).or_else(|| in_path("redis-server")) else {
            return Ok(None);
        };
        let output = Command::new(&path)
            .arg("--version")
            .output()
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("cannot run {}: {error}", path.display())))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = parse_version(&text).ok_or_else(|| {
            let said = text.trim();
            io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no Valkey or Redis: {said}", path.display()))
        })?;
        // ACL rules for subcommands, bind-source-addr and cluster-port came with 7.0.
        let major = version.split([' ', '.']).nth(1).and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < 7) {
            let text = format!("{} is {version}; the sandbox needs 7.0 or later", path.display());
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(Some(Self { path, version }))
    }
}

/// `Valkey server v=9.1.2 sha=…`, `Redis server v=7.0.15 sha=…`
fn parse_version(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let engine = words.next()?.to_lowercase();
    let number = words.find_map(|word| word.strip_prefix("v="))?;
    matches!(engine.as_str(), "valkey" | "redis").then(|| format!("{engine} {number}"))
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The sandbox's own user on its servers.
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// What all servers of a sandbox share.
pub(super) struct Host {
    pub(super) binary: Binary,
    pub(super) admin: Credentials,
    folder: PathBuf,
}

impl Host {
    pub(super) fn new(binary: Binary) -> io::Result<Self> {
        // Short, because the path of a unix socket has about 100 bytes.
        let folder = env::temp_dir().join(format!("cachectl-{}", random_name()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let admin = Credentials { user: format!("sandbox-{}", random_name()), password: random_name() };
        Ok(Self { binary, admin, folder })
    }

    /// A folder of a server's own. The last watcher of earlier servers takes the sandbox's folder with it, so it is made
    /// anew where it is gone.
    fn new_folder(&self) -> io::Result<PathBuf> {
        loop {
            let folder = self.folder.join(random_name());
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(folder),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            match DirBuilder::new().mode(0o700).create(&self.folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Full as long as a watcher still ends a server; the last watcher removes it.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// What a server is started with and cannot change while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Launch {
    pub(super) cluster: bool,
    /// Where clients and other servers reach it, through its endpoint.
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
    /// The engine parameter, which cannot be set later.
    pub(super) databases: Option<String>,
}

impl Launch {
    /// The cluster bus, on the same address. It has no endpoint in front.
    pub(super) fn bus_port(&self) -> u16 {
        self.port.checked_add(10_000).unwrap_or_else(|| self.port - 10_000)
    }

    fn config(&self, folder: &Path, admin: &Credentials) -> String {
        let Self { address, port, .. } = self;
        let Credentials { user, password } = admin;
        let mut lines = vec![
            // Clients come through the endpoint and the unix socket only.
            "port 0".to_owned(),
            format!("unixsocket {}", quoted(&folder.join("socket"))),
            "unixsocketperm 700".to_owned(),
            format!("dir {}", quoted(folder)),
            format!("bind {address}"),
            // The endpoints tell servers from clients by it.
            format!("bind-source-addr {address}"),
            format!("replica-announce-ip {address}"),
            format!("replica-announce-port {port}"),
            // Nobody is let in before the group's own rules are in force.
            "user default off".to_owned(),
            format!("user {user} on >{password} ~* &* +@all"),
            format!("masteruser {user}"),
            format!("masterauth {password}"),
            "save \"\"".to_owned(),
            "appendonly no".to_owned(),
            "repl-diskless-sync yes".to_owned(),
            "repl-diskless-sync-delay 0".to_owned(),
            // Valkey 9 otherwise notices only once a second that a file has arrived.
            "repl-diskless-load swapdb".to_owned(),
            // How often a primary looks whether the process that sends its data is done.
            "hz 50".to_owned(),
            // Replicas announce themselves with offset 0, which CLUSTER SHARDS calls "loading", until the first ping.
            "repl-ping-replica-period 1".to_owned(),
        ];
        lines.extend(RENAMED.iter().map(|command| format!("rename-command {command} SANDBOX.{command}")));
        if let Some(databases) = self.databases.as_ref().filter(|value| value.parse::<u32>().is_ok()) {
            lines.push(format!("databases {databases}"));
        }
        if self.cluster {
            let bus = self.bus_port();
            lines.extend([
                "cluster-enabled yes".to_owned(),
                "cluster-config-file nodes.conf".to_owned(),
                format!("cluster-port {bus}"),
                format!("cluster-announce-ip {address}"),
                format!("cluster-announce-port {port}"),
                format!("cluster-announce-bus-port {bus}"),
                format!("cluster-node-timeout {HURRIED_NODE_TIMEOUT}"),
                // The control plane decides who is primary, and which shard an empty primary belongs to.
                "cluster-replica-no-failover yes".to_owned(),
                "cluster-allow-replica-migration no".to_owned(),
            ]);
        }
        lines.join("\n") + "\n"
    }
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

/// A running server. Dropping it ends the process.
pub(super) struct Server {
    pub(super) socket: PathBuf,
    folder: PathBuf,
    watcher: Child,
}

impl Server {
    pub(super) async fn start(host: &Host, launch: &Launch) -> io::Result<Self> {
        let folder = host.new_folder()?;
        fs::write(folder.join("server.conf"), launch.config(&folder, &host.admin))?;
        let watcher = Command::new("sh")
            .args(["-c", WATCHER, "cachectl-sandbox-server"])
            .args([&host.binary.path, &folder, &host.folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is for the sandbox, which ends the servers after its last answer.
            .process_group(0)
            .spawn()?;
        let server = Self { socket: folder.join("socket"), folder, watcher };
        let deadline = Instant::now() + START;
        loop {
            match server.connect(host).await {
                Ok(_) => return Ok(server),
                Err(_) if Instant::now() < deadline && !server.has_ended() => sleep(Duration::from_millis(3)).await,
                Err(error) => {
                    let log = fs::read_to_string(server.folder.join("log")).unwrap_or_default();
                    let last: Vec<&str> = log.lines().rev().take(3).collect();
                    let text = format!("{} did not start: {error}: {}", host.binary.version, last.join(" | "));
                    return Err(io::Error::new(error.kind(), text));
                }
            }
        }
    }

    pub(super) async fn connect(&self, host: &Host) -> io::Result<Connection> {
        Connection::open(&self.socket, &host.admin).await
    }

    /// A server that refuses its configuration says so and goes; its watcher stays.
    fn has_ended(&self) -> bool {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        ["FATAL CONFIG FILE ERROR", "Failed listening", "not found", "denied"].iter().any(|text| log.contains(text))
    }

    pub(super) async fn stop(mut self) {
        drop(self.watcher.stdin.take());
        // It sends SIGKILL and waits; this is for a machine that is out of everything.
        let _ = timeout(Duration::from_secs(5), self.watcher.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn both_servers_tell_their_version() {
        let version = |text| parse_version(text).unwrap_or_default();
        assert_eq!(version("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64"), "valkey 9.1.2");
        assert_eq!(version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"), "redis 7.0.15");
        assert_eq!(version("GNU bash, version 5.2.15(1)-release"), "");
    }
}

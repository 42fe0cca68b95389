//! Real servers for tests of the data plane: whatever `valkey-server` or `redis-server` is installed. Without one,
//! these tests say so and pass.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A server that dies with the test.
pub(crate) struct Server {
    pub child: Child,
    pub port: u16,
    pub dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `CACHECTL_TEST_SERVER`, or the first server on the path; `None` skips the test.
pub(crate) fn server_binary() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CACHECTL_TEST_SERVER") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let found = ["valkey-server", "redis-server"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |dir| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        note("no valkey-server or redis-server is installed: skipped");
    }
    found
}

#[expect(clippy::print_stderr, reason = "a skipped test says why")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// A port that was free a moment ago. Below 50000, so that a cluster's bus port (+10000) exists, and
/// with both of them free.
pub(crate) fn free_port() -> u16 {
    static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    // Test programs that run side by side begin apart.
    let mut port = 20_000 + (std::process::id() % 290) as u16 * 100;
    loop {
        port = if port >= 49_000 { 20_000 } else { port + 1 };
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) && TAKEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}

pub(crate) fn start(binary: &Path, arguments: &[&str]) -> Server {
    let port = free_port().to_string();
    start_on(binary, &port, [&["--port", &port], arguments].concat())
}

pub(crate) fn start_on(binary: &Path, port: &str, arguments: Vec<&str>) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(binary)
        .args(["--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(dir.path())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let port = port.parse().unwrap();
    let server = Server { child, port, dir };
    await_that("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

pub(crate) fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One inline command and the first part of its answer.
pub(crate) fn ask(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut answer = vec![0; 65_536];
    let mut length = 0;
    // A bulk string announces its length; everything else here comes in one piece.
    loop {
        let read = stream.read(&mut answer[length..]).unwrap();
        assert!(read > 0, "{command}: the server hung up");
        length += read;
        let text = String::from_utf8_lossy(&answer[..length]);
        let complete = match text.strip_prefix('$').and_then(|text| text.split_once("\r\n")) {
            Some((announced, body)) => body.len() >= announced.parse::<usize>().unwrap_or(0),
            None => text.ends_with("\r\n"),
        };
        if complete {
            return text.into_owned();
        }
    }
}

pub(crate) fn signal(server: &Server, signal: &str) {
    let status = Command::new("kill").args([signal, &server.child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// A certificate authority and a server certificate, or `None` without openssl.
pub(crate) fn certificates(dir: &Path) -> Option<()> {
    let openssl = |line: &str| {
        let status = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success()).then_some(())
    };
    std::fs::write(dir.join("san"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").ok()?;
    for ca in ["ca", "other"] {
        openssl(&format!("req -x509 -newkey rsa:2048 -nodes -keyout {ca}.key -out {ca}.crt -days 30 -subj /CN={ca}"))?;
    }
    openssl("req -newkey rsa:2048 -nodes -keyout srv.key -out srv.csr -subj /CN=localhost")?;
    openssl("x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out srv.crt -extfile san")
}

/// Three primaries with a replica each.
pub(crate) fn cluster(binary: &Path) -> Vec<Server> {
    cluster_of(binary, 1)
}

/// Three primaries, with a replica each or none.
pub(crate) fn cluster_of(binary: &Path, replicas: usize) -> Vec<Server> {
    let count = 3 + 3 * replicas;
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0"];
    let nodes: Vec<Server> = (0..count).map(|_| start(binary, &arguments)).collect();
    for (node, slots) in nodes.iter().zip(["0 5460", "5461 10922", "10923 16383"]) {
        assert!(ask(node.port, &format!("CLUSTER ADDSLOTSRANGE {slots}")).starts_with("+OK"));
    }
    for (epoch, node) in nodes.iter().enumerate() {
        ask(node.port, &format!("CLUSTER SET-CONFIG-EPOCH {}", epoch + 1));
        ask(nodes[0].port, &format!("CLUSTER MEET 127.0.0.1 {}", node.port));
    }
    await_that("all nodes know each other", || {
        nodes.iter().all(|node| ask(node.port, "CLUSTER INFO").contains(&format!("cluster_known_nodes:{count}")))
    });
    for (replica, primary) in nodes[3..].iter().zip(&nodes) {
        let id = ask(primary.port, "CLUSTER MYID");
        let id = id.lines().nth(1).unwrap().to_owned();
        await_that("a replica follows its primary", || {
            ask(replica.port, &format!("CLUSTER REPLICATE {id}")).starts_with("+OK")
        });
    }
    await_that("the cluster is up and its replicas are in sync", || {
        nodes.iter().all(|node| ask(node.port, "CLUSTER INFO").contains("cluster_state:ok"))
            && (replicas == 0
                || nodes[..3].iter().all(|node| ask(node.port, "INFO replication").contains("state=online")))
            && nodes.iter().all(|node| {
                let slots = ask(node.port, "CLUSTER SLOTS");
                nodes.iter().all(|node| slots.contains(&format!(":{}\r\n", node.port)))
            })
    });
    nodes
}

/// A server with TLS and a password, and the authority that signed its certificate. `None` without openssl or TLS.
pub(crate) fn with_tls(binary: &Path, dir: &Path, password: &str) -> Option<(Server, PathBuf)> {
    let file = |name: &str| dir.join(name).display().to_string();
    if certificates(dir).is_none() {
        note("no openssl: skipped");
        return None;
    }
    let port = free_port().to_string();
    let (certificate, key, authority) = (file("srv.crt"), file("srv.key"), file("ca.crt"));
    let tls = ["--port", "0", "--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let arguments =
        [&tls[..], &["--tls-ca-cert-file", &authority, "--tls-auth-clients", "no", "--requirepass", password]];
    // A server that was built without TLS refuses the options and exits.
    let mut probe = Command::new(binary)
        .args(arguments.concat())
        .args(["--bind", "127.0.0.1", "--save", ""])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let exited = probe.try_wait().unwrap().is_some();
    let _ = probe.kill();
    let _ = probe.wait();
    if exited {
        note("the server has no TLS: skipped");
        return None;
    }
    Some((start_on(binary, &port, arguments.concat()), dir.join("ca.crt")))
}

/// A port behind which every piece of a request waits this long before the server gets it.
pub(crate) fn slow(to: u16, delay: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { return };
            let (mut up, mut down) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            let (mut near, mut far) = (near, far);
            std::thread::spawn(move || std::io::copy(&mut down, &mut near));
            std::thread::spawn(move || {
                let mut piece = [0; 65_536];
                while let Ok(length) = up.read(&mut piece)
                    && length > 0
                {
                    std::thread::sleep(delay);
                    if far.write_all(&piece[..length]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

impl Server {
    /// A number of `INFO`.
    pub(crate) fn number(&self, section: &str, name: &str) -> u64 {
        let text = ask(self.port, &format!("INFO {section}"));
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).trim().parse().unwrap()
    }

    /// Kills it, and starts an empty one on the same port.
    pub(crate) fn replace(&mut self, binary: &Path, arguments: &[&str]) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        std::thread::sleep(Duration::from_millis(800));
        let port = self.port.to_string();
        *self = start_on(binary, &port, [&["--port", &port], arguments].concat());
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A way to a server that takes this long in each direction. It ends with the test program.
pub(crate) fn distant(port: u16, each_way: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
            for (from, to) in [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())] {
                if let (Ok(from), Ok(to)) = (from, to) {
                    delay(from, to, each_way);
                }
            }
        }
    });
    near
}

/// Carries bytes after a while, in their order; reading goes on meanwhile.
fn delay(mut from: TcpStream, mut to: TcpStream, time: Duration) {
    let (late, queue) = std::sync::mpsc::channel::<(Instant, Vec<u8>)>();
    let _ = to.set_nodelay(true);
    std::thread::spawn(move || {
        for (due, bytes) in queue {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    std::thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            if late.send((Instant::now() + time, bytes[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

//! What clients connect to: a listener that ends TLS and passes the bytes on to a server's unix socket.
//!
//! TLS ends here and not in the servers, so that it works with servers built without it, and so that a change of
//! `TransitEncryptionMode` never restarts one.

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::AbortHandle,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{address::Addresses, certificate::Authority, shape::Tls};

/// The first byte of a TLS handshake record. No RESP command starts with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// Where an endpoint leads at the moment.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) tls: Tls,
    /// Unix sockets, used in turn. With none, connections are closed at once.
    pub(super) servers: Vec<PathBuf>,
    /// Sent to the server ahead of the client: how a client without a token is let in while one is being introduced.
    pub(super) greeting: Option<Vec<u8>>,
    /// A new number drops the connections there are.
    pub(super) epoch: u64,
    /// Other servers of the sandbox are turned away.
    pub(super) is_cut_off: bool,
    /// Servers whose machine is gone: a connection to one of them hangs instead of ending.
    pub(super) lost: Vec<PathBuf>,
}

/// A listener. Dropping it closes it and its connections.
pub(super) struct Endpoint {
    pub(super) port: u16,
    route: watch::Sender<Route>,
    listener: AbortHandle,
}

/// What all endpoints of a sandbox share.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) authority: Arc<Authority>,
    pub(super) addresses: Arc<Addresses>,
}

impl Endpoint {
    pub(super) async fn listen(gate: &Gate, address: Ipv4Addr, port: u16, route: Route) -> io::Result<Self> {
        let listener = TcpListener::bind((address, port)).await.map_err(|error| {
            let hint = if error.kind() == io::ErrorKind::AddrInUse {
                " (a server that listens on all addresses takes the port from the sandbox too)"
            } else {
                ""
            };
            io::Error::new(error.kind(), format!("cannot listen on {address}:{port}: {error}{hint}"))
        })?;
        let port = listener.local_addr()?.port();
        let door = Door {
            tls: gate.authority.acceptor(address)?,
            addresses: gate.addresses.clone(),
            turn: Arc::new(AtomicUsize::new(0)),
        };
        let (route, watched) = watch::channel(route);
        let listener = tokio::spawn(accept(listener, door, watched)).abort_handle();
        Ok(Self { port, route, listener })
    }

    /// Connections that the new route would not have made are dropped.
    pub(super) fn lead(&self, mut route: Route) {
        self.route.send_if_modified(|current| {
            route.epoch = current.epoch;
            let changed = *current != route;
            *current = route;
            changed
        });
    }

    /// Drops the connections, as a failover does.
    pub(super) fn drop_connections(&self) {
        self.route.send_modify(|route| route.epoch += 1);
    }

    /// What leads to this server hangs from now on, until the next [`lead`](Self::lead).
    pub(super) fn lose(&self, server: &Path) {
        self.route.send_modify(|route| route.lost.push(server.to_owned()));
    }

    /// Closed for clients until the next [`lead`](Self::lead).
    pub(super) fn close(&self) {
        self.route.send_modify(|route| route.servers.clear());
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

#[derive(Clone)]
struct Door {
    tls: TlsAcceptor,
    addresses: Arc<Addresses>,
    turn: Arc<AtomicUsize>,
}

async fn accept(listener: TcpListener, door: Door, route: watch::Receiver<Route>) {
    loop {
        let Ok((client, peer)) = listener.accept().await else {
            // Out of file descriptors, most likely: let some connections end.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Replication between our own servers come from their own addresses, in plaintext and with the
        // sandbox's password.
        let inner = door.addresses.owns(peer.ip());
        tokio::spawn(connection(client, inner, door.clone(), route.clone()));
    }
}

async fn connection(mut client: TcpStream, inner: bool, door: Door, mut watched: watch::Receiver<Route>) {
    let mut route = watched.borrow_and_update().clone();
    if route.servers.is_empty() || inner && route.is_cut_off {
        return;
    }
    let server = route.servers.swap_remove(door.turn.fetch_add(1, Relaxed) % route.servers.len());
    if inner {
        route.tls = Tls::Off;
        route.greeting = None;
    }
    if !route.lost.contains(&server) {
        tokio::select! {
            // However a connection ends, the client sees it end.
            _ = forward(&mut client, &door.tls, &route, &server) => {}
            () = rerouted(&mut watched, &route, &server, inner) => {}
        }
    }
    if !inner {
        hangs(&mut watched, &server).await;
    }
}

/// Waits as long as the server is lost; the client hears nothing meanwhile.
async fn hangs(watched: &mut watch::Receiver<Route>, server: &PathBuf) {
    loop {
        let is_lost = watched.borrow_and_update().lost.contains(server);
        if !is_lost || watched.changed().await.is_err() {
            return;
        }
    }
}

/// Ends when the connection has to.
async fn rerouted(watched: &mut watch::Receiver<Route>, made: &Route, server: &Path, inner: bool) {
    while watched.changed().await.is_ok() {
        let now = watched.borrow_and_update();
        let kept = now.servers.iter().any(|path| path == server) && !now.lost.iter().any(|path| path == server);
        // Failovers and TLS modes are for clients; replicas have their own orders.
        let is_wanted = if inner { !now.is_cut_off } else { now.epoch == made.epoch && now.tls == made.tls };
        if !kept || !is_wanted {
            return;
        }
    }
}

async fn forward(client: &mut TcpStream, tls: &TlsAcceptor, route: &Route, server: &Path) -> io::Result<()> {
    client.set_nodelay(true)?;
    let encrypted = match route.tls {
        Tls::Off => false,
        Tls::Preferred | Tls::Required => {
            let mut first = [0];
            client.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE]
        }
    };
    if route.tls == Tls::Required && !encrypted {
        return Ok(());
    }
    let server = greeted(server, route.greeting.as_deref()).await?;
    if encrypted {
        let client = timeout(Duration::from_secs(10), tls.accept(client)).await??;
        exchange(client, server).await
    } else {
        exchange(client, server).await
    }
}

async fn greeted(server: &Path, greeting: Option<&[u8]>) -> io::Result<UnixStream> {
    let mut server = UnixStream::connect(server).await?;
    if let Some(greeting) = greeting {
        server.write_all(greeting).await?;
        let mut reply = [0; 5];
        server.read_exact(&mut reply).await?;
        if &reply != b"+OK\r\n" {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    Ok(server)
}

async fn exchange(mut client: impl AsyncRead + AsyncWrite + Unpin, mut server: UnixStream) -> io::Result<()> {
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

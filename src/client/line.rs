//! One connection, made and used in blocking fashion: for questions around a measurement, and to log in
//! before an event loop takes the socket over.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::Value;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::engine::encode;
use super::tls::client_config;
use super::way::{Secret, Way};

/// Why there is no connection, or no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Trouble {
    /// The server's code, or what broke: `timeout`, `connection refused`, `connection dropped`, `name not resolved`, `TLS`.
    pub class: String,
    /// In full; never a secret.
    pub detail: String,
}

impl Trouble {
    /// Trouble of a class, with its detail; no detail may hold a secret.
    pub(super) fn new(class: &str, detail: impl Into<String>) -> Self {
        Self { class: class.to_owned(), detail: detail.into() }
    }

    /// The trouble that an I/O error means, under the class of [`io_class`].
    pub(super) fn of(error: &io::Error) -> Self {
        let detail = match error.kind() {
            // With TLS, the library's words for it end in an address of its manual.
            io::ErrorKind::UnexpectedEof => CLOSED.to_owned(),
            _ => error.to_string(),
        };
        Self::new(io_class(error), detail)
    }
}

/// The class of a login that was not tried, since its token had ended: that says nothing of the cache.
pub const TOKEN_ENDED: &str = "token ended";

const CLOSED: &str = "the server closed the connection";

/// The class of what broke under a command.
pub(super) fn io_class(error: &io::Error) -> &'static str {
    use io::ErrorKind::{ConnectionRefused, InvalidData, TimedOut, WouldBlock};
    match error.kind() {
        ConnectionRefused => "connection refused",
        // A blocking socket tells its own time limit as `WouldBlock`.
        TimedOut | WouldBlock => "timeout",
        InvalidData => "TLS",
        _ => "connection dropped",
    }
}

/// A way in that can be gone many times, since its trust store is read once.
#[derive(Clone, Debug)]
pub struct Door {
    way: Way,
    tls: Option<Arc<ClientConfig>>,
    limit: Duration,
    names: Names,
}

/// What resolves a host and port; the system does, unless a test has its own.
type Resolve = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Who is asked where a name leads.
#[derive(Clone)]
struct Names(Arc<Resolve>);

impl Default for Names {
    fn default() -> Self {
        Self(Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())))
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl Door {
    /// A door through which anything that is waited for is given up after `limit`.
    pub fn new(way: Way, limit: Duration) -> Result<Self, Trouble> {
        let tls = match &way.tls {
            None => None,
            Some(tls) => Some(client_config(tls.ca_pem.as_deref()).map_err(|error| Trouble::new("TLS", error))?),
        };
        Ok(Self { way, tls, limit, names: Names::default() })
    }

    /// A door to another way in, with the trust store that was read for this one.
    pub fn through(&self, way: Way) -> Self {
        Self { way, ..self.clone() }
    }

    /// The same door, with names that lead where a test says.
    #[cfg(test)]
    pub(crate) fn resolving(
        self,
        resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { names: Names(Arc::new(resolve)), ..self }
    }

    /// The way in that the door leads to.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// How long anything is waited for before it is given up.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Connects to a node by its name, checks its certificate against that name, and logs in.
    pub fn open(&self, host: &str, port: u16) -> Result<Line, Trouble> {
        self.open_at(host, &self.resolve(host, port)?)
    }

    /// Where a name leads now, by way of the endpoint map.
    pub fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Trouble> {
        let (near, near_port) = self.way.map.lead(host, port);
        (self.names.0)(&near, near_port).map_err(|error| Trouble::new("name not resolved", format!("{near}: {error}")))
    }

    /// Connects to the first of these addresses that answers, as to the node of this name.
    pub fn open_at(&self, host: &str, addresses: &[SocketAddr]) -> Result<Line, Trouble> {
        let tcp = self.connect(host, addresses)?;
        let stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some(config) => {
                let name =
                    ServerName::try_from(host.to_owned()).map_err(|error| Trouble::new("TLS", error.to_string()))?;
                let mut tls = ClientConnection::new(Arc::clone(config), name)
                    .map_err(|error| Trouble::new("TLS", error.to_string()))?;
                let mut tcp = tcp;
                while tls.is_handshaking() {
                    tls.complete_io(&mut tcp).map_err(|error| Trouble::of(&error))?;
                }
                Stream::Tls(Box::new(StreamOwned::new(tls, tcp)))
            }
        };
        let mut line = Line { stream, inbox: Vec::new() };
        self.login(&mut line)?;
        Ok(line)
    }

    fn connect(&self, host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Trouble> {
        let (until, mut last) = (Instant::now() + self.limit, Trouble::new("name not resolved", host));
        for address in addresses {
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            match TcpStream::connect_timeout(address, left) {
                Ok(tcp) => {
                    let ready = tcp.set_nodelay(true).and_then(|()| tcp.set_read_timeout(Some(self.limit)));
                    ready
                        .and_then(|()| tcp.set_write_timeout(Some(self.limit)))
                        .map_err(|error| Trouble::of(&error))?;
                    return Ok(tcp);
                }
                Err(error) => last = Trouble::of(&error),
            }
        }
        Err(last)
    }

    /// A server that is full says so in its first answer, so that one is asked for even where nobody logs in.
    fn login(&self, line: &mut Line) -> Result<(), Trouble> {
        if self.way.password.as_ref().is_some_and(Secret::is_over) {
            return Err(Trouble::new(
                TOKEN_ENDED,
                "the token to log in with has ended, and no new one could be signed",
            ));
        }
        // Asked for at each login: a token of IAM's is another one by now.
        let password = self.way.password.as_ref().map(Secret::expose);
        let outcome = match (&self.way.username, &password) {
            (Some(user), Some(password)) => line.ask(&["AUTH", user, password]),
            (None, Some(password)) => line.ask(&["AUTH", password]),
            (_, None) => return line.ask(&["PING"]).map(drop).or_else(refused_ping),
        };
        outcome.map(drop)
    }
}

/// A user who may not say PING may do the rest.
fn refused_ping(trouble: Trouble) -> Result<(), Trouble> {
    if trouble.class == "NOPERM" { Ok(()) } else { Err(trouble) }
}

/// One open connection.
#[derive(Debug)]
pub struct Line {
    stream: Stream,
    inbox: Vec<u8>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Line {
    /// Sends one command and waits for its reply; an error reply is a [`Trouble`] with the server's code.
    pub fn ask(&mut self, arguments: &[&str]) -> Result<Value, Trouble> {
        self.send(&encoded(arguments))?;
        decoded(&self.reply()?)
    }

    /// Sends commands in one piece and waits for a reply to each; the first that is an error is the [`Trouble`].
    pub fn ask_all(&mut self, commands: &[&[&str]]) -> Result<Vec<Value>, Trouble> {
        self.send(&commands.iter().flat_map(|arguments| encoded(arguments)).collect::<Vec<u8>>())?;
        let mut answers = Vec::with_capacity(commands.len());
        // All are read, also after an error: a reply that is left would be taken for the next command's.
        for _ in commands {
            answers.push(decoded(&self.reply()?));
        }
        answers.into_iter().collect()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.write(bytes).map_err(|error| Trouble::of(&error))
    }

    /// A reply that is a text, such as `INFO`'s.
    pub fn text(&mut self, arguments: &[&str]) -> Result<String, Trouble> {
        match self.ask(arguments)? {
            Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text),
            other => Err(Trouble::new("unexpected reply", format!("{other:?}"))),
        }
    }

    fn reply(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut chunk = [0; 16_384];
        loop {
            match super::engine::reply_length(&self.inbox) {
                Ok(Some(length)) => return Ok(self.inbox.drain(..length).collect()),
                Ok(None) => {}
                Err(_) => return Err(Trouble::new("unexpected reply", "the answer is not RESP")),
            }
            match self.read(&mut chunk) {
                Ok(0) => return Err(Trouble::of(&io::ErrorKind::UnexpectedEof.into())),
                Ok(length) => self.inbox.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble::of(&error)),
            }
        }
    }

    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.read(chunk),
            Stream::Tls(tls) => tls.read(chunk),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }

    /// The socket and its TLS state, for an event loop; nothing must be under way.
    pub(super) fn into_parts(self) -> (TcpStream, Option<ClientConnection>) {
        match self.stream {
            Stream::Plain(tcp) => (tcp, None),
            Stream::Tls(tls) => {
                let StreamOwned { conn, sock } = *tls;
                (sock, Some(conn))
            }
        }
    }
}

fn encoded(arguments: &[&str]) -> Vec<u8> {
    let arguments: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
    encode(&arguments)
}

fn decoded(reply: &[u8]) -> Result<Value, Trouble> {
    match redis::parse_redis_value(reply) {
        Ok(Value::ServerError(_)) => Err(server_error(reply)),
        Ok(value) => Ok(value),
        Err(_) if reply.first() == Some(&b'-') => Err(server_error(reply)),
        Err(error) => Err(Trouble::new("unexpected reply", error.to_string())),
    }
}

fn server_error(bytes: &[u8]) -> Trouble {
    let text = String::from_utf8_lossy(bytes.get(1..).unwrap_or_default()).trim_end().to_owned();
    Trouble { class: super::engine::error_class(&text), detail: text }
}

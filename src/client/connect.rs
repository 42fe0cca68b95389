//! Ways into the cache: a bare TCP connect that tells the kinds of unreachable apart, and client
//! connections with the target's TLS and credentials.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::AsyncDNSResolver;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, RedisFuture, RedisResult, TlsCertificates,
};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::way::{EndpointMap, Way};

/// Why no TCP connection came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    Dns(String),
    Refused,
    Timeout(Duration),
    Other(String),
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(why) => write!(f, "name does not resolve ({why})"),
            Self::Refused => f.write_str("connection refused"),
            Self::Timeout(after) => write!(f, "connect timeout {}s", after.as_secs_f64()),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl Unreachable {
    /// Did the host itself say no? It was reached, so a wall in between is no excuse.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused)
    }

    /// What a person can do about it now.
    ///
    /// A security group drops packets silently, so a VPC-only endpoint shows as a timeout; a refusal comes from a host
    /// that was reached.
    pub(crate) fn hint(&self, way: &Way) -> String {
        let (host, port) = (&way.host, way.port);
        let (near, near_port) = way.map.lead(host, port);
        let tunnelled = way.map.has(host, port);
        match self {
            Self::Dns(_) if tunnelled => {
                format!("check `host` and `endpointMap`: {near} is where {host} leads from here")
            }
            Self::Dns(_) => format!("check that the cache exists and that this machine's resolver can see {host}"),
            Self::Refused if tunnelled => format!(
                "nothing listens on {near}:{near_port}, where {host}:{port} leads from here: start the tunnel, \
                 `{}`, or change `host` and `endpointMap`",
                tunnel(host, port, near_port)
            ),
            Self::Refused => format!(
                "something answers for {host} but nothing listens on port {port}: check the port, \
                 the tunnel, and that the cache is available"
            ),
            Self::Timeout(_) | Self::Other(_) if way.cluster => format!(
                "a cache answers only inside its VPC. Run this in the VPC, with a security group \
                 that the cache lets in on {port} (`cachectl smoke --print-command` says how), or open one tunnel \
                 per node and name them in `endpointMap`, since a cluster names its nodes to clients"
            ),
            Self::Timeout(_) | Self::Other(_) => format!(
                "a cache answers only inside its VPC. Run this in the VPC, with a security group \
                 that the cache lets in on {port} (`cachectl smoke --print-command` says how), or through a tunnel, `{}`, \
                 with `smoke: {{host: 127.0.0.1, port: {port}}}`: TLS goes on checking the cache's own name",
                tunnel(host, port, port)
            ),
        }
    }
}

/// The command that opens a tunnel to a node by way of an instance in its VPC.
pub(crate) fn tunnel(host: &str, port: u16, near: u16) -> String {
    format!(
        "aws ssm start-session --target INSTANCE --document-name AWS-StartPortForwardingSessionToRemoteHost \
         --parameters host={host},portNumber={port},localPortNumber={near}"
    )
}

/// Resolves the endpoint and connects to the first address that answers, all within `limit`.
pub(crate) async fn reach(way: &Way, limit: Duration) -> Result<SocketAddr, Unreachable> {
    let attempt = async {
        let addresses: Vec<SocketAddr> = lookup_host(way.map.lead(&way.host, way.port))
            .await
            .map_err(|error| Unreachable::Dns(error.to_string()))?
            .collect();
        let mut last = Unreachable::Dns("no address".to_owned());
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(_) => return Ok(address),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    last = Unreachable::Refused;
                }
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    last = Unreachable::Timeout(limit);
                }
                Err(error) => last = Unreachable::Other(error.to_string()),
            }
        }
        Err(last)
    };
    timeout(limit, attempt).await.unwrap_or(Err(Unreachable::Timeout(limit)))
}

/// Makes aws-lc the cryptography of every TLS connection of the process, once.
///
/// rustls picks a provider by itself only while exactly one is compiled in anywhere in the tree;
/// installing one makes the choice independent of other crates' features.
pub(crate) fn install_crypto_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that the application installed one before, which is just as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

/// Opens connections into one cache.
#[derive(Clone)]
pub(crate) struct Connector {
    way: Way,
    timeout: Duration,
}

impl Connector {
    /// A connector that gives up each connect, and each reply, after `timeout`.
    pub(crate) fn new(way: Way, timeout: Duration) -> Self {
        if way.tls.is_some() {
            install_crypto_provider();
        }
        Self { way, timeout }
    }

    /// The way in that its connections take.
    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    /// Do its clients have to be cluster-aware?
    pub(crate) fn is_cluster(&self) -> bool {
        self.way.cluster
    }

    /// The target's own endpoint.
    pub(crate) fn home(&self) -> (String, u16) {
        (self.way.host.clone(), self.way.port)
    }

    /// Says whether clients have to be cluster-aware, once the server told it.
    pub(crate) fn set_cluster(&mut self, cluster: bool) {
        self.way.cluster = cluster;
    }

    /// The same way in for someone who has no password.
    pub(crate) fn without_credentials(&self) -> Self {
        Self { way: self.way.without_credentials(), ..self.clone() }
    }

    fn certificates(&self) -> TlsCertificates {
        let root_cert = self.way.tls.as_ref().and_then(|tls| tls.ca_pem.clone());
        TlsCertificates { client_tls: None, root_cert }
    }

    fn info(&self, host: &str, port: u16) -> RedisResult<ConnectionInfo> {
        let address = if self.way.tls.is_some() {
            ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host.to_owned(), port)
        };
        let mut login = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(password) = &self.way.password {
            if let Some(username) = &self.way.username {
                login = login.set_username(username);
            }
            login = login.set_password(password.expose().as_ref());
        }
        // Nagle's algorithm would hold small commands back; the client library leaves it on.
        let tcp = TcpSettings::default().set_nodelay(true);
        Ok(address.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp))
    }

    /// A connection to one node, without redirections.
    pub(crate) async fn node(&self, host: &str, port: u16) -> RedisResult<Connection> {
        let info = self.info(host, port)?;
        let client = if self.way.tls.is_some() {
            Client::build_with_tls(info, self.certificates())?
        } else {
            Client::open(info)?
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_dns_resolver(Leads(self.way.map.clone()));
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// A connection to whichever node answers at the target's own endpoint.
    pub(crate) async fn endpoint(&self) -> RedisResult<Connection> {
        self.node(&self.way.host, self.way.port).await
    }

    /// An error for people: the server's own words, and never the password.
    pub(crate) fn describe(&self, error: &RedisError) -> String {
        let text = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            _ if error.kind() == ErrorKind::AuthenticationFailed => "the cache refused the password".to_owned(),
            _ => error.to_string(),
        };
        match &self.way.password {
            Some(secret) if !secret.expose().is_empty() => text.replace(secret.expose().as_ref(), "<secret>"),
            _ => text,
        }
    }
}

/// Resolves names by way of the endpoint map, so that the library goes on checking the real name in TLS.
struct Leads(EndpointMap);

impl AsyncDNSResolver for Leads {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        let (host, port) = self.0.lead(host, port);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// A connection to one node, which clones share; a command waits for those before it.
pub(crate) type Connection = MultiplexedConnection;

/// Sends a command made of words.
pub(crate) async fn ask<T: FromRedisValue>(connection: &mut impl ConnectionLike, words: &[&str]) -> RedisResult<T> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command.query_async(connection).await
}

/// The class under which a failed command is counted.
pub(crate) fn error_class(error: &RedisError) -> String {
    // One answer for many causes: this one has a name of its own.
    if error.to_string().contains("max number of clients") {
        return "max clients".to_owned();
    }
    if let Some(code) = error.code() {
        return code.to_owned();
    }
    if error.is_timeout() {
        "timeout"
    } else if error.is_connection_refusal() {
        "connection refused"
    } else if error.is_connection_dropped() {
        "connection dropped"
    } else {
        match error.kind() {
            ErrorKind::AuthenticationFailed => "authentication",
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => "unexpected reply",
            _ => "connection",
        }
    }
    .to_owned()
}

/// Is it that the user may not do this? That speaks of access rules, not of the cache.
pub(crate) fn is_denied(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
}

#[cfg(test)]
mod tests {
    use super::super::way::Secret;
    use super::*;

    fn way() -> Way {
        Way {
            host: "prod.example".into(),
            port: 6379,
            password: Some(Secret::new("hunter2-hunter2")),
            ..Way::default()
        }
    }

    #[test]
    fn a_password_never_shows_in_an_error_or_in_debug_output() {
        let connector = Connector::new(way(), Duration::from_secs(1));
        let error =
            RedisError::from((ErrorKind::InvalidClientConfig, "bad", "token hunter2-hunter2 refused".to_owned()));
        let text = connector.describe(&error);
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn errors_are_counted_by_the_servers_code_or_by_what_broke() {
        let timed_out = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert_eq!(error_class(&timed_out), "timeout");
        let reset = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert_eq!(error_class(&reset), "connection dropped");
        let oom = redis::make_extension_error("OOM".into(), Some("used memory".into()));
        assert_eq!(error_class(&oom), "OOM");
    }

    #[test]
    fn an_unreachable_endpoint_in_a_vpc_comes_with_a_tunnel() {
        let hint = Unreachable::Timeout(Duration::from_secs(3)).hint(&way());
        assert!(hint.contains("AWS-StartPortForwardingSessionToRemoteHost"));
        assert!(hint.contains("host=prod.example,portNumber=6379"));
        assert!(Unreachable::Refused.hint(&way()).contains("nothing listens"));
    }

    #[tokio::test]
    async fn a_closed_port_is_refused_and_an_unknown_name_does_not_resolve() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let limit = Duration::from_secs(5);
        let to = |host: &str| Way { host: host.into(), port, ..Way::default() };
        assert_eq!(reach(&to("127.0.0.1"), limit).await, Err(Unreachable::Refused));
        assert!(matches!(
            reach(&to("no-such-cache.invalid"), limit).await,
            Err(Unreachable::Dns(_) | Unreachable::Timeout(_))
        ));
    }
}

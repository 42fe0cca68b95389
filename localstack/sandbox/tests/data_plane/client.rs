//! Clients as small as they can be: inline commands, replies as text.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use cachectl_sandbox::data::DataPlane;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A client that renders any reply as text: arrays in brackets.
pub(crate) struct Client(BufReader<Box<dyn Stream>>);

impl Client {
    pub(crate) async fn plain(address: Ipv4Addr, port: u16) -> io::Result<Self> {
        Ok(Self(BufReader::new(Box::new(TcpStream::connect((address, port)).await?))))
    }

    pub(crate) async fn tls(plane: &DataPlane, address: Ipv4Addr, port: u16) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(plane.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect((address, port)).await?;
        let name = ServerName::IpAddress(std::net::IpAddr::from(address).into());
        Ok(Self(BufReader::new(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))))
    }

    pub(crate) async fn ask(&mut self, command: &str) -> String {
        self.try_ask(command).await.unwrap_or_else(|error| format!("closed: {:?}", error.kind()))
    }

    async fn try_ask(&mut self, command: &str) -> io::Result<String> {
        self.0.write_all(format!("{command}\r\n").as_bytes()).await?;
        self.0.flush().await?;
        timeout(Duration::from_secs(10), Box::pin(self.read())).await?
    }

    async fn read(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "$" if rest != "-1" => {
                let mut bytes = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.0.read_exact(&mut bytes).await?;
                Ok(String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned())
            }
            "*" if rest != "-1" => {
                let mut items = Vec::new();
                for _ in 0..rest.parse::<usize>().unwrap() {
                    items.push(Box::pin(self.read()).await?);
                }
                Ok(format!("[{}]", items.join(" ")))
            }
            "$" | "*" => Ok("(nil)".to_owned()),
            _ => Ok(rest.to_owned()),
        }
    }
}

/// A client that follows redirections.
pub(crate) struct ClusterClient<'a> {
    plane: &'a DataPlane,
    tls: bool,
    seed: Ipv4Addr,
    nodes: BTreeMap<Ipv4Addr, Client>,
}

impl<'a> ClusterClient<'a> {
    pub(crate) fn new(plane: &'a DataPlane, tls: bool, seed: &str) -> Self {
        Self { plane, tls, seed: plane.address(seed), nodes: BTreeMap::new() }
    }

    async fn node(&mut self, address: Ipv4Addr) -> io::Result<&mut Client> {
        if let Entry::Vacant(place) = self.nodes.entry(address) {
            place.insert(match self.tls {
                true => Client::tls(self.plane, address, 6379).await?,
                false => Client::plain(address, 6379).await?,
            });
        }
        Ok(self.nodes.get_mut(&address).unwrap())
    }

    /// Who took the key.
    pub(crate) async fn set(&mut self, key: &str) -> Ipv4Addr {
        let command = format!("SET {key} 1");
        let start = Instant::now();
        'retry: while start.elapsed() < Duration::from_secs(10) {
            let (mut address, mut asking) = (self.seed, false);
            for _ in 0..5 {
                let Ok(client) = self.node(address).await else { continue 'retry };
                if asking {
                    assert_eq!(client.ask("ASKING").await, "OK");
                }
                let reply = client.ask(&command).await;
                let words: Vec<&str> = reply.split(' ').collect();
                match words[0] {
                    "OK" => return address,
                    "MOVED" | "ASK" => {
                        asking = words[0] == "ASK";
                        address = words[2].strip_suffix(":6379").unwrap().parse().unwrap();
                    }
                    "closed:" => {
                        self.nodes.remove(&address);
                        continue 'retry;
                    }
                    _ => panic!("{reply}"),
                }
            }
        }
        panic!("{key} was not set in time");
    }
}

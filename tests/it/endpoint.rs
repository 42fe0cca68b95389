//! An endpoint that is not AWS: a blank account that answers as it is told to, over plain http, TLS or as a proxy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub(crate) const ACCOUNT: &str = "012345678901";

/// One call, as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `DescribeUsers`.
    pub operation: String,
    /// Method and target, as a proxy sees it.
    pub line: String,
    pub headers: String,
    pub body: String,
}

pub(crate) enum Answer {
    /// What a blank account says.
    Usual,
    Xml(String),
    Status(u16, String, String),
    /// The body goes on for as long as anybody listens.
    Endless,
    /// Nothing, for longer than any test.
    Silence,
}

type Says = dyn Fn(&Asked) -> Answer + Send + Sync;

pub(crate) struct Endpoint {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    ended: Arc<AtomicBool>,
}

impl Endpoint {
    pub(crate) fn new(says: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(says, None)
    }

    /// With a certificate for its name, for those who connect through it as their proxy.
    pub(crate) fn with_tls(certificate: &Certificate, says: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(says, Some(certificate.server()))
    }

    fn start(says: impl Fn(&Asked) -> Answer + Send + Sync + 'static, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, ended): (Arc<Mutex<Vec<Asked>>>, Arc<AtomicBool>) = Default::default();
        let says: Arc<Says> = Arc::new(says);
        let (calls, stop) = (asked.clone(), ended.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (says, calls, tls, stop) = (says.clone(), calls.clone(), tls.clone(), stop.clone());
                std::thread::spawn(move || serve(stream, tls, &*says, &calls, &stop));
            }
        });
        Self { port, asked, ended }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.operation).collect()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    says: &Says,
    calls: &Mutex<Vec<Asked>>,
    ended: &AtomicBool,
) -> Option<()> {
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let mut asked = read(&mut stream)?;
    if asked.line.starts_with("CONNECT ") {
        calls.lock().ok()?.push(Asked { operation: "CONNECT".into(), ..asked });
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").ok()?;
        stream = Box::new(StreamOwned::new(ServerConnection::new(tls?).ok()?, stream));
        asked = read(&mut stream)?;
    }
    calls.lock().ok()?.push(asked.clone());
    let answer = match says(&asked) {
        Answer::Usual => usual(&asked.operation),
        other => other,
    };
    match answer {
        Answer::Usual => None,
        Answer::Xml(body) => reply(&mut stream, 200, "content-type: text/xml\r\n", body.as_bytes()),
        Answer::Status(status, headers, body) => reply(&mut stream, status, &headers, body.as_bytes()),
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").ok()?;
            let chunk = format!("10000\r\n{}\r\n", "<a>".repeat(0x10000 / 3 + 1).split_at(0x10000).0);
            while !ended.load(Ordering::SeqCst) {
                stream.write_all(chunk.as_bytes()).ok()?;
            }
            Some(())
        }
        Answer::Silence => {
            while !ended.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(50));
            }
            None
        }
    }
}

fn read(stream: &mut Box<dyn Stream>) -> Option<Asked> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let (line, headers) = head.split_once("\r\n")?;
    let header = |name: &str| {
        headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
    let target = header("x-amz-target").and_then(|target| target.rsplit('.').next().map(str::to_owned));
    let path = line.split(' ').nth(1).and_then(|path| path.rsplit_once("/operation/")).map(|(_, name)| name.to_owned());
    let operation = action.or(target).or(path).unwrap_or_default();
    Some(Asked { operation, line: line.to_owned(), headers: headers.to_owned(), body })
}

fn reply(stream: &mut Box<dyn Stream>, status: u16, headers: &str, body: &[u8]) -> Option<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Any\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    stream.flush().ok()
}

fn usual(operation: &str) -> Answer {
    match operation {
        "GetCallerIdentity" => Answer::Xml(xml(
            operation,
            &format!("<Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:user/tester</Arn><UserId>U</UserId>"),
        )),
        "GetResources" => Answer::Status(
            200,
            "content-type: application/x-amz-json-1.1\r\n".into(),
            r#"{"ResourceTagMappingList": [], "PaginationToken": ""}"#.into(),
        ),
        // An empty map of CBOR is not UTF-8; an answer of indefinite length that ends at once would not be either.
        "DescribeAlarms" => Answer::Status(500, "smithy-protocol: rpc-v2-cbor\r\n".into(), String::new()),
        other => Answer::Xml(xml(other, "")),
    }
}

pub(crate) fn xml(operation: &str, result: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{operation}Response>"
    )
}

pub(crate) fn refusal(code: &str, message: &str) -> Answer {
    let message = message.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    Answer::Status(400, "content-type: text/xml\r\n".into(), body)
}

/// A server's certificate, and the authority that nobody but its PEM vouches for.
pub(crate) struct Certificate {
    pub authority: String,
    chain: String,
    key: String,
}

impl Certificate {
    pub(crate) fn of(name: &str) -> Self {
        let authority_key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = parameters.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(parameters, authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        Self { authority: authority.pem(), chain: leaf.pem(), key: key.serialize_pem() }
    }

    fn server(&self) -> Arc<ServerConfig> {
        let chain = rustls::pki_types::CertificateDer::pem_slice_iter(self.chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

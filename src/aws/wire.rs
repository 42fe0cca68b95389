//! The way to AWS: proxies and certificate authorities of a company's network, and answers that have an end and are
//! whole before anybody believes them.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Mutex;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use xmlparser::{ElementEnd, Token, Tokenizer};

use super::error::AwsError;
use super::pace::Pace;

/// The longest answers of these APIs are pages of a hundred, and have some hundred kilobytes.
const LONGEST_ANSWER: usize = 32 << 20;
const LONGEST_BUNDLE: u64 = 16 << 20;
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// An answer that AWS does not give.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadAnswer {
    #[error("the answer is longer than {} MB, which no answer of AWS is; it was not read to its end", LONGEST_ANSWER >> 20)]
    TooLong,
    #[error("the answer is cut off or damaged ({0}), and is rejected")]
    NotWhole(String),
}

/// Connections to AWS and to who gives credentials, all at one pace. A certificate bundle that cannot be read is an
/// error, since going on without it would trust others than those who were named.
pub(super) fn http_client(pace: &Pace) -> Result<SharedHttpClient, AwsError> {
    Ok(SharedHttpClient::new(Wire { pace: pace.clone(), trust: trust()?, connectors: Mutex::default() }))
}

/// Whom to trust: AWS_CA_BUNDLE alone where it is set, as the AWS CLI does, else the system's authorities.
fn trust() -> Result<TlsContext, AwsError> {
    let bundle = std::env::var_os(CA_BUNDLE).filter(|path| !path.is_empty());
    let store = match bundle {
        None => TrustStore::default(),
        Some(path) => {
            let pem = bundle_of(&path).map_err(|error| {
                let message = format!("cannot read the certificate authorities in {}: {error}", path.display());
                AwsError::local(CA_BUNDLE, message).caused_by(error)
            })?;
            TrustStore::empty().with_pem_certificate(pem)
        }
    };
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map_err(|error| AwsError::local(CA_BUNDLE, "the certificate authorities cannot be used").caused_by(error))
}

/// Checked here, since the SDK ends the program over a certificate that it cannot read.
fn bundle_of(path: &std::ffi::OsStr) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    std::fs::File::open(path)?.take(LONGEST_BUNDLE).read_to_end(&mut pem)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() { Err(io::Error::other("it holds no certificate in PEM form")) } else { Ok(pem) }
}

#[derive(Debug)]
struct Wire {
    pace: Pace,
    trust: TlsContext,
    /// One for each pair of time-outs, so that connections are used again.
    connectors: Mutex<HashMap<Timeouts, SharedHttpConnector>>,
}

type Timeouts = (Option<Duration>, Option<Duration>);

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let make = || {
            let connector = |proxy: ProxyConfig| {
                let mut builder = Connector::builder()
                    .connector_settings(settings.clone())
                    .proxy_config(proxy)
                    .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                    .tls_context(self.trust.clone());
                builder.set_sleep_impl(components.sleep_impl());
                SharedHttpConnector::new(builder.build())
            };
            let (direct, proxied) = (connector(ProxyConfig::disabled()), connector(ProxyConfig::from_env()));
            SharedHttpConnector::new(Route { pace: self.pace.clone(), direct, proxied })
        };
        let key = (settings.connect_timeout(), settings.read_timeout());
        match self.connectors.lock() {
            Ok(mut connectors) => connectors.entry(key).or_insert_with(make).clone(),
            Err(_) => make(),
        }
    }
}

#[derive(Debug)]
struct Route {
    pace: Pace,
    direct: SharedHttpConnector,
    /// As HTTPS_PROXY, HTTP_PROXY and NO_PROXY say.
    proxied: SharedHttpConnector,
}

impl HttpConnector for Route {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = if is_at_hand(host_of(request.uri())) { self.direct.clone() } else { self.proxied.clone() };
        let pace = self.pace.clone();
        HttpConnectorFuture::new(async move {
            pace.turn().await;
            whole(connector.call(request).await?).await
        })
    }
}

/// The host of a URL, without brackets.
pub(super) fn host_of(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(host) => host.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// This machine itself.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse().is_ok_and(|address: std::net::IpAddr| address.to_canonical().is_loopback())
}

/// This machine, or the metadata service beside it, which no proxy can reach.
fn is_at_hand(host: &str) -> bool {
    let link_local = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(address) => address.is_link_local(),
        std::net::IpAddr::V6(address) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
    };
    is_loopback(host) || host.parse().is_ok_and(link_local)
}

/// The answer, read to its end before it goes on. It is a lost answer where it has none, or where it is cut off.
async fn whole(mut response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let body = Limited::new(response.take_body(), LONGEST_ANSWER).collect().await;
    let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => ConnectorError::other(BadAnswer::TooLong.into(), None),
        Err(error) => ConnectorError::io(error),
    })?;
    let body = body.to_bytes();
    if response.status().is_success() && body.trim_ascii_start().starts_with(b"<") {
        well_formed(&body).map_err(|why| ConnectorError::other(BadAnswer::NotWhole(why).into(), None))?;
    }
    *response.body_mut() = SdkBody::from(body);
    Ok(response)
}

/// Every element that begins ends, in order. The SDK's reader takes what is there, and leaves the rest empty.
fn well_formed(body: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut open: Vec<(&str, &str)> = Vec::new();
    let mut elements = 0_usize;
    for token in Tokenizer::from(text) {
        match token.map_err(|error| error.to_string())? {
            Token::ElementStart { prefix, local, .. } => {
                if open.is_empty() && elements > 0 {
                    return Err("there is more than one element at the top".to_owned());
                }
                elements += 1;
                open.push((prefix.as_str(), local.as_str()));
            }
            Token::ElementEnd { end: ElementEnd::Empty, .. } => drop(open.pop()),
            Token::ElementEnd { end: ElementEnd::Close(prefix, local), .. } => {
                let begun = open.pop();
                begun
                    .filter(|begun| *begun == (prefix.as_str(), local.as_str()))
                    .ok_or_else(|| format!("</{local}> ends what did not begin"))?;
            }
            _ => {}
        }
    }
    match open.last() {
        Some((_, name)) => Err(format!("<{name}> has no end")),
        None if elements == 0 => Err("it is empty".to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0"?>
<DescribeUsersResponse xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/"><DescribeUsersResult><Users>
<member><UserId>app</UserId><AccessString>on ~app:* +@read &amp; &lt;x&gt;</AccessString><Empty/></member>
</Users></DescribeUsersResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DescribeUsersResponse>
"#;

    #[test]
    fn a_whole_answer_is_taken_and_one_that_is_cut_anywhere_is_not() {
        assert_eq!(well_formed(ANSWER.as_bytes()), Ok(()));
        let body = ANSWER.trim_end().as_bytes();
        for cut in 0..body.len() {
            assert!(well_formed(&body[..cut]).is_err(), "cut at {cut}");
        }
        // Cut, and filled up to the right length.
        for filler in [" ", "\n", "\0", "x"] {
            let cut = ANSWER[..300].to_owned() + &filler.repeat(ANSWER.len() - 300);
            assert!(well_formed(cut.as_bytes()).is_err(), "{filler:?}");
        }
        assert!(well_formed(b"<a><b></a></b>").is_err() && well_formed(b"<a></a><b></b>").is_err());
        assert!(well_formed(b"<html><body><p>Log in<br></body></html>").is_err());
    }

    #[test]
    fn this_machine_is_known_by_all_its_names_and_no_other_is() {
        for host in ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "0.0.0.0", "169.254.169.254"] {
            assert!(!is_loopback(host), "{host}");
        }
        assert!(is_at_hand("169.254.169.254") && is_at_hand("169.254.170.2") && is_at_hand("fd00:ec2::254"));
        assert_eq!(host_of("http://user:pass@127.0.0.1:4566/path?q=http://x"), "127.0.0.1");
        assert_eq!(host_of("https://[::1]:443/"), "::1");
        assert_eq!(host_of("http://127.0.0.1@example.com/"), "example.com");
    }
}

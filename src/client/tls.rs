//! TLS as a client must see it: a chain to a trusted authority, the right name, and a certificate
//! that lives on. The client library does the handshake for every connection; this one looks at it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// What a successful handshake showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// `TLSv1.3`.
    pub protocol: String,
    pub days_left: Option<i64>,
}

/// TLS that trusts the given PEM, or the system's authorities; errors name the file's fault, not its content.
pub(crate) fn client_config(ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = ca_pem {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("CA file: {error}"))?;
            roots.add(certificate).map_err(|error| format!("CA file: {error}"))?;
        }
    } else {
        // One unreadable file in the system's store must not make all the others useless.
        let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err("no certificate authority to trust was found".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Shakes hands and hangs up. Blocking: the exchange is short and both directions have a timeout.
pub(crate) fn handshake(
    address: SocketAddr,
    host: &str,
    config: Arc<ClientConfig>,
    limit: Duration,
) -> Result<Handshake, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
    let mut tcp = connect(address, limit).map_err(|error| error.to_string())?;
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp).map_err(|error| explain(&error))?;
    }
    let days_left = tls
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|leaf| not_after(leaf))
        .map(|expiry| (expiry - now()).div_euclid(86_400));
    let protocol = tls.protocol_version().map_or_else(
        || "unknown".to_owned(),
        |version| version.as_str().map_or_else(|| format!("{version:?}"), |name| name.replace("TLSv1_", "TLSv1.")),
    );
    tls.send_close_notify();
    let _ = tls.complete_io(&mut tcp);
    Ok(Handshake { protocol, days_left })
}

/// Sends `PING` without TLS and returns the reply, if it is one that a plaintext server gives.
pub(crate) fn plaintext_answer(address: SocketAddr, limit: Duration) -> io::Result<Option<String>> {
    let mut tcp = connect(address, limit)?;
    tcp.write_all(b"PING\r\n")?;
    let mut reply = [0_u8; 64];
    // A reset, an alert or silence: all of them are a refusal.
    let length = tcp.read(&mut reply).unwrap_or(0);
    let reply = &reply[..length];
    Ok(matches!(reply.first(), Some(b'+' | b'-')).then(|| String::from_utf8_lossy(reply).trim().to_owned()))
}

fn connect(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect_timeout(&address, limit)?;
    tcp.set_read_timeout(Some(limit))?;
    tcp.set_write_timeout(Some(limit))?;
    Ok(tcp)
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            "no answer to the TLS handshake; the port may speak plaintext".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "the connection was closed in the handshake".to_owned(),
        _ => error.to_string(),
    }
}

/// What to do about a failed handshake, from rustls's words.
pub(crate) fn hint(error: &str, ca_given: bool) -> String {
    if error.starts_with("CA file") || error.contains("no certificate authority") {
        "caFile must be a PEM file with certificates (BEGIN CERTIFICATE), not a key".to_owned()
    } else if error.contains("UnknownIssuer") {
        if ca_given {
            "the certificate was not issued by an authority in the given CA file".to_owned()
        } else {
            "the issuer is not in this system's trust store: ElastiCache uses Amazon's public \
             authorities (package ca-certificates); for a private one give its CA file (`smoke.caFile`, --ca-file, \
             SSL_CERT_FILE)"
                .to_owned()
        }
    } else if error.contains("NotValidForName") || error.contains("not valid for name") {
        "this endpoint's certificate is for another name: a tunnel may lead elsewhere (`host`, `endpointMap`)"
            .to_owned()
    } else if error.contains("Expired") || error.contains("expired") {
        "the certificate has expired; check this machine's clock first".to_owned()
    } else {
        "check that in-transit encryption is on for this cache (transitEncryptionEnabled)".to_owned()
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// `notAfter` of an X.509 certificate in Unix seconds.
fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate that ends in this year.
    fn certificate(year: i32) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(["cache".to_owned()]).expect("a name");
        parameters.not_after = rcgen::date_time_ymd(year, 3, 31);
        let key = rcgen::KeyPair::generate().expect("a key");
        parameters.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn the_expiry_is_read_from_both_of_x509s_time_formats() {
        assert_eq!(not_after(&certificate(2027)), Some(1_806_451_200));
        // From 2050 on another form (RFC 5280, 4.1.2.5.1).
        assert_eq!(not_after(&certificate(2050)), Some(2_532_297_600));
    }

    #[test]
    fn a_broken_certificate_has_no_expiry_rather_than_a_panic() {
        let good = certificate(2027);
        for cut in 0..good.len() {
            assert_eq!(not_after(&good[..cut]), None);
        }
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}

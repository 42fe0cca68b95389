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
pub struct Handshake {
    /// `TLSv1.3`.
    pub protocol: String,
    pub days_left: Option<i64>,
}

/// The trust anchors: the given PEM, or the system's. Errors name the file's fault, not its content.
pub fn client_config(ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
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
pub fn handshake(
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
pub fn plaintext_answer(address: SocketAddr, limit: Duration) -> io::Result<Option<String>> {
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
pub fn hint(error: &str, ca_given: bool) -> String {
    if error.starts_with("CA file") || error.contains("no certificate authority") {
        "caFile must be a PEM file with certificates (BEGIN CERTIFICATE), not a key".to_owned()
    } else if error.contains("UnknownIssuer") {
        if ca_given {
            "the certificate was not issued by an authority in the given CA file".to_owned()
        } else {
            "the issuer is not in this system's trust store: ElastiCache uses Amazon's public \
             authorities (package ca-certificates); for a private one give its CA file"
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

/// `notAfter` of an X.509 certificate in Unix seconds. Enough DER to walk to one field: a parser
/// crate would be a lot of code for one date.
fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(der)?;
    let (_, mut body, _) = element(certificate)?;
    // version [0] is optional, then serial number, signature algorithm, issuer, validity.
    if body.first() == Some(&0xa0) {
        body = element(body)?.2;
    }
    for _ in 0..3 {
        body = element(body)?.2;
    }
    let (_, validity, _) = element(body)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        // UTCTime has two digits for the year: 50 to 99 are the 1900s (RFC 5280, 4.1.2.5.1).
        0x17 => {
            let year: i64 = text.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text.get(2..)?)
        }
        0x18 => (text.get(..4)?.parse().ok()?, text.get(4..)?),
        _ => return None,
    };
    let number = |from: usize| rest.get(from..from + 2)?.parse::<i64>().ok();
    let days = days_from_civil(year, number(0)?, number(2)?);
    Some(days * 86_400 + number(4)? * 3_600 + number(6)? * 60 + number(8)?)
}

/// One DER element: tag, content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let bytes = usize::from(first & 0x7f);
        if bytes == 0 || bytes > 4 {
            return None;
        }
        let (length, rest) = rest.split_at_checked(bytes)?;
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Days since 1970-01-01 of a Gregorian date (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate's skeleton with `notAfter` of the given type and text.
    fn certificate(tag: u8, time: &str) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let mut out = vec![tag, content.len() as u8];
            out.extend_from_slice(content);
            out
        };
        let mut validity = wrap(0x17, b"200101000000Z");
        validity.extend(wrap(tag, time.as_bytes()));
        let mut body = wrap(0xa0, &[2, 1, 2]);
        body.extend(wrap(0x02, &[1]));
        body.extend(wrap(0x30, &[]));
        body.extend(wrap(0x30, &[]));
        body.extend(wrap(0x30, &validity));
        wrap(0x30, &wrap(0x30, &body))
    }

    #[test]
    fn the_expiry_is_read_from_both_of_x509s_time_formats() {
        assert_eq!(not_after(&certificate(0x17, "270331120000Z")), Some(1_806_494_400));
        assert_eq!(not_after(&certificate(0x18, "20500101000000Z")), Some(2_524_608_000));
    }

    #[test]
    fn a_broken_certificate_has_no_expiry_rather_than_a_panic() {
        let good = certificate(0x17, "270331120000Z");
        for cut in 0..good.len() {
            assert_eq!(not_after(&good[..cut]), None);
        }
        assert_eq!(not_after(&certificate(0x17, "27033112Z")), None);
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }

    #[test]
    fn dates_before_and_after_the_epoch_are_counted_in_days() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(days_from_civil(1969, 12, 31), -1);
    }
}

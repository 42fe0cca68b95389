//! RESP as a load needs it: commands prepared once, and replies stepped over without being decoded.

use std::ops::Range;

use super::settings::Keys;

/// A command in RESP.
pub(crate) fn encode(arguments: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A command that is ready but for the number of its key.
#[derive(Clone, Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    /// Where the number's digits are.
    digits: Range<usize>,
}

impl Template {
    /// `verb` on one of these keys, with further arguments after it.
    pub(super) fn new(verb: &str, keys: &Keys, rest: &[&[u8]]) -> Self {
        let key = keys.name(0);
        let mut arguments: Vec<&[u8]> = vec![verb.as_bytes(), key.as_bytes()];
        arguments.extend(rest);
        let head = encode(&arguments[..2]);
        // The head ends in the key's digits and a line end; the number of arguments may have more digits than 2.
        let end = head.len() - 2 + (arguments.len().to_string().len() - 1);
        Self { bytes: encode(&arguments), digits: end - keys.digits()..end }
    }

    /// Bytes of the command, the same for every key.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends the command for this key.
    pub(super) fn push(&self, out: &mut Vec<u8>, number: u32) {
        let at = out.len();
        out.extend_from_slice(&self.bytes);
        let mut rest = number;
        for digit in out[at..][self.digits.clone()].iter_mut().rev() {
            if rest == 0 {
                break;
            }
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

/// What a reply was, as far as a load asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Anything that is neither nothing nor an error.
    Value,
    Nil,
    Error,
}

/// Bytes that are no RESP: the other side speaks something else, or the connection lost its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The first reply in `bytes` and its length; `None` while it is not there in full.
pub(super) fn reply(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let mut kind = if first == b'-' || first == b'!' { Reply::Error } else { Reply::Value };
    let (mut at, mut open) = (0, 1_u64);
    while open > 0 {
        let Some(line) = line(&bytes[at..]) else {
            // No header is longer than an error message.
            return if bytes.len() - at > LONGEST_LINE { Err(Malformed) } else { Ok(None) };
        };
        let (header, next) = (&bytes[at + 1..at + line], at + line + 2);
        open -= 1;
        match bytes[at] {
            b'+' | b'-' | b':' | b',' | b'#' | b'(' => at = next,
            b'_' => {
                if at == 0 {
                    kind = Reply::Nil;
                }
                at = next;
            }
            b'$' | b'=' | b'!' => match length(header)? {
                None => {
                    if at == 0 {
                        kind = Reply::Nil;
                    }
                    at = next;
                }
                Some(length) => at = next + length + 2,
            },
            b'*' | b'~' | b'>' => match length(header)? {
                None => {
                    if at == 0 {
                        kind = Reply::Nil;
                    }
                    at = next;
                }
                Some(items) => {
                    open += items as u64;
                    at = next;
                }
            },
            b'%' | b'|' => {
                // An attribute comes before the value that it belongs to.
                open += 2 * length(header)?.unwrap_or(0) as u64 + u64::from(bytes[at] == b'|');
                at = next;
            }
            _ => return Err(Malformed),
        }
        if at > bytes.len() || (at == bytes.len() && open > 0) {
            return Ok(None);
        }
    }
    Ok(Some((kind, at)))
}

const LONGEST_LINE: usize = 65_536;

/// Bytes up to the line end.
fn line(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b'\r', bytes)?;
    (bytes.get(end + 1) == Some(&b'\n')).then_some(end)
}

/// A length of at most 512 MiB, the servers' own limit; `None` for -1.
fn length(header: &[u8]) -> Result<Option<usize>, Malformed> {
    if header == b"-1" {
        return Ok(None);
    }
    if header.is_empty() || header.len() > 9 {
        return Err(Malformed);
    }
    header
        .iter()
        .try_fold(0_usize, |sum, digit| match digit {
            b'0'..=b'9' => Ok(sum * 10 + usize::from(digit - b'0')),
            _ => Err(Malformed),
        })
        .map(Some)
}

/// What an error reply says: its class, and whether the command is to go elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Moved { slot: u16, host: String, port: u16 },
    Ask { host: String, port: u16 },
    Other { class: String, text: String },
}

/// Reads an error reply, its first byte included.
pub(super) fn refusal(bytes: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(bytes.get(1..).unwrap_or_default());
    let text = text.trim_end();
    let mut words = text.split(' ');
    let code = words.next().unwrap_or_default();
    if let "MOVED" | "ASK" = code
        && let Some(slot) = words.next().and_then(|slot| slot.parse().ok())
        && let Some((host, port)) = words.next().and_then(|place| place.rsplit_once(':'))
        && let Ok(port) = port.parse()
    {
        let host = host.to_owned();
        return if code == "MOVED" { Refusal::Moved { slot, host, port } } else { Refusal::Ask { host, port } };
    }
    Refusal::Other { class: class(text), text: text.to_owned() }
}

/// The class of an error message: the server's code, which its generic `ERR` is not.
pub(crate) fn class(text: &str) -> String {
    let code = text.split([' ', '\r']).next().unwrap_or_default();
    if text.contains("max number of clients") {
        "max clients".to_owned()
    } else if !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        code.to_owned()
    } else {
        "unexpected reply".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_the_command_with_the_key_of_that_number() {
        let keys = |prefix: &str, count| Keys { prefix: prefix.into(), count, ..Keys::default() };
        let mut out = Vec::new();
        Template::new("GET", &keys("p:", 1_000), &[]).push(&mut out, 42);
        assert_eq!(out, encode(&[b"GET", b"p:042"]));
        out.clear();
        let rest: Vec<&[u8]> = vec![b"v"; 9];
        Template::new("SET", &keys("{tag}", u32::MAX), &rest).push(&mut out, u32::MAX - 1);
        assert_eq!(out, encode(&[&[b"SET".as_slice(), b"{tag}4294967294"], &rest[..]].concat()));
    }

    #[test]
    fn every_type_of_reply_is_stepped_over_as_a_whole() {
        let replies: [(&[u8], Reply); 16] = [
            (b"+OK\r\n", Reply::Value),
            (b":-12\r\n", Reply::Value),
            (b"$5\r\nhello\r\n", Reply::Value),
            (b"$0\r\n\r\n", Reply::Value),
            (b"$-1\r\n", Reply::Nil),
            (b"*-1\r\n", Reply::Nil),
            (b"_\r\n", Reply::Nil),
            (b"-ERR no\r\n", Reply::Error),
            (b"!7\r\nERR no!\r\n", Reply::Error),
            (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", Reply::Value),
            (b"*0\r\n", Reply::Value),
            (b"%1\r\n+a\r\n_\r\n", Reply::Value),
            (b"~1\r\n#t\r\n", Reply::Value),
            (b"|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n", Reply::Value),
            (b",1.5\r\n", Reply::Value),
            (b"=7\r\ntxt:abc\r\n", Reply::Value),
        ];
        for (bytes, kind) in replies {
            let told = String::from_utf8_lossy(bytes);
            let followed = [bytes, b"+next\r\n"].concat();
            assert_eq!(reply(&followed), Ok(Some((kind, bytes.len()))), "{told:?}");
            for cut in 0..bytes.len() {
                assert_eq!(reply(&bytes[..cut]), Ok(None), "{told:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_resp_is_told_apart_from_what_is_not_there_yet() {
        assert_eq!(reply(b"HTTP/1.1 400 Bad Request\r\n"), Err(Malformed));
        assert_eq!(reply(b"$12x\r\n"), Err(Malformed));
        assert_eq!(reply(b"$99999999999\r\n"), Err(Malformed));
        assert_eq!(reply(&[&b"+"[..], &[b'a'; 70_000][..]].concat()), Err(Malformed));
    }

    #[test]
    fn refusals_are_read_by_what_is_to_be_done_about_them() {
        assert_eq!(
            refusal(b"-MOVED 3999 10.0.0.1:6381\r\n"),
            Refusal::Moved { slot: 3999, host: "10.0.0.1".into(), port: 6381 }
        );
        assert_eq!(refusal(b"-ASK 1 ::1:7000\r\n"), Refusal::Ask { host: "::1".into(), port: 7000 });
        for (text, wanted) in [
            ("OOM command not allowed", "OOM"),
            ("ERR max number of clients reached", "max clients"),
            ("ERR unknown command", "ERR"),
            ("CLUSTERDOWN Hash slot not served", "CLUSTERDOWN"),
            ("what?", "unexpected reply"),
        ] {
            assert_eq!(class(text), wanted);
        }
    }
}

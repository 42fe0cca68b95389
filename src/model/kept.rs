//! Secrets that this process has read: they are taken out of every text before it leaves.
//!
//! An endpoint that quotes a request in its answer must not bring a password into a log. Who resolves a secret
//! keeps it here; who prints, writes or carries an answer takes it out.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::RwLock;

/// In place of a secret.
const SHOWN: &str = "(secret)";
/// What is shorter would take ordinary words out of every sentence; AWS takes no secret below 16 characters.
const SHORTEST: usize = 6;

/// All spellings of all secrets, the longest first, since one may hold another.
static KEPT: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Remembers a secret, so that it is taken out from now on.
pub fn keep(secret: &str) {
    if secret.chars().count() < SHORTEST {
        return;
    }
    let Ok(mut kept) = KEPT.write() else { return };
    for spelling in spellings(secret) {
        if !kept.contains(&spelling) {
            kept.push(spelling);
        }
    }
    kept.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
}

/// The text without any secret that was kept.
pub fn taken_out(text: &str) -> Cow<'_, str> {
    let Ok(kept) = KEPT.read() else { return Cow::Borrowed(SHOWN) };
    let mut out = Cow::Borrowed(text);
    for secret in kept.iter().filter(|secret| text.contains(secret.as_str())) {
        out = Cow::Owned(out.replace(secret.as_str(), SHOWN));
    }
    out
}

/// Does a secret that was kept stand in these bytes?
pub fn is_in(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    KEPT.read().is_ok_and(|kept| kept.iter().any(|secret| text.contains(secret.as_str())))
}

/// The secret as it is, and as it stands in JSON, in a form, in XML, and behind an escape.
fn spellings(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let percent = |unreserved: &str, space: &str| {
        secret.bytes().fold(String::new(), |mut out, byte| {
            match char::from(byte) {
                ' ' => out.push_str(space),
                c if c.is_ascii_alphanumeric() || unreserved.contains(c) => out.push(c),
                _ => drop(write!(out, "%{byte:02X}")),
            }
            out
        })
    };
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut out = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        percent("-._~", "%20"),
        percent("-._*", "+"),
        percent("-._~", "%20").to_ascii_lowercase(),
        xml.clone(),
        xml.replace('"', "&quot;").replace('\'', "&apos;"),
        xml.replace('"', "&#34;").replace('\'', "&#39;"),
        secret.escape_debug().to_string(),
    ];
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_every_spelling_and_nothing_else_is() {
        keep(r#"tok&en<#>"$^!-1"#);
        for told in [
            r#"AuthToken=tok%26en%3C%23%3E%22%24%5E%21-1&Version=1"#,
            r#"refused: tok&en<#>"$^!-1"#,
            r#"{"message": "tok&en<#>\"$^!-1"}"#,
            r#"<Message>tok&amp;en&lt;#&gt;"$^!-1</Message>"#,
            r#"<Message>tok&amp;en&lt;#&gt;&quot;$^!-1</Message>"#,
        ] {
            let out = taken_out(told);
            assert!(out.contains(SHOWN) && !out.contains("en<#") && !out.contains("%26en"), "{out}");
        }
        assert!(is_in(b"&AuthToken=tok%26en%3C%23%3E%22%24%5E%21-1&"));
        assert_eq!(taken_out("tok and en"), "tok and en");
    }

    #[test]
    fn of_two_secrets_the_longer_goes_whole() {
        keep("short-secret-1");
        keep("short-secret-1-and-more");
        assert_eq!(taken_out("a short-secret-1-and-more b short-secret-1"), "a (secret) b (secret)");
    }

    #[test]
    fn what_is_too_short_for_a_secret_takes_no_words_away() {
        keep("cache");
        assert_eq!(taken_out("a cache"), "a cache");
    }
}

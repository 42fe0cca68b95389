//! Secrets are compared without being seen: a tag on the resource holds a mark of the secret that was
//! set, the reader makes the mark of the secret that the spec points to.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::digest::hex;
use crate::model::draft::Scene;
use crate::model::live::Live;
use crate::model::options::Permit;
use crate::model::plan::Plan;
use crate::model::secret::{Marks, Seen};
use crate::model::{Address, Kind};

/// How a declared secret stands to the one that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Same,
    /// Added beside the old one, which still opens the cache.
    Rotating,
    /// Another one is set, or the tag announces one that was not added yet.
    Different,
    /// There is no tag, or the secret could not be read.
    Unknown,
}

const ROTATING: &str = "rotating:";
/// In place of a date: there was no token, or AWS does not say when it was changed.
const NO_TOKEN: &str = "none";
const UNTOLD: &str = "untold";

/// The secret attribute of a kind, and the tag that holds its mark.
pub fn field(kind: Kind) -> Option<(&'static str, &'static str)> {
    kind.row().secret.map(|secret| (secret.attribute, secret.tag))
}

/// The marks of secrets that a plan writes.
pub fn marks_of(plan: &Plan) -> Marks {
    let mut marks = Marks::new();
    for step in &plan.steps {
        let Some((_, key)) = field(step.address.kind) else { continue };
        let tags = step.parameters().get("Tags").and_then(Value::as_array).into_iter().flatten();
        let of_the_secret = tags.filter(|tag| tag.get("Key").and_then(Value::as_str) == Some(key));
        let values = of_the_secret.filter_map(|tag| tag.get("Value")?.as_str());
        marks.extend(values.map(|value| (step.address.clone(), mark(value).to_owned())));
    }
    marks
}

/// The member of a request that carries the secret of that field.
pub fn member(field: &str) -> &'static str {
    if field == "authToken" { "AuthToken" } else { "Passwords" }
}

/// Why AWS would refuse a secret for this member of a request. The secret itself is in no message.
pub fn unfit(member: &str, value: &str) -> Option<&'static str> {
    let length = value.chars().count();
    if !(16..=128).contains(&length) {
        return Some("it must have 16 to 128 characters");
    }
    // CreateReplicationGroup's AuthToken names the marks that it takes; ModifyReplicationGroup those that it does not.
    let token = |c: char| c.is_ascii_alphanumeric() || "!&#$^<>-".contains(c);
    if member == "AuthToken" && !value.chars().all(token) {
        return Some("it may only hold letters, digits and ! & # $ ^ < > -");
    }
    // AWS guide, Clusters.RBAC.
    let password = |c: char| !c.is_control() && !",\"/@".contains(c);
    if member == "Passwords" && !value.chars().all(password) {
        return Some("it may hold any printable character but , \" / and @");
    }
    None
}

/// Below this, a secret does not outlast those who try guesses at its mark.
const ENOUGH_BITS: f64 = 60.0;
/// What people put into secrets that they make up.
const WORDS: [&str; 18] = [
    "password",
    "passw0rd",
    "passwd",
    "secret",
    "token",
    "elasticache",
    "redis",
    "valkey",
    "cache",
    "admin",
    "changeme",
    "qwerty",
    "letmein",
    "welcome",
    "prod",
    "staging",
    "test",
    "dev",
];

/// Could the secret be guessed by whoever can try guesses at its mark?
///
/// A rough, generous estimate: repetitions, runs and common words count for one character, and 60 bits are enough.
pub fn is_guessable(value: &str) -> bool {
    let mut text = value.to_lowercase();
    for word in WORDS {
        text = text.replace(word, "\u{1}");
    }
    let chars: Vec<char> = text.chars().collect();
    let repeats = |period: &usize| chars.iter().zip(&chars[*period..]).all(|(one, other)| one == other);
    let once = (1..chars.len()).find(repeats).unwrap_or(chars.len());
    let is_run = |pair: &[char]| u32::from(pair[1]).abs_diff(u32::from(pair[0])) <= 1;
    let runs = chars[..once].windows(2).filter(|pair| is_run(pair)).count();
    let has = |class: fn(&char) -> bool, size: f64| if value.chars().any(|c| class(&c)) { size } else { 0.0 };
    let pool = has(char::is_ascii_lowercase, 26.0)
        + has(char::is_ascii_uppercase, 26.0)
        + has(char::is_ascii_digit, 10.0)
        + has(|c| !c.is_ascii_alphanumeric(), 33.0);
    (once - runs) as f64 * pool.max(2.0).log2() < ENOUGH_BITS
}

/// The key of a declared secret among those that the reader saw: `ADDRESS#FIELD`.
pub fn key(address: &Address, field: &str) -> String {
    format!("{address}#{field}")
}

/// How the declared secret stands to the one that is set, by the mark in the resource's tag.
pub fn state(live: &Live, address: &Address, name: &str, declared: &Value) -> State {
    let Some(seen) = live.secrets.get(&key(address, name)).filter(|_| !declared.is_null()) else {
        return State::Unknown;
    };
    let Some((_, tag)) = field(address.kind) else { return State::Unknown };
    let Some(tag) = live.tags.get(address).and_then(|tags| tags.get(tag)) else { return State::Unknown };
    match announced(tag) {
        _ if !seen.matches => State::Different,
        None => State::Same,
        Some((since, _)) if is_added(live, address, since) => State::Rotating,
        Some(_) => State::Different,
    }
}

/// May the declared secret take the place of one of which no tag says what it is?
pub fn may_replace_unknown(scene: &Scene<'_>, name: &str) -> bool {
    let address = &scene.resource.address;
    let is_marked = field(address.kind)
        .is_some_and(|(_, tag)| scene.live.tags.get(address).is_none_or(|tags| tags.contains_key(tag)));
    !is_marked && scene.live.secrets.contains_key(&key(address, name)) && scene.options.allows(Permit::Rotate, address)
}

/// Does a tag announce a token whose rotation is not through?
pub fn is_announced(live: &Live, address: &Address) -> bool {
    let tag = field(address.kind).and_then(|(_, tag)| live.tags.get(address)?.get(tag));
    tag.is_some_and(|tag| announced(tag).is_some())
}

/// Whom a token that was added lets in besides those who have it, until it alone is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenTo {
    Anyone,
    TokenBefore,
}

/// Whom a rotation under way still lets in; `None` where none is, as far as tags and AWS tell.
pub fn open_to(live: &Live, address: &Address) -> Option<OpenTo> {
    let (_, tag) = field(address.kind)?;
    let (since, _) = announced(live.tags.get(address)?.get(tag)?)?;
    let is_open = live.view(address)?.flag("AuthTokenEnabled") && is_added(live, address, since);
    is_open.then_some(if since == NO_TOKEN { OpenTo::Anyone } else { OpenTo::TokenBefore })
}

/// When the token was changed last, as far as AWS tells.
pub fn last_change(live: &Live, address: &Address) -> String {
    let view = live.view(address).filter(|view| view.flag("AuthTokenEnabled"));
    let Some(view) = view else { return NO_TOKEN.to_owned() };
    view.own("AuthTokenLastModifiedDate").map_or_else(|| UNTOLD.to_owned(), Value::to_string)
}

/// Was the token that the tag announces added since? Adding it a second time could push out the one that clients
/// still use, so where AWS tells nothing it counts as added.
fn is_added(live: &Live, address: &Address, since: &str) -> bool {
    let under_way = live.view(address).is_some_and(|view| view.pending("AuthTokenStatus").is_some());
    under_way || since == UNTOLD || since != last_change(live, address)
}

/// The mark of a secret that its keeper versions: `VERSION@PLACE`.
///
/// Versions are counted for each place, so the place is part of it, as a hash: two keys of one Secrets Manager secret
/// share their version.
pub fn versioned(reference: &Value, version: &str) -> String {
    let named = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
    let place = ["secretsManager", "ssm", "key"].map(named).join("\n");
    let place = hex(&Sha256::digest(place)[..4]);
    format!("{version}@{place}")
}

/// The mark in a tag, without its stage.
pub fn mark(tag: &str) -> &str {
    announced(tag).map_or(tag, |(_, mark)| mark)
}

/// `rotating:SINCE:MARK`: a token is added beside what was there until SINCE.
fn announced(tag: &str) -> Option<(&str, &str)> {
    tag.strip_prefix(ROTATING)?.split_once(':')
}

/// The value of the tag that announces a token, written before the call that adds it.
///
/// So a run that is killed between the two, or after them, is understood by the next.
pub fn announcement(live: &Live, address: &Address, seen: &Seen) -> String {
    format!("{ROTATING}{}:{}", last_change(live, address), seen.mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_people_make_up_can_be_guessed_and_random_ones_cannot() {
        for weak in [
            "aaaaaaaaaaaaaaaa",
            "0123456789abcdef",
            "passwordpassword",
            "Winter2026Winter",
            "4711471147114711",
            "redis-password-1",
            "1234567890123456",
            "qwertyqwertyqwerty",
            "prod-cache-token",
        ] {
            assert!(is_guessable(weak), "{weak}");
        }
        for strong in ["x7kq2m9vbt4hs8wz", "f3a9c27e5b1d804f6e", "correct horse battery staple", "Tr!8kPz#4mQx^9Lw"] {
            assert!(!is_guessable(strong), "{strong}");
        }
    }

    #[test]
    fn secrets_that_aws_refuses_are_found_before_the_call() {
        assert!(unfit("AuthToken", "hunter2").is_some_and(|why| why.contains("16 to 128")));
        assert!(unfit("AuthToken", &"x".repeat(129)).is_some());
        for mark in ["/", "\"", "@", "%", " ", "_", "é"] {
            assert!(unfit("AuthToken", &format!("0123456789abcdef{mark}")).is_some(), "{mark}");
        }
        assert_eq!(unfit("AuthToken", "0123456789abcDEF!&#$^<>-"), None);
        for mark in [",", "\"", "/", "@", "\u{7}", "\n"] {
            let why = unfit("Passwords", &format!("0123456789abcdef{mark}"));
            assert!(why.is_some_and(|why| why.contains("printable")), "{mark:?}");
        }
        assert_eq!(unfit("Passwords", "correct horse battery %_ staple"), None);
        assert!(unfit("Passwords", "too short").is_some());
    }
}

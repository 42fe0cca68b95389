//! Secrets: fetched when a call needs them, never kept; and their marks, by which plans compare them.

use std::io::{self, Read};
use std::sync::LazyLock;
use std::thread;

use argon2::{Algorithm, Argon2, Params as Argon2Params, Version};
use serde_json::{Map, Value};

use tokio::sync::Semaphore;

use super::client::Aws;
use super::error::AwsError;
use crate::model::digest::hex;
use crate::model::kept;
use crate::model::secret::Seen;
use crate::resource::secret;

/// The longest that Secrets Manager keeps.
const LONGEST: u64 = 64 << 10;

/// A secret value. It cannot be printed.
pub struct Plain {
    value: String,
    /// Of Secrets Manager and SSM.
    version: Option<String>,
}

impl Plain {
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// Fetches what a reference points to.
pub async fn fetch(aws: &Aws, reference: &Value) -> Result<Plain, AwsError> {
    let text = |name: &str| reference.get(name).and_then(Value::as_str);
    let (value, version) = if let Some(id) = text("secretsManager") {
        let operation = "GetSecretValue";
        let answer = aws
            .secrets_manager
            .get_secret_value()
            .secret_id(id)
            .send()
            .await
            .map_err(|error| AwsError::of(operation, error))?;
        let Some(value) = answer.secret_string() else {
            return Err(AwsError::local(operation, format!("{id} holds no text")));
        };
        (value.to_owned(), answer.version_id().map(str::to_owned))
    } else if let Some(name) = text("ssm") {
        let operation = "GetParameter";
        let answer = aws
            .ssm
            .get_parameter()
            .name(name)
            .with_decryption(true)
            .send()
            .await
            .map_err(|error| AwsError::of(operation, error))?;
        let parameter = answer.parameter();
        let Some(value) = parameter.and_then(|parameter| parameter.value()) else {
            return Err(AwsError::local(operation, format!("{name} has no value")));
        };
        (value.to_owned(), parameter.map(|parameter| format!("v{}", parameter.version())))
    } else if let Some(name) = text("env") {
        let value = std::env::var(name)
            .map_err(|_| AwsError::local("secret", format!("the environment variable {name} is not set")))?;
        (value, None)
    } else if let Some(path) = text("file") {
        let value = file(path)
            .map_err(|error| AwsError::local("secret", format!("cannot read {path}: {error}")).caused_by(error))?;
        (value.trim_end_matches(['\n', '\r']).to_owned(), None)
    } else {
        return Err(AwsError::local("secret", "no place is named"));
    };
    let value = match text("key") {
        None => value,
        Some(key) => keyed(&value, key)
            .ok_or_else(|| AwsError::local("secret", format!("there is no text under the key `{key}`")))?,
    };
    if value.is_empty() {
        return Err(AwsError::local("secret", "the secret is empty"));
    }
    kept::keep(&value);
    Ok(Plain { value, version })
}

/// The text of a file that has an end. A pipe would be waited for, and could be read only once.
fn file(path: &str) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 64 kB, which is no secret"));
    }
    Ok(text)
}

fn keyed(json: &str, key: &str) -> Option<String> {
    serde_json::from_str::<Value>(json).ok()?.get(key)?.as_str().map(str::to_owned)
}

/// A secret that AWS takes for this member: a refusal of the call might quote it.
async fn fit(aws: &Aws, member: &str, reference: &Value) -> Result<Plain, AwsError> {
    let plain = fetch(aws, reference).await?;
    match secret::unfit(member, &plain.value) {
        Some(why) => Err(AwsError::local("secret", format!("AWS does not take the secret for {member}: {why}"))),
        None => Ok(plain),
    }
}

/// Puts secrets in place of their references, just before a call is sent.
pub async fn resolve(aws: &Aws, parameters: &Map<String, Value>) -> Result<Map<String, Value>, AwsError> {
    let mut out = parameters.clone();
    if let Some(reference) = parameters.get("AuthToken").filter(|value| value.is_object()) {
        out.insert("AuthToken".into(), Value::from(fit(aws, "AuthToken", reference).await?.value));
    }
    if let Some(references) = parameters.get("Passwords").and_then(Value::as_array) {
        let mut passwords = Vec::with_capacity(references.len());
        for reference in references {
            passwords.push(Value::from(fit(aws, "Passwords", reference).await?.value));
        }
        out.insert("Passwords".into(), Value::Array(passwords));
    }
    Ok(out)
}

/// The mark of declared secrets, and whether the tag on the resource holds the same. Salted marks differ each time
/// they are made; one that an earlier plan `told` of the same secret is told again.
pub async fn seen(
    aws: &Aws,
    field: &str,
    references: &Value,
    tag: Option<&str>,
    told: Option<&str>,
) -> Result<Seen, AwsError> {
    let member = secret::member(field);
    let one = std::slice::from_ref(references);
    let references = references.as_array().map_or(one, Vec::as_slice);
    let tag = tag.map(secret::mark).unwrap_or_default();
    let known: Vec<&str> = tag.split(' ').collect();
    let told: Vec<&str> = told.map(secret::mark).unwrap_or_default().split(' ').collect();
    let (mut marks, mut matches, mut weak) = (Vec::new(), known.len() == references.len(), false);
    for (index, reference) in references.iter().enumerate() {
        let plain = fit(aws, member, reference).await?;
        let at = |marks: &[&str]| marks.get(index).copied().unwrap_or_default().to_owned();
        let (old, told) = (at(&known), at(&told));
        let mark = match &plain.version {
            Some(version) => secret::versioned(reference, version),
            None => {
                weak |= secret::is_guessable(&plain.value);
                hashed([old.clone(), told], plain).await?
            }
        };
        matches &= mark == old;
        marks.push(mark);
    }
    Ok(Seen { mark: marks.join(" "), matches, weak })
}

/// As many marks are made at once as there are cores, up to four: each takes its memory.
static AT_ONCE: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(thread::available_parallelism().map_or(2, |cores| cores.get().min(4))));

/// The mark of a secret that nobody keeps versions of: one that is known, where it is of the same secret.
async fn hashed(known: [String; 2], plain: Plain) -> Result<String, AwsError> {
    let work = move || {
        let same = known.into_iter().find(|mark| same_hash(mark, &plain.value));
        same.unwrap_or_else(|| hash(COST, &salt(), &plain.value))
    };
    let stopped =
        |error: &dyn std::error::Error| AwsError::local("secret", format!("its mark could not be made: {error}"));
    let _turn = AT_ONCE.acquire().await.map_err(|error| stopped(&error))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| stopped(&error))
}

/// What a guess at a mark costs whoever reads the tag: memory in KiB, and passes over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
}

/// More than twice OWASP's least for Argon2id (19 MiB, 2 passes): some 60 ms of a core, reckoned from 25 ms for that.
const COST: Cost = Cost { memory: 32 << 10, passes: 3 };
/// Of marks that do not say theirs.
const FIRST_COST: Cost = Cost { memory: 19_456, passes: 2 };

/// `argon2:SALT:HASH:MEMORYxPASSES`: slow and salted, since a tag can be read by many.
fn hash(cost: Cost, salt: &str, value: &str) -> String {
    let digest = digest(cost, salt, value);
    format!("argon2:{salt}:{digest}:{}x{}", cost.memory, cost.passes)
}

fn digest(cost: Cost, salt: &str, value: &str) -> String {
    let mut out = [0u8; 16];
    let cost = Argon2Params::new(cost.memory, cost.passes, 1, Some(out.len())).unwrap_or_default();
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    match argon.hash_password_into(value.as_bytes(), salt.as_bytes(), &mut out) {
        Ok(()) => hex(&out),
        Err(_) => String::new(),
    }
}

/// Is it the mark of this secret, whatever it cost to make?
fn same_hash(mark: &str, value: &str) -> bool {
    let parts: Vec<&str> = mark.split(':').collect();
    let (salt, expected, cost) = match parts.as_slice() {
        ["argon2", salt, digest] => (salt, digest, Some(FIRST_COST)),
        ["argon2", salt, digest, cost] => (salt, digest, cost_of(cost)),
        _ => return false,
    };
    cost.is_some_and(|cost| !expected.is_empty() && digest(cost, salt, value) == **expected)
}

/// A tag is not trusted to ask for more work than cachectl's own marks do.
fn cost_of(text: &str) -> Option<Cost> {
    let (memory, passes) = text.split_once('x')?;
    let cost = Cost { memory: memory.parse().ok()?, passes: passes.parse().ok()? };
    (cost.memory <= COST.memory && cost.passes <= COST.passes).then_some(cost)
}

/// Different for every use; it need not be secret.
fn salt() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_from_before_costs_were_told_is_still_known_and_an_absurd_cost_is_not_paid() {
        let old = format!("argon2:0123456789abcdef:{}", digest(FIRST_COST, "0123456789abcdef", "hunter2-hunter2"));
        assert!(same_hash(&old, "hunter2-hunter2") && !same_hash(&old, "hunter3-hunter3"));
        assert_eq!((cost_of("4000000000x9"), cost_of("32768x4"), cost_of("x")), (None, None, None));
        for broken in ["", "argon2", "argon2::", "argon2:salt:", "argon2:salt::32768x3", "v1@00"] {
            assert!(!same_hash(broken, "hunter2-hunter2"), "{broken}");
        }
    }

    #[test]
    fn a_mark_tells_the_same_secret_from_another_and_does_not_hold_it() {
        let mark = hash(COST, "0123456789abcdef", "hunter2-hunter2");
        assert!(same_hash(&mark, "hunter2-hunter2"));
        assert!(!same_hash(&mark, "hunter3-hunter3"));
        assert!(!mark.contains("hunter"));
        assert!(mark.ends_with(":32768x3"), "{mark}");
    }
}

//! Secrets: fetched when a call needs them, never kept; and their marks, by which plans compare them.

use argon2::{Algorithm, Argon2, Params as Argon2Params, Version};
use serde_json::{Map, Value};

use super::client::Aws;
use super::error::AwsError;
use crate::model::digest::hex;
use crate::model::secret::Seen;
use crate::resource::secret;

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
        let value = std::fs::read_to_string(path)
            .map_err(|error| AwsError::local("secret", format!("cannot read {path}: {error}")))?;
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
    Ok(Plain { value, version })
}

fn keyed(json: &str, key: &str) -> Option<String> {
    serde_json::from_str::<Value>(json).ok()?.get(key)?.as_str().map(str::to_owned)
}

/// A secret that AWS takes for this member: a refusal of the call might quote it.
async fn fit(aws: &Aws, member: &str, reference: &Value) -> Result<Plain, AwsError> {
    let plain = fetch(aws, reference).await?;
    match secret::unfit(member, &plain.value) {
        Some(why) => {
            Err(AwsError::local("secret", format!("the secret for {member} is not one that AWS takes: {why}")))
        }
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
    let (mut marks, mut matches) = (Vec::new(), known.len() == references.len());
    for (index, reference) in references.iter().enumerate() {
        let plain = fit(aws, member, reference).await?;
        let at = |marks: &[&str]| marks.get(index).copied().unwrap_or_default().to_owned();
        let (old, told) = (at(&known), at(&told));
        let mark = match &plain.version {
            Some(version) => secret::versioned(reference, version),
            None if same_hash(&old, &plain.value) => old.clone(),
            None if same_hash(&told, &plain.value) => told,
            None => hash(&salt(), &plain.value),
        };
        matches &= mark == old;
        marks.push(mark);
    }
    Ok(Seen { mark: marks.join(" "), matches })
}

/// Slow and salted, since a tag can be read by many.
fn hash(salt: &str, value: &str) -> String {
    let mut out = [0u8; 16];
    let cost = Argon2Params::new(19_456, 2, 1, Some(out.len())).unwrap_or_default();
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    match argon.hash_password_into(value.as_bytes(), salt.as_bytes(), &mut out) {
        Ok(()) => format!("argon2:{salt}:{}", hex(&out)),
        Err(_) => format!("argon2:{salt}:"),
    }
}

fn same_hash(mark: &str, value: &str) -> bool {
    mark.strip_prefix("argon2:")
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(salt, _)| hash(salt, value) == mark)
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
    fn a_mark_tells_the_same_secret_from_another_and_does_not_hold_it() {
        let mark = hash("0123456789abcdef", "hunter2-hunter2");
        assert!(same_hash(&mark, "hunter2-hunter2"));
        assert!(!same_hash(&mark, "hunter3-hunter3"));
        assert!(!mark.contains("hunter"));
    }
}

//! Secrets Manager's GetSecretValue and SSM's GetParameter, on values set by a control call.

use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// A value with its past: oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secret {
    pub versions: Vec<Stored>,
}

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub id: String,
    pub value: String,
    pub at: f64,
}

impl Secret {
    /// Version ids look like those of Secrets Manager and depend only on name and number.
    pub(crate) fn push(&mut self, name: &str, value: String, at: f64) {
        let number = self.versions.len() + 1;
        let sum = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let id = format!("{:08x}-{:04x}-4000-8000-{number:012x}", sum >> 32, sum & 0xffff);
        self.versions.push(Stored { id, value, at });
    }
}

pub(crate) fn get_secret_value(state: &State, input: &Input) -> Result<Output, Refusal> {
    let asked = input.required("SecretId")?;
    let missing = || Refusal::bad("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    // An ARN ends in the name and six random characters.
    let prefix = format!("arn:aws:secretsmanager:{}:{}:secret:", state.settings.region, state.settings.account_id);
    let name = match asked.strip_prefix(&prefix) {
        Some(rest) => rest.strip_suffix("-sandbx").unwrap_or(rest),
        None => &asked,
    };
    let secret = state.secrets.get(name).ok_or_else(missing)?;
    let newest = secret.versions.len().saturating_sub(1);
    let stage = input.text("VersionStage");
    let index = match (input.text("VersionId"), stage.as_deref()) {
        (Some(id), _) => secret.versions.iter().position(|version| version.id == id),
        (None, None | Some("AWSCURRENT")) => Some(newest),
        (None, Some("AWSPREVIOUS")) => newest.checked_sub(1),
        (None, Some(_)) => None,
    };
    let (index, version) = index.and_then(|index| Some((index, secret.versions.get(index)?))).ok_or_else(missing)?;
    let stages: &[&str] = match newest - index {
        0 => &["AWSCURRENT"],
        1 => &["AWSPREVIOUS"],
        _ => &[],
    };
    Ok(Record::new()
        .put("ARN", format!("{prefix}{name}-sandbx"))
        .put("Name", name)
        .put("VersionId", &version.id)
        .put("SecretString", &version.value)
        .list("VersionStages", "member", stages.iter().copied())
        .put("CreatedDate", Output::Time(version.at))
        .into())
}

pub(crate) fn get_parameter(state: &State, input: &Input) -> Result<Output, Refusal> {
    let asked = input.required("Name")?;
    let (name, selector) = match asked.split_once(':') {
        Some((name, version)) => (name, Some(version)),
        None => (asked.as_str(), None),
    };
    let stored = state
        .parameters
        .get(name)
        .ok_or_else(|| Refusal::bad("ParameterNotFound", format!("Parameter {name} not found.")))?;
    let number = match selector {
        None => stored.versions.len(),
        Some(text) => text.parse().unwrap_or(0),
    };
    let version = number.checked_sub(1).and_then(|index| stored.versions.get(index)).ok_or_else(|| {
        Refusal::bad("ParameterVersionNotFound", format!("Systems Manager could not find version {number} of {name}."))
    })?;
    let decrypted = input.bool("WithDecryption")?.unwrap_or(false);
    let value = if decrypted {
        version.value.clone()
    } else {
        // Without WithDecryption AWS answers with the ciphertext.
        format!("AQICAHsandbox{}", version.id.replace('-', ""))
    };
    let slash = if name.starts_with('/') { "" } else { "/" };
    let parameter = Record::new()
        .put("Name", name)
        .put("Type", "SecureString")
        .put("Value", value)
        .put("Version", number)
        .put_some("Selector", selector.map(|version| format!(":{version}")))
        .put("LastModifiedDate", Output::Time(version.at))
        .put(
            "ARN",
            format!("arn:aws:ssm:{}:{}:parameter{slash}{name}", state.settings.region, state.settings.account_id),
        )
        .put("DataType", "text");
    Ok(Record::new().put("Parameter", parameter).into())
}

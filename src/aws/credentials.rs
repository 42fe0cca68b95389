//! Who calls: a profile, a role, or whatever this machine offers; and which provider answered what where none gave
//! credentials.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::error::cause;

/// A role that is taken on with the credentials that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub arn: String,
    pub external_id: Option<String>,
    pub session_name: Option<String>,
}

/// Providers by name, asked one after the other until one gives credentials.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    providers: Arc<Vec<(String, SharedCredentialsProvider)>>,
    profile: Option<String>,
    /// The one that gave credentials last.
    used: Arc<Mutex<Option<String>>>,
}

impl Chain {
    /// A profile that is asked for is the only provider, as with the AWS CLI: keys in the environment do not come
    /// before it. Otherwise all that the SDK knows, in its order.
    pub(super) fn new(profile: Option<&str>, config: &ProviderConfig) -> Self {
        let named = |name: Option<&str>| {
            let provider = ProfileFileCredentialsProvider::builder().configure(config);
            SharedCredentialsProvider::new(match name {
                Some(name) => provider.profile_name(name).build(),
                None => provider.build(),
            })
        };
        let usual = || std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
        let providers = match profile {
            Some(name) => vec![(format!("profile {name}"), named(Some(name)))],
            None => vec![
                (
                    "environment".to_owned(),
                    SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
                ),
                (format!("profile {}", usual().as_deref().unwrap_or("default")), named(None)),
                (
                    "web identity".to_owned(),
                    SharedCredentialsProvider::new(
                        WebIdentityTokenCredentialsProvider::builder().configure(config).build(),
                    ),
                ),
                (
                    "container".to_owned(),
                    SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(config).build()),
                ),
                (
                    "EC2 instance".to_owned(),
                    SharedCredentialsProvider::new(ImdsCredentialsProvider::builder().configure(config).build()),
                ),
            ],
        };
        let profile = profile.map(str::to_owned).or_else(usual);
        Self { providers: Arc::new(providers), profile, used: Arc::default() }
    }

    /// The role, taken on with this chain's credentials.
    pub(super) async fn assume(self, role: &Role, config: &SdkConfig) -> Self {
        let name = role.session_name.as_deref().unwrap_or("cachectl");
        let mut builder = AssumeRoleProvider::builder(&role.arn).session_name(name).configure(config);
        if let Some(id) = &role.external_id {
            builder = builder.external_id(id);
        }
        let (profile, used) = (self.profile.clone(), self.used.clone());
        let provider = SharedCredentialsProvider::new(builder.build_from_provider(self).await);
        Self { providers: Arc::new(vec![(format!("role {}", role.arn), provider)]), profile, used }
    }

    /// Where the credentials come from that are in use.
    pub(super) fn used(&self) -> Option<String> {
        self.used.lock().ok().and_then(|used| used.clone())
    }

    async fn ask(&self) -> Result {
        let mut answers = Vec::new();
        for (name, provider) in self.providers.iter() {
            match provider.provide_credentials().await {
                Ok(credentials) => {
                    if let Ok(mut used) = self.used.lock() {
                        *used = Some(name.clone());
                    }
                    return Ok(credentials);
                }
                // A role's own chain has told already what its providers answered.
                Err(error) if cause::<NoCredentials>(&error).is_some() => return Err(error),
                // One that is set up and fails ends the search: the next may be somebody else.
                Err(error) => {
                    let set_up = !matches!(error, CredentialsError::CredentialsNotLoaded(_));
                    let answer = Answer { provider: name.clone(), text: text(&error) };
                    if set_up {
                        answers = vec![answer];
                        break;
                    }
                    answers.push(answer);
                }
            }
        }
        Err(CredentialsError::provider_error(NoCredentials { profile: self.profile.clone(), answers }))
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.ask())
    }
}

#[derive(Clone, Debug)]
struct Answer {
    provider: String,
    text: String,
}

/// No provider gave credentials, and what each of them said.
#[derive(Clone, Debug)]
pub(super) struct NoCredentials {
    profile: Option<String>,
    answers: Vec<Answer>,
}

impl NoCredentials {
    pub(super) fn hint(&self) -> Option<String> {
        let said = |words: &[&str]| {
            self.answers.iter().any(|answer| words.iter().any(|word| answer.text.to_lowercase().contains(word)))
        };
        let profile = self.profile.as_ref().map(|name| format!(" --profile {name}")).unwrap_or_default();
        if self.answers.iter().any(|answer| answer.provider.starts_with("role ")) {
            return Some("the role's trust policy must name these credentials, with the external id where it asks for one; `aws sts get-caller-identity` shows whose they are".to_owned());
        }
        if said(&["cached login token", "/login/"]) {
            return Some(format!("log in again: aws login{profile}"));
        }
        if said(&["sso", "token has expired", "cached sso"]) {
            return Some(format!("log in again: aws sso login{profile}"));
        }
        if said(&["was not defined"]) {
            return Some("`aws configure list-profiles` lists the profiles".to_owned());
        }
        None
    }
}

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers: Vec<String> =
            self.answers.iter().map(|answer| format!("{}: {}", answer.provider, answer.text)).collect();
        match answers.as_slice() {
            [one] => write!(f, "no usable AWS credentials: {one}"),
            all => write!(f, "no usable AWS credentials were found: {}", all.join("; ")),
        }
    }
}

impl Error for NoCredentials {}

/// What a provider answered, without the general words above it.
fn text(error: &CredentialsError) -> String {
    let refused = |code: Option<&str>, message: Option<&str>| match (code, message) {
        (Some(code), Some(message)) => format!("{message} ({code})"),
        (code, message) => message.or(code).unwrap_or("refused").to_owned(),
    };
    if let Some(refusal) = cause::<AssumeRoleError>(error) {
        return refused(refusal.code(), refusal.message());
    }
    if let Some(refusal) = cause::<AssumeRoleWithWebIdentityError>(error) {
        return refused(refusal.code(), refusal.message());
    }
    let mut said: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !text.is_empty() && !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = cause.source();
    }
    if said.is_empty() {
        return match error {
            CredentialsError::ProviderTimedOut(_) => "no answer in time".to_owned(),
            CredentialsError::CredentialsNotLoaded(_) => "not set up".to_owned(),
            _ => error.to_string(),
        };
    }
    said.join(": ")
}

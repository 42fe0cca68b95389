//! Clients of one account and region, with one guard over all of them.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::sync::OnceCell;

use super::credentials::{Chain, Role};
use super::error::{AwsError, Kind};
use super::guard::Guard;
use super::kinds::alarm::LogAlarms;
use super::pace::Pace;
use super::wire;

/// May the clients write?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Describe, List and Get only, whatever the code above asks for.
    ReadOnly,
    /// The same, and this one operation.
    Only(&'static str),
    ReadWrite,
}

impl Access {
    /// May an operation that is no read be called?
    pub fn admits(self, operation: &str) -> bool {
        match self {
            Access::ReadOnly => false,
            Access::Only(one) => operation == one,
            Access::ReadWrite => true,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub region: String,
    pub profile: Option<String>,
    /// Taken on with the profile's credentials, or with those of the environment.
    pub role: Option<Role>,
    pub endpoint_url: Option<String>,
    pub access: Access,
}

#[derive(Clone)]
pub struct Aws {
    pub elasticache: aws_sdk_elasticache::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    pub sts: aws_sdk_sts::Client,
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub guard: Guard,
    identity: Arc<OnceCell<Identity>>,
    pub pace: Pace,
    /// Whether alarms of all types can be asked for here.
    pub log_alarms: LogAlarms,
    /// What signs a token for a user that logs in by IAM.
    pub credentials: Option<aws_credential_types::provider::SharedCredentialsProvider>,
    chain: Chain,
    pub region: String,
    /// Where calls go when not to AWS, for the header.
    pub endpoint: Option<String>,
}

/// The region of the environment or of the profile, where no spec says one.
pub async fn usual_region(profile: Option<&str>) -> Option<String> {
    let mut chain = aws_config::default_provider::region::DefaultRegionChain::builder();
    if let Some(profile) = profile {
        chain = chain.profile_name(profile);
    }
    Some(chain.build().region().await?.to_string())
}

/// No answer of these APIs takes longer; a slow one is asked for again.
const ATTEMPT: Duration = Duration::from_secs(30);
/// The first call tells whether there is anybody at all.
const FIRST_ATTEMPT: Duration = Duration::from_secs(8);
/// For all attempts of one call together: nobody waits longer for an endpoint that accepts and says nothing.
const CALL: Duration = Duration::from_secs(180);
/// For a provider of credentials, which may have to ask a person.
const PROVIDERS: Duration = Duration::from_secs(300);
/// With 30 % of all answers throttled, one call in fifty thousand still fails.
const ATTEMPTS: u32 = 10;
const ATTEMPTS_AT_FIRST: u32 = 7;

impl Aws {
    /// Clients; no call is made yet. An error where the certificate authorities that were named cannot be read.
    pub async fn connect(settings: &Settings) -> Result<Self, AwsError> {
        let guard = Guard::new(settings.access);
        let pace = Pace::default();
        let http_client = wire::http_client(&pace)?;
        let region = aws_config::Region::new(settings.region.clone());
        let providers =
            ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(http_client.clone());
        let mut credentials = Chain::new(settings.profile.as_deref(), &providers);
        let timeout = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(CALL)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .retry_config(retry())
            .http_client(http_client)
            .identity_cache(IdentityCache::lazy().load_timeout(PROVIDERS).build())
            .credentials_provider(credentials.clone())
            .timeout_config(timeout);
        if let Ok(name) = aws_config::AppName::new(concat!("cachectl-", env!("CARGO_PKG_VERSION"))) {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &settings.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        let mut config = loader.load().await;
        if let Some(role) = &settings.role {
            credentials = credentials.assume(role, &config).await;
            config =
                config.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials.clone())).build();
        }
        let service = ["AWS_ENDPOINT_URL_ELASTICACHE", "AWS_ENDPOINT_URL"];
        let from_environment =
            || service.iter().find_map(|name| std::env::var(name).ok()).filter(|url| !url.is_empty());
        let endpoint = settings
            .endpoint_url
            .clone()
            .or_else(|| config.endpoint_url().map(str::to_owned))
            .or_else(from_environment);
        macro_rules! client {
            ($crate_name:ident) => {
                $crate_name::Client::from_conf(
                    $crate_name::config::Builder::from(&config)
                        .interceptor(guard.clone())
                        .retry_classifier(pace.clone())
                        .build(),
                )
            };
        }
        Ok(Self {
            elasticache: client!(aws_sdk_elasticache),
            cloudwatch: client!(aws_sdk_cloudwatch),
            tagging: client!(aws_sdk_resourcegroupstagging),
            sts: client!(aws_sdk_sts),
            secrets_manager: client!(aws_sdk_secretsmanager),
            ssm: client!(aws_sdk_ssm),
            guard,
            identity: Arc::default(),
            credentials: config.credentials_provider(),
            chain: credentials,
            region: settings.region.clone(),
            log_alarms: LogAlarms::default(),
            pace: pace.within_quotas(endpoint.as_deref().filter(|endpoint| !is_of_aws(endpoint))),
            endpoint,
        })
    }

    /// Whether calls go to something that stands in for AWS, such as the sandbox.
    pub fn is_stand_in(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| !is_of_aws(endpoint))
    }

    /// Calls that were made so far.
    pub fn calls(&self) -> usize {
        self.guard.calls()
    }

    /// Account and partition of the credentials: the first call of every command, made once.
    pub async fn identity(&self) -> Result<Identity, AwsError> {
        self.identity.get_or_try_init(|| self.read_identity()).await.cloned()
    }

    async fn read_identity(&self) -> Result<Identity, AwsError> {
        const OPERATION: &str = "GetCallerIdentity";
        // It says soon whether there is a way to AWS at all; later calls are more patient.
        let impatient = aws_sdk_sts::config::Builder::new()
            .retry_config(retry().with_max_attempts(ATTEMPTS_AT_FIRST))
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(FIRST_ATTEMPT).build());
        let call = self.sts.get_caller_identity().customize().config_override(impatient);
        let answer = call.send().await.map_err(|error| self.named(AwsError::of(OPERATION, error)))?;
        let account = answer.account().unwrap_or_default();
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = "the answer names no account, so it is unknown whose resources these would be";
            return Err(AwsError::bad_answer(OPERATION, message));
        }
        let arn = answer.arn().unwrap_or_default();
        let partition = arn.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws");
        Ok(Identity { account_id: account.to_owned(), partition: partition.to_owned() })
    }

    /// Credentials that AWS does not take are told with where they came from.
    fn named(&self, error: AwsError) -> AwsError {
        match self.chain.used().filter(|_| error.kind == Kind::Credentials) {
            Some(provider) => error.saying(&format!("(credentials of: {provider})")),
            None => error,
        }
    }
}

/// AWS's own names, VPC endpoints among them.
fn is_of_aws(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|domain| host.ends_with(domain))
}

fn retry() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(250))
        .with_max_backoff(Duration::from_secs(10))
}

#[derive(Clone, Debug)]
pub struct Identity {
    pub account_id: String,
    pub partition: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_awss_own_is_no_stand_in() {
        for own in
            ["https://elasticache.us-east-1.amazonaws.com", "https://vpce-1.elasticache.us-east-1.vpce.amazonaws.com/"]
        {
            assert!(is_of_aws(own), "{own}");
        }
        for other in ["http://127.0.0.1:4566", "http://localhost:4566/x.amazonaws.com", "https://amazonaws.com.example"]
        {
            assert!(!is_of_aws(other), "{other}");
        }
    }
}

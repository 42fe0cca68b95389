//! What AWS said, without the dump: operation, code, message, request id, and what to do now.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::guard::{INTERRUPTED, READ_ONLY};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// AWS answered with an error.
    Refused,
    AccessDenied,
    /// Still, after all retries.
    Throttled,
    NotFound,
    /// The endpoint does not know the operation.
    Unsupported,
    Credentials,
    Unreachable,
    Timeout,
    Interrupted,
    /// A write in a command that only reads: a fault of cachectl's own.
    ReadOnly,
    /// The answer is lost or unreadable: whether the call took effect is unknown.
    Unknown,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: {message}{}", self.suffix())]
pub struct AwsError {
    pub kind: Kind,
    pub operation: String,
    pub code: Option<String>,
    pub message: String,
    pub request_id: Option<String>,
}

impl AwsError {
    /// AWS refuses because of the state that the resource is in, which may pass.
    pub fn is_state(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.contains("State"))
    }

    pub fn of<E>(operation: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let chain = chain(&error);
        let code = error.code().map(str::to_owned);
        let request_id = error.meta().extra("aws_request_id").map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let kind = if chain.contains(INTERRUPTED) {
            Kind::Interrupted
        } else if chain.contains(READ_ONLY) {
            Kind::ReadOnly
        } else if chain.contains("credential") && status.is_none() {
            Kind::Credentials
        } else {
            match &error {
                SdkError::ServiceError(_) => of_code(code.as_deref().unwrap_or_default(), status.unwrap_or_default()),
                SdkError::TimeoutError(_) => Kind::Timeout,
                SdkError::DispatchFailure(failure) if failure.is_timeout() => Kind::Timeout,
                SdkError::DispatchFailure(_) if chain.contains("onnect") || chain.contains("dns") => Kind::Unreachable,
                SdkError::ResponseError(_) if matches!(status, Some(404 | 405 | 501)) => Kind::Unsupported,
                _ => Kind::Unknown,
            }
        };
        let message = match kind {
            Kind::Interrupted => "interrupted before it was sent".to_owned(),
            Kind::Credentials => "no usable AWS credentials were found".to_owned(),
            Kind::Unreachable => format!("the endpoint cannot be reached ({})", last(&chain)),
            Kind::Timeout => "no answer in time".to_owned(),
            Kind::ReadOnly => last(&chain),
            _ => error.message().map(str::to_owned).unwrap_or_else(|| match status {
                Some(status) => format!("HTTP {status} without a message that can be read"),
                None => last(&chain),
            }),
        };
        Self { kind, operation: operation.to_owned(), code, message, request_id }
    }

    pub fn local(operation: &str, message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Refused,
            operation: operation.to_owned(),
            code: None,
            message: message.into(),
            request_id: None,
        }
    }

    pub fn interrupted() -> Self {
        Self { kind: Kind::Interrupted, ..Self::local("wait", "interrupted") }
    }

    fn suffix(&self) -> String {
        let parts: Vec<_> =
            self.code.iter().cloned().chain(self.request_id.iter().map(|id| format!("request {id}"))).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }

    /// What to do now.
    pub fn hint(&self) -> Option<String> {
        Some(match self.kind {
            Kind::AccessDenied => format!("allow {} in the IAM policy of these credentials (cachectl's README lists what it needs)", self.operation),
            Kind::Throttled => "AWS limits the rate of calls of this account; wait a minute and run the same command again".to_owned(),
            Kind::Unsupported => "this endpoint does not implement the operation; AWS and cachectl's own sandbox do".to_owned(),
            Kind::Credentials => "log in (aws sso login), choose a profile with --profile, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
            Kind::Unreachable => "check --region, --endpoint-url and AWS_ENDPOINT_URL, and whether this machine has a way to it".to_owned(),
            Kind::Timeout => "run the same command again; it goes on where it stopped".to_owned(),
            Kind::Unknown => "run the same command again; it reads what is live and goes on from there".to_owned(),
            Kind::Refused | Kind::NotFound | Kind::Interrupted | Kind::ReadOnly => return None,
        })
    }

    pub fn is_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

fn of_code(code: &str, status: u16) -> Kind {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" => Kind::AccessDenied,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "SlowDown" => Kind::Throttled,
        "InvalidAction" | "UnknownOperationException" | "NotImplemented" | "UnsupportedOperation" => Kind::Unsupported,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch" => Kind::Credentials,
        code if code.contains("NotFound") => Kind::NotFound,
        _ if status == 501 => Kind::Unsupported,
        // LocalStack and others say so in words.
        "InternalFailure" if status == 501 => Kind::Unsupported,
        _ => Kind::Refused,
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut out = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if out.last() != Some(&text) {
            out.push(text);
        }
        next = error.source();
    }
    out.join(": ")
}

fn last(chain: &str) -> String {
    chain.rsplit(": ").next().unwrap_or(chain).to_owned()
}

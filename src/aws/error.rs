//! What AWS said, without the dump: operation, code, message, request id, what to do now, and what was behind it.

use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::credentials::NoCredentials;
use super::guard::Refusal;
use super::wire::BadAnswer;
use crate::model::kept;
use crate::model::report::Remedy;
use crate::model::text::inert;

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
    /// The endpoint is there, and its certificate is not one to trust.
    Untrusted,
    Timeout,
    Interrupted,
    /// A write in a command that only reads: a fault of cachectl's own.
    ReadOnly,
    /// A secret would have gone over plain http to another machine.
    InTheClear,
    /// An answer that AWS would not give: another server stands in between, or the answer is damaged.
    BadAnswer,
    /// The answer is lost or unreadable: whether the call took effect is unknown.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct AwsError {
    pub kind: Kind,
    pub operation: String,
    pub code: Option<String>,
    /// As AWS said it, without secrets that it may have quoted.
    pub message: String,
    pub request_id: Option<String>,
    /// Of the answer, where there was one.
    status: Option<u16>,
    behind: Option<Box<Behind>>,
}

/// What few errors have beside their words.
#[derive(Clone, Debug, Default)]
struct Behind {
    hint: Option<String>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.operation, self.message, self.suffix())
    }
}

impl Error for AwsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.behind.as_ref()?.source.as_deref()?;
        Some(source)
    }
}

impl AwsError {
    /// AWS refuses because of the state that the resource is in, which may pass.
    pub fn is_state(&self) -> bool {
        // Whether subnets fit a VPC is no state that passes.
        self.code.as_deref().is_some_and(|code| code.contains("State") && !code.contains("VPCNetworkState"))
    }

    pub fn of<E>(operation: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let request_id = error.meta().extra("aws_request_id").map(str::to_owned);
        let (kind, message, hint) = told(&error, code.as_deref());
        let status = error.raw_response().map(|response| response.status().as_u16());
        let behind = Behind { hint, source: error.into_source().ok().map(Arc::from) };
        let message = inert(&kept::taken_out(&message)).into_owned();
        Self {
            kind,
            operation: operation.to_owned(),
            code,
            message,
            request_id,
            status,
            behind: Some(Box::new(behind)),
        }
    }

    /// May AWS have carried the call out all the same? An answer that is lost, or a fault of AWS's own, tells nothing.
    pub fn may_have_acted(&self) -> bool {
        matches!(self.kind, Kind::Unknown | Kind::Timeout | Kind::BadAnswer)
            || self.status.is_some_and(|status| status >= 500)
    }

    pub fn local(operation: &str, message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Refused,
            operation: operation.to_owned(),
            code: None,
            message: message.into(),
            request_id: None,
            status: None,
            behind: None,
        }
    }

    /// An answer that is not to be believed.
    pub fn bad_answer(operation: &str, message: impl Into<String>) -> Self {
        Self { kind: Kind::BadAnswer, ..Self::local(operation, message) }
    }

    pub fn interrupted() -> Self {
        Self { kind: Kind::Interrupted, ..Self::local("wait", "interrupted") }
    }

    pub fn caused_by(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self { behind: Some(Box::new(Behind { hint: self.own_hint(), source: Some(Arc::new(source)) })), ..self }
    }

    /// The same with more words behind the message.
    pub fn saying(mut self, more: &str) -> Self {
        self.message.push(' ');
        self.message.push_str(more);
        self
    }

    fn own_hint(&self) -> Option<String> {
        self.behind.as_ref().and_then(|behind| behind.hint.clone())
    }

    fn suffix(&self) -> String {
        let parts: Vec<_> =
            self.code.iter().cloned().chain(self.request_id.iter().map(|id| format!("request {id}"))).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }

    /// What to do now.
    pub fn hint(&self) -> Option<String> {
        let usual = match self.kind {
            Kind::AccessDenied => &format!(
                "allow {} in the IAM policy of these credentials (`cachectl iam-policy` prints what it needs)",
                self.operation
            ),
            Kind::Throttled => "AWS is throttling this account; wait a minute and run the same command again",
            Kind::Unsupported => "this endpoint does not implement the operation; AWS and cachectl's own sandbox do",
            Kind::Credentials => {
                "log in (aws sso login), choose a profile with --profile, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            }
            Kind::Unreachable => {
                "check --region, --endpoint-url, AWS_ENDPOINT_URL and HTTPS_PROXY, and whether this machine can reach it"
            }
            Kind::Untrusted => {
                "if a company proxy intercepts TLS, set AWS_CA_BUNDLE to the file with its certificate authority"
            }
            Kind::Timeout => "run the same command again; it continues where it stopped",
            Kind::InTheClear => "use an https endpoint; http is only for a server on this machine",
            Kind::BadAnswer => {
                "something other than AWS may be answering there: check --endpoint-url, AWS_ENDPOINT_URL and HTTPS_PROXY, then run the same command again"
            }
            Kind::Unknown => "run the same command again; it reads what is live and continues from there",
            Kind::Refused | Kind::NotFound | Kind::Interrupted | Kind::ReadOnly => return self.own_hint(),
        };
        Some(self.own_hint().unwrap_or_else(|| usual.to_owned()))
    }

    /// What has to happen before the call can pass. Sent again as it is, only what time mends passes.
    pub fn remedy(&self) -> Remedy {
        let code = self.code.as_deref().unwrap_or_default();
        let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
        match self.kind {
            Kind::AccessDenied => Remedy::Permission,
            Kind::Refused | Kind::NotFound => match self.status {
                Some(500..) => Remedy::Time,
                // AWS could not make the role that it works with: iam:CreateServiceLinkedRole is not allowed.
                _ if has(&["ServiceLinkedRole"]) => Remedy::Permission,
                // The subnet that the spec takes out is the one that nodes are in.
                _ if self.is_code(&["SubnetInUse"]) => Remedy::Spec,
                // InvalidReplicationGroupState, CacheSubnetGroupInUse, ServiceUnavailable, InternalFailure, ...;
                // CloudWatch's ConflictException, ConcurrentModificationException.
                _ if self.is_state() || has(&["InUse", "ServiceUnavailable", "Internal", "Concurrent", "Conflict"]) => {
                    Remedy::Time
                }
                // NodeQuotaForCustomerExceeded, LimitExceeded, InsufficientCacheClusterCapacity, ...
                _ if has(&["Quota", "LimitExceeded", "InsufficientCacheClusterCapacity"]) => Remedy::Quota,
                _ => Remedy::Spec,
            },
            Kind::Unsupported | Kind::ReadOnly | Kind::InTheClear => Remedy::Spec,
            Kind::Throttled
            | Kind::Credentials
            | Kind::Unreachable
            | Kind::Untrusted
            | Kind::Timeout
            | Kind::Interrupted
            | Kind::BadAnswer
            | Kind::Unknown => Remedy::Time,
        }
    }

    pub fn is_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

/// What it is, what is said of it, and what to do where that depends on more than what it is.
fn told<E>(error: &SdkError<E, HttpResponse>, code: Option<&str>) -> (Kind, String, Option<String>)
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let Some(refusal) = cause::<Refusal>(error) {
        let kind = match refusal {
            Refusal::Interrupted => Kind::Interrupted,
            Refusal::ReadOnly(_) => Kind::ReadOnly,
            Refusal::InTheClear(_) => Kind::InTheClear,
        };
        return (kind, refusal.to_string(), None);
    }
    if let Some(fault) = cause::<NoCredentials>(error) {
        return (Kind::Credentials, fault.to_string(), fault.hint());
    }
    if let Some(bad) = cause::<BadAnswer>(error) {
        return (Kind::BadAnswer, bad.to_string(), None);
    }
    if let Some(fault) = cause::<rustls::Error>(error) {
        return (Kind::Untrusted, format!("the endpoint's TLS cannot be trusted ({fault})"), None);
    }
    let response = error.raw_response();
    let status = response.map(|response| response.status().as_u16());
    if let Some(status @ 300..400) = status {
        let place = response.and_then(|response| response.headers().get("location")).map(host).unwrap_or_default();
        return (Kind::BadAnswer, format!("HTTP {status}, a redirect{place}: AWS's endpoints do not redirect"), None);
    }
    let last = || last(error);
    match error {
        SdkError::ServiceError(_) => {
            let kind = of_code(code.unwrap_or_default(), status.unwrap_or_default());
            let unread = || format!("HTTP {} without a message that can be read", status.unwrap_or_default());
            (kind, error.message().map_or_else(unread, str::to_owned), None)
        }
        SdkError::TimeoutError(_) => (Kind::Timeout, "no answer in time".to_owned(), None),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (Kind::Timeout, "no answer in time".to_owned(), None)
        }
        SdkError::DispatchFailure(_) if was_not_reached(error) => {
            (Kind::Unreachable, format!("the endpoint cannot be reached ({})", last()), None)
        }
        SdkError::ResponseError(_) => match status {
            Some(status @ (404 | 405 | 501)) => {
                (Kind::Unsupported, format!("HTTP {status} without a message that can be read"), None)
            }
            Some(200..300) => (Kind::BadAnswer, format!("the answer cannot be read ({})", last()), None),
            Some(status) => (Kind::Unknown, format!("HTTP {status} without a message that can be read"), None),
            None => (Kind::Unknown, last(), None),
        },
        _ => (Kind::Unknown, last(), None),
    }
}

/// No connection came about: no name, no way, no listener.
fn was_not_reached(error: &(dyn Error + 'static)) -> bool {
    cause::<hyper_util::client::legacy::Error>(error).is_some_and(hyper_util::client::legacy::Error::is_connect)
        || cause::<io::Error>(error).is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
            )
        })
}

/// Of a redirect: where to, without what could be a secret.
fn host(location: &str) -> String {
    let host = location.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next();
    let host = host.unwrap_or_default().rsplit('@').next().unwrap_or_default();
    if host.is_empty() { String::new() } else { format!(" to {host}") }
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
        "ServiceLinkedRoleNotFoundFault" => Kind::Refused,
        code if code.contains("NotFound") => Kind::NotFound,
        // LocalStack and others say so in words.
        _ if status == 501 => Kind::Unsupported,
        _ => Kind::Refused,
    }
}

/// The cause of this type, however deep. An I/O error hides what it wraps from `source`.
pub(super) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| cause::<T>(wrapped)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What was at the bottom of it.
fn last(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_the_spec_brought_about_is_told_from_one_that_passes() {
        let remedy = |code: &str, status: u16| {
            let error =
                AwsError { code: Some(code.to_owned()), status: Some(status), ..AwsError::local("CreateUser", "no") };
            AwsError { kind: of_code(code, status), ..error }.remedy()
        };
        for code in [
            "InvalidParameterValue",
            "InvalidParameterCombination",
            "InvalidParameterValueException",
            "ValidationError",
            "MissingParameter",
            "InvalidARN",
            "InvalidSubnet",
            "InvalidKMSKeyFault",
            "DefaultUserRequired",
            "DuplicateUserName",
            "UserGroupNotFound",
            "CacheParameterGroupNotFound",
            "SubnetInUse",
            "InvalidVPCNetworkStateFault",
        ] {
            assert_eq!(remedy(code, 400), Remedy::Spec, "{code}");
        }
        for code in
            ["NodeQuotaForCustomerExceeded", "UserQuotaExceeded", "LimitExceeded", "InsufficientCacheClusterCapacity"]
        {
            assert_eq!(remedy(code, 400), Remedy::Quota, "{code}");
        }
        for (code, status) in [
            ("InvalidReplicationGroupState", 400),
            ("CacheSubnetGroupInUse", 400),
            ("Throttling", 400),
            ("InternalFailure", 500),
            ("ServiceUnavailable", 503),
            ("SomethingNew", 500),
            ("ExpiredToken", 403),
            ("ConcurrentModificationException", 400),
            ("ConflictException", 400),
        ] {
            assert_eq!(remedy(code, status), Remedy::Time, "{code}");
        }
        assert_eq!(remedy("AccessDenied", 403), Remedy::Permission);
        assert_eq!(remedy("ServiceLinkedRoleNotFoundFault", 400), Remedy::Permission);
        assert_eq!(AwsError::local("secret", "it is empty").remedy(), Remedy::Spec);
    }
}

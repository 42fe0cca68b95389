//! Tokens for users that log in by IAM: a presigned request for `elasticache:Connect`, good for 15 minutes.
//!
//! The form is AWS's own (Amazon ElastiCache User Guide, "Authenticating with IAM").

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;

use super::Aws;
use super::error::AwsError;

const OPERATION: &str = "Connect";
/// How long AWS takes a token for a login.
pub const VALID_FOR: Duration = Duration::from_secs(900);

/// What a user logs in to.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Id of the replication group, or name of the serverless cache.
    pub cache: &'a str,
    pub serverless: bool,
    pub user: &'a str,
}

/// A token for one login, made with this session's credentials.
pub async fn signed(aws: &Aws, login: Login<'_>) -> Result<String, AwsError> {
    let Some(provider) = &aws.credentials else {
        return Err(AwsError::local(OPERATION, "there are no credentials to sign with".to_owned()));
    };
    let credentials =
        provider.provide_credentials().await.map_err(|error| AwsError::local(OPERATION, error.to_string()))?;
    token(credentials, &aws.region, login, SystemTime::now()).map_err(|error| AwsError::local(OPERATION, error))
}

fn token(credentials: Credentials, region: &str, login: Login<'_>, time: SystemTime) -> Result<String, String> {
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(VALID_FOR);
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("elasticache")
        .time(time)
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?;
    let kind = if login.serverless { "&ResourceType=ServerlessCache" } else { "" };
    let address = format!("{}/?Action=connect&User={}{kind}", login.cache, encoded(login.user));
    let url = format!("http://{address}");
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|error| error.to_string())?;
    let (instructions, _) = sign(request, &parameters.into()).map_err(|error| error.to_string())?.into_parts();
    let signature: String =
        instructions.params().iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    Ok(address + &signature)
}

/// Percent-encoding as AWS signs it: everything but letters, digits and `-._~`.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What botocore's `SigV4QueryAuth` makes of the same request.
    #[test]
    fn a_token_is_what_awss_own_signer_makes() {
        let credentials =
            Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "test");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let login = Login { cache: "prod-cache", serverless: false, user: "app-user" };
        let made = token(credentials.clone(), "us-east-1", login, time).unwrap();
        assert_eq!(
            made,
            "prod-cache/?Action=connect&User=app-user\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20231114%2Fus-east-1%2Felasticache%2Faws4_request&X-Amz-Date=20231114T221320Z\
             &X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=b4093f3ae83798124565f68600d8b5d468c24b10acaf920d14c04d4916bf49ea"
        );
        let login = Login { cache: "prod-serverless", serverless: true, user: "app-user" };
        let made = token(credentials, "us-east-1", login, time).unwrap();
        assert_eq!(
            made,
            "prod-serverless/?Action=connect&User=app-user&ResourceType=ServerlessCache\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20231114%2Fus-east-1%2Felasticache%2Faws4_request&X-Amz-Date=20231114T221320Z\
             &X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=723294f8ee3eea2839c2ddc97c4ddb751f116c4ea6b8e010ff57ccf8425a0102"
        );
    }
}

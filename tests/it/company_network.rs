//! Proxies, certificate authorities, profiles and roles: the ways that lead to AWS in a company.

use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::endpoint::{Answer, Asked, Certificate, Endpoint, refusal, xml};
use crate::harness::{Ran, bare, small};

const NAME: &str = "aws.example.test";

struct Office {
    dir: tempfile::TempDir,
}

impl Office {
    fn new(spec: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cachectl.yaml"), spec).unwrap();
        Self { dir }
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.dir.path());
        command.current_dir(self.dir.path()).env("COLUMNS", "250").args(arguments);
        command
    }

    fn with_keys(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    /// With profiles of the AWS configuration.
    fn with_profiles(&self, config: &str, arguments: &[&str]) -> Command {
        let path = self.write("aws-config", config);
        let mut command = self.command(arguments);
        command.env("AWS_CONFIG_FILE", path);
        command
    }
}

/// A blank account that has no alarms to tell of.
fn blank(asked: &Asked) -> Answer {
    if asked.operation == "DescribeAlarms" { refusal("InvalidAction", "none") } else { Answer::Usual }
}

#[test]
fn tls_through_a_proxy_is_trusted_by_the_bundle_that_was_named_and_by_no_other() {
    let office = Office::new(&small(""));
    let certificate = Certificate::of(NAME);
    let proxy = Endpoint::with_tls(&certificate, blank);
    let bundle = office.write("ca.pem", &certificate.authority);
    let plan = |bundle: Option<&Path>| {
        let mut command = office.with_keys(&["plan"]);
        command.env("AWS_ENDPOINT_URL", format!("https://{NAME}")).env("HTTPS_PROXY", proxy.url());
        if let Some(bundle) = bundle {
            command.env("AWS_CA_BUNDLE", bundle);
        }
        command
    };
    let ran = Ran::of(&mut plan(Some(&bundle)));
    assert!(ran.stdout.contains("+ replicationGroup/cache") || ran.code == 1, "{}", ran.all());
    assert!(proxy.operations().contains(&"GetCallerIdentity".to_owned()), "{:?} {}", proxy.operations(), ran.all());
    assert!(proxy.asked()[0].line.starts_with(&format!("CONNECT {NAME}:443")), "{:?}", proxy.asked()[0]);

    let untrusted = Ran::of(&mut plan(None)).exits(1);
    untrusted.says("cannot be trusted").says("set AWS_CA_BUNDLE to the file");
    let stranger = office.write("other.pem", &Certificate::of("other.example.test").authority);
    Ran::of(&mut plan(Some(&stranger))).exits(1).says("cannot be trusted");
    for (text, why) in
        [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "cannot read")]
    {
        let broken = office.write("broken.pem", text);
        Ran::of(&mut plan(Some(&broken))).exits(1).says("broken.pem").says(why);
    }
    Ran::of(&mut plan(Some(Path::new("/nowhere.pem")))).exits(1).says("/nowhere.pem");
    // No proxy is asked for what NO_PROXY names.
    let asked = proxy.asked().len();
    Ran::of(plan(Some(&bundle)).env("NO_PROXY", "example.test")).exits(1).says("cannot be reached");
    assert_eq!(proxy.asked().len(), asked);
}

#[test]
fn plain_http_goes_through_its_proxy_too_but_never_to_this_machine_and_never_with_a_secret() {
    let office = Office::new(&small("transitEncryptionMode: required\nauthToken: {secretsManager: prod/cache}"));
    let proxy = Endpoint::new(blank);
    let mut command = office.with_keys(&["plan"]);
    command.env("AWS_ENDPOINT_URL", format!("http://{NAME}")).env("HTTP_PROXY", proxy.url());
    let ran = Ran::of(&mut command);
    assert!(proxy.asked()[0].line.starts_with(&format!("POST http://{NAME}/")), "{:?}", proxy.asked()[0]);
    let ran = ran.says(&format!("over plain http to {NAME}, anyone on the way could read the secret"));
    assert!(!proxy.operations().contains(&"GetSecretValue".to_owned()), "{}", ran.all());

    let here = Endpoint::new(blank);
    let seen = proxy.asked().len();
    let mut command = office.with_keys(&["plan"]);
    Ran::of(command.env("AWS_ENDPOINT_URL", here.url()).env("HTTP_PROXY", proxy.url()));
    assert_eq!(proxy.asked().len(), seen);
    assert!(here.operations().contains(&"GetSecretValue".to_owned()));
}

#[test]
fn a_secret_of_the_environment_is_not_sent_over_plain_http_to_another_host() {
    let office = Office::new(&small("transitEncryptionMode: required\nauthToken: {env: SESSIONS}"));
    let proxy = Endpoint::new(blank);
    let mut command = office.with_keys(&["apply", "--yes", "--no-smoke"]);
    command.env("AWS_ENDPOINT_URL", format!("http://{NAME}")).env("HTTP_PROXY", proxy.url());
    let ran = Ran::of(command.env("SESSIONS", "a-token-of-some-length-1")).exits(1);
    ran.says("CreateReplicationGroup").says("over plain http");
    assert!(!proxy.operations().contains(&"CreateReplicationGroup".to_owned()));
    assert!(proxy.asked().iter().all(|asked| !asked.body.contains("a-token")));
}

#[test]
fn each_credential_fault_says_which_profile_which_provider_and_what_it_answered() {
    let office = Office::new(&small(""));
    let nothing = Ran::of(&mut office.command(&["plan"])).exits(1);
    let nothing = nothing.says("environment:").says("profile default:").says("web identity:").says("container:");
    assert!(nothing.all().contains("EC2 instance:"), "{}", nothing.all());

    let config = "[profile process]\ncredential_process = /bin/false\n\
                  [profile empty]\nregion = us-east-1\n\
                  [profile sso]\nsso_session = work\nsso_account_id = 012345678901\nsso_role_name = admin\n\
                  [sso-session work]\nsso_region = us-east-1\nsso_start_url = https://example.test/start\n\
                  [profile loop]\nrole_arn = arn:aws:iam::012345678901:role/a\nsource_profile = loop2\n\
                  [profile loop2]\nrole_arn = arn:aws:iam::012345678901:role/b\nsource_profile = loop\n";
    for (profile, answer, hint) in [
        ("nowhere", "was not defined", "list-profiles"),
        ("process", "process", "log in"),
        ("empty", "empty", "log in"),
        ("sso", "sso", "aws sso login --profile sso"),
        ("loop", "loop", "log in"),
    ] {
        let ran = Ran::of(&mut office.with_profiles(config, &["plan", "--profile", profile])).exits(1);
        let ran = ran.says("no usable AWS credentials").says(&format!("profile {profile}:")).says(hint);
        assert!(ran.stderr.to_lowercase().contains(answer), "{profile}: {}", ran.stderr);
    }
    // Who is not taken is named too.
    let endpoint = Endpoint::new(|_| refusal("InvalidClientTokenId", "The security token is invalid."));
    let mut command = office.with_keys(&["plan"]);
    let ran = Ran::of(command.env("AWS_ENDPOINT_URL", endpoint.url())).exits(1);
    ran.says("The security token is invalid. (credentials of: environment)");
}

#[test]
fn a_session_of_aws_login_is_used_and_one_that_is_over_says_how_to_log_in_again() {
    const SESSION: &str = "arn:aws:iam::012345678901:user/tester";
    let office = Office::new(&small(""));
    let endpoint = Endpoint::new(blank);
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let session = |expires: &str| {
        let token = serde_json::json!({
            "accessToken": {"accessKeyId": "AKIDLOGIN", "secretAccessKey": "login", "sessionToken": "session", "accountId": "012345678901", "expiresAt": expires},
            "tokenType": "aws_sigv4", "refreshToken": "again", "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": key,
        });
        // AWS names the file by the session's SHA-256.
        let digest = Sha256::digest(SESSION).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        std::fs::create_dir_all(office.dir.path().join("login")).unwrap();
        office.write(&format!("login/{digest}.json"), &token.to_string());
    };
    let plan = || {
        let config = format!("[profile login]\nlogin_session = {SESSION}\nregion = us-east-1\n");
        let mut command = office.with_profiles(&config, &["plan", "--profile", "login"]);
        command
            .env("AWS_LOGIN_CACHE_DIRECTORY", office.dir.path().join("login"))
            .env("AWS_ENDPOINT_URL", endpoint.url());
        Ran::of(&mut command)
    };
    plan().exits(1).says("profile login:").says("aws login --profile login");
    session("2099-01-01T00:00:00Z");
    plan().exits(0);
    assert!(endpoint.asked().iter().all(|asked| asked.headers.contains("Credential=AKIDLOGIN/")));
}

const PROFILES: &str = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = base\n\
                        [profile other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = other\n";

#[test]
fn an_environment_names_who_calls_and_the_command_line_wins() {
    let spec = small("")
        + "aws: {profile: base}\nenvironments:\n  prod: {aws: {roleArn: \"arn:aws:iam::012345678901:role/deploy\", externalId: cachectl-prod, sessionName: release}}\n";
    let office = Office::new(&spec);
    let endpoint = Endpoint::new(|asked| match asked.operation.as_str() {
        "AssumeRole" => Answer::Xml(xml(
            "AssumeRole",
            "<Credentials><AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>role</SecretAccessKey>\
             <SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
             <AssumedRoleUser><AssumedRoleId>A:release</AssumedRoleId><Arn>arn:aws:sts::012345678901:assumed-role/deploy/release</Arn></AssumedRoleUser>",
        )),
        _ => blank(asked),
    });
    let callers = |arguments: &[&str]| {
        let before = endpoint.asked().len();
        let mut command = office.with_profiles(PROFILES, arguments);
        // Keys in the environment come after a profile that is asked for.
        command.env("AWS_ENDPOINT_URL", endpoint.url()).env("AWS_ACCESS_KEY_ID", "AKIDENV");
        let ran = Ran::of(command.env("AWS_SECRET_ACCESS_KEY", "env"));
        let key = |asked: &Asked| asked.headers.split("Credential=").nth(1)?.split('/').next().map(str::to_owned);
        let asked = endpoint.asked()[before..].to_vec();
        assert!(!asked.is_empty(), "{}", ran.all());
        asked
            .iter()
            .map(|asked| (asked.operation.clone(), key(asked).unwrap_or_default(), asked.body.clone()))
            .collect::<Vec<_>>()
    };
    assert!(callers(&["plan"]).iter().all(|(_, key, _)| key == "AKIDBASE"));
    assert!(callers(&["plan", "--profile", "other"]).iter().all(|(_, key, _)| key == "AKIDOTHER"));
    let prod = callers(&["plan", "-e", "prod"]);
    assert_eq!((prod[0].0.as_str(), prod[0].1.as_str()), ("AssumeRole", "AKIDBASE"));
    for part in [
        "RoleArn=arn%3Aaws%3Aiam%3A%3A012345678901%3Arole%2Fdeploy",
        "ExternalId=cachectl-prod",
        "RoleSessionName=release",
    ] {
        assert!(prod[0].2.contains(part), "{part}: {}", prod[0].2);
    }
    assert!(prod[1..].iter().all(|(_, key, _)| key == "AKIDROLE"), "{prod:?}");
    let other = callers(&["plan", "-e", "prod", "--profile", "other"]);
    assert!(other.iter().all(|(name, key, _)| key == "AKIDOTHER" && name != "AssumeRole"), "{other:?}");
}

#[test]
fn a_role_that_is_refused_says_what_sts_said() {
    let office = Office::new(&(small("") + "aws: {roleArn: \"arn:aws:iam::012345678901:role/deploy\"}\n"));
    let endpoint = Endpoint::new(|asked| match asked.operation.as_str() {
        "AssumeRole" => refusal("AccessDenied", "User: tester is not authorized to perform: sts:AssumeRole"),
        _ => blank(asked),
    });
    let ran = Ran::of(office.with_keys(&["plan"]).env("AWS_ENDPOINT_URL", endpoint.url())).exits(1);
    ran.says("role arn:aws:iam::012345678901:role/deploy: User: tester is not authorized").says("trust policy");
    for (aws, fault) in [
        ("{externalId: cachectl-prod}", "without `roleArn`"),
        ("{sessionName: deploy}", "without `roleArn`"),
        ("{roleArn: deploy}", "roleArn"),
        ("{rolArn: a}", "did you mean `roleArn`?"),
        ("[]", "aws"),
    ] {
        let office = Office::new(&(small("") + &format!("aws: {aws}\n")));
        Ran::of(&mut office.command(&["validate"])).exits(78).says(fault);
    }
}

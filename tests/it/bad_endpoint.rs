//! Endpoints that hang, loop, flood, lie or redirect: each ends a run with a word that helps, and none is believed.

use std::process::Command;

use crate::endpoint::{Answer, Asked, Endpoint, refusal, xml};
use crate::harness::{Ran, bare, small};

/// cachectl against this endpoint.
fn command(dir: &tempfile::TempDir, endpoint: &Endpoint) -> Command {
    let mut command = bare(dir.path());
    command.current_dir(dir.path()).env("AWS_ENDPOINT_URL", endpoint.url());
    command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "test").env("COLUMNS", "200");
    command
}

fn plan(says: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Endpoint, Ran) {
    let dir = tempfile::tempdir().unwrap();
    let two = small("")
        + "users:\n  one: {userName: one, engine: valkey, accessString: \"on ~a:* +@read\", noPasswordRequired: true}\n";
    std::fs::write(dir.path().join("cachectl.yaml"), two).unwrap();
    let endpoint = Endpoint::new(says);
    let ran = Ran::of(command(&dir, &endpoint).arg("plan"));
    (endpoint, ran)
}

/// One operation is answered like this, all others as a blank account does.
fn plan_with(operation: &'static str, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Ran {
    plan(move |asked| if asked.operation == operation { answer() } else { Answer::Usual }).1
}

#[test]
fn an_endpoint_that_accepts_and_says_nothing_is_given_up_and_told_meanwhile() {
    let (_, ran) = plan(|_| Answer::Silence);
    ran.exits(1).says("GetCallerIdentity has no answer yet").says("GetCallerIdentity: no answer in time");
}

#[test]
fn a_page_token_that_comes_again_ends_the_list() {
    let dir = tempfile::tempdir().unwrap();
    // A few that are missing would be asked for by name.
    let more: String = (0..12)
        .map(|index| format!("  more{index}: {{description: a, engine: valkey, cacheNodeType: cache.t4g.small}}\n"))
        .collect();
    let spec = small("") + &more;
    std::fs::write(dir.path().join("cachectl.yaml"), spec).unwrap();
    let endpoint = Endpoint::new(|asked| match asked.operation.as_str() {
        "DescribeReplicationGroups" => Answer::Xml(xml("DescribeReplicationGroups", "<Marker>again</Marker>")),
        _ => Answer::Usual,
    });
    let ran = Ran::of(command(&dir, &endpoint).arg("plan")).exits(1);
    ran.says("DescribeReplicationGroups: a page token was repeated");
    assert!(endpoint.operations().len() < 20, "{:?}", endpoint.operations());
}

#[test]
fn an_answer_without_an_end_is_not_read_to_its_end() {
    plan_with("DescribeReplicationGroups", || Answer::Endless).exits(1).says("longer than 32 MB");
}

#[test]
fn a_cut_answer_of_the_right_length_is_not_read_as_an_empty_resource() {
    let whole = xml("DescribeUsers", "<Users><member><UserId>one</UserId><UserName>one</UserName></member></Users>");
    let cut = whole[..whole.find("<UserName>").unwrap()].to_owned();
    let padded = cut.clone() + &" ".repeat(whole.len() - cut.len());
    let ran = plan_with("DescribeUsers", move || Answer::Xml(padded.clone())).exits(1);
    ran.says("DescribeUsers: the answer is cut off or damaged").says("is rejected");
}

#[test]
fn resources_without_a_name_or_with_another_are_not_believed() {
    let nameless = || Answer::Xml(xml("DescribeUsers", "<Users><member><UserName>one</UserName></member></Users>"));
    plan_with("DescribeUsers", nameless).exits(1).says("has no name");
    let other = || Answer::Xml(xml("DescribeUsers", "<Users><member><UserId>two</UserId></member></Users>"));
    plan_with("DescribeUsers", other).exits(1).says("the answer is about two, not about one");
}

#[test]
fn an_identity_without_an_account_is_refused() {
    for account in ["", "<Account></Account>", "<Account>root</Account>", "<Account>0123</Account>"] {
        let answer = xml("GetCallerIdentity", account);
        plan_with("GetCallerIdentity", move || Answer::Xml(answer.clone())).exits(1).says("names no account");
    }
}

#[test]
fn redirects_and_web_pages_are_told_as_what_they_are() {
    let redirect = || {
        let place = "location: https://user:pass@login.example.com/sso?token=abc\r\n";
        Answer::Status(302, place.into(), String::new())
    };
    let ran = plan_with("GetCallerIdentity", redirect).exits(1);
    let ran = ran.says("HTTP 302, a redirect to login.example.com").says("something other than AWS may be answering");
    assert!(!ran.all().contains("token=abc") && !ran.all().contains("pass@"), "{}", ran.all());
    let page =
        || Answer::Status(200, "content-type: text/html\r\n".into(), "<html><body>Log in<br></body></html>".into());
    plan_with("GetCallerIdentity", page).exits(1).says("cut off or damaged").says("something other than AWS");
}

#[test]
fn what_an_endpoint_quotes_of_a_request_is_told_without_its_secrets() {
    const TOKEN: &str = "tok&en<#>$^!-0123456789";
    let dir = tempfile::tempdir().unwrap();
    let spec = small("transitEncryptionMode: required\nauthToken: {env: SESSIONS}");
    std::fs::write(dir.path().join("cachectl.yaml"), spec).unwrap();
    let echo = |asked: &Asked| match asked.operation.as_str() {
        "CreateReplicationGroup" => {
            refusal("InvalidParameterValue", &format!("{TOKEN}\n::error::bad request: {}", asked.body))
        }
        "DescribeAlarms" => refusal("InvalidAction", "none"),
        _ => Answer::Usual,
    };
    for format in ["table", "json", "markdown"] {
        let endpoint = Endpoint::new(echo);
        let mut command = command(&dir, &endpoint);
        command.args(["apply", "--yes", "--no-smoke", "-vv", "--events", "events.jsonl", "--format", format]);
        let ran = Ran::of(command.env("SESSIONS", TOKEN)).exits(1);
        assert!(endpoint.operations().contains(&"CreateReplicationGroup".to_owned()), "{}", ran.all());
        let events = std::fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
        for (place, told) in [("output", ran.all()), ("events", events)] {
            assert!(told.contains("AuthToken=(secret)"), "{place}: {told}");
            for part in [TOKEN, "tok%26en", "tok&amp;en", "en<#", "tok&en"] {
                assert!(!told.contains(part), "{part} in {place}: {told}");
            }
            assert!(!told.lines().any(|line| line.trim_start().starts_with("::")), "{place}: {told}");
        }
    }
}

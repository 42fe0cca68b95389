//! Tokens, users, TLS.

use crate::client::Aws;

fn user(id: &str, engine: &str, more: &str) -> String {
    format!("UserId={id}&UserName={id}&Engine={engine}&AccessString=on ~app:* %2B@read&{more}")
}

const PASSWORD: &str = "Passwords.member.1=0123456789abcdef";

#[test]
fn tls_is_entered_and_left_in_two_hops() {
    let aws = Aws::instant();
    aws.group("tls", "NumCacheClusters=1");
    let plain = aws.describe("tls").one("Address");
    for (change, mode) in [
        ("TransitEncryptionEnabled=true&TransitEncryptionMode=preferred", "preferred"),
        ("TransitEncryptionMode=required", "required"),
        ("TransitEncryptionMode=preferred", "preferred"),
        ("TransitEncryptionEnabled=false", ""),
    ] {
        aws.modify("tls", &format!("{change}&ApplyImmediately=true"));
        assert_eq!(aws.describe("tls").one("TransitEncryptionMode"), mode);
        assert_eq!(aws.describe("tls").one("Address") == plain, mode.is_empty(), "TLS has names of its own");
    }
}

#[test]
fn a_token_is_rotated_in_and_then_set() {
    let aws = Aws::patient();
    aws.group("token", "NumCacheClusters=1&TransitEncryptionEnabled=true");
    aws.pass(340);
    let token = "AuthToken=0123456789abcdef&ApplyImmediately=true";
    let error =
        aws.refused("ModifyReplicationGroup", &format!("ReplicationGroupId=token&{token}&AuthTokenUpdateStrategy=SET"));
    assert!(error.contains("only allowed after"), "{error}");
    let answer = aws.modify("token", &format!("{token}&AuthTokenUpdateStrategy=ROTATE"));
    assert_eq!(answer.one("AuthTokenStatus"), "ROTATING");
    aws.pass(100);
    assert_eq!(aws.describe("token").one("AuthTokenEnabled"), "true");
    let answer = aws.modify("token", &format!("{token}&AuthTokenUpdateStrategy=SET"));
    assert_eq!(answer.one("AuthTokenStatus"), "SETTING");
    aws.pass(100);
    assert!(!aws.describe("token").text().contains("0123456789abcdef"), "a token is never told");
}

#[test]
fn a_token_gives_way_to_a_user_group_and_back() {
    let aws = Aws::instant();
    aws.group("move", "NumCacheClusters=1&TransitEncryptionEnabled=true&AuthToken=0123456789abcdef");
    aws.call("CreateUser", &user("app", "valkey", PASSWORD));
    aws.call("CreateUserGroup", "UserGroupId=team&Engine=valkey&UserIds.member.1=app");
    aws.modify("move", "AuthTokenUpdateStrategy=DELETE&UserGroupIdsToAdd.member.1=team&ApplyImmediately=true");
    let group = aws.describe("move");
    assert_eq!(group.one("AuthTokenEnabled"), "false");
    assert_eq!(aws.call("DescribeUserGroups", "UserGroupId=team").all("ReplicationGroups"), ["<member>move</member>"]);
    aws.modify(
        "move",
        "RemoveUserGroups=true&AuthToken=0123456789abcdef&AuthTokenUpdateStrategy=SET&ApplyImmediately=true",
    );
    assert_eq!(aws.describe("move").one("AuthTokenEnabled"), "true");
    aws.call("DeleteUserGroup", "UserGroupId=team");
}

#[test]
fn access_strings_come_back_in_aws_spelling() {
    let aws = Aws::instant();
    let answer = aws.call("CreateUser", &user("app", "redis", PASSWORD));
    assert_eq!(answer.one("AccessString"), "on ~app:* resetchannels -@all +@read");
    assert_eq!((answer.one("Type"), answer.one("PasswordCount")), ("password".into(), "1".into()));
    let changed = aws.call("ModifyUser", "UserId=app&AppendAccessString=%2B@write");
    assert_eq!(changed.one("Status"), "modifying");
    let found = aws.call("DescribeUsers", "UserId=app");
    assert_eq!(found.one("AccessString"), "on ~app:* resetchannels -@all +@read +@write");
}

#[test]
fn users_are_refused_what_aws_refuses() {
    let aws = Aws::instant();
    for (parameters, text) in [
        (user("app", "valkey", "NoPasswordRequired=true"), "not supported for Valkey"),
        (user("app", "valkey", "Passwords.member.1=short"), "16-128"),
        (user("app", "valkey", ""), "must be specified"),
        (user("app", "valkey", "AuthenticationMode.Type=password"), "Passwords"),
        (user("1app", "valkey", PASSWORD), "UserId"),
        ("UserId=a&UserName=b&Engine=valkey&AccessString=on&AuthenticationMode.Type=iam".into(), "the same"),
        (
            "UserId=a&UserName=b&Engine=valkey&AccessString=on >pw&NoPasswordRequired=false".into(),
            "passwords are not allowed",
        ),
    ] {
        let error = aws.refused("CreateUser", &parameters);
        assert!(error.contains(text), "{parameters}: {error}");
    }
    aws.call("CreateUser", &user("plain", "redis", "NoPasswordRequired=true"));
    let error = aws.refused("CreateUserGroup", "UserGroupId=g&Engine=valkey&UserIds.member.1=plain");
    assert!(error.contains("without a password"), "{error}");
    let error = aws.refused("CreateUserGroup", "UserGroupId=g&Engine=redis&UserIds.member.1=plain");
    assert!(error.starts_with("DefaultUserRequired"), "{error}");
    aws.call("CreateUserGroup", "UserGroupId=g&Engine=redis&UserIds.member.1=plain&UserIds.member.2=default");
}

#[test]
fn a_deleted_user_silently_leaves_its_groups() {
    let aws = Aws::instant();
    for id in ["one", "two"] {
        aws.call("CreateUser", &user(id, "valkey", PASSWORD));
    }
    aws.call("CreateUserGroup", "UserGroupId=team&Engine=valkey&UserIds.member.1=one&UserIds.member.2=two");
    aws.call("DeleteUser", "UserId=one");
    assert_eq!(aws.call("DescribeUserGroups", "").one("UserIds"), "<member>two</member>");
}

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
    assert!(error.contains("ROTATE strategy before"), "{error}");
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
    let token = "AuthToken=0123456789abcdef&ApplyImmediately=true&AuthTokenUpdateStrategy";
    let error =
        aws.refused("ModifyReplicationGroup", &format!("ReplicationGroupId=move&RemoveUserGroups=true&{token}=SET"));
    assert!(error.contains("ROTATE strategy before"), "{error}");
    aws.modify("move", &format!("RemoveUserGroups=true&{token}=ROTATE"));
    assert_eq!(aws.sandbox.tokens("move"), ["", "0123456789abcdef"], "until SET anyone gets in");
    aws.modify("move", &format!("{token}=SET"));
    assert_eq!(aws.sandbox.tokens("move"), ["0123456789abcdef"]);
    aws.call("DeleteUserGroup", "UserGroupId=team");
}

#[test]
fn a_token_is_removed_by_way_of_a_user_group_in_two_calls() {
    let aws = Aws::instant();
    aws.group("free", "NumCacheClusters=1&TransitEncryptionEnabled=true&AuthToken=0123456789abcdef");
    aws.call("CreateUser", &user("app", "valkey", PASSWORD));
    aws.call("CreateUserGroup", "UserGroupId=team&Engine=valkey&UserIds.member.1=app");
    let by_way = "AuthTokenUpdateStrategy=DELETE&UserGroupIdsToAdd.member.1=team";
    let both = format!("ReplicationGroupId=free&{by_way}&UserGroupIdsToRemove.member.1=team&ApplyImmediately=true");
    aws.refused("ModifyReplicationGroup", &both);
    aws.modify("free", &format!("{by_way}&ApplyImmediately=true"));
    aws.modify("free", "UserGroupIdsToRemove.member.1=team&ApplyImmediately=true");
    let group = aws.describe("free");
    assert_eq!((group.one("AuthTokenEnabled"), group.one("UserGroupIds")), ("false".into(), String::new()));
    aws.modify("free", "TransitEncryptionMode=preferred&ApplyImmediately=true");
}

#[test]
fn groups_and_users_keep_to_their_engines() {
    let aws = Aws::instant();
    aws.call("CreateUser", &user("app", "redis", PASSWORD));
    aws.call("CreateUserGroup", "UserGroupId=team&Engine=redis&UserIds.member.1=app&UserIds.member.2=default");
    let error = aws.refused("ModifyUser", "UserId=app&Engine=valkey");
    assert!(error.contains("user group of engine redis"), "{error}");
    let old = "ReplicationGroupId=old&ReplicationGroupDescription=d&Engine=redis&EngineVersion=7.1&CacheNodeType=cache.r7g.large";
    let more = "NumCacheClusters=1&TransitEncryptionEnabled=true&UserGroupIds.member.1=team";
    aws.call("CreateReplicationGroup", &format!("{old}&{more}"));
    aws.call("CreateUser", &user("default-two", "redis", PASSWORD));
    let error = aws.refused("ModifyUserGroup", "UserGroupId=team&Engine=valkey&UserIdsToRemove.member.1=default");
    assert!(error.contains("cache of engine redis"), "{error}");
    aws.modify("old", "Engine=valkey&EngineVersion=7.2&ApplyImmediately=true");
    aws.call("ModifyUserGroup", "UserGroupId=team&Engine=valkey&UserIdsToRemove.member.1=default");
    aws.call("ModifyUser", "UserId=app&Engine=valkey");
    let error = aws.refused("ModifyUserGroup", "UserGroupId=default.iam-user-group&UserIdsToAdd.member.1=app");
    assert!(error.contains("managed by AWS"), "{error}");
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
        (user("app", "valkey", "Passwords.member.1=0123456789abcd/@"), "printable"),
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
    assert_eq!(aws.call("DescribeUserGroups", "UserGroupId=team").one("UserIds"), "<member>two</member>");
}

#[test]
fn a_user_may_be_limited_to_databases_which_needs_valkey_9_1() {
    let aws = Aws::instant();
    let user = user("some", "valkey", PASSWORD).replace("~app:*", "~app:* db=0,1");
    aws.call("CreateUser", &user);
    let told = aws.call("DescribeUsers", "UserId=some");
    assert!(told.one("AccessString").contains(" db=0,1 "), "{}", told.text());
    assert_eq!(told.one("MinimumEngineVersion"), "9.1");
    aws.refused("CreateUser", &user.replace("some", "other").replace("db=0,1", "db=one"));
}

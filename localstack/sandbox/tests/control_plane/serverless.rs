//! Serverless caches.

use crate::client::Aws;

fn create(aws: &Aws, more: &str) {
    aws.call("CreateServerlessCache", &format!("ServerlessCacheName=Less&Engine=valkey&MajorEngineVersion=7&{more}"));
}

#[test]
fn a_serverless_cache_has_two_endpoints_once_it_is_available() {
    let aws = Aws::patient();
    create(&aws, "");
    let state = || aws.call("DescribeServerlessCaches", "");
    assert_eq!((state().one("Status"), state().all("Port").len()), ("creating".into(), 0));
    aws.pass(60);
    assert_eq!(state().all("Port"), ["6379", "6380"]);
    assert_eq!((state().one("FullEngineVersion"), state().one("ServerlessCacheName")), ("7.2".into(), "less".into()));
}

#[test]
fn one_field_can_be_modified_in_a_call() {
    let aws = Aws::instant();
    create(&aws, "");
    let error = aws.refused("ModifyServerlessCache", "ServerlessCacheName=less&Description=x&SnapshotRetentionLimit=1");
    assert_eq!(
        error,
        "InvalidParameterCombination: Serverless Cache modifications only support modifying one field per request"
    );
    let limits = "CacheUsageLimits.DataStorage.Maximum=10&CacheUsageLimits.DataStorage.Unit=GB&CacheUsageLimits.ECPUPerSecond.Maximum=5000";
    aws.call("ModifyServerlessCache", &format!("ServerlessCacheName=less&{limits}"));
    let error = aws.refused("ModifyServerlessCache", "ServerlessCacheName=less&Engine=valkey&MajorEngineVersion=7");
    assert!(error.contains("This API supports only cross-engine upgrades to Valkey engine currently."), "{error}");
    aws.call("ModifyServerlessCache", "ServerlessCacheName=less&Engine=valkey&MajorEngineVersion=8");
    let now = aws.call("DescribeServerlessCaches", "ServerlessCacheName=less");
    assert_eq!((now.one("MajorEngineVersion"), now.all("Maximum")), ("8".into(), vec!["10".into(), "5000".into()]));
    let error = aws.refused("ModifyServerlessCache", "ServerlessCacheName=less&MajorEngineVersion=7");
    assert!(error.contains("downgrade"), "{error}");
}

#[test]
fn a_serverless_cache_leaves_its_final_snapshot() {
    let aws = Aws::instant();
    create(&aws, "Tags.Tag.1.Key=k&Tags.Tag.1.Value=v");
    aws.call("DeleteServerlessCache", "ServerlessCacheName=less&FinalSnapshotName=last");
    assert!(
        aws.refused("DescribeServerlessCaches", "ServerlessCacheName=less").starts_with("ServerlessCacheNotFoundFault")
    );
    assert_eq!(aws.call("DescribeServerlessCacheSnapshots", "").one("Status"), "available");
}

#[test]
fn a_public_cache_is_a_valkey_9_that_lets_in_by_iam_alone() {
    let aws = Aws::instant();
    let create =
        |engine: &str, more: &str| format!("ServerlessCacheName=open&Engine={engine}&ConnectionType=public&{more}");
    let iam = "UserGroupId=default.iam-user-group";
    for (parameters, why) in [
        (create("valkey", &format!("MajorEngineVersion=8&{iam}")), "valkey 9"),
        (create("redis", ""), "valkey 9"),
        (create("valkey", "MajorEngineVersion=9"), "IAM"),
    ] {
        let error = aws.refused("CreateServerlessCache", &parameters);
        assert!(error.contains(why), "{parameters}: {error}");
    }
    aws.call("CreateServerlessCache", &create("valkey", &format!("MajorEngineVersion=9&{iam}")));
    let cache = aws.call("DescribeServerlessCaches", "ServerlessCacheName=open");
    assert_eq!(
        (cache.one("ConnectionType"), cache.one("StorageEncryptionType")),
        ("public".into(), "sse-elasticache".into())
    );
    assert!(cache.one("Address").contains(".public.serverless."), "{}", cache.one("Address"));
    let error = aws.refused("ModifyServerlessCache", "ServerlessCacheName=open&RemoveUserGroup=true");
    assert!(error.contains("IAM"), "{error}");
}

#[test]
fn integrations_come_with_valkey_9() {
    let aws = Aws::instant();
    let more = "Engine=valkey&Integrations.Integration.1.IntegrationType=dynamodb";
    let error = aws.refused("CreateServerlessCache", &format!("ServerlessCacheName=i&MajorEngineVersion=8&{more}"));
    assert!(error.contains("valkey 9"), "{error}");
    aws.call("CreateServerlessCache", &format!("ServerlessCacheName=i&MajorEngineVersion=9&{more}"));
    let cache = aws.call("DescribeServerlessCaches", "ServerlessCacheName=i");
    assert_eq!(cache.one("Integration"), "<IntegrationType>dynamodb</IntegrationType><Status>enabled</Status>");
    assert_eq!(cache.one("ConnectionType"), "vpc");
}

#[test]
fn a_serverless_valkey_7_goes_back_to_redis() {
    let aws = Aws::instant();
    for (name, major) in [("seven", "7"), ("eight", "8")] {
        aws.call(
            "CreateServerlessCache",
            &format!("ServerlessCacheName={name}&Engine=valkey&MajorEngineVersion={major}"),
        );
    }
    aws.call("ModifyServerlessCache", "ServerlessCacheName=seven&Engine=redis");
    let cache = aws.call("DescribeServerlessCaches", "ServerlessCacheName=seven");
    assert_eq!((cache.one("Engine"), cache.one("FullEngineVersion")), ("redis".into(), "7.1".into()));
    let error = aws.refused("ModifyServerlessCache", "ServerlessCacheName=eight&Engine=redis");
    assert!(error.contains("only to 7.1"), "{error}");
}

#[test]
fn a_cache_that_data_are_migrated_into_takes_no_change() {
    let aws = Aws::instant();
    create(&aws, "");
    assert_eq!(aws.door("POST", "migration", r#"{"cache": "Less", "status": "migrating"}"#).status, 200);
    let migration = aws.call("DescribeServerlessCaches", "").text();
    assert!(migration.contains("<Migration><Status>migrating</Status></Migration>"), "{migration}");
    for (call, more) in [("ModifyServerlessCache", "&Description=x"), ("DeleteServerlessCache", "")] {
        let error = aws.refused(call, &format!("ServerlessCacheName=less{more}"));
        assert!(error.contains("under migration"), "{error}");
    }
    assert_eq!(aws.door("POST", "migration", r#"{"cache": "less"}"#).status, 200);
    aws.call("ModifyServerlessCache", "ServerlessCacheName=less&Description=x");
}

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

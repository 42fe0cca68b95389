//! Which call tells what, paging, tags.

use cachectl_sandbox::Options;

use crate::client::Aws;

#[test]
fn a_group_does_not_tell_what_only_its_members_tell() {
    let aws = Aws::instant();
    aws.group("read", "NumCacheClusters=1&EngineVersion=7.2&NotificationTopicArn=arn:aws:sns:us-east-1:012345678901:t");
    let (group, member) = (aws.describe("read").text(), aws.member("read-001").text());
    for name in [
        "EngineVersion",
        "CacheParameterGroup",
        "CacheSubnetGroupName",
        "SecurityGroups",
        "PreferredMaintenanceWindow",
        "NotificationConfiguration",
    ] {
        let element = format!("<{name}>");
        assert!(!group.contains(&element), "the group tells {name}");
        assert!(member.contains(&element), "the member does not tell {name}");
    }
    assert!(!member.contains("<CacheNodes>"), "nodes only with ShowCacheNodeInfo");
    let detailed = aws.call("DescribeCacheClusters", "ShowCacheNodeInfo=true");
    assert_eq!(detailed.all("CacheNodeId"), ["0001"]);
}

#[test]
fn defaults_that_aws_fills_in_are_told() {
    let aws = Aws::instant();
    aws.group("filled", "NumCacheClusters=2");
    let group = aws.describe("filled");
    assert_eq!(group.one("AtRestEncryptionEnabled"), "true");
    assert_eq!(group.one("AutomaticFailover"), "enabled");
    assert_eq!(group.one("Port"), "6379");
    assert_eq!(group.one("AutoMinorVersionUpgrade"), "true");
    let member = aws.member("filled-001");
    assert_eq!(
        (member.one("EngineVersion"), member.one("CacheParameterGroupName")),
        ("9.1.0".into(), "default.valkey9".into())
    );
}

#[test]
fn every_list_is_paged() {
    let aws = Aws::with(Options { page_size: Some(2), ..Options::default() });
    aws.sandbox.seed(5).expect("five groups");
    for (call, element, count) in [
        ("DescribeReplicationGroups", "ReplicationGroupId", 5_usize),
        ("DescribeCacheClusters", "CacheClusterId", 10),
        ("DescribeCacheParameterGroups", "CacheParameterGroupName", 19),
    ] {
        let (mut found, mut marker, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = aws.call(call, &if marker.is_empty() { String::new() } else { format!("Marker={marker}") });
            found.extend(page.all(element));
            pages += 1;
            marker = page.one("Marker");
            if marker.is_empty() {
                break;
            }
        }
        found.sort();
        found.dedup();
        assert_eq!((found.len(), pages), (count, count.div_ceil(2)), "{call}");
    }
    assert!(aws.refused("DescribeReplicationGroups", "Marker=seed-0001").contains("marker"));
    assert!(aws.refused("DescribeReplicationGroups", "MaxRecords=5").contains("MaxRecords"));
}

#[test]
fn tags_are_found_by_type_and_value() {
    let aws = Aws::instant();
    aws.group("mine", "NumCacheClusters=1&Tags.Tag.1.Key=cachectl:stack&Tags.Tag.1.Value=prod");
    aws.group("other", "NumCacheClusters=1&Tags.Tag.1.Key=cachectl:stack&Tags.Tag.1.Value=dev");
    aws.group("bare", "NumCacheClusters=1");
    let find = |body: &str| {
        let text = aws.json("ResourceGroupsTaggingAPI_20170126.GetResources", body).text();
        text.matches("\"ResourceARN\"").count()
    };
    assert_eq!(find("{}"), 4, "groups and members that have a tag");
    assert_eq!(find(r#"{"ResourceTypeFilters": ["elasticache:replicationgroup"]}"#), 2);
    assert_eq!(
        find(
            r#"{"ResourceTypeFilters": ["elasticache"], "TagFilters": [{"Key": "cachectl:stack", "Values": ["prod"]}]}"#
        ),
        2
    );
    assert_eq!(find(r#"{"ResourceARNList": ["arn:aws:elasticache:us-east-1:012345678901:replicationgroup:mine"]}"#), 1);
}

#[test]
fn secrets_have_versions() {
    let aws = Aws::instant();
    let get = |more: &str| {
        aws.json("secretsmanager.GetSecretValue", &format!(r#"{{"SecretId": "prod/cache"{more}}}"#)).text()
    };
    assert!(get("").contains("ResourceNotFoundException"));
    aws.sandbox.set_secret("prod/cache", r#"{"token": "one"}"#);
    let first: serde_json::Value = serde_json::from_str(&get("")).expect("JSON");
    aws.door("PUT", "secrets/prod%2Fcache", r#"{"token": "two"}"#);
    assert!(get("").contains("two"));
    let old = format!(r#", "VersionId": {}"#, first["VersionId"]);
    assert!(get(&old).contains("one") && get(&old).contains("AWSPREVIOUS"));
    aws.sandbox.set_parameter("/token", "three");
    let parameter = aws.json("AmazonSSM.GetParameter", r#"{"Name": "/token", "WithDecryption": true}"#).text();
    assert!(parameter.contains("three") && parameter.contains("\"Version\":1"), "{parameter}");
}

//! What other tools, and people, call a key: Terraform's and CloudFormation's words, the console's, short ones.

use crate::model::Kind;

/// What a word that is no key here stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// This key, under another name: the value carries over.
    Same(&'static str),
    /// This key, most likely; the value may need another form.
    Near(&'static str),
    /// No key at all: what to do instead.
    Instead(&'static str),
}

use Kind::{Alarm, ParameterGroup, ReplicationGroup, ServerlessCache, SubnetGroup, User, UserGroup};
use Meant::{Instead, Near, Same};

const CACHES: &[Kind] = &[ReplicationGroup, ServerlessCache];
const GROUP: &[Kind] = &[ReplicationGroup];
const NAMED: &[Kind] = &[ReplicationGroup, ServerlessCache, SubnetGroup, ParameterGroup, UserGroup];

const THE_KEY_IS_THE_ID: &str = "the id is the key above the resource: `replicationGroups: {ID: {...}}`";
const TEMPLATE: &str =
    "this is how a CloudFormation template begins a resource; here its properties stand directly under the id";
const TERRAFORM: &str = "cachectl decides this itself: see `cachectl explain lifecycle`";

/// Words within a resource, in lower case and without `_` and `-`.
#[rustfmt::skip]
const OF_RESOURCES: &[(&[Kind], &str, Meant)] = &[
    (GROUP, "replicationgroupid", Instead(THE_KEY_IS_THE_ID)),
    (&[ServerlessCache], "serverlesscachename", Instead("the name is the key above the resource: `serverlessCaches: {NAME: {...}}`")),
    (&[SubnetGroup], "cachesubnetgroupname", Instead("the name is the key above the resource: `subnetGroups: {NAME: {...}}`")),
    (&[SubnetGroup], "subnetgroupname", Instead("the name is the key above the resource: `subnetGroups: {NAME: {...}}`")),
    (&[ParameterGroup], "cacheparametergroupname", Instead("the name is the key above the resource: `parameterGroups: {NAME: {...}}`")),
    (&[ParameterGroup], "parametergroupname", Instead("the name is the key above the resource: `parameterGroups: {NAME: {...}}`")),
    (&[User], "userid", Instead("the id is the key above the resource: `users: {ID: {...}}`")),
    (&[UserGroup], "usergroupid", Instead("the id is the key above the resource: `userGroups: {ID: {...}}`")),
    (NAMED, "name", Instead("the name is the key above the resource: `SECTION: {NAME: {...}}`")),
    (NAMED, "id", Instead("the id is the key above the resource: `SECTION: {ID: {...}}`")),
    (&[User], "name", Same("userName")),
    (&[User], "id", Instead("the id is the key above the resource: `users: {ID: {...}}`")),
    (&[Alarm], "alarmname", Instead("without `for` the name is the key above the alarm; with it, `name` is the pattern of its alarms' names")),

    (GROUP, "tls", Same("transitEncryptionEnabled")),
    (GROUP, "ssl", Same("transitEncryptionEnabled")),
    (GROUP, "encryption", Near("transitEncryptionEnabled")),
    (GROUP, "encryptionintransit", Same("transitEncryptionEnabled")),
    (GROUP, "encryptionatrest", Same("atRestEncryptionEnabled")),
    (GROUP, "storageencrypted", Same("atRestEncryptionEnabled")),
    (GROUP, "tlsmode", Same("transitEncryptionMode")),
    (CACHES, "kmskey", Same("kmsKeyId")),
    (CACHES, "kmskeyarn", Same("kmsKeyId")),
    (GROUP, "password", Near("authToken")),
    (GROUP, "token", Near("authToken")),
    (GROUP, "auth", Near("authToken")),
    (GROUP, "authtokenupdatestrategy", Instead("cachectl decides it: the first token is a ROTATE and then a SET; see `cachectl explain authToken`")),
    (GROUP, "authtokenwo", Near("authToken")),

    (GROUP, "numnodes", Near("numCacheClusters")),
    (GROUP, "nodes", Near("numCacheClusters")),
    (GROUP, "nodecount", Near("numCacheClusters")),
    (GROUP, "numcachenodes", Near("numCacheClusters")),
    (GROUP, "numbercacheclusters", Same("numCacheClusters")),
    (GROUP, "clustersize", Near("numCacheClusters")),
    (GROUP, "shards", Near("numNodeGroups")),
    (GROUP, "numshards", Same("numNodeGroups")),
    (GROUP, "numbernodegroups", Same("numNodeGroups")),
    (GROUP, "replicas", Near("replicasPerNodeGroup")),
    (GROUP, "numreplicas", Near("replicasPerNodeGroup")),
    (GROUP, "replicacount", Near("replicasPerNodeGroup")),
    (GROUP, "replicaspershard", Same("replicasPerNodeGroup")),
    (GROUP, "instancetype", Same("cacheNodeType")),
    (GROUP, "nodetype", Same("cacheNodeType")),
    (GROUP, "availabilityzones", Near("preferredCacheClusterAZs")),
    (GROUP, "preferredavailabilityzones", Near("preferredCacheClusterAZs")),
    (GROUP, "multiaz", Same("multiAZEnabled")),
    (GROUP, "failover", Same("automaticFailoverEnabled")),
    (GROUP, "automaticfailover", Same("automaticFailoverEnabled")),
    (CACHES, "version", Near("engineVersion")),
    (&[ServerlessCache], "engineversion", Near("majorEngineVersion")),
    (CACHES, "securitygroups", Same("securityGroupIds")),
    (CACHES, "vpcsecuritygroupids", Same("securityGroupIds")),
    (GROUP, "securitygroupnames", Instead("EC2-Classic is not covered: name VPC security groups in `securityGroupIds`")),
    (GROUP, "cachesecuritygroupnames", Instead("EC2-Classic is not covered: name VPC security groups in `securityGroupIds`")),
    (GROUP, "subnetids", Instead("subnets stand in a subnet group: `subnetGroups: {NAME: {subnetIds: [...]}}`, named by `cacheSubnetGroupName`")),
    (GROUP, "subnets", Instead("subnets stand in a subnet group: `subnetGroups: {NAME: {subnetIds: [...]}}`, named by `cacheSubnetGroupName`")),
    (&[ServerlessCache, SubnetGroup], "subnets", Same("subnetIds")),
    (GROUP, "subnetgroup", Near("cacheSubnetGroupName")),
    (GROUP, "subnetgroupname", Same("cacheSubnetGroupName")),
    (GROUP, "parametergroup", Near("cacheParameterGroupName")),
    (GROUP, "parametergroupname", Same("cacheParameterGroupName")),
    (GROUP, "parameters", Instead("parameters stand in a parameter group: `parameterGroups: {NAME: {family: ..., parameters: {...}}}`, named by `cacheParameterGroupName`")),
    (&[ParameterGroup], "properties", Same("parameters")),
    (&[ParameterGroup], "parameter", Near("parameters")),
    (&[UserGroup], "users", Same("userIds")),
    (GROUP, "usergroups", Same("userGroupIds")),
    (&[ServerlessCache], "usergroup", Same("userGroupId")),
    (GROUP, "maintenancewindow", Same("preferredMaintenanceWindow")),
    (GROUP, "backupwindow", Same("snapshotWindow")),
    (GROUP, "backupretention", Same("snapshotRetentionLimit")),
    (GROUP, "backupretentionperiod", Same("snapshotRetentionLimit")),
    (&[ServerlessCache], "integrations", Instead("not covered yet: AWS has integrations (dynamodb, valkey 9 on, at creation only), and the AWS SDK for Rust does not have them yet; make such a cache with the AWS CLI, and adopt it")),
    (CACHES, "finalsnapshotidentifier", Instead("`lifecycle: {finalSnapshot: true}` is the default; the snapshot is named `<id>-final-<time>`")),
    (CACHES, "finalsnapshotname", Instead("`lifecycle: {finalSnapshot: true}` is the default; the snapshot is named `<id>-final-<time>`")),
    (CACHES, "preventdestroy", Instead("`lifecycle: {protect: true}` keeps a cache from being deleted or replaced")),
    (CACHES, "deletionprotection", Instead("`lifecycle: {protect: true}` keeps a cache from being deleted or replaced")),
    (CACHES, "deletionpolicy", Instead("`lifecycle: {protect: true}` keeps a cache from being deleted or replaced; deleting one takes a final snapshot")),
    (CACHES, "ignorechanges", Instead("`lifecycle: {ignore: [ATTRIBUTE]}`; an attribute that is left out is not managed anyway")),
    (CACHES, "timeouts", Instead("`--timeout` of the command line bounds the waiting")),
    (CACHES, "dependson", Instead("cachectl orders the calls itself, by what names what")),
    (GROUP, "logdeliveryconfiguration", Near("logDeliveryConfigurations")),
    (GROUP, "autominorversionupgrade", Same("autoMinorVersionUpgrade")),
    (GROUP, "snapshotname", Near("snapshotName")),
    (&[ServerlessCache], "limits", Near("cacheUsageLimits")),
    (&[ServerlessCache], "snapshotwindow", Near("dailySnapshotTime")),
    (&[Alarm], "metricquery", Near("metrics")),
    (&[Alarm], "metricqueries", Same("metrics")),
    (&[Alarm], "alarmdescription", Same("description")),
];

/// On every kind: how templates and modules frame a resource.
const FRAMES: &[(&str, Meant)] = &[
    ("type", Instead(TEMPLATE)),
    ("properties", Instead(TEMPLATE)),
    ("count", Instead("each resource has an entry of its own, under its id")),
    ("foreach", Instead("each resource has an entry of its own, under its id")),
    ("provider", Instead("account and credentials stand at the top: `accountId`, `region`, `aws`")),
    ("lifecyclepolicy", Instead(TERRAFORM)),
];

/// Words at the top of a file.
#[rustfmt::skip]
const AT_THE_TOP: &[(&str, Meant)] = &[
    ("name", Same("stack")),
    ("stackname", Same("stack")),
    ("version", Near("apiVersion")),
    ("account", Same("accountId")),
    ("awsaccountid", Same("accountId")),
    ("awsregion", Same("region")),
    ("variables", Same("vars")),
    ("locals", Near("vars")),
    ("env", Same("environments")),
    ("envs", Same("environments")),
    ("lint", Instead("lint settings stand in `policy: {lint: {RULE: none}}`")),
    ("waivers", Instead("waivers stand in `policy: {waivers: [...]}`")),
    ("caches", Near("replicationGroups")),
    ("clusters", Near("replicationGroups")),
    ("cachesubnetgroups", Same("subnetGroups")),
    ("cacheparametergroups", Same("parameterGroups")),
    ("parameters", Near("parameterGroups")),
    ("subnets", Near("subnetGroups")),
    ("serverless", Same("serverlessCaches")),
    ("metricalarms", Same("alarms")),
    ("awstemplateformatversion", Instead("this is a CloudFormation template: `cachectl import` writes a spec from what it made; see docs/guides/cloudformation.md")),
    ("resources", Instead("this looks like a CloudFormation template: `cachectl import` writes a spec from what it made; see docs/guides/cloudformation.md")),
    ("resource", Instead("this looks like Terraform's JSON: `cachectl import` writes a spec from what it made; see docs/guides/terraform.md")),
    ("terraform", Instead("this looks like Terraform's JSON: `cachectl import` writes a spec from what it made; see docs/guides/terraform.md")),
    ("kind", Instead("this looks like a Kubernetes resource: the ACK controller's words are the API's, and `cachectl import` writes a spec from what it made")),
    ("metadata", Instead("this looks like a Kubernetes resource: the ACK controller's words are the API's, and `cachectl import` writes a spec from what it made")),
    ("formatversion", Instead("this is a saved plan or a report: a plan is applied with `cachectl apply PLAN.json` and printed with `cachectl plan --show PLAN.json`")),
    ("cacheclusters", Instead("not covered: cacheClusters (Memcached clusters and groups without replication); memcached serverless is")),
    ("cachecluster", Instead("not covered: cacheClusters (Memcached clusters and groups without replication); memcached serverless is")),
    ("memcached", Instead("not covered: cacheClusters (Memcached clusters and groups without replication); memcached serverless is")),
    ("globalreplicationgroups", Instead("not covered: globalReplicationGroups; a member of a global datastore can be declared, what the datastore decides cannot")),
    ("globaldatastores", Instead("not covered: globalReplicationGroups; a member of a global datastore can be declared, what the datastore decides cannot")),
    ("reservedcachenodes", Instead("not covered: reservedCacheNodes; they are bought, not configured")),
    ("snapshots", Instead("not covered: snapshots as resources; `snapshotRetentionLimit`, `snapshotName` and `lifecycle.finalSnapshot` are")),
    ("serverlesscachesnapshots", Instead("not covered: snapshots as resources; `snapshotRetentionLimit`, `snapshotArnsToRestore` and `lifecycle.finalSnapshot` are")),
    ("cachesecuritygroups", Instead("not covered: cacheSecurityGroups, which belong to EC2-Classic; name VPC security groups in `securityGroupIds`")),
    ("securitygroups", Instead("not covered: VPC security groups; name existing ones in a cache's `securityGroupIds`")),
];

/// The word as it is looked up.
fn plainly(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// What a word at the top of a spec stands for.
pub fn at_the_top(word: &str) -> Option<Meant> {
    let word = plainly(word);
    AT_THE_TOP.iter().find(|(known, _)| *known == word).map(|(_, meant)| *meant)
}

/// What a word within a resource stands for.
pub fn of_resource(kind: Kind, word: &str) -> Option<Meant> {
    let word = plainly(word);
    let own = OF_RESOURCES.iter().find(|(kinds, known, _)| *known == word && kinds.contains(&kind));
    let frame = || FRAMES.iter().find(|(known, _)| *known == word).map(|(_, meant)| *meant);
    own.map(|(_, _, meant)| *meant).or_else(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_a_key_of_the_kind() {
        for (kinds, word, meant) in OF_RESOURCES {
            let (Same(key) | Near(key)) = meant else { continue };
            for kind in *kinds {
                let knows = |name: &str| kind.attributes().iter().any(|attribute| attribute.field.name == name);
                assert!(knows(key) || (kinds.len() > 1 && *word == "version"), "{kind} has no `{key}` for `{word}`");
                assert!(!knows(word), "`{word}` is a key of a {kind} by itself");
            }
            assert_eq!(plainly(word), *word);
        }
        let top = super::super::schema::top();
        for (word, meant) in AT_THE_TOP {
            if let Same(key) | Near(key) = meant {
                assert!(top.iter().any(|field| field.name == *key), "no `{key}` for `{word}`");
            }
        }
    }

    #[test]
    fn the_words_of_terraform_and_cloudformation_are_known() {
        let group = |word: &str| of_resource(Kind::ReplicationGroup, word);
        assert_eq!(group("node_type"), Some(Same("cacheNodeType")));
        assert_eq!(group("num_cache_nodes"), Some(Near("numCacheClusters")));
        assert!(matches!(group("replication_group_id"), Some(Instead(_))));
        assert!(matches!(group("ReplicationGroupId"), Some(Instead(_))));
        assert!(matches!(at_the_top("AWSTemplateFormatVersion"), Some(Instead(_))));
        assert_eq!(group("colour"), None);
    }
}

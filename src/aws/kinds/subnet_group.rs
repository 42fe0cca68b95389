//! Subnet groups at AWS.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::{create_cache_subnet_group, delete_cache_subnet_group, modify_cache_subnet_group};
use aws_sdk_elasticache::types as ec;
use serde_json::Value;

use crate::aws::lists::lister;
use crate::aws::params::Params;
use crate::aws::record::record;

lister!(
    list,
    "DescribeCacheSubnetGroups",
    describe_cache_subnet_groups,
    cache_subnet_group_name,
    cache_subnet_groups,
    cache_subnet_group_name,
    describe
);

pub(super) fn describe(group: &ec::CacheSubnetGroup) -> Value {
    let subnet = |subnet: &ec::Subnet| {
        record! {
            "SubnetIdentifier": subnet.subnet_identifier(),
            "SubnetAvailabilityZone": subnet.subnet_availability_zone().map(|zone| record! { "Name": zone.name() }),
        }
    };
    record! {
        "CacheSubnetGroupName": group.cache_subnet_group_name(),
        "CacheSubnetGroupDescription": group.cache_subnet_group_description(),
        "VpcId": group.vpc_id(),
        "Subnets": group.subnets().iter().map(subnet).collect::<Vec<_>>(),
        "ARN": group.arn(),
    }
}

pub(super) fn create_cache_subnet_group(
    client: &Client,
    p: &mut Params,
) -> create_cache_subnet_group::builders::CreateCacheSubnetGroupFluentBuilder {
    client
        .create_cache_subnet_group()
        .set_cache_subnet_group_name(p.text("CacheSubnetGroupName"))
        .set_cache_subnet_group_description(p.text("CacheSubnetGroupDescription"))
        .set_subnet_ids(p.texts("SubnetIds"))
        .set_tags(p.tags())
}

pub(super) fn modify_cache_subnet_group(
    client: &Client,
    p: &mut Params,
) -> modify_cache_subnet_group::builders::ModifyCacheSubnetGroupFluentBuilder {
    client
        .modify_cache_subnet_group()
        .set_cache_subnet_group_name(p.text("CacheSubnetGroupName"))
        .set_cache_subnet_group_description(p.text("CacheSubnetGroupDescription"))
        .set_subnet_ids(p.texts("SubnetIds"))
}

pub(super) fn delete_cache_subnet_group(
    client: &Client,
    p: &mut Params,
) -> delete_cache_subnet_group::builders::DeleteCacheSubnetGroupFluentBuilder {
    client.delete_cache_subnet_group().set_cache_subnet_group_name(p.text("CacheSubnetGroupName"))
}

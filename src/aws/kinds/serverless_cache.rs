//! Serverless caches at AWS.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::{create_serverless_cache, delete_serverless_cache, modify_serverless_cache};
use aws_sdk_elasticache::types as ec;
use serde_json::Value;

use crate::aws::client::Aws;
use crate::aws::error::{AwsError, Kind as ErrorKind};
use crate::aws::lists::{Ids, named};
use crate::aws::pages::Pages;
use crate::aws::params::Params;
use crate::aws::record::{endpoint, record};
use crate::model::live::Found;

pub(super) fn describe(cache: &ec::ServerlessCache) -> Value {
    record! {
        "ServerlessCacheName": cache.serverless_cache_name(),
        "Description": cache.description(),
        "Status": cache.status(),
        "Engine": cache.engine(),
        "MajorEngineVersion": cache.major_engine_version(),
        "FullEngineVersion": cache.full_engine_version(),
        "CacheUsageLimits": cache.cache_usage_limits().map(|limits| record! {
            "DataStorage": limits.data_storage().map(|storage| record! {
                "Maximum": storage.maximum(),
                "Minimum": storage.minimum(),
                "Unit": storage.unit().map(|unit| unit.as_str()),
            }),
            "ECPUPerSecond": limits.ecpu_per_second().map(|units| record! { "Maximum": units.maximum(), "Minimum": units.minimum() }),
        }),
        "KmsKeyId": cache.kms_key_id(),
        "SecurityGroupIds": cache.security_group_ids(),
        "Endpoint": endpoint(cache.endpoint()),
        "ReaderEndpoint": endpoint(cache.reader_endpoint()),
        "ARN": cache.arn(),
        "UserGroupId": cache.user_group_id(),
        "SubnetIds": cache.subnet_ids(),
        "SnapshotRetentionLimit": cache.snapshot_retention_limit(),
        "DailySnapshotTime": cache.daily_snapshot_time(),
        "NetworkType": cache.network_type().map(|kind| kind.as_str()),
        "ConnectionType": cache.connection_type().map(|kind| kind.as_str()),
        "StorageEncryptionType": cache.storage_encryption_type().map(|encryption| encryption.as_str()),
        "Migration": cache.migration().map(|migration| record! { "Status": migration.status() }),
    }
}

pub(super) fn create_serverless_cache(
    client: &Client,
    p: &mut Params,
) -> create_serverless_cache::builders::CreateServerlessCacheFluentBuilder {
    client
        .create_serverless_cache()
        .set_serverless_cache_name(p.text("ServerlessCacheName"))
        .set_description(p.text("Description"))
        .set_engine(p.text("Engine"))
        .set_major_engine_version(p.text("MajorEngineVersion"))
        .set_cache_usage_limits(p.object("CacheUsageLimits", usage_limits))
        .set_kms_key_id(p.text("KmsKeyId"))
        .set_security_group_ids(p.texts("SecurityGroupIds"))
        .set_snapshot_arns_to_restore(p.texts("SnapshotArnsToRestore"))
        .set_tags(p.tags())
        .set_user_group_id(p.text("UserGroupId"))
        .set_subnet_ids(p.texts("SubnetIds"))
        .set_snapshot_retention_limit(p.integer("SnapshotRetentionLimit"))
        .set_daily_snapshot_time(p.text("DailySnapshotTime"))
        .set_network_type(p.word("NetworkType"))
        .set_connection_type(p.word("ConnectionType"))
}

pub(super) fn modify_serverless_cache(
    client: &Client,
    p: &mut Params,
) -> modify_serverless_cache::builders::ModifyServerlessCacheFluentBuilder {
    client
        .modify_serverless_cache()
        .set_serverless_cache_name(p.text("ServerlessCacheName"))
        .set_description(p.text("Description"))
        .set_cache_usage_limits(p.object("CacheUsageLimits", usage_limits))
        .set_remove_user_group(p.flag("RemoveUserGroup"))
        .set_user_group_id(p.text("UserGroupId"))
        .set_security_group_ids(p.texts("SecurityGroupIds"))
        .set_snapshot_retention_limit(p.integer("SnapshotRetentionLimit"))
        .set_daily_snapshot_time(p.text("DailySnapshotTime"))
        .set_engine(p.text("Engine"))
        .set_major_engine_version(p.text("MajorEngineVersion"))
}

pub(super) fn delete_serverless_cache(
    client: &Client,
    p: &mut Params,
) -> delete_serverless_cache::builders::DeleteServerlessCacheFluentBuilder {
    client
        .delete_serverless_cache()
        .set_serverless_cache_name(p.text("ServerlessCacheName"))
        .set_final_snapshot_name(p.text("FinalSnapshotName"))
}

fn usage_limits(p: &mut Params) -> ec::CacheUsageLimits {
    ec::CacheUsageLimits::builder()
        .set_data_storage(p.object("DataStorage", |p| {
            ec::DataStorage::builder()
                .set_maximum(p.integer("Maximum"))
                .set_minimum(p.integer("Minimum"))
                .set_unit(p.word("Unit"))
                .build()
        }))
        .set_ecpu_per_second(p.object("ECPUPerSecond", |p| {
            ec::EcpuPerSecond::builder().set_maximum(p.integer("Maximum")).set_minimum(p.integer("Minimum")).build()
        }))
        .build()
}

pub(super) async fn list(aws: &Aws, wanted: Ids) -> Result<Found, AwsError> {
    const OPERATION: &str = "DescribeServerlessCaches";
    let (mut found, mut pages) = (Found::new(), Pages::of(OPERATION));
    while !wanted.is_none() {
        let call = aws.elasticache.describe_serverless_caches().set_next_token(pages.token());
        let answer = match call.set_serverless_cache_name(wanted.only().cloned()).send().await {
            Ok(answer) => answer,
            Err(error) => match AwsError::of(OPERATION, error) {
                error if error.kind == ErrorKind::NotFound => break,
                error => return Err(error),
            },
        };
        for cache in answer.serverless_caches() {
            let id = named(OPERATION, cache.serverless_cache_name())?;
            if wanted.contains(&id) {
                found.insert(id, describe(cache));
            }
        }
        if !pages.turn(answer.next_token())? || wanted.missing(&found).is_some_and(|missing| missing.is_empty()) {
            break;
        }
    }
    Ok(found)
}

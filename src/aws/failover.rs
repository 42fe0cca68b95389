//! TestFailover, and how many of them there were.

use std::time::Duration;

use aws_sdk_elasticache::types::SourceType;
use aws_smithy_types::retry::RetryConfig;

use super::client::Aws;
use super::error::AwsError;
use super::events;

pub const OPERATION: &str = "TestFailover";

/// AWS's words for a call that it took (API_TestFailover).
pub const CALLED: &str = "Test Failover API called for node group";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Asks AWS to fail a shard over. It is sent once: who sent it again after a lost answer would fail it over twice.
pub async fn test(aws: &Aws, group: &str, shard: &str) -> Result<(), AwsError> {
    let call = aws.elasticache.test_failover().replication_group_id(group).node_group_id(shard);
    let once = aws_sdk_elasticache::config::Builder::new().retry_config(RetryConfig::disabled());
    call.customize().config_override(once).send().await.map(drop).map_err(|error| AwsError::of(OPERATION, error))
}

/// Shards of this account and region that were tested in the last 24 hours.
pub async fn tested_today(aws: &Aws) -> Result<usize, AwsError> {
    let events = events::read(aws, DAY, Some(SourceType::ReplicationGroup)).await?;
    Ok(events.iter().filter(|event| event.message.starts_with(CALLED)).count())
}

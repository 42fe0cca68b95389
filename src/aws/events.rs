//! ElastiCache's own events: the only place that says why a change was rolled back.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use serde_json::Value;

use super::client::Aws;
use super::describe;
use super::error::AwsError;

/// The last events of a resource, oldest first.
pub async fn of(aws: &Aws, id: &str, since: Duration) -> Result<Vec<Value>, AwsError> {
    let start = SystemTime::now().checked_sub(since).map(DateTime::from);
    let answer = aws.elasticache.describe_events().set_start_time(start).max_records(100).send().await;
    let answer = answer.map_err(|error| AwsError::of("DescribeEvents", error))?;
    let of_resource = |source: &str| source == id || source.strip_prefix(id).is_some_and(|rest| rest.starts_with('-'));
    Ok(answer
        .events()
        .iter()
        .filter(|event| event.source_identifier().is_some_and(of_resource))
        .map(describe::event)
        .collect())
}

/// Their messages, for an error.
pub async fn messages(aws: &Aws, id: &str, since: Duration) -> Vec<String> {
    let events = of(aws, id, since).await.unwrap_or_default();
    events.iter().filter_map(|event| event.get("Message")?.as_str().map(str::to_owned)).collect()
}

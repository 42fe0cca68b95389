//! ElastiCache's own events: the only place that says why a change was rolled back.

use std::time::{Duration, SystemTime};

use aws_sdk_elasticache::types::SourceType;
use aws_smithy_types::DateTime;

use super::client::Aws;
use super::error::AwsError;
use super::pages::Pages;
use crate::model::text::inert;

/// A page is 100 events; an account that makes more of them in the time asked for is very busy.
const PAGES: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// A group, a member, a serverless cache.
    pub source: String,
    pub message: String,
    /// By AWS's clock.
    pub at: Option<SystemTime>,
}

impl Event {
    /// Of the resource itself or of one of its members, which AWS names `<group>-001` and
    /// `<group>-0001-001`: not of another group whose name begins alike.
    pub fn is_of(&self, id: &str) -> bool {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        match self.source.strip_prefix(id) {
            Some("") => true,
            Some(rest) => rest.strip_prefix('-').is_some_and(|rest| rest.split('-').all(digits)),
            None => false,
        }
    }
}

/// Everything that happened to caches in this time, oldest first.
pub async fn recent(aws: &Aws, time: Duration) -> Result<Vec<Event>, AwsError> {
    read(aws, time, None).await
}

/// What happened in this time to resources of one sort, or of all, oldest first.
pub(super) async fn read(aws: &Aws, time: Duration, of: Option<SourceType>) -> Result<Vec<Event>, AwsError> {
    let start = SystemTime::now().checked_sub(time).map(DateTime::from);
    let (mut events, mut pages) = (Vec::new(), Pages::of("DescribeEvents"));
    for _ in 0..PAGES {
        let call = aws.elasticache.describe_events().set_start_time(start).set_source_type(of.clone());
        let call = call.max_records(100).set_marker(pages.token());
        let answer = call.send().await.map_err(|error| AwsError::of("DescribeEvents", error))?;
        events.extend(answer.events().iter().filter_map(|event| {
            let (source, message) = (event.source_identifier()?.to_owned(), inert(event.message()?).into_owned());
            let at = event.date().and_then(|date| SystemTime::try_from(*date).ok());
            Some(Event { source, message, at })
        }));
        if !pages.turn(answer.marker())? {
            break;
        }
    }
    events.sort_by_key(|event| event.at);
    Ok(events)
}

/// The last words on a resource, for an error; none where they cannot be read.
pub async fn last_messages(aws: &Aws, id: &str, time: Duration, count: usize) -> Vec<String> {
    let events = recent(aws, time).await.unwrap_or_default();
    let mut messages: Vec<String> =
        events.into_iter().filter(|event| event.is_of(id)).map(|event| event.message).collect();
    messages.split_off(messages.len().saturating_sub(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_members_count_and_those_of_a_group_with_a_longer_name_do_not() {
        let of = |source: &str| Event { source: source.into(), message: String::new(), at: None }.is_of("prod-cache");
        assert!(of("prod-cache") && of("prod-cache-001") && of("prod-cache-0001-001"));
        assert!(!of("prod-cache-cluster") && !of("prod-cache-cluster-0001-001") && !of("prod-cache-") && !of("prod"));
    }
}

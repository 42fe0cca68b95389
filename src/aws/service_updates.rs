//! Service updates that are due: what AWS wants done to the nodes of replication groups.

use aws_sdk_elasticache::types::{ServiceUpdateStatus, UpdateAction, UpdateActionStatus};
use aws_smithy_types::date_time::Format;
use serde_json::Value;

use super::client::Aws;
use super::error::{AwsError, Kind as ErrorKind};
use super::pages::Pages;
use super::record::record;
use crate::model::Kind;
use crate::model::live::Live;

const OPERATION: &str = "DescribeUpdateActions";
/// AWS takes so many ids in a call.
const IDS: usize = 20;
const PAGE: i32 = 50;
/// Whatever is neither done nor none of the group's business.
const UNFINISHED: [UpdateActionStatus; 7] = [
    UpdateActionStatus::NotApplied,
    UpdateActionStatus::WaitingToStart,
    UpdateActionStatus::InProgress,
    UpdateActionStatus::Stopping,
    UpdateActionStatus::Stopped,
    UpdateActionStatus::Scheduling,
    UpdateActionStatus::Scheduled,
];

/// The unfinished updates of the groups that are live, in one call unless they fill pages.
///
/// They are beside what a look is for: where they cannot be read, a sentence says so.
pub(super) async fn due(aws: &Aws, live: &Live) -> Result<(Vec<Value>, Option<String>), AwsError> {
    match read(aws, live).await {
        Ok(found) => Ok((found, None)),
        Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
        Err(error) => Ok((Vec::new(), Some(format!("service updates are not known: {error}")))),
    }
}

async fn read(aws: &Aws, live: &Live) -> Result<Vec<Value>, AwsError> {
    let (mut found, mut pages) = (Vec::new(), Pages::of(OPERATION));
    let groups: Vec<String> = live.of(Kind::ReplicationGroup).keys().cloned().collect();
    // Of many groups the whole list is read.
    let named = (groups.len() <= IDS).then_some(groups);
    if named.as_ref().is_some_and(Vec::is_empty) {
        return Ok(found);
    }
    loop {
        let call = aws
            .elasticache
            .describe_update_actions()
            .set_replication_group_ids(named.clone())
            .service_update_status(ServiceUpdateStatus::Available)
            .set_update_action_status(Some(UNFINISHED.to_vec()))
            .max_records(PAGE)
            .set_marker(pages.token());
        let answer = call.send().await.map_err(|error| AwsError::of(OPERATION, error))?;
        let is_ours =
            |id: Option<&str>| id.is_some_and(|id| live.of(Kind::ReplicationGroup).contains_key(&id.to_lowercase()));
        let ours = answer.update_actions().iter().filter(|action| is_ours(action.replication_group_id()));
        found.extend(ours.map(describe));
        if !pages.turn(answer.marker())? {
            return Ok(found);
        }
    }
}

fn describe(action: &UpdateAction) -> Value {
    let by = action.service_update_recommended_apply_by_date().and_then(|by| by.fmt(Format::DateTime).ok());
    record! {
        "ReplicationGroupId": action.replication_group_id(),
        "ServiceUpdateName": action.service_update_name(),
        "ServiceUpdateType": action.service_update_type().map(|kind| kind.as_str()),
        "ServiceUpdateSeverity": action.service_update_severity().map(|severity| severity.as_str()),
        "ServiceUpdateRecommendedApplyByDate": by.as_deref(),
        "UpdateActionStatus": action.update_action_status().map(|status| status.as_str()),
        "NodesUpdated": action.nodes_updated(),
        "SlaMet": action.sla_met().map(|met| met.as_str()),
    }
}

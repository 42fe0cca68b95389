//! What is particular about each kind at AWS, one file a kind: how it is listed, described and written.

pub(super) mod alarm;
pub(super) mod composite_alarm;
mod dashboard;
mod log_alarm;
pub(super) mod parameter_group;
pub(super) mod replication_group;
mod serverless_cache;
mod subnet_group;
mod tags;
mod user;
mod user_group;

use std::collections::BTreeMap;

use aws_sdk_elasticache::operation::RequestId;
use futures::future::join_all;
use serde_json::{Map, Value};

use super::client::Aws;
use super::error::{AwsError, Kind as ErrorKind};
use super::lists::{Ids, Wanted};
use super::params::Params;
use crate::model::live::{Found, Live};
use crate::model::text::plural;
use crate::model::{Address, Kind, Operation};
use crate::resource::companion;

/// What a list answers: resources, the members of those that have such, and why some could not be read.
#[derive(Default)]
struct Listed {
    found: Found,
    members: Found,
    unread: BTreeMap<Address, String>,
}

async fn listed(aws: &Aws, kind: Kind, ids: Ids) -> Result<Listed, AwsError> {
    let found = match kind {
        Kind::SubnetGroup => subnet_group::list(aws, ids).await?,
        Kind::ParameterGroup => parameter_group::list(aws, ids).await?,
        Kind::User => user::list(aws, ids).await?,
        Kind::UserGroup => user_group::list(aws, ids).await?,
        Kind::ReplicationGroup => {
            let (found, members) = replication_group::list(aws, ids).await?;
            return Ok(Listed { found, members, ..Listed::default() });
        }
        Kind::ServerlessCache => serverless_cache::list(aws, ids).await?,
        Kind::Dashboard => return dashboard::list(aws, ids).await,
        // Which ones there should be is known once the members of the caches are: the reader asks for them then.
        Kind::Alarm | Kind::CompositeAlarm => Found::new(),
    };
    Ok(Listed { found, ..Listed::default() })
}

/// Reads everything wanted, all kinds side by side.
pub(super) async fn read(aws: &Aws, wanted: &Wanted, live: &mut Live) -> Result<(), AwsError> {
    let reads = Kind::ALL.into_iter().map(|kind| async move { (kind, listed(aws, kind, wanted.ids(kind)).await) });
    for (kind, answer) in join_all(reads).await {
        match answer {
            Ok(listed) => {
                live.of_mut(kind).extend(listed.found);
                live.cache_clusters.extend(listed.members);
                live.unread.extend(listed.unread);
            }
            // An endpoint that lacks the operation has none of these resources; the plan says so.
            Err(error) if error.kind == ErrorKind::Unsupported && kind != Kind::ReplicationGroup => {
                live.notes.push(format!("{} is not implemented by this endpoint: taken as empty", error.operation));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads the companions of the caches that were read, as far as there are any.
pub(super) async fn companions(aws: &Aws, live: &mut Live) -> Result<(), AwsError> {
    for (kind, companion) in companion::kinds() {
        let caches = Kind::caches();
        let addresses = caches.flat_map(|kind| live.of(kind).keys().map(move |id| Address::new(kind, id)));
        let names = addresses.map(|cache| (companion.address_of)(&cache, &live.region).id).collect();
        let read = match kind {
            Kind::Dashboard => dashboard::of_these(aws, names).await,
            _ => listed(aws, kind, Ids::Named(names)).await,
        };
        let section = kind.section();
        match read {
            Ok(Listed { found, unread, .. }) => {
                live.of_mut(kind).extend(found);
                let caches = plural(unread.len(), "cache");
                let first = unread.values().next();
                live.notes
                    .extend(first.map(|why| format!("{section} of {caches} are unknown, and not imported: {why}")));
                live.unread.extend(unread);
            }
            Err(error) if matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Credentials) => return Err(error),
            Err(error) => live.notes.push(format!("{section} are unknown, and none is imported: {error}")),
        }
    }
    Ok(())
}

/// Sends one call, by the API's own names, and returns its request id. Secrets were put in place of their references
/// before.
pub async fn execute(
    aws: &Aws,
    operation: Operation,
    parameters: Map<String, Value>,
) -> Result<Option<String>, AwsError> {
    loop {
        let kept = aws.pace.quota(operation).await;
        match send(aws, operation, parameters.clone()).await {
            // It was sent faster than the endpoint takes it; nothing was carried out.
            Err(error) if error.kind == ErrorKind::Throttled && !kept && aws.pace.keeps(operation) => {}
            ended => return ended,
        }
    }
}

async fn send(aws: &Aws, operation: Operation, parameters: Map<String, Value>) -> Result<Option<String>, AwsError> {
    let mut p = Params::new(operation.name(), parameters);
    let (cache, cloudwatch) = (&aws.elasticache, &aws.cloudwatch);
    // Builds the call, makes sure that it holds every parameter, sends it.
    macro_rules! send {
        ($builder:expr) => {{
            let builder = $builder;
            p.finish()?;
            let answer = builder.send().await.map_err(|error| AwsError::of(operation.name(), error))?;
            Ok(answer.request_id().map(str::to_owned))
        }};
    }
    match operation {
        Operation::CreateReplicationGroup => send!(replication_group::create_replication_group(cache, &mut p)),
        Operation::ModifyReplicationGroup => send!(replication_group::modify_replication_group(cache, &mut p)),
        Operation::DeleteReplicationGroup => send!(replication_group::delete_replication_group(cache, &mut p)),
        Operation::IncreaseReplicaCount => send!(replication_group::increase_replica_count(cache, &mut p)),
        Operation::DecreaseReplicaCount => send!(replication_group::decrease_replica_count(cache, &mut p)),
        Operation::ModifyReplicationGroupShardConfiguration => {
            send!(replication_group::modify_replication_group_shard_configuration(cache, &mut p))
        }
        Operation::RebootCacheCluster => send!(replication_group::reboot_cache_cluster(cache, &mut p)),
        Operation::CreateServerlessCache => send!(serverless_cache::create_serverless_cache(cache, &mut p)),
        Operation::ModifyServerlessCache => send!(serverless_cache::modify_serverless_cache(cache, &mut p)),
        Operation::DeleteServerlessCache => send!(serverless_cache::delete_serverless_cache(cache, &mut p)),
        Operation::CreateCacheSubnetGroup => send!(subnet_group::create_cache_subnet_group(cache, &mut p)),
        Operation::ModifyCacheSubnetGroup => send!(subnet_group::modify_cache_subnet_group(cache, &mut p)),
        Operation::DeleteCacheSubnetGroup => send!(subnet_group::delete_cache_subnet_group(cache, &mut p)),
        Operation::CreateCacheParameterGroup => send!(parameter_group::create_cache_parameter_group(cache, &mut p)),
        Operation::ModifyCacheParameterGroup => send!(parameter_group::modify_cache_parameter_group(cache, &mut p)),
        Operation::ResetCacheParameterGroup => send!(parameter_group::reset_cache_parameter_group(cache, &mut p)),
        Operation::DeleteCacheParameterGroup => send!(parameter_group::delete_cache_parameter_group(cache, &mut p)),
        Operation::CreateUser => send!(user::create_user(cache, &mut p)),
        Operation::ModifyUser => send!(user::modify_user(cache, &mut p)),
        Operation::DeleteUser => send!(user::delete_user(cache, &mut p)),
        Operation::CreateUserGroup => send!(user_group::create_user_group(cache, &mut p)),
        Operation::ModifyUserGroup => send!(user_group::modify_user_group(cache, &mut p)),
        Operation::DeleteUserGroup => send!(user_group::delete_user_group(cache, &mut p)),
        Operation::AddTagsToResource => send!(tags::add_tags_to_resource(cache, &mut p)),
        Operation::RemoveTagsFromResource => send!(tags::remove_tags_from_resource(cache, &mut p)),
        Operation::PutCompositeAlarm => send!(composite_alarm::put_composite_alarm(cloudwatch, &mut p)),
        Operation::PutMetricAlarm => send!(alarm::put_metric_alarm(cloudwatch, &mut p)),
        Operation::DeleteAlarms => send!(alarm::delete_alarms(cloudwatch, &mut p)),
        Operation::PutDashboard => send!(dashboard::put_dashboard(cloudwatch, &mut p)),
        Operation::DeleteDashboards => send!(dashboard::delete_dashboards(cloudwatch, &mut p)),
        Operation::TagResource => send!(tags::tag_resource(cloudwatch, &mut p)),
        Operation::UntagResource => send!(tags::untag_resource(cloudwatch, &mut p)),
    }
}

//! What an account has of each kind: lists where much is wanted, calls by name where little is, so that other
//! teams' resources cost nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::client::Aws;
use super::describe;
use super::error::{AwsError, Kind as ErrorKind};
use super::pages::Pages;
use crate::model::live::{Live, strings};
use crate::model::{Address, Kind, Spec};

/// After the first page of a list, up to this many missing resources are asked for by name.
const FEW: usize = 10;
/// Requests under way at once.
pub const CONCURRENCY: usize = 16;

pub type Found = BTreeMap<String, Value>;

/// What a read is for.
#[derive(Default)]
pub struct Wanted {
    pub by_kind: BTreeMap<Kind, BTreeSet<String>>,
    /// Kinds of which everything is wanted.
    pub whole: BTreeSet<Kind>,
}

/// Of one kind.
enum Ids {
    Named(BTreeSet<String>),
    All,
}

impl Ids {
    fn is_none(&self) -> bool {
        matches!(self, Ids::Named(ids) if ids.is_empty())
    }

    fn only(&self) -> Option<&String> {
        match self {
            Ids::Named(ids) if ids.len() == 1 => ids.first(),
            _ => None,
        }
    }

    fn contains(&self, id: &str) -> bool {
        match self {
            Ids::Named(ids) => ids.contains(id),
            Ids::All => true,
        }
    }

    /// Those that were not found; `None` where nobody knows what there is.
    fn missing(&self, found: &Found) -> Option<Vec<String>> {
        match self {
            Ids::Named(ids) => Some(ids.iter().filter(|id| !found.contains_key(*id)).cloned().collect()),
            Ids::All => None,
        }
    }
}

impl Wanted {
    pub fn new(spec: &Spec) -> Self {
        let mut wanted = Self::default();
        for resource in spec.resources.values() {
            wanted.add(resource.address.clone());
            for need in crate::resource::references(resource) {
                wanted.add(need);
            }
        }
        wanted
    }

    pub fn add(&mut self, address: Address) {
        self.by_kind.entry(address.kind).or_default().insert(address.id);
    }

    pub fn of(&self, kind: Kind) -> BTreeSet<String> {
        self.by_kind.get(&kind).cloned().unwrap_or_default()
    }

    fn ids(&self, kind: Kind) -> Ids {
        if self.whole.contains(&kind) { Ids::All } else { Ids::Named(self.of(kind)) }
    }
}

#[derive(Default)]
pub struct Kinds {
    groups: Found,
    clusters: Found,
    parameter_groups: Found,
    subnet_groups: Found,
    users: Found,
    user_groups: Found,
    serverless: Found,
    notes: Vec<String>,
}

impl Kinds {
    pub fn store(self, live: &mut Live) {
        live.replication_groups.extend(self.groups);
        live.cache_clusters.extend(self.clusters);
        live.parameter_groups.extend(self.parameter_groups);
        live.subnet_groups.extend(self.subnet_groups);
        live.users.extend(self.users);
        live.user_groups.extend(self.user_groups);
        live.serverless_caches.extend(self.serverless);
        live.notes.extend(self.notes);
    }
}

/// An endpoint that lacks the operation has none of these resources; the plan says so.
fn tolerate(result: Result<Found, AwsError>, notes: &mut Vec<String>) -> Result<Found, AwsError> {
    match result {
        Err(error) if error.kind == ErrorKind::Unsupported => {
            notes.push(format!("{} is not implemented by this endpoint: taken as empty", error.operation));
            Ok(Found::new())
        }
        other => other,
    }
}

/// Everything wanted, all kinds side by side.
pub async fn read_kinds(aws: &Aws, wanted: &Wanted) -> Result<Kinds, AwsError> {
    let (groups, parameter_groups, subnet_groups, users, user_groups, serverless) = futures::join!(
        groups_and_members(aws, wanted.ids(Kind::ReplicationGroup)),
        list_parameter_groups(aws, wanted.ids(Kind::ParameterGroup)),
        list_subnet_groups(aws, wanted.ids(Kind::SubnetGroup)),
        list_users(aws, wanted.ids(Kind::User)),
        list_user_groups(aws, wanted.ids(Kind::UserGroup)),
        list_serverless(aws, wanted.ids(Kind::ServerlessCache)),
    );
    let mut kinds = Kinds::default();
    (kinds.groups, kinds.clusters) = groups?;
    kinds.parameter_groups = tolerate(parameter_groups, &mut kinds.notes)?;
    kinds.subnet_groups = tolerate(subnet_groups, &mut kinds.notes)?;
    kinds.users = tolerate(users, &mut kinds.notes)?;
    kinds.user_groups = tolerate(user_groups, &mut kinds.notes)?;
    kinds.serverless = tolerate(serverless, &mut kinds.notes)?;
    Ok(kinds)
}

/// One Describe call that lists in pages and also takes a name. One resource is asked for by its name. Of
/// several the first page is a list, and what is still missing then is asked for by name where it is little,
/// since other teams' resources may fill many pages.
macro_rules! lister {
    ($name:ident, $operation:literal, $call:ident, $by_id:ident, $items:ident, $id:ident, $describe:path) => {
        async fn $name(aws: &Aws, wanted: Ids) -> Result<Found, AwsError> {
            let by_name = async |ids: Vec<String>| {
                let reads = ids.into_iter().map(|id| async move {
                    match aws.elasticache.$call().$by_id(&id).send().await {
                        Ok(answer) => {
                            let Some(item) = answer.$items().first() else { return Ok(None) };
                            let named = named($operation, item.$id())?;
                            if named == id {
                                Ok(Some((id, $describe(item))))
                            } else {
                                Err(AwsError::bad_answer(
                                    $operation,
                                    format!("{named} was told where {id} was asked for"),
                                ))
                            }
                        }
                        Err(error) => match AwsError::of($operation, error) {
                            error if error.kind == ErrorKind::NotFound => Ok(None),
                            error => Err(error),
                        },
                    }
                });
                let read: Vec<Option<(String, Value)>> =
                    stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await?;
                Ok::<_, AwsError>(read.into_iter().flatten())
            };
            let (mut found, mut pages) = (Found::new(), Pages::of($operation));
            if let Some(only) = wanted.only() {
                return Ok(by_name(vec![only.clone()]).await?.collect());
            }
            while !wanted.is_none() {
                let answer = aws.elasticache.$call().max_records(100).set_marker(pages.token()).send().await;
                let answer = answer.map_err(|error| AwsError::of($operation, error))?;
                for item in answer.$items() {
                    let id = named($operation, item.$id())?;
                    if wanted.contains(&id) {
                        found.insert(id, $describe(item));
                    }
                }
                if !pages.turn(answer.marker())? {
                    break;
                }
                let Some(missing) = wanted.missing(&found) else { continue };
                if missing.is_empty() {
                    break;
                }
                if missing.len() <= FEW {
                    found.extend(by_name(missing).await?);
                    break;
                }
            }
            Ok(found)
        }
    };
}

lister!(
    list_groups,
    "DescribeReplicationGroups",
    describe_replication_groups,
    replication_group_id,
    replication_groups,
    replication_group_id,
    describe::replication_group
);
lister!(
    list_parameter_groups,
    "DescribeCacheParameterGroups",
    describe_cache_parameter_groups,
    cache_parameter_group_name,
    cache_parameter_groups,
    cache_parameter_group_name,
    describe::parameter_group
);
lister!(
    list_subnet_groups,
    "DescribeCacheSubnetGroups",
    describe_cache_subnet_groups,
    cache_subnet_group_name,
    cache_subnet_groups,
    cache_subnet_group_name,
    describe::subnet_group
);
lister!(list_users, "DescribeUsers", describe_users, user_id, users, user_id, describe::user);
lister!(
    list_user_groups,
    "DescribeUserGroups",
    describe_user_groups,
    user_group_id,
    user_groups,
    user_group_id,
    describe::user_group
);

/// The id of something in an answer. What has none could be anything.
fn named(operation: &str, id: Option<&str>) -> Result<String, AwsError> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => Ok(id.to_ascii_lowercase()),
        None => Err(AwsError::bad_answer(operation, "something in the answer has no name: it is not believed")),
    }
}

async fn list_serverless(aws: &Aws, wanted: Ids) -> Result<Found, AwsError> {
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
                found.insert(id, describe::serverless_cache(cache));
            }
        }
        if !pages.turn(answer.next_token())? || wanted.missing(&found).is_some_and(|missing| missing.is_empty()) {
            break;
        }
    }
    Ok(found)
}

/// Groups and, side by side with them, the first page of member clusters; then the members that are
/// still missing.
async fn groups_and_members(aws: &Aws, wanted: Ids) -> Result<(Found, Found), AwsError> {
    if wanted.is_none() {
        return Ok((Found::new(), Found::new()));
    }
    let mut pages = Pages::of(CLUSTERS);
    let (groups, page) = futures::try_join!(list_groups(aws, wanted), clusters_page(aws, None))?;
    let needed: BTreeSet<String> =
        groups.values().flat_map(|group| strings(group.get("MemberClusters"))).map(str::to_owned).collect();
    let clusters = members(aws, &needed, page, &mut pages).await?;
    Ok((groups, clusters))
}

const CLUSTERS: &str = "DescribeCacheClusters";

type Page = (Vec<(String, Value)>, Option<String>);

async fn clusters_page(aws: &Aws, marker: Option<String>) -> Result<Page, AwsError> {
    let call = aws.elasticache.describe_cache_clusters().max_records(100).show_cache_node_info(true);
    let answer = call.set_marker(marker).send().await.map_err(|error| AwsError::of(CLUSTERS, error))?;
    let clusters = answer.cache_clusters().iter().map(|cluster| {
        let id = named(CLUSTERS, cluster.cache_cluster_id())?;
        Ok((id, describe::cache_cluster(cluster)))
    });
    Ok((clusters.collect::<Result<_, AwsError>>()?, answer.marker().map(str::to_owned)))
}

/// The members that are needed: from pages as long as many are missing, by name once they are few.
async fn members(aws: &Aws, needed: &BTreeSet<String>, first: Page, pages: &mut Pages) -> Result<Found, AwsError> {
    let mut found = Found::new();
    let (mut clusters, mut marker) = first;
    loop {
        found.extend(clusters.into_iter().filter(|(id, _)| needed.contains(id)));
        let missing: Vec<_> = needed.iter().filter(|id| !found.contains_key(*id)).collect();
        if !pages.turn(marker.as_deref())? || missing.is_empty() {
            return Ok(found);
        }
        if missing.len() <= FEW {
            let reads = missing.into_iter().map(|id| member(aws, id));
            found.extend(try_join_all(reads).await?.into_iter().flatten());
            return Ok(found);
        }
        (clusters, marker) = clusters_page(aws, pages.token()).await?;
    }
}

async fn member(aws: &Aws, id: &str) -> Result<Option<(String, Value)>, AwsError> {
    let call = aws.elasticache.describe_cache_clusters().cache_cluster_id(id).show_cache_node_info(true);
    match call.send().await.map_err(|error| AwsError::of(CLUSTERS, error)) {
        Ok(answer) => {
            let clusters = answer.cache_clusters();
            Ok(clusters.first().map(|cluster| (id.to_owned(), describe::cache_cluster(cluster))))
        }
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

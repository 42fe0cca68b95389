//! Tags: of everything that a stack owns in one paged call, or of one resource.

use std::collections::BTreeMap;

use aws_sdk_resourcegroupstagging::types::TagFilter;

use super::client::Aws;
use super::error::{AwsError, Kind as ErrorKind};
use super::pages::Pages;
use crate::model::Address;
use crate::model::live::Tags;
use crate::resource::ownership::STACK;

/// ARNs in one call of GetResources.
const ARNS: usize = 100;

/// The services whose resources a stack has.
const ELASTICACHE: &str = "elasticache";
const CLOUDWATCH: &str = "cloudwatch";

/// Which resources are asked for.
enum Scope {
    Stack(String),
    /// Of a stack, those of a service.
    OfService(String, &'static str),
    Arns(Vec<String>),
    Everything,
}

/// Everything that carries the stack's tag. `None` where the endpoint or the policy does not offer it. Of much, caches
/// and alarms are listed side by side: each page is asked for with the token of the one before.
pub async fn owned_by(aws: &Aws, stack: &str, is_much: bool) -> Result<Option<BTreeMap<Address, Tags>>, AwsError> {
    let of = |service| resources(aws, Scope::OfService(stack.to_owned(), service));
    let found = if is_much {
        let (caches, alarms) = futures::try_join!(of(ELASTICACHE), of(CLOUDWATCH))?;
        caches.zip(alarms).map(|(caches, alarms)| caches.into_iter().chain(alarms).collect::<BTreeMap<_, _>>())
    } else {
        resources(aws, Scope::Stack(stack.to_owned())).await?
    };
    // Some endpoints do not apply the filter.
    let owned = |tags: &Tags| tags.get(STACK).is_some_and(|value| value == stack);
    Ok(found.map(|found| found.into_iter().filter(|(_, tags)| owned(tags)).collect()))
}

/// The tags of all caches, what belongs to them, and alarms; a resource without tags is not among them.
pub async fn everything(aws: &Aws) -> Result<Option<BTreeMap<Address, Tags>>, AwsError> {
    resources(aws, Scope::Everything).await
}

/// The tags of these resources, as far as they have any.
pub async fn of_arns(aws: &Aws, arns: &[String]) -> Result<Option<BTreeMap<Address, Tags>>, AwsError> {
    let mut found = BTreeMap::new();
    for chunk in arns.chunks(ARNS) {
        let Some(more) = resources(aws, Scope::Arns(chunk.to_vec())).await? else { return Ok(None) };
        found.extend(more);
    }
    Ok(Some(found))
}

async fn resources(aws: &Aws, scope: Scope) -> Result<Option<BTreeMap<Address, Tags>>, AwsError> {
    let (mut found, mut pages) = (BTreeMap::new(), Pages::of("GetResources"));
    loop {
        let call = aws.tagging.get_resources().set_pagination_token(pages.token());
        let call = match &scope {
            Scope::Stack(stack) => {
                call.tag_filters(TagFilter::builder().key(STACK).values(stack).build()).resources_per_page(100)
            }
            Scope::OfService(stack, service) => call
                .tag_filters(TagFilter::builder().key(STACK).values(stack).build())
                .resource_type_filters(*service)
                .resources_per_page(100),
            Scope::Arns(arns) => call.set_resource_arn_list(Some(arns.clone())),
            Scope::Everything => {
                call.resource_type_filters(ELASTICACHE).resource_type_filters(CLOUDWATCH).resources_per_page(100)
            }
        };
        let answer = match call.send().await.map_err(|error| AwsError::of("GetResources", error)) {
            Ok(answer) => answer,
            Err(error)
                if matches!(error.kind, ErrorKind::AccessDenied | ErrorKind::Unsupported | ErrorKind::Unknown) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        for resource in answer.resource_tag_mapping_list() {
            let tags: Tags = resource.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
            if let Some(address) = resource.resource_arn().and_then(Address::from_arn) {
                found.insert(address, tags);
            }
        }
        if !pages.turn(answer.pagination_token())? {
            return Ok(Some(found));
        }
    }
}

/// The tags of a resource, as its own service tells them.
pub async fn of(aws: &Aws, arn: &str) -> Result<Tags, AwsError> {
    const OPERATION: &str = "ListTagsForResource";
    if arn.split(':').nth(2) == Some(CLOUDWATCH) {
        let answer = aws.cloudwatch.list_tags_for_resource().resource_arn(arn).send().await;
        let answer = answer.map_err(|error| AwsError::of(OPERATION, error))?;
        let tags = answer.tags().iter();
        return Ok(tags
            .map(|tag| (tag.key().unwrap_or_default().into(), tag.value().unwrap_or_default().into()))
            .collect());
    }
    let answer = aws.elasticache.list_tags_for_resource().resource_name(arn).send().await;
    let answer = answer.map_err(|error| AwsError::of(OPERATION, error))?;
    let tags = answer.tag_list().iter();
    Ok(tags.filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect())
}

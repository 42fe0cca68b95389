//! Tags: of everything that a stack owns in one paged call, or of one resource.

use std::collections::BTreeMap;

use aws_sdk_resourcegroupstagging::types::TagFilter;

use super::client::Aws;
use super::error::{AwsError, Kind as ErrorKind};
use crate::plan::ownership::STACK;
use crate::resource::Address;
use crate::resource::live::Tags;

/// Everything that carries the stack's tag. `None` where the endpoint or the policy does not offer it.
pub async fn owned_by(aws: &Aws, stack: &str) -> Result<Option<BTreeMap<Address, Tags>>, AwsError> {
    let filter = TagFilter::builder().key(STACK).values(stack).build();
    let (mut owned, mut token) = (BTreeMap::new(), None);
    loop {
        let call =
            aws.tagging.get_resources().tag_filters(filter.clone()).resources_per_page(100).set_pagination_token(token);
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
            let address = resource.resource_arn().and_then(Address::from_arn);
            // Some endpoints do not apply the filter.
            if let Some(address) = address.filter(|_| tags.get(STACK).is_some_and(|value| value == stack)) {
                owned.insert(address, tags);
            }
        }
        token = answer.pagination_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(Some(owned));
        }
    }
}

pub async fn of(aws: &Aws, arn: &str) -> Result<Tags, AwsError> {
    let answer = aws.elasticache.list_tags_for_resource().resource_name(arn).send().await;
    let answer = answer.map_err(|error| AwsError::of("ListTagsForResource", error))?;
    Ok(answer
        .tag_list()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect())
}

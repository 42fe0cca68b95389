//! The calls that tag resources.

use aws_sdk_cloudwatch::operation::{tag_resource, untag_resource};
use aws_sdk_cloudwatch::types as cw;
use aws_sdk_elasticache::operation::{add_tags_to_resource, remove_tags_from_resource};

use crate::aws::params::Params;

pub(super) fn add_tags_to_resource(
    client: &aws_sdk_elasticache::Client,
    p: &mut Params,
) -> add_tags_to_resource::builders::AddTagsToResourceFluentBuilder {
    client.add_tags_to_resource().set_resource_name(p.text("ResourceName")).set_tags(p.tags())
}

pub(super) fn remove_tags_from_resource(
    client: &aws_sdk_elasticache::Client,
    p: &mut Params,
) -> remove_tags_from_resource::builders::RemoveTagsFromResourceFluentBuilder {
    client.remove_tags_from_resource().set_resource_name(p.text("ResourceName")).set_tag_keys(p.texts("TagKeys"))
}

pub(super) fn tag_resource(
    client: &aws_sdk_cloudwatch::Client,
    p: &mut Params,
) -> tag_resource::builders::TagResourceFluentBuilder {
    client.tag_resource().set_resource_arn(p.text("ResourceARN")).set_tags(tags_of_cloudwatch(p))
}

pub(super) fn untag_resource(
    client: &aws_sdk_cloudwatch::Client,
    p: &mut Params,
) -> untag_resource::builders::UntagResourceFluentBuilder {
    client.untag_resource().set_resource_arn(p.text("ResourceARN")).set_tag_keys(p.texts("TagKeys"))
}

pub(super) fn tags_of_cloudwatch(p: &mut Params) -> Option<Vec<cw::Tag>> {
    p.list("Tags", |tag| {
        Some(cw::Tag::builder().key(tag.get("Key")?.as_str()?).value(tag.get("Value")?.as_str()?).build())
    })
}

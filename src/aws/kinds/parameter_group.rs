//! Parameter groups at AWS.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::{
    create_cache_parameter_group, delete_cache_parameter_group, modify_cache_parameter_group,
    reset_cache_parameter_group,
};
use aws_sdk_elasticache::types as ec;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use crate::aws::client::Aws;
use crate::aws::error::{AwsError, Kind as ErrorKind};
use crate::aws::lists::{CONCURRENCY, Wanted, lister};
use crate::aws::pages::Pages;
use crate::aws::params::{Params, inner};
use crate::aws::record::record;
use crate::model::live::Live;
use crate::model::{Kind, Spec};
use crate::resource::parameter_group::{declared_parameters, is_aws_own, user_parameters};

lister!(
    list,
    "DescribeCacheParameterGroups",
    describe_cache_parameter_groups,
    cache_parameter_group_name,
    cache_parameter_groups,
    cache_parameter_group_name,
    describe
);

pub(super) fn describe(group: &ec::CacheParameterGroup) -> Value {
    record! {
        "CacheParameterGroupName": group.cache_parameter_group_name(),
        "CacheParameterGroupFamily": group.cache_parameter_group_family(),
        "Description": group.description(),
        "ARN": group.arn(),
    }
}

pub(super) fn create_cache_parameter_group(
    client: &Client,
    p: &mut Params,
) -> create_cache_parameter_group::builders::CreateCacheParameterGroupFluentBuilder {
    client
        .create_cache_parameter_group()
        .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
        .set_cache_parameter_group_family(p.text("CacheParameterGroupFamily"))
        .set_description(p.text("Description"))
        .set_tags(p.tags())
}

pub(super) fn modify_cache_parameter_group(
    client: &Client,
    p: &mut Params,
) -> modify_cache_parameter_group::builders::ModifyCacheParameterGroupFluentBuilder {
    client
        .modify_cache_parameter_group()
        .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
        .set_parameter_name_values(p.list("ParameterNameValues", parameter))
}

pub(super) fn reset_cache_parameter_group(
    client: &Client,
    p: &mut Params,
) -> reset_cache_parameter_group::builders::ResetCacheParameterGroupFluentBuilder {
    client
        .reset_cache_parameter_group()
        .set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
        .set_parameter_name_values(p.list("ParameterNameValues", parameter))
        .set_reset_all_parameters(p.flag("ResetAllParameters"))
}

pub(super) fn delete_cache_parameter_group(
    client: &Client,
    p: &mut Params,
) -> delete_cache_parameter_group::builders::DeleteCacheParameterGroupFluentBuilder {
    client.delete_cache_parameter_group().set_cache_parameter_group_name(p.text("CacheParameterGroupName"))
}

fn parameter(value: &Value) -> Option<ec::ParameterNameValue> {
    inner(value, |p| {
        ec::ParameterNameValue::builder()
            .set_parameter_name(p.text("ParameterName"))
            .set_parameter_value(p.text("ParameterValue"))
            .build()
    })
}

fn describe_parameter(parameter: &ec::Parameter) -> Value {
    record! {
        "ParameterName": parameter.parameter_name(),
        "ParameterValue": parameter.parameter_value(),
        "Source": parameter.source(),
        "DataType": parameter.data_type(),
        "AllowedValues": parameter.allowed_values(),
        "IsModifiable": parameter.is_modifiable(),
        "MinimumEngineVersion": parameter.minimum_engine_version(),
        "ChangeType": parameter.change_type().map(|kind| kind.as_str()),
    }
}

/// What a user set in each parameter group. AWS has no list call for this: one call a group.
pub(in crate::aws) async fn parameters(
    aws: &Aws,
    live: &Live,
    wanted: &Wanted,
) -> Result<BTreeMap<String, Vec<Value>>, AwsError> {
    let names = wanted
        .of(Kind::ParameterGroup)
        .into_iter()
        .filter(|name| live.of(Kind::ParameterGroup).contains_key(name) && !is_aws_own(name));
    let reads = names.map(|name| async move {
        let mut out = Vec::new();
        let mut pages = Pages::of("DescribeCacheParameters");
        loop {
            let answer = aws
                .elasticache
                .describe_cache_parameters()
                .cache_parameter_group_name(&name)
                .source("user")
                .max_records(100)
                .set_marker(pages.token())
                .send()
                .await;
            let answer = match answer.map_err(|error| AwsError::of("DescribeCacheParameters", error)) {
                Ok(answer) => answer,
                // Lists lag behind: the group was deleted a moment ago.
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            out.extend(answer.parameters().iter().map(describe_parameter));
            if !pages.turn(answer.marker())? {
                return Ok(Some((name, out)));
            }
        }
    });
    let found: Vec<Option<(String, Vec<Value>)>> =
        stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// What the parameters of a family are and allow; only where a group is new or differs.
pub(in crate::aws) async fn families(
    aws: &Aws,
    live: &Live,
    spec: &Spec,
) -> Result<(BTreeMap<String, Vec<Value>>, Vec<String>), AwsError> {
    let changed = spec.of(Kind::ParameterGroup).filter(|resource| {
        let declared = resource.fields.get("parameters");
        declared.is_some()
            && (live.get(&resource.address).is_none()
                || declared_parameters(declared) != user_parameters(live, &resource.address.id))
    });
    let families: BTreeSet<String> =
        changed.filter_map(|resource| resource.text("family").map(str::to_owned)).collect();
    let reads = families.into_iter().map(|family| async move {
        let mut out = Vec::new();
        let mut pages = Pages::of("DescribeEngineDefaultParameters");
        loop {
            let answer = aws
                .elasticache
                .describe_engine_default_parameters()
                .cache_parameter_group_family(&family)
                .max_records(100)
                .set_marker(pages.token())
                .send()
                .await;
            let answer = match answer {
                Ok(answer) => answer,
                // The check of parameters is a courtesy; AWS makes its own.
                Err(error) => return Err((family, AwsError::of("DescribeEngineDefaultParameters", error))),
            };
            let defaults = answer.engine_defaults();
            out.extend(defaults.into_iter().flat_map(|defaults| defaults.parameters()).map(describe_parameter));
            match pages.turn(defaults.and_then(|defaults| defaults.marker())) {
                Ok(true) => {}
                Ok(false) => return Ok((family, out)),
                Err(error) => return Err((family, error)),
            }
        }
    });
    let (mut found, mut notes) = (BTreeMap::new(), Vec::new());
    for answer in stream::iter(reads).buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await {
        match answer {
            Ok((family, parameters)) => drop(found.insert(family, parameters)),
            Err((_, error)) if error.kind == ErrorKind::Interrupted => return Err(error),
            Err((family, error)) => notes.push(format!("the parameters of {family} were not checked: {error}")),
        }
    }
    Ok((found, notes))
}

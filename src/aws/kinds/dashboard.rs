//! Dashboards at AWS.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::{delete_dashboards, put_dashboard};
use futures::stream::{self, StreamExt};
use serde_json::Value;

use super::Listed;
use super::tags::tags_of_cloudwatch;
use crate::aws::client::Aws;
use crate::aws::error::{AwsError, Kind as ErrorKind};
use crate::aws::lists::Ids;
use crate::aws::pages::Pages;
use crate::aws::params::Params;
use crate::aws::record::record;
use crate::model::{Address, Kind};
use crate::resource::dashboard::BODY;

/// AWS takes 10 of these calls a second; so many are under way at once.
const AT_ONCE: usize = 4;
/// More names than this are worth a list of what there is.
const FEW: usize = 10;

/// No list has what a dashboard shows: each is asked for by its name, side by side. What cannot be read is said to be
/// unread, and keeps no other resource from being read.
pub(super) async fn list(aws: &Aws, ids: Ids) -> Result<Listed, AwsError> {
    let mut listed = Listed::default();
    // All that there are, of whichever cache, is asked for once the caches are known.
    let Ids::Named(names) = ids else { return Ok(listed) };
    let reads = names.into_iter().map(|name| async move {
        let answer = aws.cloudwatch.get_dashboard().dashboard_name(&name).send().await;
        (name, answer.map_err(|error| AwsError::of("GetDashboard", error)))
    });
    for (name, answer) in stream::iter(reads).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
        match answer {
            Ok(answer) => {
                let text = answer.dashboard_body().unwrap_or_default();
                // What is no JSON is kept as it is, and differs from any dashboard of cachectl's.
                let body: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                let own = record! {
                    "DashboardName": Some(name.as_str()),
                    "DashboardArn": answer.dashboard_arn(),
                    "DashboardBody": Some(body),
                };
                listed.found.insert(name, own);
            }
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) if matches!(error.kind, ErrorKind::Interrupted | ErrorKind::Credentials) => return Err(error),
            Err(error) => drop(listed.unread.insert(Address::new(Kind::Dashboard, &name), error.to_string())),
        }
    }
    Ok(listed)
}

/// Those of these names that there are.
pub(super) async fn of_these(aws: &Aws, mut names: BTreeSet<String>) -> Result<Listed, AwsError> {
    if names.len() > FEW {
        let there = all_names(aws).await?;
        names.retain(|name| there.contains(name));
    }
    list(aws, Ids::Named(names)).await
}

async fn all_names(aws: &Aws) -> Result<BTreeSet<String>, AwsError> {
    const OPERATION: &str = "ListDashboards";
    let (mut names, mut pages) = (BTreeSet::new(), Pages::of(OPERATION));
    loop {
        let answer = aws.cloudwatch.list_dashboards().set_next_token(pages.token()).send().await;
        let answer = answer.map_err(|error| AwsError::of(OPERATION, error))?;
        names.extend(answer.dashboard_entries().iter().filter_map(|entry| entry.dashboard_name().map(str::to_owned)));
        if !pages.turn(answer.next_token())? {
            return Ok(names);
        }
    }
}

pub(super) fn put_dashboard(client: &Client, p: &mut Params) -> put_dashboard::builders::PutDashboardFluentBuilder {
    client
        .put_dashboard()
        .set_dashboard_name(p.text("DashboardName"))
        .set_dashboard_body(p.json(BODY))
        .set_tags(tags_of_cloudwatch(p))
}

pub(super) fn delete_dashboards(
    client: &Client,
    p: &mut Params,
) -> delete_dashboards::builders::DeleteDashboardsFluentBuilder {
    client.delete_dashboards().set_dashboard_names(p.texts("DashboardNames"))
}

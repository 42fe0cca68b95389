//! Dashboards: a JSON body under a name.

use super::dashboard_body;
use crate::control::paging;
use crate::refusal::Refusal;
use crate::state::State;
use crate::wire::input::Input;
use crate::wire::output::{Output, Record};

/// Far above what AWS grants by default.
const QUOTA: usize = 5_000;

#[derive(Debug, Clone)]
pub(crate) struct Dashboard {
    pub body: String,
    pub modified: f64,
}

fn arn(state: &State, name: &str) -> String {
    format!("arn:aws:cloudwatch::{}:dashboard/{name}", state.settings.account_id)
}

fn missing(name: &str) -> Refusal {
    Refusal::missing("ResourceNotFound", format!("Dashboard {name} does not exist"))
}

pub(crate) fn put(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let name = input.text("DashboardName").unwrap_or_default();
    let legal = (1..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !legal {
        return Err(Refusal::bad("InvalidParameterInput", format!("The dashboard name is invalid: {name}")));
    }
    let body = input.text("DashboardBody").unwrap_or_default();
    let faults = dashboard_body::check(&body);
    if !faults.is_empty() {
        return Err(Refusal::bad("InvalidParameterInput", dashboard_body::told(&faults)));
    }
    if !state.monitoring.dashboards.contains_key(&name) && state.monitoring.dashboards.len() >= QUOTA {
        return Err(Refusal::bad("InvalidParameterInput", format!("A region has at most {QUOTA} dashboards.")));
    }
    let modified = state.now_seconds();
    if !state.monitoring.dashboards.contains_key(&name) && input.has("Tags") {
        let held = super::tags::read(input)?;
        let arn = arn(state, &name);
        state.monitoring.tags.insert(arn, held);
    }
    state.monitoring.dashboards.insert(name, Dashboard { body, modified });
    Ok(Some(Record::new().list("DashboardValidationMessages", "member", Vec::<Output>::new()).into()))
}

pub(crate) fn get(state: &State, input: &Input) -> Result<Output, Refusal> {
    let name = input.text("DashboardName").unwrap_or_default();
    let dashboard = state.monitoring.dashboards.get(&name).ok_or_else(|| missing(&name))?;
    Ok(Record::new()
        .put("DashboardArn", arn(state, &name))
        .put("DashboardBody", &dashboard.body)
        .put("DashboardName", name)
        .into())
}

pub(crate) fn list(state: &State, input: &Input) -> Result<Output, Refusal> {
    let prefix = input.text("DashboardNamePrefix").unwrap_or_default();
    let found = state
        .monitoring
        .dashboards
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, dashboard)| (name, (name, dashboard)));
    let page = paging::cut(input.text("NextToken"), 1000, state.settings.page_size, found, |(name, dashboard)| {
        Record::new()
            .put("DashboardName", name)
            .put("DashboardArn", arn(state, name))
            .put("LastModified", Output::Time(dashboard.modified))
            .put("Size", dashboard.body.len())
            .into()
    })?;
    Ok(Record::new().list("DashboardEntries", "member", page.items).put_some("NextToken", page.next).into())
}

pub(crate) fn delete(state: &mut State, input: &Input) -> Result<Option<Output>, Refusal> {
    let names = input.texts("DashboardNames").unwrap_or_default();
    if names.is_empty() || names.len() > 100 {
        return Err(Refusal::bad("InvalidParameterValue", "DashboardNames must hold 1 to 100 names."));
    }
    if let Some(name) = names.iter().find(|name| !state.monitoring.dashboards.contains_key(*name)) {
        return Err(missing(name));
    }
    for name in names {
        let arn = arn(state, &name);
        state.monitoring.dashboards.remove(&name);
        state.monitoring.tags.remove(&arn);
    }
    Ok(Some(Record::new().into()))
}

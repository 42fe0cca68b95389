//! A look at the last day's metrics before a cache is made smaller: one call, and only then.

use std::time::Duration;

use super::exit::CliError;
use super::session::Session;
use crate::advise::preflight;
use crate::aws::error::Kind as ErrorKind;
use crate::aws::metrics::{self, QUERIES};
use crate::model::Live;
use crate::model::plan::Plan;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Warns or blocks where the data do not fit what the plan makes of a cache. Metrics that cannot be read are told,
/// and fail no plan.
pub async fn check(session: &Session, plan: &mut Plan, live: &Live) -> Result<(), CliError> {
    plan.notes.extend(preflight::unjudged(plan, live));
    let mut wanted = preflight::wanted(plan, live);
    if wanted.is_empty() {
        return Ok(());
    }
    if wanted.len() > QUERIES {
        plan.notes.push(format!("sizes are checked against metrics for the first {} nodes only", QUERIES / 2));
        wanted.truncate(QUERIES);
    }
    match metrics::read(&session.aws, &wanted, DAY).await {
        Ok(metrics) => preflight::judge(plan, &session.spec, live, &metrics),
        Err(error) if error.kind == ErrorKind::Interrupted => return Err(error.into()),
        Err(error) => plan.notes.push(format!("whether the data fit was not checked: {error}")),
    }
    plan.api_calls = session.aws.calls();
    Ok(())
}

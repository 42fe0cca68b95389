//! What `advise --live` sees of the caches themselves: as their clients come in, and as gently as that can be done.

use super::exit::CliError;
use super::printer::Printer;
use super::session::Session;
use super::way_in;
use crate::advise;
use crate::client::sample::{Candidates, look};
use crate::model::live::View;
use crate::model::sample::{Sample, Samples};
use crate::model::{Address, Glob, Live, Resource};
use crate::smoke::Target;

/// One look at each cache that is meant and is there, one after the other.
pub(super) async fn samples(
    printer: &Printer,
    session: &Session,
    live: &Live,
    only: &[Glob],
) -> Result<Samples, CliError> {
    let mut samples = Samples::new();
    for address in advise::caches(&session.spec, only) {
        let (Some(resource), Some(view)) = (session.spec.resources.get(address), live.view(address)) else { continue };
        printer.note(&format!("Looking at {address} itself ..."));
        samples.insert(address.clone(), sample(session, resource, &view).await?);
    }
    Ok(samples)
}

async fn sample(session: &Session, resource: &Resource, view: &View<'_>) -> Result<Sample, CliError> {
    let unseen = |why: String| Sample { unseen: vec![why], ..Sample::default() };
    let not_looked_at = |why: &str| Ok(unseen(format!("the cache itself was not looked at: {why}")));
    if resource.address.kind.is_serverless() {
        return not_looked_at("a serverless cache shows no node, and what SCAN does there was never tried");
    }
    if view.text("Engine") == Some("memcached") {
        return not_looked_at("memcached does not speak RESP");
    }
    let target = match way_in::reader(session, resource, view).await? {
        Ok(target) => target,
        Err(why) => return not_looked_at(&why),
    };
    Ok(look(&target.way, vec![candidates(&target, view, &resource.address)]).await)
}

/// The nodes of a cache without cluster mode: replicas first, and the primary's own name last.
fn candidates(target: &Target, view: &View<'_>, cache: &Address) -> Candidates {
    let is_replica = |id: &str| view.role(id) == Some("replica");
    let replicas = target.members.iter().filter(|member| is_replica(&member.id));
    let named = replicas.filter_map(|member| Some((member.id.clone(), member.endpoint.clone()?)));
    let primary = target.members.iter().find(|member| view.role(&member.id) == Some("primary"));
    let name = primary.map_or_else(|| cache.id.clone(), |member| member.id.clone());
    named.chain([(name, (target.way.host.clone(), target.way.port))]).collect()
}

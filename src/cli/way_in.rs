//! The way into a cache of a spec, as its clients take it: for whatever measures one.

use super::exit::{CliError, Exit};
use super::session::Session;
use super::smoke::{log_in, login, target};
use crate::drill::{Node, Setup};
use crate::model::Resource;
use crate::model::live::View;
use crate::smoke::{Member, Settings, Target};

/// A way in, logged in, and where this user may write.
pub(super) struct WayIn {
    pub target: Target,
    /// The run's own beginning of keys.
    pub prefix: String,
}

impl WayIn {
    /// The clients of one shard, `None` being that of a cache without cluster mode. `whole`: a replica has to confirm.
    pub(super) fn setup(&self, shard: Option<&str>, rate: f64, whole: bool) -> Setup {
        let target = &self.target;
        let (own, others): (Vec<_>, Vec<_>) =
            target.members.iter().partition(|member| member.shard.as_deref() == shard);
        let node = |member: &Member| Some(Node { id: member.id.clone(), endpoint: member.endpoint.clone()? });
        Setup {
            way: target.way.clone(),
            reader: target.reader.clone(),
            nodes: own.into_iter().filter_map(node).collect(),
            others: others.into_iter().filter_map(|member| member.endpoint.clone()).collect(),
            prefix: self.prefix.clone(),
            tag: None,
            rate,
            whole,
        }
    }
}

/// The way in, or why there is none. Keys begin with `base`, unless the user may only have others.
pub(super) async fn way_in(
    session: &Session,
    resource: &Resource,
    view: &View<'_>,
    base: &str,
) -> Result<Result<WayIn, String>, CliError> {
    let (_, access) = login::choose(&session.spec, resource, view);
    let declared = resource.fields.get("smoke").and_then(|smoke| smoke.get("keyPrefix")?.as_str());
    let Some(prefix) = prefix(base, declared, access) else {
        return Ok(Err("its user may only read, and a client of a drill writes".to_owned()));
    };
    Ok(reader(session, resource, view).await?.map(|target| WayIn { target, prefix }))
}

/// The way in for who only reads, or why there is none.
pub(super) async fn reader(
    session: &Session,
    resource: &Resource,
    view: &View<'_>,
) -> Result<Result<Target, String>, CliError> {
    let Some(mut target) = target::target(&session.spec, resource, view, session.aws.is_stand_in()) else {
        return Ok(Err("it has no endpoint".to_owned()));
    };
    let (login, _) = login::choose(&session.spec, resource, view);
    if let Some(reason) = log_in(session, &resource.address, login, &mut target).await? {
        return Ok(Err(reason));
    }
    if let (Some(tls), Some(file)) = (&mut target.way.tls, &target.ca_file) {
        let pem = std::fs::read(file).map_err(|error| CliError::io("read", file, error).exits(Exit::Usage))?;
        tls.ca_pem = Some(pem);
    }
    Ok(Ok(target))
}

/// `None` where the user may not write at all.
fn prefix(base: &str, declared: Option<&str>, access: Option<&str>) -> Option<String> {
    if let Some(declared) = declared {
        return Some(Settings::fresh_key_prefix(declared));
    }
    let (prefix, reads_only) = login::own_prefix(base, access);
    (!reads_only).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_where_the_user_may_write() {
        let chosen = |declared, access| prefix("cachectl:drill:", declared, access);
        assert!(chosen(None, None).unwrap().starts_with("cachectl:drill:"));
        assert!(chosen(None, Some("on ~app:* +@all")).unwrap().starts_with("app:cachectl:drill:"));
        assert!(chosen(Some("mine:"), Some("on ~app:* +@all")).unwrap().starts_with("mine:"));
        assert_eq!(chosen(None, Some("on ~* -@all +@read")), None);
    }
}

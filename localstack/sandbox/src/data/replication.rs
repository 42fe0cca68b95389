//! Roles in a group without cluster mode.

use std::{collections::BTreeMap, io, net::Ipv4Addr, time::Duration};

use tokio::time::{Instant, sleep};

use super::{group::Link, server::REPLICAOF};

/// How long a replica may take to follow its primary.
const SYNC: Duration = Duration::from_secs(20);

/// How long to wait for the last writes to arrive. A fresh replica gets none before it has reported back, which Redis
/// does once a second.
const CATCH_UP: Duration = Duration::from_secs(2);

const POLL: Duration = Duration::from_millis(5);

/// What `ROLE` says.
#[derive(Debug)]
enum Role {
    Primary { offset: i64 },
    Replica { of: (String, i64), connected: bool, offset: i64 },
}

impl Role {
    fn offset(&self) -> i64 {
        match self {
            Role::Primary { offset } | Role::Replica { offset, .. } => *offset,
        }
    }
}

async fn role(link: &mut Link) -> io::Result<Role> {
    let reply = link.connection.call(["ROLE"]).await?;
    Ok(match reply.array() {
        [kind, host, port, state, offset] if kind.text() == "slave" => Role::Replica {
            of: (host.text().to_owned(), port.integer()),
            connected: state.text() == "connected",
            offset: offset.integer(),
        },
        [_, offset, ..] => Role::Primary { offset: offset.integer() },
        _ => return Err(io::ErrorKind::InvalidData.into()),
    })
}

/// Makes one node the primary and the others its replicas. `previous`, which has the data so far, hands it over first.
pub(super) async fn settle(
    links: &mut BTreeMap<String, Link>,
    primary: &str,
    replicas: &[&str],
    previous: Option<&str>,
) -> io::Result<()> {
    if let Some(previous) = previous.filter(|name| *name != primary) {
        hand_over(links, previous, primary).await?;
    }
    let Some(link) = links.get_mut(primary) else { return Err(io::ErrorKind::NotFound.into()) };
    stand_alone(link).await?;
    let source = (link.address, link.port);
    for name in replicas {
        if let Some(link) = links.get_mut(*name) {
            follow(link, source).await?;
        }
    }
    for name in replicas {
        if let Some(link) = links.get_mut(*name) {
            synced(link).await?;
        }
        catch_up(links, primary, name).await?;
    }
    Ok(())
}

/// Brings the next primary up to date.
async fn hand_over(links: &mut BTreeMap<String, Link>, previous: &str, next: &str) -> io::Result<()> {
    let Some(source) = links.get(previous).map(|link| (link.address, link.port)) else { return Ok(()) };
    if let Some(link) = links.get_mut(next) {
        follow(link, source).await?;
        synced(link).await?;
    }
    catch_up(links, previous, next).await
}

/// Waits for the writes that the primary has now, but not for those of a client that never stops.
pub(super) async fn catch_up(links: &mut BTreeMap<String, Link>, primary: &str, replica: &str) -> io::Result<()> {
    let Some(link) = links.get_mut(primary) else { return Ok(()) };
    let goal = role(link).await?.offset();
    let Some(link) = links.get_mut(replica) else { return Ok(()) };
    let deadline = Instant::now() + CATCH_UP;
    while role(link).await?.offset() < goal && Instant::now() < deadline {
        sleep(POLL).await;
    }
    Ok(())
}

pub(super) async fn stand_alone(link: &mut Link) -> io::Result<()> {
    if matches!(role(link).await?, Role::Replica { .. }) {
        link.connection.call([REPLICAOF, "NO", "ONE"]).await?;
    }
    Ok(())
}

async fn follow(link: &mut Link, source: (Ipv4Addr, u16)) -> io::Result<()> {
    let wanted = (source.0.to_string(), i64::from(source.1));
    if !matches!(role(link).await?, Role::Replica { of, .. } if of == wanted) {
        link.connection.call([REPLICAOF, &wanted.0, &wanted.1.to_string()]).await?;
    }
    Ok(())
}

/// Waits until a replica has its primary's data.
pub(super) async fn synced(link: &mut Link) -> io::Result<()> {
    let deadline = Instant::now() + SYNC;
    while !matches!(role(link).await?, Role::Replica { connected: true, .. }) {
        if Instant::now() > deadline {
            let text = format!("{} did not get its primary's data within {} s", link.address, SYNC.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        sleep(POLL).await;
    }
    Ok(())
}

//! Roles in a group without cluster mode.

use std::{collections::BTreeMap, io, net::Ipv4Addr, time::Duration};

use tokio::time::{Instant, sleep};

use super::{group::Link, server::REPLICAOF};

/// How long a replica may take to follow its primary.
const SYNC: Duration = Duration::from_secs(20);

/// How long a promotion waits for the last writes to arrive, as ElastiCache's planned failovers do.
const CATCH_UP: Duration = Duration::from_millis(500);

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

/// Makes one node the primary and the others its replicas. `previous`, the primary so far, hands over its data first.
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
    if matches!(role(link).await?, Role::Replica { .. }) {
        link.connection.call([REPLICAOF, "NO", "ONE"]).await?;
    }
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
    let deadline = Instant::now() + CATCH_UP;
    while Instant::now() < deadline {
        let mut offsets = Vec::new();
        for name in [previous, next] {
            if let Some(link) = links.get_mut(name) {
                offsets.push(role(link).await?.offset());
            }
        }
        if offsets.windows(2).all(|pair| pair[0] <= pair[1]) {
            break;
        }
        sleep(POLL).await;
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

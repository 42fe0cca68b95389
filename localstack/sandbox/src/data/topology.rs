//! What a cluster node believes about its cluster: `CLUSTER NODES`, read.

use std::io;

use super::resp::Connection;

/// One line, a node as seen by another (or by itself).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) myself: bool,
    pub(super) primary: bool,
    /// Neither in handshake, nor suspected or declared dead.
    pub(super) healthy: bool,
    pub(super) replica_of: Option<String>,
    /// Sorted, adjacent ranges joined.
    pub(super) slots: Vec<(u16, u16)>,
}

pub(super) async fn view(connection: &mut Connection) -> io::Result<Vec<Seen>> {
    let reply = connection.call(["CLUSTER", "NODES"]).await?;
    Ok(reply.text().lines().filter_map(parse).collect())
}

/// `<id> <ip:port@bus> <flags> <primary> <ping> <pong> <epoch> <link> <slots>…`
fn parse(line: &str) -> Option<Seen> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [id, _, flags, replica_of, _, _, _, link, slots @ ..] = words.as_slice() else { return None };
    let flag = |name: &str| flags.split(',').any(|flag| flag == name);
    let slots = slots.iter().filter_map(|word| {
        // [1-<-id] and [1->-id] are slots on the move, owned by whom the plain ranges say.
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some((first.parse().ok()?, last.parse().ok()?))
    });
    Some(Seen {
        id: (*id).to_owned(),
        myself: flag("myself"),
        primary: flag("master"),
        healthy: *link == "connected" && !["handshake", "fail", "fail?", "noaddr"].iter().any(|name| flag(name)),
        replica_of: (*replica_of != "-").then(|| (*replica_of).to_owned()),
        slots: joined(slots.collect()),
    })
}

/// Sorts ranges and joins those that touch.
pub(super) fn joined(mut ranges: Vec<(u16, u16)>) -> Vec<(u16, u16)> {
    ranges.sort_unstable();
    let mut result: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match result.last_mut() {
            Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
            _ => result.push((first, last)),
        }
    }
    result
}

/// The slots of `wanted` that `has` covers not.
pub(super) fn missing(wanted: &[(u16, u16)], has: &[(u16, u16)]) -> Vec<u16> {
    let covered = |slot: u16| has.iter().any(|(first, last)| (*first..=*last).contains(&slot));
    wanted.iter().flat_map(|(first, last)| *first..=*last).filter(|slot| !covered(*slot)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_role_health_and_slots() {
        let line = "07c37df 127.1.2.3:6379@16379 myself,master - 0 0 1 connected 0-5460 5461 9000-9001 [93-<-292f8b3]";
        let seen = parse(line).unwrap();
        assert!(seen.myself && seen.primary && seen.healthy);
        assert_eq!(seen.slots, [(0, 5461), (9000, 9001)]);
        let seen = parse("e7d1eec 127.1.2.4:6379@16379,host slave,fail? 07c37df 0 1426 3 disconnected").unwrap();
        assert!(!seen.primary && !seen.healthy);
        assert_eq!(seen.replica_of.as_deref(), Some("07c37df"));
    }

    #[test]
    fn what_is_missing_is_what_no_range_covers() {
        assert_eq!(missing(&[(0, 3), (10, 11)], &[(1, 2), (11, 16383)]), [0, 3, 10]);
        assert_eq!(joined(vec![(5, 9), (0, 4), (11, 12)]), [(0, 9), (11, 12)]);
    }
}

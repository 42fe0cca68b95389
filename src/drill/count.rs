//! What the servers have of the writes that they acknowledged, and an end to the drill's keys.

use std::time::Duration;

use redis::Value;

use super::log::Ack;
use super::probe::Seen;
use super::setup::{Endpoint, Setup, TTL};
use crate::client::line::{Door, Line, Trouble};
use crate::client::topology::{key_slot, shards};

/// Acknowledged writes that the servers do not have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// `None`: it could not be told.
    pub lost: Option<Lost>,
    /// Why not.
    pub unknown: Option<String>,
    /// Keys that may be left; they end by themselves.
    pub left: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lost {
    /// That no replica had confirmed.
    pub plain: Vec<Ack>,
    /// That a replica had confirmed.
    pub waited: Vec<Ack>,
}

/// Tries to reach the primary so often, a second apart.
const TRIES: usize = 5;
const LIMIT: Duration = Duration::from_secs(3);

/// Asks the shard's primary for what was written, and deletes the run's keys by name.
pub fn settle(setup: &Setup, seen: &Seen) -> Count {
    let mut count = Count { left: setup.keys().len(), ..Count::default() };
    let silence = seen.writer.longest_gap(Duration::ZERO, seen.ended).map(|gap| gap.length());
    let counted = at_primary(setup, |line| {
        let lost = lost(setup, seen, line)?;
        Ok((lost, delete(setup, line)))
    });
    match counted {
        Ok((lost, left)) => {
            count.left = left;
            // Keys that nobody renewed for so long may have ended by themselves.
            if silence.is_some_and(|silence| silence + Duration::from_secs(10) > TTL) {
                let silence = silence.unwrap_or_default().as_secs();
                count.unknown =
                    Some(format!("nothing was written for {silence} s, and keys end after {}", TTL.as_secs()));
            } else {
                count.lost = Some(lost);
            }
        }
        Err(trouble) => count.unknown = Some(format!("the primary could not be asked: {}", trouble.detail)),
    }
    count
}

/// Deletes the run's keys where nothing is to be counted, and says how many may be left.
pub fn clear(setup: &Setup) -> usize {
    at_primary(setup, |line| Ok(delete(setup, line))).unwrap_or(setup.keys().len())
}

/// Does it at the shard's primary, wherever that is by now.
fn at_primary<T>(setup: &Setup, work: impl Fn(&mut Line) -> Result<T, Trouble>) -> Result<T, Trouble> {
    let door = Door::new(setup.way.clone(), LIMIT)?;
    let mut last = Trouble { class: "unreachable".into(), detail: "no node answers".into() };
    for attempt in 0..TRIES {
        if attempt > 0 {
            std::thread::sleep(Duration::from_secs(1));
        }
        let done = primary(setup, &door).and_then(|mut line| work(&mut line));
        match done {
            Ok(done) => return Ok(done),
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

fn primary(setup: &Setup, door: &Door) -> Result<Line, Trouble> {
    let home = (setup.way.host.clone(), setup.way.port);
    if !setup.way.cluster {
        return door.open(&home.0, home.1);
    }
    let slot = key_slot(&setup.key("writer"));
    let own = setup.nodes.iter().map(|node| node.endpoint.clone());
    let mut last = Trouble { class: "unreachable".into(), detail: "no node answers".into() };
    for (host, port) in own.chain(setup.others.iter().cloned()).chain([home]) {
        let asked = door.open(&host, port).and_then(|mut line| line.ask(&["CLUSTER", "SLOTS"]));
        let found: Result<Option<Endpoint>, Trouble> = asked.map(|reply| {
            shards(&reply, (&host, port)).into_iter().find(|shard| shard.serves(slot)).map(|shard| shard.primary)
        });
        match found.and_then(|found| found.map(|(host, port)| door.open(&host, port)).transpose()) {
            Ok(Some(line)) => return Ok(line),
            Ok(None) => {}
            Err(trouble) => last = trouble,
        }
    }
    Err(last)
}

/// A replica would answer too: only a primary takes this write.
fn lost(setup: &Setup, seen: &Seen, line: &mut Line) -> Result<Lost, Trouble> {
    line.ask(&["SET", &setup.key("read"), "end", "PX", "60000"])?;
    let writer = bits(line, &setup.key("writer"))?;
    let waiter = bits(line, &setup.key("waited"))?;
    Ok(missing(&seen.acks, &writer, &waiter))
}

fn missing(acks: &[Ack], writer: &[u8], waiter: &[u8]) -> Lost {
    let has = |bits: &[u8], number: u64| {
        let byte = bits.get((number / 8) as usize).copied().unwrap_or(0);
        byte & (0x80 >> (number % 8)) != 0
    };
    let gone = acks.iter().filter(|ack| !has(if ack.by_waiter { waiter } else { writer }, ack.number));
    let (waited, plain) = gone.copied().partition(|ack: &Ack| ack.waited);
    Lost { plain, waited }
}

fn bits(line: &mut Line, key: &str) -> Result<Vec<u8>, Trouble> {
    match line.ask(&["GET", key])? {
        Value::BulkString(bytes) => Ok(bytes),
        Value::Nil => Ok(Vec::new()),
        other => Err(Trouble { class: "unexpected reply".into(), detail: format!("{other:?}") }),
    }
}

/// One command a key: with cluster mode a node refuses keys of several slots in one.
fn delete(setup: &Setup, line: &mut Line) -> usize {
    let keys = setup.keys();
    keys.iter().filter(|key| line.ask(&["UNLINK", key]).is_err()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(number: u64, by_waiter: bool, waited: bool) -> Ack {
        Ack { number, at: Duration::from_millis(number), run: None, by_waiter, waited }
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        let acks = [ack(0, false, false), ack(7, false, false), ack(8, false, false), ack(30, false, false)];
        // Numbers 0 and 8, as SETBIT counts.
        let lost = missing(&acks, &[0b1000_0000, 0b1000_0000], &[]);
        assert_eq!(lost.plain.iter().map(|ack| ack.number).collect::<Vec<_>>(), [7, 30]);
        assert!(lost.waited.is_empty());
    }

    #[test]
    fn what_a_replica_had_confirmed_is_counted_apart() {
        let acks = [ack(1, true, true), ack(2, true, false), ack(3, true, true)];
        let lost = missing(&acks, &[0xff], &[0b0001_0000]);
        assert_eq!(lost.waited.iter().map(|ack| ack.number).collect::<Vec<_>>(), [1]);
        assert_eq!(lost.plain.iter().map(|ack| ack.number).collect::<Vec<_>>(), [2]);
    }
}

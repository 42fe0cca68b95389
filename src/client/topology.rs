//! Who the nodes are: the shards of a cluster with their slots, and what a primary says about its
//! replicas. Parsing only; the probes ask.

use std::collections::BTreeMap;

use redis::Value;

/// `key:value` lines of `INFO` and `CLUSTER INFO`.
pub(crate) type Facts = BTreeMap<String, String>;

/// Reads `INFO` or `CLUSTER INFO`; lines without a colon, such as headings, are left out.
pub(crate) fn facts(text: &str) -> Facts {
    text.lines()
        .filter_map(|line| line.trim_end().split_once(':'))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// How many hash slots a cluster has; they are numbered from 0.
pub(crate) const SLOTS: u16 = 16_384;

/// One primary, its replicas, and the slots they serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    pub primary: (String, u16),
    pub replicas: Vec<(String, u16)>,
    /// Inclusive ranges.
    pub slots: Vec<(u16, u16)>,
}

impl Shard {
    /// The one shard of a cache without cluster mode, which has every slot.
    pub fn only(host: &str, port: u16) -> Self {
        Self { primary: (host.to_owned(), port), replicas: Vec::new(), slots: vec![(0, SLOTS - 1)] }
    }

    /// Does the shard hold this slot?
    pub fn serves(&self, slot: u16) -> bool {
        self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    /// A hash tag whose keys live on this shard.
    pub fn tag(&self) -> Option<String> {
        if self.slots.is_empty() {
            return None;
        }
        (0..1_000_000_u32).map(|number| format!("t{number}")).find(|tag| self.serves(slot(tag)))
    }
}

/// The shards that a reply to `CLUSTER SLOTS` tells, in which `asked` stands for a node without a name.
///
/// Slot ranges come with their nodes, the primary first. It works on every engine version, where `CLUSTER SHARDS`
/// begins with 7.0.
pub(crate) fn shards(reply: &Value, asked: (&str, u16)) -> Vec<Shard> {
    let mut shards: Vec<Shard> = Vec::new();
    let Value::Array(ranges) = reply else {
        return shards;
    };
    for range in ranges {
        let Value::Array(fields) = range else { continue };
        let [Value::Int(first), Value::Int(last), nodes @ ..] = &fields[..] else {
            continue;
        };
        let (Ok(first), Ok(last)) = (u16::try_from(*first), u16::try_from(*last)) else {
            continue;
        };
        let mut nodes = nodes.iter().filter_map(|value| node(value, asked));
        let Some(primary) = nodes.next() else { continue };
        if let Some(shard) = shards.iter_mut().find(|shard| shard.primary == primary) {
            shard.slots.push((first, last));
        } else {
            shards.push(Shard { primary, replicas: nodes.collect(), slots: vec![(first, last)] });
        }
    }
    shards
}

/// A node without a name means "the one you asked".
fn node(value: &Value, asked: (&str, u16)) -> Option<(String, u16)> {
    let Value::Array(fields) = value else {
        return None;
    };
    let host = match fields.first()? {
        Value::BulkString(name) => String::from_utf8_lossy(name).into_owned(),
        Value::SimpleString(name) => name.clone(),
        Value::Nil => String::new(),
        _ => return None,
    };
    let Value::Int(port) = fields.get(1)? else {
        return None;
    };
    let host = if host.is_empty() || host == "?" { asked.0.to_owned() } else { host };
    let port = u16::try_from(*port).ok().filter(|port| *port != 0);
    Some((host, port.unwrap_or(asked.1)))
}

/// The slot of a key: that of its hash tag, where it has one that is not empty.
pub(crate) fn key_slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    slot(tag.filter(|tag| !tag.is_empty()).unwrap_or(key))
}

/// The slot of a hash tag: CRC16 (XMODEM) modulo 16384.
pub(crate) fn slot(tag: &str) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(tag.as_bytes()) % SLOTS
}

/// What a primary says of one replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replica {
    /// `ip:port`, as it announced itself.
    pub name: String,
    /// It gets the stream. A fresh one says `wait_bgsave` with a lag of 0, so the lag alone lies.
    pub online: bool,
    /// Bytes of the stream that it has not acknowledged.
    pub behind: u64,
    /// Seconds since it was last heard of.
    pub lag: u64,
}

/// The replicas in a primary's `INFO replication`.
pub(crate) fn replicas(info: &Facts) -> Vec<Replica> {
    let number = |key: &str| info.get(key).and_then(|value| value.parse::<u64>().ok());
    let offset = number("master_repl_offset").unwrap_or(0);
    let lines = (0..number("connected_slaves").unwrap_or(0)).filter_map(|index| info.get(&format!("slave{index}")));
    lines
        .map(|line| {
            let fields: BTreeMap<&str, &str> = line.split(',').filter_map(|field| field.split_once('=')).collect();
            let value = |key: &str| fields.get(key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
            Replica {
                name: format!("{}:{}", fields.get("ip").unwrap_or(&"?"), value("port")),
                online: fields.get("state") == Some(&"online"),
                behind: offset.saturating_sub(value("offset")),
                lag: value("lag"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_the_ones_that_the_servers_compute() {
        assert_eq!(slot("123456789"), 0x31c3);
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot(""), 0);
    }

    #[test]
    fn a_key_lives_where_its_hash_tag_does() {
        assert_eq!(key_slot("app:{foo}:1"), slot("foo"));
        assert_eq!(key_slot("app:{}:1"), slot("app:{}:1"));
        assert_ne!(key_slot("{}foo"), slot(""));
        assert_eq!(key_slot("plain"), slot("plain"));
    }

    #[test]
    fn every_shard_gets_a_tag_of_its_own() {
        let shard = Shard { primary: ("a".into(), 1), replicas: vec![], slots: vec![(5_461, 5_465), (16_000, 16_383)] };
        let tag = shard.tag().unwrap();
        assert!(shard.serves(slot(&tag)));
        assert!(Shard { slots: vec![], ..shard }.tag().is_none());
    }

    #[test]
    fn ranges_of_one_primary_are_one_shard_and_nameless_nodes_are_the_one_asked() {
        let node = |host: &str, port| Value::Array(vec![Value::BulkString(host.as_bytes().to_vec()), Value::Int(port)]);
        let range = |first, last, nodes: Vec<Value>| {
            let mut fields = vec![Value::Int(first), Value::Int(last)];
            fields.extend(nodes);
            Value::Array(fields)
        };
        let reply = Value::Array(vec![
            range(0, 99, vec![node("", 7001), node("b", 7002)]),
            range(100, 199, vec![node("c", 7003)]),
            range(200, 299, vec![node("", 7001), node("b", 7002)]),
            Value::Nil,
        ]);
        let shards = shards(&reply, ("a", 1));
        assert_eq!(shards.len(), 2);
        assert_eq!(shards[0].primary, ("a".to_owned(), 7001));
        assert_eq!(shards[0].slots, [(0, 99), (200, 299)]);
        assert_eq!(shards[0].replicas, [("b".to_owned(), 7002)]);
    }

    #[test]
    fn a_replica_that_is_still_loading_does_not_count_as_online() {
        let info = facts(
            "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
             slave0:ip=10.0.0.1,port=6379,state=online,offset=90,lag=1\r\n\
             slave1:ip=10.0.0.2,port=6379,state=wait_bgsave,offset=0,lag=0\r\n\
             master_repl_offset:100\r\n",
        );
        let found = replicas(&info);
        assert_eq!(found[0], Replica { name: "10.0.0.1:6379".into(), online: true, behind: 10, lag: 1 });
        assert_eq!((found[1].online, found[1].behind), (false, 100));
    }
}

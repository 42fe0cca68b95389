//! Loopback addresses by name.
//!
//! Every node and endpoint of ElastiCache has a host name of its own and they share one port. Here each name gets an
//! address of its own out of 127.0.0.0/8, so that clients can tell them apart without any DNS.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    sync::{Mutex, PoisonError},
};

/// Addresses 1 to this in a block go to names; the one after it is the block's claim.
const LAST: u8 = 253;

/// The blocks 127.A.B.0/24 of one sandbox and the names that live in them.
pub(super) struct Addresses(Mutex<Book>);

struct Book {
    blocks: Vec<Block>,
    names: HashMap<String, Ipv4Addr>,
    /// Host numbers given out in the last block.
    used: u8,
}

struct Block {
    a: u8,
    b: u8,
    /// Another sandbox cannot bind the same socket, so it picks another block. The kernel lets go when we end.
    _claim: Option<UdpSocket>,
}

impl Addresses {
    /// Fails with `AddrNotAvailable` where only 127.0.0.1 is a loopback address.
    pub(super) fn open() -> io::Result<Self> {
        let block = Block::claim()?;
        Ok(Self(Mutex::new(Book { blocks: vec![block], names: HashMap::new(), used: 0 })))
    }

    pub(super) fn of(&self, name: &str) -> Ipv4Addr {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = book.names.get(name) {
            return *address;
        }
        if book.used == LAST {
            // Without a free claim a random block still is one of 60,000.
            let block = Block::claim().unwrap_or_else(|_| Block::unclaimed());
            book.blocks.push(block);
            book.used = 0;
        }
        book.used += 1;
        let (a, b) = book.blocks.last().map_or((1, 0), |block| (block.a, block.b));
        let address = Ipv4Addr::new(127, a, b, book.used);
        book.names.insert(name.to_owned(), address);
        address
    }

    /// Servers connect to each other from their own addresses, clients from 127.0.0.1.
    pub(super) fn owns(&self, address: IpAddr) -> bool {
        let IpAddr::V4(address) = address else { return false };
        let [_, a, b, _] = address.octets();
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        address.is_loopback() && book.blocks.iter().any(|block| (block.a, block.b) == (a, b))
    }
}

impl Block {
    fn claim() -> io::Result<Self> {
        let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..32 {
            let mut block = Self::unclaimed();
            match UdpSocket::bind((Ipv4Addr::new(127, block.a, block.b, LAST + 1), 6379)) {
                Ok(claim) => {
                    block._claim = Some(claim);
                    return Ok(block);
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn unclaimed() -> Self {
        let [a, b] = super::random::<2>();
        // 127.0.*.* is where everything else listens.
        Self { a: a.clamp(1, 254), b, _claim: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_address_and_shares_it_with_no_other() {
        let addresses = Addresses::open().unwrap();
        let first = addresses.of("orders-001");
        let all: std::collections::HashSet<_> = (0..600).map(|n| addresses.of(&format!("rg-{n:03}"))).collect();
        assert_eq!(all.len(), 600);
        assert!(!all.contains(&first));
        assert_eq!(addresses.of("orders-001"), first);
        assert!(all.iter().all(|address| addresses.owns((*address).into())));
        assert!(!addresses.owns(Ipv4Addr::LOCALHOST.into()));
    }
}

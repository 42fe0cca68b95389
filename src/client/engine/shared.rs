//! What the event loops of one engine share: settings, maps, marks, and the prepared commands.

use std::sync::atomic::AtomicU64;
use std::time::Instant;

use super::dialer::Dialer;
use super::keys::Marks;
use super::map::Atlas;
use super::meter::{Kind, Nanos};
use super::settings::Settings;
use super::wire::Template;

/// What the event loops of one engine share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) atlas: Atlas,
    pub(super) dialer: Dialer,
    pub(super) epoch: Instant,
    /// By key; one entry for all outside of cluster mode.
    pub(super) slots: Vec<u16>,
    pub(super) acknowledged: Marks,
    /// Keys that may be there: a write of them was sent, and not refused.
    pub(super) written: Marks,
    /// Keys with a write of which nobody knows what became.
    pub(super) uncertain: Marks,
    /// Until then no acknowledged key can have reached the end of its TTL.
    pub(super) fresh_until: AtomicU64,
    pub(super) commands: Commands,
}

impl Shared {
    /// The present time, in nanoseconds since the engine was opened.
    pub(super) fn now(&self) -> Nanos {
        self.epoch.elapsed().as_nanos() as Nanos
    }

    /// A write of this key was carried out, or may have been.
    pub(super) fn may_exist(&self, key: u32, is_certain: bool) {
        let marks = if is_certain { &self.acknowledged } else { &self.uncertain };
        marks.set(key);
        self.written.set(key);
    }

    /// A write of this key was refused: unless another one may have been carried out, it is not there.
    pub(super) fn refused(&self, key: u32) {
        let may_be_there = || self.acknowledged.has(key) || self.uncertain.has(key);
        if !may_be_there() {
            self.written.take(key);
            // Another thread may have had its answer in between.
            if may_be_there() {
                self.written.set(key);
            }
        }
    }

    /// The key was deleted.
    pub(super) fn deleted(&self, key: u32) {
        for marks in [&self.acknowledged, &self.uncertain, &self.written] {
            marks.take(key);
        }
    }

    /// The slot of a key; 0 outside of cluster mode.
    pub(super) fn slot(&self, key: u32) -> usize {
        if self.slots.is_empty() { 0 } else { usize::from(self.slots[key as usize]) }
    }
}

/// The prepared commands.
#[derive(Debug)]
pub(super) struct Commands {
    get: Template,
    set: Template,
    delete: Template,
}

impl Commands {
    /// The commands for the keys, values and TTL of these settings.
    pub(super) fn new(settings: &Settings) -> Self {
        let keys = &settings.keys;
        // Not one byte over and over, which a store or a network that compresses would make small.
        let mut random = crate::client::random::Random::new(settings.seed);
        let value: Vec<u8> = (0..settings.value_size).map(|_| b'!' + random.below(94) as u8).collect();
        let ttl = settings.ttl.map(|ttl| ttl.as_millis().max(1).to_string());
        let set = match &ttl {
            None => Template::new("SET", keys, &[&value]),
            Some(ttl) => Template::new("SET", keys, &[&value, b"PX", ttl.as_bytes()]),
        };
        Self { get: Template::new("GET", keys, &[]), set, delete: Template::new("UNLINK", keys, &[]) }
    }

    /// The prepared command of this kind; `None` for `ASKING`, which has no key.
    pub(super) fn template(&self, kind: Kind) -> Option<&Template> {
        match kind {
            Kind::Read => Some(&self.get),
            Kind::Write => Some(&self.set),
            Kind::Delete => Some(&self.delete),
            Kind::Asking => None,
        }
    }

    /// Bytes of the longest of the commands, which is `SET`.
    pub(super) fn longest(&self) -> usize {
        self.set.len()
    }
}

//! One observer for all waits: however many resources are awaited, a look is the same few list calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::FIRST_PAUSE;
use crate::aws::{Aws, AwsError, reader};
use crate::resource::live::Live;
use crate::resource::{Address, Kind};

const LONGEST: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Look {
    number: u64,
    pub seen: Result<Arc<Live>, AwsError>,
}

pub struct Observer {
    aws: Aws,
    interval: Option<Duration>,
    awaited: Mutex<BTreeMap<Address, usize>>,
    /// The number of the next look: whoever registers now may trust looks from there on.
    next: Mutex<u64>,
    looks: watch::Sender<Look>,
    registered: Notify,
}

impl Observer {
    pub fn new(aws: Aws, interval: Option<Duration>) -> Self {
        let (looks, _) = watch::channel(Look { number: 0, seen: Ok(Arc::default()) });
        Self { aws, interval, awaited: Mutex::default(), next: Mutex::new(1), looks, registered: Notify::new() }
    }

    pub fn register(&self, address: &Address) -> Ticket<'_> {
        if let Ok(mut awaited) = self.awaited.lock() {
            *awaited.entry(address.clone()).or_default() += 1;
        }
        let from = self.next.lock().map(|next| *next).unwrap_or_default();
        self.registered.notify_one();
        Ticket { observer: self, address: address.clone(), looks: self.looks.subscribe(), from }
    }

    /// Looks for as long as it is polled.
    pub async fn watch(&self) {
        let mut interval = FIRST_PAUSE;
        loop {
            let awaited = self.awaited.lock().map(|awaited| awaited.clone()).unwrap_or_default();
            if awaited.is_empty() {
                interval = FIRST_PAUSE;
                self.registered.notified().await;
                continue;
            }
            let pause = self.interval.unwrap_or_else(|| jittered(interval));
            tokio::select! {
                () = tokio::time::sleep(pause) => interval = (interval * 3 / 2).min(LONGEST),
                // Somebody new waits: what just began often ends soon.
                () = self.registered.notified(), if self.interval.is_none() => { interval = FIRST_PAUSE; continue; }
            }
            self.look().await;
        }
    }

    async fn look(&self) {
        let number = self
            .next
            .lock()
            .map(|mut next| {
                *next += 1;
                *next - 1
            })
            .unwrap_or_default();
        let awaited = self.awaited.lock().map(|awaited| awaited.clone()).unwrap_or_default();
        let of = |kind: Kind| -> BTreeSet<String> {
            awaited.keys().filter(|address| address.kind == kind).map(|address| address.id.clone()).collect()
        };
        let seen = reader::caches(
            &self.aws,
            of(Kind::ReplicationGroup),
            of(Kind::ServerlessCache),
            of(Kind::User),
            of(Kind::UserGroup),
        )
        .await;
        self.looks.send_replace(Look { number, seen: seen.map(Arc::new) });
    }
}

/// Up to a tenth longer, so that many runs do not look at the same instant.
fn jittered(interval: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let share = RandomState::new().hash_one(interval) % 1000;
    interval + interval * u32::try_from(share).unwrap_or_default() / 10_000
}

/// One wait for one resource.
pub struct Ticket<'a> {
    observer: &'a Observer,
    address: Address,
    looks: watch::Receiver<Look>,
    from: u64,
}

impl Ticket<'_> {
    /// The next look that began after the ticket was drawn.
    pub async fn next(&mut self) -> Result<Arc<Live>, AwsError> {
        loop {
            if self.looks.changed().await.is_err() {
                return Err(AwsError::local("wait", "the observer ended"));
            }
            let look = self.looks.borrow_and_update().clone();
            if look.number >= self.from {
                return look.seen;
            }
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Ok(mut awaited) = self.observer.awaited.lock()
            && let Some(count) = awaited.get_mut(&self.address)
        {
            *count -= 1;
            if *count == 0 {
                awaited.remove(&self.address);
            }
        }
    }
}

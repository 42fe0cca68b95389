//! One observer for all waits: however many resources are awaited, a look is the same few list calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{Notify, watch};

use super::FIRST_PAUSE;
use crate::aws::error::Kind as ErrorKind;
use crate::aws::events::{self, Event};
use crate::aws::{Aws, AwsError, reader};
use crate::model::Address;
use crate::model::live::Live;

/// Events are read with every fifth look.
const LOOKS_PER_NEWS: u32 = 5;
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
    began: Instant,
    news: Mutex<News>,
}

/// AWS's events, read now and then: they explain, and nothing depends on them.
#[derive(Default)]
struct News {
    read: Option<Instant>,
    events: Vec<Event>,
    /// These credentials may not read them.
    denied: bool,
}

impl Observer {
    pub fn new(aws: Aws, interval: Option<Duration>) -> Self {
        let (looks, _) = watch::channel(Look { number: 0, seen: Ok(Arc::default()) });
        Self {
            aws,
            interval,
            awaited: Mutex::default(),
            next: Mutex::new(1),
            looks,
            registered: Notify::new(),
            began: Instant::now(),
            news: Mutex::default(),
        }
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
        let mut ticks = Ticks::new(self.interval);
        loop {
            let awaited = self.awaited.lock().map(|awaited| awaited.clone()).unwrap_or_default();
            if awaited.is_empty() {
                ticks = Ticks::new(self.interval);
                self.registered.notified().await;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(ticks.next()) => ticks.grow(),
                // Somebody new waits: what just began often ends soon.
                () = self.registered.notified(), if ticks.grows => { ticks = Ticks::new(self.interval); continue; }
            }
            self.look().await;
        }
    }

    /// What AWS said last about a cache since then: what an earlier step did is not this one's news.
    pub fn last_event(&self, address: &Address, since: Instant) -> String {
        let Ok(news) = self.news.lock() else { return String::new() };
        let Some(since) = SystemTime::now().checked_sub(since.elapsed()) else { return String::new() };
        let is_news = |event: &&Event| {
            address.kind.is_cache() && event.is_of(&address.id) && event.at.is_some_and(|at| at >= since)
        };
        let last = news.events.iter().rev().find(is_news);
        last.map(|event| event.message.clone()).unwrap_or_default()
    }

    async fn read_news(&self) {
        let pause = (self.interval.unwrap_or(FIRST_PAUSE) * LOOKS_PER_NEWS).max(Duration::from_secs(1));
        let due = self.news.lock().is_ok_and(|news| !news.denied && news.read.unwrap_or(self.began).elapsed() >= pause);
        if !due {
            return;
        }
        let events = events::recent(&self.aws, self.began.elapsed()).await;
        if let Ok(mut news) = self.news.lock() {
            news.read = Some(Instant::now());
            match events {
                Ok(events) => news.events = events,
                Err(error) => news.denied = error.kind == ErrorKind::AccessDenied,
            }
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
        let seen = reader::these(&self.aws, awaited.keys().cloned()).await;
        if awaited.keys().any(|address| address.kind.is_cache()) {
            self.read_news().await;
        }
        self.looks.send_replace(Look { number, seen: seen.map(Arc::new) });
    }
}

/// The pauses between looks: what takes long is looked at less often. One that the user chose stays.
struct Ticks {
    pause: Duration,
    grows: bool,
}

impl Ticks {
    fn new(chosen: Option<Duration>) -> Self {
        Self { pause: chosen.unwrap_or(FIRST_PAUSE), grows: chosen.is_none() }
    }

    fn next(&self) -> Duration {
        if self.grows { jittered(self.pause) } else { self.pause }
    }

    fn grow(&mut self) {
        if self.grows {
            self.pause = (self.pause * 3 / 2).min(LONGEST);
        }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pauses_grow_by_half_from_two_seconds_to_thirty_and_begin_anew_for_the_next_wait() {
        let mut ticks = Ticks::new(None);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            pauses.push(ticks.pause.as_millis());
            ticks.grow();
        }
        assert_eq!(pauses, [2_000, 3_000, 4_500, 6_750, 10_125, 15_187, 22_781, 30_000, 30_000, 30_000]);
        assert_eq!(Ticks::new(None).pause, FIRST_PAUSE);
    }

    #[test]
    fn a_pause_is_drawn_out_by_up_to_a_tenth_and_never_the_same_for_all() {
        let drawn: BTreeSet<Duration> = (0..100).map(|_| Ticks::new(None).next()).collect();
        assert!(drawn.iter().all(|pause| (FIRST_PAUSE..=FIRST_PAUSE * 11 / 10).contains(pause)), "{drawn:?}");
        assert!(drawn.len() > 10, "{drawn:?}");
    }

    #[test]
    fn a_pause_that_the_user_chose_neither_grows_nor_varies() {
        let chosen = Duration::from_millis(200);
        let mut ticks = Ticks::new(Some(chosen));
        ticks.grow();
        assert_eq!(ticks.next(), chosen);
    }
}

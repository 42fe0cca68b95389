//! Looks at alarms right before they are put. A Put makes no difference between an alarm that is there and one that is
//! not, and minutes may lie between the plan and the call: what somebody else made meanwhile would be written over.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::{Engine, Failure, recheck};
use crate::aws::reader::{self, ALARM_NAMES};
use crate::model::operation::Verb;
use crate::model::{Address, Live, Step};

/// So long a look holds: at AWS's rate for alarms, about as long as a hundred of them take.
const HOLDS: Duration = Duration::from_secs(30);

/// The alarms that are about to be made, looked at a hundred a call and not one by one.
#[derive(Default)]
pub struct AlarmLooks {
    coming: Mutex<Coming>,
    /// One looks at a time: who waits for another's look may be told by it.
    looking: tokio::sync::Mutex<()>,
}

/// What a look said of an alarm: nothing, or why it is not to be put.
#[derive(Clone, Debug)]
struct Look {
    began: Instant,
    moved: Option<String>,
}

/// Alarms in the order in which they are put, each with the last look at it.
#[derive(Default)]
struct Coming {
    turns: usize,
    alarms: BTreeMap<Address, (usize, Option<Look>)>,
}

impl Coming {
    /// One that is known already keeps its turn and its look.
    fn add(&mut self, address: Address, look: Option<Look>) {
        let Self { turns, alarms } = self;
        alarms.entry(address).or_insert_with(|| {
            *turns += 1;
            (*turns, look)
        });
    }

    /// What is known of an alarm; `Err` where that takes a look.
    fn told(&self, address: &Address, now: Instant) -> Result<Option<String>, ()> {
        match self.alarms.get(address) {
            // It was there when it was planned.
            None => Ok(None),
            Some((_, Some(look))) if holds(look, now) => Ok(look.moved.clone()),
            Some(_) => Err(()),
        }
    }

    /// An alarm, and those that come next and take a look too: what one call asks for.
    fn next(&self, address: &Address, now: Instant) -> Vec<Address> {
        let is_due = |look: &Option<Look>| look.as_ref().is_none_or(|look| !holds(look, now));
        let others = self.alarms.iter().filter(|(other, (_, look))| *other != address && is_due(look));
        let mut others: Vec<(usize, &Address)> = others.map(|(other, (turn, _))| (*turn, other)).collect();
        others.sort_unstable();
        let others = others.into_iter().map(|(_, other)| other.clone());
        std::iter::once(address.clone()).chain(others).take(ALARM_NAMES).collect()
    }

    fn seen(&mut self, address: &Address, look: Look) {
        if let Some((_, last)) = self.alarms.get_mut(address) {
            *last = Some(look);
        }
    }
}

fn holds(look: &Look, now: Instant) -> bool {
    now.saturating_duration_since(look.began) < HOLDS
}

/// Is the step one that makes an alarm?
pub fn makes_one(step: &Step, before: &Live) -> bool {
    step.address.kind.is_alarm()
        && step.call().is_some_and(|call| call.operation.verb() == Verb::Put)
        && before.get(&step.address).is_none()
}

impl AlarmLooks {
    /// These are put next; those that are new here were not looked at since they were planned.
    pub fn expect<'a>(&self, steps: impl Iterator<Item = &'a Step>) {
        let Ok(mut coming) = self.coming.lock() else { return };
        steps.for_each(|step| coming.add(step.address.clone(), None));
    }

    /// These are put next, and were not there at a read that began then.
    pub fn expect_unseen<'a>(&self, steps: impl Iterator<Item = &'a Step>, began: Instant) {
        let Ok(mut coming) = self.coming.lock() else { return };
        steps.for_each(|step| coming.add(step.address.clone(), Some(Look { began, moved: None })));
    }

    /// An error, and no call, where what the step is to make is there by now and not this stack's. `before` is what was
    /// there when the step was planned.
    pub async fn still_free(&self, engine: &Engine<'_>, step: &Step, before: &Live) -> Result<(), Failure> {
        let address = &step.address;
        // Nothing is made without a look, also where nobody said that it comes next.
        self.expect(std::iter::once(step).filter(|step| makes_one(step, before)));
        let _turn = self.looking.lock().await;
        let told = self.of(|coming| coming.told(address, Instant::now()))?;
        let moved = match told {
            Ok(told) => told,
            Err(()) => self.look(engine, address).await?,
        };
        self.of(|coming| coming.alarms.remove(address))?;
        match moved {
            None => Ok(()),
            Some(what) => Err(Failure::Moved { address: address.to_string(), what }),
        }
    }

    async fn look(&self, engine: &Engine<'_>, address: &Address) -> Result<Option<String>, Failure> {
        let began = Instant::now();
        let addresses = self.of(|coming| coming.next(address, began))?;
        let identity = engine.aws.identity().await?;
        let now = reader::again(engine.aws, &identity, &addresses).await?;
        let looks = addresses.iter().map(|address| (address, recheck::taken(engine, &now, address)));
        let looks: Vec<_> = looks.map(|(address, moved)| (address, Look { began, moved })).collect();
        let own = looks.first().and_then(|(_, look)| look.moved.clone());
        self.of(|coming| looks.into_iter().for_each(|(address, look)| coming.seen(address, look)))?;
        Ok(own)
    }

    fn of<T>(&self, act: impl FnOnce(&mut Coming) -> T) -> Result<T, Failure> {
        let mut coming = self.coming.lock().map_err(|_| recheck::given_up())?;
        Ok(act(&mut coming))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn alarm(number: usize) -> Address {
        // Their names are in another order than they.
        Address::new(Kind::Alarm, &format!("{:03}-{number}", 999 - number))
    }

    fn look(began: Instant, moved: Option<&str>) -> Look {
        Look { began, moved: moved.map(str::to_owned) }
    }

    #[test]
    fn a_call_asks_for_the_hundred_that_are_put_next() {
        let now = Instant::now();
        let mut coming = Coming::default();
        (0..250).for_each(|number| coming.add(alarm(number), None));
        let first = coming.next(&alarm(0), now);
        assert_eq!(first, (0..100).map(alarm).collect::<Vec<_>>());
        first.iter().for_each(|address| coming.seen(address, look(now, None)));
        assert_eq!(coming.told(&alarm(99), now), Ok(None));
        assert_eq!(coming.told(&alarm(100), now), Err(()));
        // One that comes out of turn is asked for all the same, beside those that nobody has looked at yet.
        let second = coming.next(&alarm(240), now);
        let expected: Vec<Address> = std::iter::once(240).chain(100..199).map(alarm).collect();
        assert_eq!(second, expected);
    }

    #[test]
    fn a_look_holds_for_a_while_and_says_what_it_saw() {
        let now = Instant::now();
        let mut coming = Coming::default();
        coming.add(alarm(0), Some(look(now, None)));
        coming.add(alarm(1), None);
        coming.seen(&alarm(1), look(now, Some("was created")));
        assert_eq!(coming.told(&alarm(1), now), Ok(Some("was created".to_owned())));
        assert_eq!(coming.told(&alarm(2), now), Ok(None), "it was there when it was planned");
        let later = now + HOLDS;
        assert_eq!((coming.told(&alarm(0), later), coming.told(&alarm(1), later)), (Err(()), Err(())));
        assert_eq!(coming.next(&alarm(1), later), [alarm(1), alarm(0)]);
    }
}

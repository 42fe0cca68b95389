//! How fast this process calls AWS. Each call backs off on its own in the SDK; here all of them slow
//! down together once AWS throttles one, and speed up again as answers come.
//!
//! The SDK's own adaptive mode was too blunt: one throttled answer in three, and it sends a call every
//! twenty seconds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason,
};
use aws_smithy_types::retry::ErrorKind;
use tokio::time::Instant;

use crate::model::Operation;

/// Between two calls after the first throttled answer.
const FIRST: Duration = Duration::from_millis(20);
/// Five calls a second are below every limit of the ElastiCache and CloudWatch APIs that is known.
const LONGEST: Duration = Duration::from_millis(200);
/// Shorter than this is no pause.
const SHORTEST: Duration = Duration::from_millis(5);
/// Answers to calls that were under way when the pace fell are no reason to let it fall again.
const SETTLING: Duration = Duration::from_millis(200);
/// An endpoint that never answered is not there: it is not tried as often as one that did.
const NEVER_ANSWERED: usize = 3;

/// The quotas of operations can be raised: this many calls a second of each that has one.
const LIMIT_VARIABLE: &str = "CACHECTL_ALARM_CALLS_PER_SECOND";

#[derive(Clone, Debug, Default)]
pub struct Pace {
    all: Arc<Mutex<Turns>>,
    /// When the next call of an operation whose quota is kept may start.
    limited: Arc<Mutex<BTreeMap<Operation, Instant>>>,
    quotas: Quotas,
}

/// Which quotas of single operations are kept: calls wait their turn from the start instead of being refused.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Quotas {
    #[default]
    None,
    /// AWS's own.
    Own,
    /// This many calls a second of each operation that has one.
    Asked(f64),
}

#[derive(Debug, Default)]
struct Turns {
    /// Between the starts of two calls; zero while AWS does not mind.
    gap: Duration,
    next: Option<Instant>,
    slowed: Option<Instant>,
    answered: bool,
    unreached: usize,
}

impl Turns {
    /// When a call that wants to start now may.
    fn turn(&mut self, now: Instant) -> Instant {
        if self.gap.is_zero() {
            return now;
        }
        let turn = self.next.map_or(now, |next| next.max(now));
        self.next = Some(turn + self.gap);
        turn
    }

    fn throttled(&mut self, now: Instant) {
        self.answered = true;
        if self.slowed.is_none_or(|slowed| now >= slowed + SETTLING) {
            self.slowed = Some(now);
            self.gap = (self.gap * 3 / 2).clamp(FIRST, LONGEST);
        }
    }

    fn answered(&mut self) {
        self.answered = true;
        self.gap = self.gap * 4 / 5;
        if self.gap < SHORTEST {
            self.gap = Duration::ZERO;
        }
    }

    fn unreached(&mut self) -> RetryAction {
        self.unreached += 1;
        if !self.answered && self.unreached >= NEVER_ANSWERED {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }
}

impl Pace {
    /// AWS's quotas hold at AWS; what stands in for it has the limit that is asked for, if any.
    pub fn within_quotas(self, stand_in: Option<&str>) -> Self {
        let asked = std::env::var(LIMIT_VARIABLE).ok().and_then(|text| text.parse::<f64>().ok());
        let quotas = match asked.filter(|calls| *calls > 0.0) {
            Some(calls) => Quotas::Asked(calls),
            None if stand_in.is_none() => Quotas::Own,
            None => Quotas::None,
        };
        Self { quotas, ..self }
    }

    /// Waits until a call of this operation may start, by its own quota. Returns whether there is one that is kept.
    pub async fn quota(&self, operation: Operation) -> bool {
        let turn = self.own_turn(operation, Instant::now());
        if let Some(turn) = turn {
            tokio::time::sleep_until(turn).await;
        }
        turn.is_some()
    }

    /// From now on the operation's own quota is kept, at a stand-in too. Returns whether it has one.
    pub fn keeps(&self, operation: Operation) -> bool {
        let has_one = operation.calls_per_second().is_some();
        if let Ok(mut limited) = self.limited.lock()
            && has_one
        {
            limited.entry(operation).or_insert_with(Instant::now);
        }
        has_one
    }

    fn own_turn(&self, operation: Operation, now: Instant) -> Option<Instant> {
        let own = operation.calls_per_second()?;
        let mut limited = self.limited.lock().ok()?;
        let calls = match self.quotas {
            Quotas::Asked(calls) => calls,
            Quotas::None if !limited.contains_key(&operation) => return None,
            Quotas::None | Quotas::Own => own,
        };
        let turn = limited.get(&operation).map_or(now, |next| (*next).max(now));
        limited.insert(operation, turn + Duration::from_secs_f64(1.0 / calls));
        Some(turn)
    }

    /// Waits until a call may start.
    pub(super) async fn turn(&self) {
        if let Some(turn) = self.with(|turns| turns.turn(Instant::now())) {
            tokio::time::sleep_until(turn).await;
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Turns) -> T) -> Option<T> {
        self.all.lock().ok().map(|mut turns| act(&mut turns))
    }
}

/// Reads what the SDK's classifiers made of an answer, and only ever adds that an endpoint is not there.
impl ClassifyRetry for Pace {
    fn classify_retry(&self, _context: &InterceptorContext) -> RetryAction {
        RetryAction::NoActionIndicated
    }

    fn classify_retry_v2(&self, context: &InterceptorContext, previous: &RetryAction) -> RetryAction {
        let throttled = matches!(
            previous,
            RetryAction::RetryIndicated(RetryReason::RetryableError { kind: ErrorKind::ThrottlingError, .. })
        );
        let action = self.with(|turns| match context.output_or_error() {
            _ if throttled => {
                turns.throttled(Instant::now());
                RetryAction::NoActionIndicated
            }
            Some(Err(error)) if error.is_timeout_error() || error.as_connector_error().is_some() => turns.unreached(),
            _ => {
                turns.answered();
                RetryAction::NoActionIndicated
            }
        });
        action.unwrap_or(RetryAction::NoActionIndicated)
    }

    fn name(&self) -> &'static str {
        "cachectl::Pace"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttled_calls_take_turns_and_answers_let_them_go_again() {
        let start = Instant::now();
        let mut turns = Turns::default();
        assert_eq!((turns.turn(start), turns.turn(start)), (start, start));
        turns.throttled(start);
        turns.throttled(start);
        assert_eq!((turns.turn(start), turns.turn(start)), (start, start + FIRST), "one step down for one burst");
        for second in 1..20 {
            turns.throttled(start + Duration::from_secs(second));
        }
        assert_eq!(turns.gap, LONGEST);
        for _ in 0..20 {
            turns.answered();
        }
        assert!(turns.gap.is_zero());
    }

    #[test]
    fn alarm_calls_keep_to_their_quota_from_the_first_and_others_do_not_wait_for_them() {
        let pace = Pace { quotas: Quotas::Asked(4.0), ..Pace::default() };
        let start = Instant::now();
        let turns: Vec<_> = (0..4).map(|_| pace.own_turn(Operation::PutMetricAlarm, start)).collect();
        assert_eq!(turns, [0, 250, 500, 750].map(|ms| Some(start + Duration::from_millis(ms))));
        assert_eq!(pace.own_turn(Operation::DeleteAlarms, start), Some(start));
        assert_eq!(pace.own_turn(Operation::ModifyUser, start), None);
        assert_eq!(Pace::default().within_quotas(None).quotas, Quotas::Own);
        assert_eq!(Pace::default().within_quotas(Some("http://127.0.0.1:4566")).quotas, Quotas::None);
    }

    #[test]
    fn a_stand_in_that_throttles_is_asked_as_slowly_as_aws_from_then_on() {
        let pace = Pace::default().within_quotas(Some("http://127.0.0.1:4566"));
        let start = Instant::now();
        assert_eq!(pace.own_turn(Operation::PutMetricAlarm, start), None);
        assert!(pace.keeps(Operation::PutMetricAlarm) && !pace.keeps(Operation::ModifyUser));
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.own_turn(Operation::PutMetricAlarm, later), Some(later));
        assert!(pace.own_turn(Operation::PutMetricAlarm, later).is_some_and(|turn| turn > later));
        assert_eq!(pace.own_turn(Operation::DeleteAlarms, later), None, "it was not throttled");
    }

    #[test]
    fn an_endpoint_that_never_answers_is_given_up_early_and_one_that_did_is_not() {
        let mut turns = Turns::default();
        let given_up = |turns: &mut Turns| turns.unreached() == RetryAction::RetryForbidden;
        assert!(!given_up(&mut turns) && !given_up(&mut turns) && given_up(&mut turns));
        turns.answered();
        assert!(!given_up(&mut turns));
    }
}

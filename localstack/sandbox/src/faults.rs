//! Faults on request: what a client meets on a bad day.

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::wire::{Protocol, Service};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// 400 `Throttling`, "Rate exceeded".
    Throttle,
    /// 500 `InternalFailure`.
    InternalError,
    /// 503 `ServiceUnavailable`.
    Unavailable,
    /// 403 `AccessDenied`.
    AccessDenied,
    /// Any other error, such as 400 `NodeQuotaForCustomerExceeded`.
    Error { status: u16, code: String, message: String },
    /// The call takes effect, then the connection closes without an answer.
    DropAnswer,
    /// The connection closes before the call is looked at.
    RefuseConnection,
    /// The call takes effect at once, its answer comes this many milliseconds later.
    Slow { ms: u64 },
    /// The call takes effect this many milliseconds later, and not at all if its client has gone by then.
    Hold { ms: u64 },
    /// Reads answer from the state this many milliseconds ago.
    Stale { ms: u64 },
}

/// An effect and when it strikes. Without limits it strikes every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub effect: Effect,
    /// Only this operation, such as `DescribeReplicationGroups`; `None` is every one.
    #[serde(default)]
    pub operation: Option<String>,
    /// How likely it strikes a call, 0.0 to 1.0.
    #[serde(default = "certain")]
    pub probability: f64,
    /// How many times it strikes; `None` is without end.
    #[serde(default)]
    pub count: Option<u32>,
    /// How many calls that it applies to pass unharmed first.
    #[serde(default)]
    pub after: u32,
}

fn certain() -> f64 {
    1.0
}

impl Fault {
    pub fn new(effect: Effect) -> Self {
        Fault { effect, operation: None, probability: 1.0, count: None, after: 0 }
    }

    pub fn throttle() -> Self {
        Self::new(Effect::Throttle)
    }

    pub fn internal_error() -> Self {
        Self::new(Effect::InternalError)
    }

    pub fn unavailable() -> Self {
        Self::new(Effect::Unavailable)
    }

    pub fn access_denied() -> Self {
        Self::new(Effect::AccessDenied)
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(Effect::Error { status, code: code.to_owned(), message: message.to_owned() })
    }

    pub fn drop_answer() -> Self {
        Self::new(Effect::DropAnswer)
    }

    pub fn refuse_connection() -> Self {
        Self::new(Effect::RefuseConnection)
    }

    pub fn slow(ms: u64) -> Self {
        Self::new(Effect::Slow { ms })
    }

    pub fn hold(ms: u64) -> Self {
        Self::new(Effect::Hold { ms })
    }

    pub fn stale(ms: u64) -> Self {
        Self::new(Effect::Stale { ms })
    }

    pub fn on(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    pub fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }
}

/// What the faults that are armed do to one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Verdict {
    pub refuse_connection: bool,
    pub drop_answer: bool,
    pub slow_ms: u64,
    pub hold_ms: u64,
    pub stale_ms: Option<u64>,
    pub error: Option<Effect>,
}

/// The faults in force and the dice they throw.
#[derive(Debug, Clone)]
pub(crate) struct Armed {
    faults: Vec<Fault>,
    dice: u64,
}

impl Default for Armed {
    fn default() -> Self {
        Armed { faults: Vec::new(), dice: SEED }
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

impl Armed {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn seed(&mut self, seed: u64) {
        self.dice = seed ^ SEED;
    }

    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn any_stale(&self) -> bool {
        self.faults.iter().any(|fault| matches!(fault.effect, Effect::Stale { .. }))
    }

    /// Throws the dice for one call and uses up what struck.
    pub(crate) fn judge(&mut self, operation: &str, is_read: bool) -> Verdict {
        let mut verdict = Verdict::default();
        let mut dice = self.dice;
        for fault in &mut self.faults {
            let applies = fault.operation.as_deref().is_none_or(|name| name == operation)
                && fault.count != Some(0)
                && (is_read || !matches!(fault.effect, Effect::Stale { .. }));
            if !applies {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if throw(&mut dice) >= fault.probability {
                continue;
            }
            fault.count = fault.count.map(|left| left - 1);
            match &fault.effect {
                Effect::DropAnswer => verdict.drop_answer = true,
                Effect::RefuseConnection => verdict.refuse_connection = true,
                Effect::Slow { ms } => verdict.slow_ms += *ms,
                Effect::Hold { ms } => verdict.hold_ms += *ms,
                Effect::Stale { ms } => verdict.stale_ms = Some(verdict.stale_ms.unwrap_or(0).max(*ms)),
                error => verdict.error = verdict.error.or_else(|| Some(error.clone())),
            }
        }
        self.dice = dice;
        self.faults.retain(|fault| fault.count != Some(0));
        verdict
    }
}

/// A number from 0.0 up to 1.0 (xorshift64*), the same sequence in every run.
fn throw(dice: &mut u64) -> f64 {
    *dice ^= *dice >> 12;
    *dice ^= *dice << 25;
    *dice ^= *dice >> 27;
    let bits = dice.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
    let part = bits as f64 / (1_u64 << 53) as f64;
    part
}

/// The error AWS's front end would answer with, in the code of the service at hand.
pub(crate) fn refusal(effect: &Effect, service: Service, protocol: Protocol, operation: &str) -> Refusal {
    let is_json = matches!(protocol, Protocol::Json { .. });
    match effect {
        Effect::Error { status, code, message } => Refusal::new(code.clone(), *status, message.clone()),
        Effect::InternalError => Refusal::new(
            if is_json { "InternalServerError" } else { "InternalFailure" },
            500,
            "An internal error occurred.",
        ),
        Effect::Unavailable => Refusal::new("ServiceUnavailable", 503, "Service Unavailable"),
        Effect::AccessDenied => {
            let text = format!(
                "User: arn:aws:iam::sandbox:user/sandbox is not authorized to perform: {}:{operation} \
                 because no identity-based policy allows the {}:{operation} action",
                action_prefix(service),
                action_prefix(service)
            );
            if is_json { Refusal::bad("AccessDeniedException", text) } else { Refusal::new("AccessDenied", 403, text) }
        }
        _ if is_json => Refusal::bad("ThrottlingException", "Rate exceeded"),
        _ => Refusal::bad("Throttling", "Rate exceeded"),
    }
}

fn action_prefix(service: Service) -> &'static str {
    match service {
        Service::Tagging => "tag",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_operation_as_often_as_it_was_told() {
        let mut armed = Armed::default();
        armed.add(Fault::throttle().on("A").times(2));
        let struck = |armed: &mut Armed, name| armed.judge(name, true).error.is_some();
        assert!(!struck(&mut armed, "B"));
        assert!(struck(&mut armed, "A") && struck(&mut armed, "A"));
        assert!(!struck(&mut armed, "A"));
        assert!(armed.faults().is_empty());
    }

    #[test]
    fn the_dice_fall_alike_in_every_run() {
        let run = || {
            let mut armed = Armed::default();
            armed.seed(7);
            armed.add(Fault::throttle().with_probability(0.3));
            (0..100).filter(|_| armed.judge("A", true).error.is_some()).count()
        };
        assert_eq!(run(), run());
        assert!((15..45).contains(&run()), "{}", run());
    }
}

//! A plan is data: what changes, why, and the exact calls in their order. This is what `--format json`
//! prints and what a saved plan holds.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attribute::Impact;
use super::cost::Cost;
use super::{Address, Severity, Step, StepId};

/// The version of the JSON documents that cachectl prints, and of saved plans.
pub const FORMAT_VERSION: &str = "1";

/// What an apply would do to one stack: the changes, the steps in their order, and what stands in the way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub format_version: String,
    pub stack: String,
    pub account_id: String,
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<String>,
    pub spec_digest: String,
    pub summary: Summary,
    pub changes: Vec<Change>,
    pub steps: Vec<Step>,
    pub lint: Vec<Finding>,
    pub orphans: Vec<Address>,
    /// What the plan could not see, in a sentence each.
    pub notes: Vec<String>,
    pub api_calls: usize,
    /// With `--cost` only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost: Option<Cost>,
}

/// How many resources come to each action, and how many of them are blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub create: usize,
    pub adopt: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub noop: usize,
    pub blocked: usize,
}

/// What becomes of a resource as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Adopt,
    Update,
    Replace,
    Delete,
    Noop,
}

/// Whose a resource is, seen from one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ownership {
    Owned,
    Unowned,
    /// Another stack's tag is on it.
    Foreign,
    /// The tags could not be read.
    Unknown,
    /// It does not exist yet.
    Absent,
}

/// What a plan decided about one resource; the calls that it takes are the steps of its address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    pub address: Address,
    pub action: Action,
    pub impact: Impact,
    pub ownership: Ownership,
    pub attributes: Vec<AttributeChange>,
    pub pending: Vec<PendingValue>,
    /// Hops that the next plans will hold.
    pub remaining: Vec<String>,
    pub blocked: Option<Blocked>,
    /// Of what was read; a saved plan is stale once it differs. Null where nothing exists.
    pub fingerprint: Option<String>,
    /// Of an alarm: the cache that it watches, where it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache: Option<Address>,
    /// Alarms of a cache whose members are not known yet are one change that stands for this many.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<usize>,
}

/// One attribute before and after; null where there is no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttributeChange {
    pub path: String,
    pub before: Value,
    pub after: Value,
    pub impact: Impact,
    pub sensitive: bool,
}

/// A value that AWS has accepted and not yet applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingValue {
    pub path: String,
    pub value: Value,
    /// The spec says something else.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub contradicts: bool,
}

impl PendingValue {
    /// A pending value that does not contradict the spec.
    pub fn new(path: &str, value: Value) -> Self {
        Self { path: path.to_owned(), value, contradicts: false }
    }
}

/// What stands in the way of a change: the rule, why, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    pub rule: String,
    pub reason: String,
    pub hint: String,
}

/// What a lint rule says of one place in the spec.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finding {
    pub rule: String,
    pub severity: Severity,
    pub address: String,
    pub message: String,
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl Plan {
    /// Does a blocked change or a lint error stand in the way of an apply?
    pub fn is_blocked(&self) -> bool {
        self.summary.blocked > 0 || self.lint.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Is there no step, and nothing in the way of one?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && !self.is_blocked()
    }

    /// The step of this number.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// What AWS has accepted and what is still to take effect, each with its resource.
    pub fn pending(&self) -> impl Iterator<Item = (&Address, &PendingValue)> {
        self.changes.iter().flat_map(|change| change.pending.iter().map(move |pending| (&change.address, pending)))
    }

    /// Has AWS accepted what the spec contradicts? That is not settled, whether there is a step for it or not.
    pub fn is_contradicted(&self) -> bool {
        self.pending().any(|(_, pending)| pending.contradicts)
    }

    /// The first step in which this plan differs from another, in words; `None` where both do the same.
    pub fn departs_from(&self, other: &Plan) -> Option<String> {
        let told = |step: &Step| format!("step {} ({} {})", step.id, step.operation(), step.address);
        let longer = self.steps.len().max(other.steps.len());
        (0..longer).find_map(|at| match (self.steps.get(at), other.steps.get(at)) {
            (Some(here), Some(there)) if json!(here) == json!(there) => None,
            (Some(here), Some(there)) if told(here) == told(there) => {
                let (sent, shown) = (here.parameters(), there.parameters());
                let other = sent.keys().chain(shown.keys()).find(|name| sent.get(*name) != shown.get(*name));
                Some(format!("{} differs in {}", told(here), other.map_or("its place", String::as_str)))
            }
            (Some(here), Some(there)) => Some(format!("{} is now {}", told(there), told(here))),
            (Some(here), None) => Some(format!("{} has come up", told(here))),
            (None, there) => there.map(|there| format!("{} is no longer planned", told(there))),
        })
    }

    /// The orphans that stay: those that the plan does not delete.
    pub fn staying_orphans(&self) -> impl Iterator<Item = &Address> {
        let stays = |address: &&Address| self.change(address).is_none_or(|change| change.action != Action::Delete);
        self.orphans.iter().filter(stays)
    }

    /// The change of a resource; `None` where the plan shows none.
    pub fn change(&self, address: &Address) -> Option<&Change> {
        self.changes.iter().find(|change| change.address == *address)
    }
}

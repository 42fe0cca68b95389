//! Steps: what an apply does, one after another or side by side.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::live::{object, strings};
use super::operation::Typical;
use super::{Address, Operation};

/// The number of a step within its plan, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub usize);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is awaited after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    #[serde(rename = "none")]
    Nothing,
    /// A cache with all its node groups and members.
    Available,
    /// A user or a user group.
    Active,
    Deleted,
}

/// One thing to do, once the steps that it comes after are done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Document", from = "Document")]
pub struct Step {
    pub id: StepId,
    pub address: Address,
    pub work: Work,
    pub after: Vec<StepId>,
}

/// What a step does: a call that is known, or calls that are known once members were read.
#[derive(Clone, Debug)]
pub enum Work {
    Call(Call),
    MemberAlarms(MemberAlarms),
}

/// One call of the API.
#[derive(Clone, Debug)]
pub struct Call {
    pub operation: Operation,
    /// By the API's member names; secrets are references.
    pub parameters: Map<String, Value>,
    pub wait_for: Wait,
}

/// The alarms of a cache whose members cannot be named yet: the calls are made once they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAlarms {
    /// Id of the cache.
    pub cache: String,
    /// How many alarms come or go, as far as is known now.
    pub count: usize,
    /// More alarms go than come.
    pub fewer: bool,
    /// The composite alarms over them that are put with them, by name.
    pub composites: Vec<String>,
}

impl Step {
    /// The call, unless it is only known later.
    pub fn call(&self) -> Option<&Call> {
        match &self.work {
            Work::Call(call) => Some(call),
            Work::MemberAlarms(_) => None,
        }
    }

    /// What is sent; nothing is known yet for alarms of members to come.
    pub fn parameters(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.call().map_or(&NONE, |call| &call.parameters)
    }

    /// The alarms that it deletes by name.
    pub fn deleted_alarms(&self) -> impl Iterator<Item = &str> {
        let deletes = self.call().filter(|call| call.operation == Operation::DeleteAlarms);
        strings(deletes.and_then(|call| call.parameters.get("AlarmNames")))
    }

    /// What is called; for alarms of members to come, what will be.
    pub fn operation(&self) -> Operation {
        match &self.work {
            Work::Call(call) => call.operation,
            Work::MemberAlarms(alarms) if alarms.fewer => Operation::DeleteAlarms,
            Work::MemberAlarms(_) => Operation::PutMetricAlarm,
        }
    }
}

impl Call {
    /// Does the call add an AUTH token beside the one that is set, which must be done once?
    pub fn adds_token(&self) -> bool {
        adds_token(&self.parameters)
    }

    /// How long AWS usually takes until what is waited for is so; `None` where nothing is.
    pub fn typically(&self) -> Option<Typical> {
        let sends = |member: &&str| self.parameters.contains_key(*member);
        match (self.wait_for, self.operation) {
            (Wait::Nothing, _) => None,
            // Every node is replaced.
            (_, Operation::ModifyReplicationGroup) if ["CacheNodeType", "EngineVersion"].iter().any(sends) => {
                Some(Typical::Minutes(20))
            }
            (_, operation) => operation.typically(),
        }
    }

    /// Does the call say that AWS is to let the change wait for the maintenance window?
    pub fn is_deferred(&self) -> bool {
        self.parameters.get("ApplyImmediately") == Some(&Value::Bool(false))
    }
}

/// Do these parameters add an AUTH token beside the one that is set?
pub fn adds_token(parameters: &Map<String, Value>) -> bool {
    parameters.get("AuthTokenUpdateStrategy").and_then(Value::as_str) == Some("ROTATE")
}

/// In JSON, in place of a call's parameters: the number of alarms that a step stands for.
const COUNT: &str = "Count";
/// Beside it: the composite alarms that are put with them.
const COMPOSITES: &str = "CompositeAlarms";

/// A step in JSON, where alarms of members to come look like the call that they will be.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    id: StepId,
    address: Address,
    operation: Operation,
    parameters: Map<String, Value>,
    after: Vec<StepId>,
    wait_for: Wait,
}

impl From<Step> for Document {
    fn from(step: Step) -> Self {
        let operation = step.operation();
        let Step { id, address, work, after } = step;
        let (parameters, wait_for) = match work {
            Work::Call(call) => (call.parameters, call.wait_for),
            Work::MemberAlarms(alarms) => {
                let mut parameters = object([(COUNT, json!(alarms.count))]);
                if !alarms.composites.is_empty() {
                    parameters.insert(COMPOSITES.to_owned(), json!(alarms.composites));
                }
                (parameters, Wait::Nothing)
            }
        };
        Self { id, address, operation, parameters, after, wait_for }
    }
}

impl From<Document> for Step {
    fn from(document: Document) -> Self {
        let Document { id, address, operation, parameters, after, wait_for } = document;
        let counted = parameters.get(COUNT).and_then(Value::as_u64).zip(address.cache_of_members());
        let work = match counted {
            Some((count, cache)) => Work::MemberAlarms(MemberAlarms {
                cache: cache.to_owned(),
                count: usize::try_from(count).unwrap_or(usize::MAX),
                fewer: operation.deletes(),
                composites: strings(parameters.get(COMPOSITES)).map(str::to_owned).collect(),
            }),
            None => Work::Call(Call { operation, parameters, wait_for }),
        };
        Self { id, address, work, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_of_members_to_come_are_a_count_in_json_and_no_call_when_read_back() {
        let alarms = MemberAlarms { cache: "orders".into(), count: 30, fewer: true, composites: vec!["down".into()] };
        let address = Address::alarms_of("orders");
        let step = Step { id: StepId(4), address, work: Work::MemberAlarms(alarms.clone()), after: vec![StepId(3)] };
        let text = serde_json::to_value(&step).expect("JSON");
        assert_eq!(
            text,
            json!({"id": 4, "address": "alarm/orders-*", "operation": "DeleteAlarms", "parameters": {"Count": 30, "CompositeAlarms": ["down"]}, "after": [3], "waitFor": "none"})
        );
        let again: Step = serde_json::from_value(text).expect("a step");
        assert!(matches!(again.work, Work::MemberAlarms(found) if found == alarms));
        assert_eq!((again.id, again.after), (StepId(4), vec![StepId(3)]));
    }
}

//! One change of a spec in an account where the old spec stands: which calls it takes, or why none.

use cachectl::model::attribute::Impact;
use cachectl::model::options::Options;
use cachectl::model::plan::{Action, Plan};
use serde_json::Value;

use super::plan_account::{Account, decisive, options, shown, spec};

pub(crate) struct Case {
    pub account: Account,
    pub options: Options,
    pub after: String,
}

/// A replication group `g` with these fields, and the rest that a group needs.
pub(crate) fn group(fields: &str) -> String {
    let mut lines = vec!["replicationGroups:".to_owned(), "  g:".to_owned()];
    let defaults = [
        ("description", "description: cache"),
        ("cacheNodeType", "cacheNodeType: cache.r7g.large"),
        ("engine", "engine: valkey"),
        ("engineVersion", "engineVersion: \"8.0\""),
        ("numCacheClusters", "numCacheClusters: 2"),
    ];
    let has = |name: &str| fields.lines().any(|line| line.trim_start().starts_with(&format!("{name}:")));
    let sharded = has("numNodeGroups") || has("nodeGroupConfiguration");
    for (name, line) in defaults {
        if !(has(name) || name == "numCacheClusters" && sharded) {
            lines.push(format!("    {line}"));
        }
    }
    if has("nodeGroupConfiguration") && !has("numNodeGroups") {
        lines.push(format!("    numNodeGroups: {}", fields.matches("replicaCount:").count()));
    }
    lines.extend(fields.lines().map(|line| format!("    {line}")));
    lines.join("\n") + "\n"
}

/// From a group with these fields to one with those.
pub(crate) fn regroup(before: &str, after: &str) -> Case {
    change(&group(before), &group(after))
}

pub(crate) fn change(before: &str, after: &str) -> Case {
    Case { account: Account::with(before), options: options(&[]), after: after.to_owned() }
}

impl Case {
    pub(crate) fn allow(mut self, allow: &[&str]) -> Self {
        self.options.allow.extend(options(allow).allow);
        self
    }

    pub(crate) fn all_hops(mut self) -> Self {
        self.options.all_hops = true;
        self
    }

    pub(crate) fn prune(mut self) -> Self {
        self.options.prune = true;
        self
    }

    /// Something that happens to the account between the two specs.
    pub(crate) fn meanwhile(mut self, happens: impl FnOnce(&mut Account)) -> Self {
        happens(&mut self.account);
        self
    }

    pub(crate) fn plan(&mut self) -> Plan {
        self.account.plan(&spec(&self.after), &self.options)
    }

    /// Exactly these calls with exactly these parameters beside the id and ApplyImmediately; all
    /// accepted; and after them, and further hops, nothing is left to do.
    #[track_caller]
    pub(crate) fn calls(mut self, expected: &[(&str, Value)]) -> Self {
        let plan = self.plan();
        expect_calls(&plan, expected);
        let spec = spec(&self.after);
        let plans = match self.account.settle(&spec, &self.options) {
            Ok(plans) => plans,
            Err(why) => panic!("{why}"),
        };
        for later in &plans[1..] {
            let announced = plans[0].changes.iter().any(|change| !change.remaining.is_empty());
            assert!(announced, "a second apply that the first plan does not announce:\n{}", shown(later));
        }
        self
    }

    /// The same calls as another plan of it would make, and what is left for the next apply.
    #[track_caller]
    pub(crate) fn remains(mut self, text: &str) -> Self {
        let plan = self.plan();
        let found = plan.changes.iter().flat_map(|change| &change.remaining).any(|line| line.contains(text));
        assert!(found, "nothing remains of {text}:\n{}", shown(&plan));
        self
    }

    #[track_caller]
    pub(crate) fn impact(mut self, impact: Impact) -> Self {
        let plan = self.plan();
        assert!(plan.changes.iter().any(|change| change.impact == impact), "{}", shown(&plan));
        self
    }

    #[track_caller]
    pub(crate) fn nothing(mut self) {
        let plan = self.plan();
        let quiet = plan.steps.is_empty() && !plan.is_blocked() && plan.changes.iter().all(|c| c.attributes.is_empty());
        assert!(quiet, "{}", shown(&plan));
    }

    /// No difference and no call, but a word about it.
    #[track_caller]
    pub(crate) fn noted(mut self, text: &str) {
        let plan = self.plan();
        let quiet = plan.steps.is_empty() && !plan.is_blocked() && plan.changes.iter().all(|c| c.attributes.is_empty());
        assert!(quiet && plan.notes.iter().any(|note| note.contains(text)), "{}", shown(&plan));
    }

    #[track_caller]
    pub(crate) fn blocked(mut self, rule: &str, hint: &str) {
        let plan = self.plan();
        let blocked = plan.changes.iter().filter_map(|change| change.blocked.as_ref());
        let fits = blocked.clone().any(|blocked| blocked.rule == rule && blocked.hint.contains(hint));
        assert!(fits, "not blocked by {rule} with a hint on {hint:?}:\n{}", shown(&plan));
        assert!(
            plan.steps.iter().all(|step| plan.change(&step.address).is_none_or(|change| change.blocked.is_none())),
            "a blocked resource has steps:\n{}",
            shown(&plan)
        );
    }

    /// Only a replacement changes it: blocked, until it is allowed. Then it is deleted and made anew.
    #[track_caller]
    pub(crate) fn replaces(mut self, address: &str) -> Plan {
        let address = address.parse().expect("an address");
        let plan = self.plan();
        let change = plan.change(&address).unwrap_or_else(|| panic!("{}", shown(&plan)));
        assert_eq!((change.action, change.impact), (Action::Replace, Impact::Replace), "{}", shown(&plan));
        let blocked = change.blocked.as_ref().unwrap_or_else(|| panic!("allowed by nobody:\n{}", shown(&plan)));
        assert_eq!(blocked.hint, format!("--allow replace:{address}"), "{}", shown(&plan));
        self.options.allow.extend(options(&["replace:*"]).allow);
        let plans = match self.account.settle(&spec(&self.after), &self.options) {
            Ok(plans) => plans,
            Err(why) => panic!("{why}"),
        };
        assert_eq!(plans.len(), 1, "one apply replaces it");
        let first = plans.into_iter().next().expect("a plan");
        let own: Vec<&str> =
            first.steps.iter().filter(|step| step.address == address).map(|step| step.operation().name()).collect();
        assert!(own.first().is_some_and(|operation| operation.starts_with("Delete")), "{}", shown(&first));
        assert!(own.get(1).is_some_and(|operation| operation.starts_with("Create")), "{}", shown(&first));
        first
    }
}

#[track_caller]
pub(crate) fn expect_calls(plan: &Plan, expected: &[(&str, Value)]) {
    assert!(!plan.is_blocked(), "{}", shown(plan));
    let found: Vec<(String, Value)> =
        plan.steps.iter().map(|step| (step.operation().name().to_owned(), Value::Object(decisive(step)))).collect();
    let wanted: Vec<(String, Value)> =
        expected.iter().map(|(operation, parameters)| ((*operation).to_owned(), parameters.clone())).collect();
    assert_eq!(found, wanted, "\n{}", shown(plan));
}

/// The parameters of the first step of this operation.
#[track_caller]
pub(crate) fn parameters(plan: &Plan, operation: &str) -> Value {
    let step = plan.steps.iter().find(|step| step.operation().name() == operation);
    step.map(|step| Value::Object(step.parameters().clone()))
        .unwrap_or_else(|| panic!("no {operation}:\n{}", shown(plan)))
}

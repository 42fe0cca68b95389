//! The plan of one resource while it is being made: what differs, which calls that takes, what stands
//! in the way.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::attribute::{Attribute, Difference, Impact, Phase};
use super::live::{Live, View, strings};
use super::options::Options;
use super::plan::{AttributeChange, Blocked, PendingValue};
use super::step::{MemberAlarms, Wait};
use super::{Address, Operation, Resource, Spec};

/// What a decision about one resource may look at.
pub struct Scene<'a> {
    pub spec: &'a Spec,
    pub live: &'a Live,
    pub resource: &'a Resource,
    pub view: &'a View<'a>,
    pub options: &'a Options,
    /// Of the resource's kind.
    pub rows: &'static [Attribute],
}

impl<'a> Scene<'a> {
    /// What the spec declares for an attribute, but for what it says to ignore.
    pub fn declared(&self, name: &str) -> Option<&'a Value> {
        self.resource.fields.get(name).filter(|_| !ignored(self.resource).any(|ignored| ignored == name))
    }

    /// What the spec declares for an attribute, where it is a text and not ignored.
    pub fn declared_text(&self, name: &str) -> Option<&'a str> {
        self.declared(name)?.as_str()
    }

    /// The row of an attribute of this kind.
    pub fn row(&self, name: &str) -> Option<&'static Attribute> {
        self.rows.iter().find(|row| row.field.name == name)
    }

    /// The live value of an attribute, as the spec would write it.
    pub fn live_value(&self, name: &str) -> Option<Value> {
        let attribute = self.row(name)?;
        attribute.live(self.view, None)
    }

    /// The live value of an attribute as the spec would write it, where it is a text.
    pub fn live_text(&self, name: &str) -> Option<String> {
        Some(self.live_value(name)?.as_str()?.to_owned())
    }

    /// Does the spec declare another value than the live one?
    pub fn differs(&self, name: &str) -> bool {
        let Some(attribute) = self.row(name) else { return false };
        self.declared(name).is_some_and(|declared| {
            let live = attribute.live(self.view, Some(declared));
            !attribute.same(declared, live.as_ref())
        })
    }

    /// The value that will hold after the plan: the declared one, else the live one.
    pub fn wanted(&self, name: &str) -> Option<Value> {
        self.declared(name).filter(|value| !value.is_null()).cloned().or_else(|| self.live_value(name))
    }
}

/// A call that the plan will hold.
#[derive(Debug)]
pub struct Call {
    pub phase: Phase,
    pub operation: Operation,
    pub parameters: Map<String, Value>,
    pub wait: Wait,
    /// What the resource uses until this call, and no longer.
    pub lets_go: BTreeSet<Address>,
}

impl Call {
    /// A call without parameters that lets go of nothing.
    pub fn new(phase: Phase, operation: Operation, wait: Wait) -> Self {
        Self { phase, operation, parameters: Map::new(), wait, lets_go: BTreeSet::new() }
    }

    /// Sets one parameter by the API's name, in place of an earlier value of it.
    pub fn insert(&mut self, member: String, value: Value) {
        self.parameters.insert(member, value);
    }
}

/// The nodes that a cache comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    pub shards: usize,
    pub nodes: usize,
    /// Nodes are added to what there is.
    pub grows: bool,
    /// Nodes come or go, or get other names.
    pub moves: bool,
    /// Ids of the shards that go.
    pub leaving: Vec<String>,
    /// How many nodes go, those of such shards among them.
    pub leaving_nodes: usize,
    /// Every shard loses replicas until it has so many.
    pub fewer_replicas: Option<usize>,
}

/// Of a composite alarm: the alarms that it depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Children {
    /// The cache whose alarms they are, where it is of one.
    pub of: Option<Address>,
    /// Those that it names once the plan is through.
    pub names: BTreeSet<String>,
    /// Those that its live rule names, none of which AWS deletes before it is put.
    pub before: BTreeSet<String>,
    /// Those of its names that only come with members to come.
    pub to_come: BTreeSet<String>,
    /// Is it put together with the alarms of its cache, once the members are known?
    pub with_members: bool,
}

/// What is decided about one resource, and the calls that it comes to.
#[derive(Debug)]
pub struct Draft {
    pub address: Address,
    pub attributes: Vec<AttributeChange>,
    pub calls: Vec<Call>,
    /// In place of calls: alarms of members that are not known yet.
    pub member_alarms: Option<MemberAlarms>,
    /// Of an existing replication group.
    pub topology: Option<Topology>,
    /// Zones that its calls name, for nodes that come and, where AWS wants to know, for those that are there.
    pub zones: BTreeSet<String>,
    /// Of a subnet group: the subnets that caches find when they are changed; `None` where they stay.
    pub subnets: Option<Vec<String>>,
    /// Of an alarm: the caches whose members it watches.
    pub watches: BTreeSet<Address>,
    /// The one of them that there is.
    pub cache: Option<Address>,
    pub children: Children,
    /// What it uses until AWS carries out in the maintenance window what it has accepted.
    pub lets_go_in_window: BTreeSet<Address>,
    pub pending: Vec<PendingValue>,
    /// Members of which AWS has accepted a value that contradicts the spec and can be replaced by another.
    pub takes_back: Vec<&'static str>,
    pub remaining: Vec<String>,
    pub blocked: Vec<Blocked>,
    /// Attributes that only a replacement can change, and why.
    pub replace: Vec<String>,
    pub warnings: Vec<(String, String)>,
}

impl Draft {
    /// A draft in which nothing is decided yet: no change, no call, nothing in the way.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            attributes: Vec::new(),
            calls: Vec::new(),
            member_alarms: None,
            topology: None,
            zones: BTreeSet::new(),
            subnets: None,
            watches: BTreeSet::new(),
            cache: None,
            children: Children::default(),
            lets_go_in_window: BTreeSet::new(),
            pending: Vec::new(),
            takes_back: Vec::new(),
            remaining: Vec::new(),
            blocked: Vec::new(),
            replace: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The one call of this phase, which all its attributes share.
    pub fn call(&mut self, phase: Phase, operation: Operation, wait: Wait) -> &mut Call {
        let index = match self.calls.iter().position(|call| call.phase == phase && call.operation == operation) {
            Some(index) => index,
            None => {
                self.calls.push(Call::new(phase, operation, wait));
                self.calls.len() - 1
            }
        };
        &mut self.calls[index]
    }

    /// One more call of a phase, made after the earlier ones.
    pub fn push(&mut self, phase: Phase, operation: Operation, wait: Wait, parameters: Map<String, Value>) {
        self.calls.push(Call { parameters, ..Call::new(phase, operation, wait) });
    }

    /// Is there nothing to do, neither a call nor alarms of members to come?
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.member_alarms.is_none()
    }

    /// Lists a difference among the changes that the plan shows; what it takes is added apart.
    pub fn shows(&mut self, difference: &Difference) {
        self.attributes.push(AttributeChange {
            path: difference.attribute.to_owned(),
            before: difference.live.clone().unwrap_or(Value::Null),
            after: difference.declared.clone(),
            impact: difference.impact,
            sensitive: false,
        });
    }

    /// Lists a difference that only a replacement of the resource can make, and why.
    pub fn replaces(&mut self, difference: &Difference, why: &str) {
        self.shows(&Difference { impact: Impact::Replace, ..difference.clone() });
        self.replace.push(format!("{}: {why}", difference.attribute));
    }

    /// Puts something in the way of the resource: a rule that `explain` knows, why, and what to do now.
    pub fn blocks(&mut self, rule: &str, reason: impl Into<String>, hint: impl Into<String>) {
        debug_assert!(super::refusals::of(rule).is_some(), "`explain` knows nothing of {rule}");
        self.blocked.push(Blocked { rule: rule.to_owned(), reason: reason.into(), hint: hint.into() });
    }
}

/// Attributes, or single tags as `tags.KEY`, whose differences are left alone.
pub fn ignored(resource: &Resource) -> impl Iterator<Item = &str> {
    strings(resource.fields.get("lifecycle").and_then(|lifecycle| lifecycle.get("ignore")))
}

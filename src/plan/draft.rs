//! The plan of one resource while it is being made: what differs, which calls that takes, what stands
//! in the way.

use serde_json::{Map, Value};

use super::model::{AttributeChange, Blocked, PendingValue, Wait};
use super::options::Options;
use crate::resource::attribute::{Attribute, Difference, Impact, Pending, Phase, Route};
use crate::resource::live::{Live, View, strings};
use crate::resource::shape::is_empty;
use crate::resource::{Address, Kind, replication_group};
use crate::spec::{Resource, Spec};

/// What a decision about one resource may look at.
pub struct Scene<'a> {
    pub spec: &'a Spec,
    pub live: &'a Live,
    pub resource: &'a Resource,
    pub view: &'a View<'a>,
    pub options: &'a Options,
}

impl<'a> Scene<'a> {
    /// What the spec says, but for what it says to ignore.
    pub fn declared(&self, name: &str) -> Option<&'a Value> {
        self.resource.fields.get(name).filter(|_| !ignored(self.resource).any(|ignored| ignored == name))
    }

    pub fn declared_text(&self, name: &str) -> Option<&'a str> {
        self.declared(name)?.as_str()
    }

    /// The live value of an attribute, as the spec would write it.
    pub fn live_value(&self, name: &str) -> Option<Value> {
        let attribute = attribute(self.resource.address.kind, name)?;
        attribute.live(self.view, None)
    }

    pub fn live_text(&self, name: &str) -> Option<String> {
        Some(self.live_value(name)?.as_str()?.to_owned())
    }

    /// Does the spec declare another value than the live one?
    pub fn differs(&self, name: &str) -> bool {
        let Some(attribute) = attribute(self.resource.address.kind, name) else { return false };
        self.declared(name).is_some_and(|declared| {
            let live = attribute.live(self.view, Some(declared));
            !same(attribute, declared, live.as_ref())
        })
    }

    /// What will hold after the plan: the declared value, else the live one.
    pub fn wanted(&self, name: &str) -> Option<Value> {
        self.declared(name).filter(|value| !value.is_null()).cloned().or_else(|| self.live_value(name))
    }
}

pub fn attribute(kind: Kind, name: &str) -> Option<&'static Attribute> {
    kind.attributes().iter().find(|attribute| attribute.field.name == name)
}

/// What is declared as nothing equals nothing live, in whichever way either is written.
pub fn same(attribute: &Attribute, declared: &Value, live: Option<&Value>) -> bool {
    match live {
        _ if is_empty(declared) => live.is_none_or(is_empty),
        Some(live) => attribute.field.shape.same(declared, live),
        None => false,
    }
}

#[derive(Debug)]
pub struct Call {
    pub phase: Phase,
    pub operation: &'static str,
    pub parameters: Map<String, Value>,
    pub wait: Wait,
}

#[derive(Debug)]
pub struct Draft {
    pub address: Address,
    pub attributes: Vec<AttributeChange>,
    pub calls: Vec<Call>,
    pub pending: Vec<PendingValue>,
    pub remaining: Vec<String>,
    pub blocked: Vec<Blocked>,
    /// Attributes that only a replacement can change, and why.
    pub replace: Vec<String>,
    pub warnings: Vec<(String, String)>,
}

impl Draft {
    pub fn new(address: Address) -> Self {
        Self {
            address,
            attributes: Vec::new(),
            calls: Vec::new(),
            pending: Vec::new(),
            remaining: Vec::new(),
            blocked: Vec::new(),
            replace: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The parameters of the one call of this phase, which all its attributes share.
    pub fn call(&mut self, phase: Phase, operation: &'static str, wait: Wait) -> &mut Map<String, Value> {
        let index = match self.calls.iter().position(|call| call.phase == phase && call.operation == operation) {
            Some(index) => index,
            None => {
                self.calls.push(Call { phase, operation, parameters: Map::new(), wait });
                self.calls.len() - 1
            }
        };
        &mut self.calls[index].parameters
    }

    /// One more call of a phase, made after the earlier ones.
    pub fn push(&mut self, phase: Phase, operation: &'static str, wait: Wait, parameters: Map<String, Value>) {
        self.calls.push(Call { phase, operation, parameters, wait });
    }

    pub fn shows(&mut self, difference: &Difference) {
        self.attributes.push(AttributeChange {
            path: difference.attribute.to_owned(),
            before: difference.live.clone().unwrap_or(Value::Null),
            after: difference.declared.clone(),
            impact: difference.impact,
            sensitive: false,
        });
    }

    pub fn replaces(&mut self, difference: &Difference, why: &str) {
        self.shows(&Difference { impact: Impact::Replace, ..difference.clone() });
        self.replace.push(format!("{}: {why}", difference.attribute));
    }

    pub fn blocks(&mut self, rule: &str, reason: impl Into<String>, hint: impl Into<String>) {
        debug_assert!(super::refusals::of(rule).is_some(), "`explain` knows nothing of {rule}");
        self.blocked.push(Blocked { rule: rule.to_owned(), reason: reason.into(), hint: hint.into() });
    }

    /// Compares every declared attribute with the live one and lets its row decide.
    pub fn compare(&mut self, scene: &Scene<'_>) {
        for attribute in scene.resource.address.kind.attributes() {
            let Some(declared) = scene.declared(attribute.field.name) else { continue };
            if matches!(attribute.route, Route::Local | Route::Seed | Route::Whole) {
                continue;
            }
            let live = attribute.live(scene.view, Some(declared));
            // The members of a group that is being created cannot be read yet.
            let unknown = live.is_none() && scene.view.status() == "creating";
            if unknown || same(attribute, declared, live.as_ref()) {
                self.contradicted(attribute, scene, declared);
                continue;
            }
            let difference = Difference {
                attribute: attribute.field.name,
                member: attribute.field.member,
                declared: declared.clone(),
                live,
                impact: attribute.impact,
            };
            if let Pending::With(pending) = attribute.pending
                && let Some(value) = pending(scene.view)
                && attribute.field.shape.same(declared, &value)
            {
                self.waits(scene, &difference, value);
                continue;
            }
            if replication_group::decided_by_global(self, scene, &difference) {
                continue;
            }
            self.route(attribute, scene, &difference);
        }
    }

    /// AWS has accepted it for the window, or is to carry it out now.
    pub fn waits(&mut self, scene: &Scene<'_>, difference: &Difference, value: Value) {
        if replication_group::pending::is_flushed(scene, difference.member) {
            self.shows(difference);
        } else {
            self.pending.push(PendingValue { path: difference.attribute.to_owned(), value });
        }
    }

    /// Live as declared, but AWS has accepted another value for the window: that is no quiet "no changes".
    fn contradicted(&mut self, attribute: &Attribute, scene: &Scene<'_>, declared: &Value) {
        let Pending::With(pending) = attribute.pending else { return };
        let Some(value) = pending(scene.view).filter(|value| !attribute.field.shape.same(declared, value)) else {
            return;
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.warnings.push((
            attribute.field.name.to_owned(),
            format!("AWS will change it to {text} in the maintenance window, which is not what the spec says; another change of it takes that back"),
        ));
        self.pending.push(PendingValue { path: attribute.field.name.to_owned(), value });
    }

    fn route(&mut self, attribute: &Attribute, scene: &Scene<'_>, difference: &Difference) {
        match attribute.route {
            Route::Local | Route::Seed | Route::Whole => {}
            Route::Fixed => self.warnings.push((
                difference.attribute.to_owned(),
                format!(
                    "AWS cannot change {} and a replacement is not worth it: the difference is left alone",
                    difference.attribute
                ),
            )),
            Route::Replace => self.replaces(difference, attribute.note),
            Route::Call(phase) => {
                self.shows(difference);
                let operation = scene.resource.address.kind.modify();
                let value = attribute.field.shape.to_api(&difference.declared);
                self.call(phase, operation, scene.resource.address.kind.ready())
                    .insert(difference.member.to_owned(), value);
            }
            Route::With(decide) => decide(self, scene, difference),
        }
    }
}

/// Attributes, or single tags as `tags.KEY`, whose differences are left alone.
pub fn ignored(resource: &Resource) -> impl Iterator<Item = &str> {
    strings(resource.fields.get("lifecycle").and_then(|lifecycle| lifecycle.get("ignore")))
}

impl Kind {
    pub fn modify(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "ModifyCacheSubnetGroup",
            Kind::ParameterGroup => "ModifyCacheParameterGroup",
            Kind::User => "ModifyUser",
            Kind::UserGroup => "ModifyUserGroup",
            Kind::ReplicationGroup => "ModifyReplicationGroup",
            Kind::ServerlessCache => "ModifyServerlessCache",
            Kind::Alarm => "PutMetricAlarm",
        }
    }

    pub fn create(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "CreateCacheSubnetGroup",
            Kind::ParameterGroup => "CreateCacheParameterGroup",
            Kind::User => "CreateUser",
            Kind::UserGroup => "CreateUserGroup",
            Kind::ReplicationGroup => "CreateReplicationGroup",
            Kind::ServerlessCache => "CreateServerlessCache",
            Kind::Alarm => "PutMetricAlarm",
        }
    }

    pub fn delete(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "DeleteCacheSubnetGroup",
            Kind::ParameterGroup => "DeleteCacheParameterGroup",
            Kind::User => "DeleteUser",
            Kind::UserGroup => "DeleteUserGroup",
            Kind::ReplicationGroup => "DeleteReplicationGroup",
            Kind::ServerlessCache => "DeleteServerlessCache",
            Kind::Alarm => "DeleteAlarms",
        }
    }

    /// The member of those calls that names the resource.
    pub fn id_member(self) -> &'static str {
        match self {
            Kind::SubnetGroup => "CacheSubnetGroupName",
            Kind::ParameterGroup => "CacheParameterGroupName",
            Kind::User => "UserId",
            Kind::UserGroup => "UserGroupId",
            Kind::ReplicationGroup => "ReplicationGroupId",
            Kind::ServerlessCache => "ServerlessCacheName",
            Kind::Alarm => "AlarmName",
        }
    }

    /// What a change of the resource is awaited by.
    pub fn ready(self) -> Wait {
        match self {
            Kind::User | Kind::UserGroup => Wait::Active,
            Kind::ReplicationGroup | Kind::ServerlessCache => Wait::Available,
            Kind::SubnetGroup | Kind::ParameterGroup | Kind::Alarm => Wait::Nothing,
        }
    }

    pub fn gone(self) -> Wait {
        match self {
            Kind::User | Kind::UserGroup | Kind::ReplicationGroup | Kind::ServerlessCache => Wait::Deleted,
            Kind::SubnetGroup | Kind::ParameterGroup | Kind::Alarm => Wait::Nothing,
        }
    }
}

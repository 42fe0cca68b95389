//! One attribute is one row: how it is written, read, compared, changed, and what that costs clients.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shape::{Field, Shape, is_empty};
use crate::model::draft::{Draft, Scene};
use crate::model::live::View;

/// What clients of the cache notice of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    None,
    /// Waits for the maintenance window.
    Deferred,
    /// Connections drop for seconds.
    Brief,
    Reboot,
    /// Data is lost unless it is restored.
    Replace,
    Delete,
}

/// Which answer of AWS holds the attribute.
#[derive(Clone, Copy)]
pub enum Read {
    /// A member of the resource's own description.
    Own(&'static str),
    /// A member of the description of each member cluster of a replication group.
    Member(&'static str),
    With(fn(&View<'_>) -> Option<Value>),
    /// AWS never tells.
    Never,
}

/// Where a pending value of the attribute stands while AWS has accepted but not applied it.
#[derive(Clone, Copy)]
pub enum Pending {
    Nowhere,
    With(fn(&View<'_>) -> Option<Value>),
}

/// What an import writes of the attribute.
#[derive(Clone, Copy)]
pub enum Import {
    /// The live value, where AWS tells one.
    Live,
    /// What this makes of the live value; `None` leaves the attribute out.
    With(fn(&View<'_>, Value) -> Option<Value>),
    /// AWS never tells the value: what to know about it where it is set.
    Remark(fn(&View<'_>) -> Option<&'static str>),
}

/// What a difference becomes.
#[derive(Clone, Copy)]
pub enum Route {
    /// cachectl's own setting, AWS does not know it.
    Local,
    /// Only read when the resource is created; never compared afterwards.
    Seed,
    /// AWS has no way to change it; a replacement is not worth it. A warning.
    Fixed,
    /// Only a replacement changes it.
    Replace,
    /// A parameter of the call of this phase.
    Call(Phase),
    /// Decided case by case.
    With(fn(&mut Draft, &Scene<'_>, &Difference)),
    /// The kind compares and sends it as a whole.
    Whole,
}

/// The order in which the changes of one resource are made.
///
/// Each phase is one call at most, unless it says otherwise, and the resource is awaited after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Create,
    /// What is live in place of what waits and contradicts the spec: before anything could carry that out.
    TakeBack,
    /// The way out of cluster mode `compatible`, in which AWS takes nothing else.
    LeaveCompatible,
    DurabilityOff,
    FailoverOff,
    ReplicasUp,
    /// Another primary, which AWS takes while automatic failover is off.
    Promotion,
    FailoverOn,
    NodeTypeUp,
    Engine,
    /// A node type that the live engine does not run.
    NodeTypeAfterEngine,
    Shards,
    /// Multi-AZ where shards without replicas had to go first.
    FailoverOnAfterShards,
    NodeTypeDown,
    /// An engine that only the smaller node type runs.
    EngineAfterNodeType,
    Settings,
    Tls,
    Auth,
    /// TLS where user groups had to go first.
    TlsAfterAuth,
    Logs,
    ReplicasDown,
    Reboot,
    /// Into `compatible`, where AWS takes nothing else: the last change but for what needs cluster mode.
    ClusterMode,
    ShardsInMode,
    /// Once TLS, replicas, Multi-AZ and cluster mode are there.
    Durability,
    /// What waits for the maintenance window: any later call with immediacy would carry it out.
    Window,
    /// A serverless cache takes one field a call: one phase a field, in the order of the rows.
    Field(u8),
    Reset,
    Tags,
    /// Once the caches that use the resource are through with their changes.
    AfterCaches,
    Alarms,
    Delete,
}

/// A declared value that differs from the live one.
#[derive(Clone, Debug)]
pub struct Difference {
    pub attribute: &'static str,
    pub member: &'static str,
    pub declared: Value,
    pub live: Option<Value>,
    pub impact: Impact,
}

/// What a global datastore has to do with an attribute of its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datastore {
    /// Nothing.
    Apart,
    /// The datastore decides it: AWS takes a change of the datastore only.
    Decides,
    /// All members are alike in it, and AWS has no call that changes it in all of them.
    Alike,
    /// A member cannot have it.
    Excludes,
    /// AWS sets it for members, and a difference of it says nothing.
    Sets,
    /// The primary chose it, and a secondary is made alike.
    Hands,
    /// AWS overrides it, and a difference of it says nothing.
    Overrides,
}

impl Datastore {
    /// Must the spec of a secondary leave the attribute out, since the datastore speaks for it?
    pub fn speaks_for_secondary(self) -> bool {
        matches!(self, Datastore::Decides | Datastore::Sets | Datastore::Hands)
    }

    /// What the datastore means for a member, in words; empty where it means nothing.
    pub fn about(self) -> &'static str {
        match self {
            Datastore::Apart => "",
            Datastore::Decides => "the datastore decides it for all members; a change is blocked, and made there",
            Datastore::Alike => "all members are alike in it; a change is blocked",
            Datastore::Excludes => "a member cannot have it",
            Datastore::Sets => "AWS sets it for members; a difference is told and left alone",
            Datastore::Hands => "a secondary takes it from the primary and must not declare it",
            Datastore::Overrides => "AWS turns it off for members; a difference is told and left alone",
        }
    }
}

/// One attribute of a kind: the row from which it is read, compared, sent, imported and explained.
#[derive(Clone, Copy)]
pub struct Attribute {
    pub field: Field,
    pub read: Read,
    pub pending: Pending,
    /// The member of the pending values that says that AWS is at it, where no value stands there.
    pub under_way: Option<&'static str>,
    pub import: Import,
    pub route: Route,
    pub impact: Impact,
    /// The create call does not take it: it is sent once the resource is there.
    pub later: bool,
    /// What is read back does not prove that a call took effect: a secret, or in a service's own wording.
    pub unproven: bool,
    /// AWS can let a change of it wait for the maintenance window.
    pub may_wait: bool,
    /// AWS changes it by itself, as a failover does: no plan is stale for that.
    pub drifts: bool,
    pub datastore: Datastore,
    /// What a person should know before changing it.
    pub note: &'static str,
}

impl Attribute {
    /// A row whose other columns are the usual ones: sent at creation, proven by what is read back, imported as is.
    pub const fn new(field: Field, read: Read, route: Route, impact: Impact, note: &'static str) -> Self {
        Self {
            field,
            read,
            pending: Pending::Nowhere,
            under_way: None,
            import: Import::Live,
            route,
            impact,
            later: false,
            unproven: false,
            may_wait: false,
            drifts: false,
            datastore: Datastore::Apart,
            note,
        }
    }

    /// The row, with where AWS shows a value that it has accepted and not yet applied.
    pub const fn pending(self, pending: fn(&View<'_>) -> Option<Value>) -> Self {
        Self { pending: Pending::With(pending), ..self }
    }

    /// The row, with the pending member that only says that AWS is at it, and not which value comes.
    pub const fn under_way(self, member: &'static str) -> Self {
        Self { under_way: Some(member), ..self }
    }

    /// The row, with what an import makes of the live value; `None` leaves the attribute out.
    pub const fn import(self, import: fn(&View<'_>, Value) -> Option<Value>) -> Self {
        Self { import: Import::With(import), ..self }
    }

    /// The row of a value that AWS never tells, with what an import says of it where it is set.
    pub const fn remark(self, remark: fn(&View<'_>) -> Option<&'static str>) -> Self {
        Self { import: Import::Remark(remark), ..self }
    }

    /// The row of an attribute that the create call does not take: it is sent once the resource is there.
    pub const fn later(self) -> Self {
        Self { later: true, ..self }
    }

    /// The row of an attribute that is not read back as it was sent: a secret, or in a service's own wording.
    pub const fn unproven(self) -> Self {
        Self { unproven: true, ..self }
    }

    /// The row of an attribute of which AWS can let a change wait for the maintenance window.
    pub const fn may_wait(self) -> Self {
        Self { may_wait: true, ..self }
    }

    /// The row of an attribute that AWS changes by itself, so that no plan is stale for that.
    pub const fn drifts(self) -> Self {
        Self { drifts: true, ..self }
    }

    /// The row, with what a global datastore has to do with the attribute in its members.
    pub const fn datastore(self, datastore: Datastore) -> Self {
        Self { datastore, ..self }
    }

    /// Is this member of a call the attribute's own? Lists are sent as what comes and what goes, too.
    pub fn sends(&self, member: &str) -> bool {
        let plain = member.strip_suffix("ToAdd").or_else(|| member.strip_suffix("ToRemove")).unwrap_or(member);
        !self.field.member.is_empty() && self.field.member == plain
    }

    /// Is a value of the attribute kept from every output?
    pub fn is_secret(&self) -> bool {
        matches!(self.field.shape, Shape::Secret | Shape::List { of: Shape::Secret, .. })
    }

    /// Does the live value say what is declared?
    ///
    /// What is declared as nothing equals nothing live, in whichever way either is written.
    pub fn same(&self, declared: &Value, live: Option<&Value>) -> bool {
        match live {
            _ if is_empty(declared) => live.is_none_or(is_empty),
            Some(live) => self.field.shape.same(declared, live),
            None => false,
        }
    }

    /// The value that AWS has accepted and not carried out yet, as the spec would have it.
    pub fn accepted(&self, view: &View<'_>) -> Option<Value> {
        match self.pending {
            Pending::With(pending) => pending(view),
            Pending::Nowhere => None,
        }
    }

    /// What a spec would declare that asks for what there is.
    ///
    /// A value that waits for the maintenance window was asked for, and is taken in place of the one that it follows.
    pub fn imported(&self, view: &View<'_>) -> Option<Value> {
        let value = self.accepted(view).or_else(|| self.live(view, None)).filter(|value| !is_empty(value))?;
        let value = self.field.shape.tidy(&value);
        match self.import {
            Import::Live => Some(value),
            Import::With(import) => import(view, value),
            Import::Remark(_) => None,
        }
    }

    /// The live value as the spec would have it.
    ///
    /// Where members disagree, the one that differs from what is declared, so that a half-applied change is never taken
    /// for a whole one.
    pub fn live(&self, view: &View<'_>, declared: Option<&Value>) -> Option<Value> {
        let shape = self.field.shape;
        match self.read {
            Read::Never => None,
            Read::With(read) => read(view),
            Read::Own(member) => view.own(member).map(|value| shape.from_api(value)),
            Read::Member(member) => {
                let mut values =
                    view.members.iter().filter_map(|cluster| cluster.get(member)).map(|value| shape.from_api(value));
                let first = values.next()?;
                let differs = |value: &Value| declared.is_some_and(|declared| !shape.same(declared, value));
                if differs(&first) { Some(first) } else { values.find(differs).or(Some(first)) }
            }
        }
    }
}

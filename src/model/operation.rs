//! The calls that a plan is made of, and what is to be known of each: nobody asks a name what it means.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Kind;

/// What a call does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Create,
    /// Writes the whole resource, whether it is there or not.
    Put,
    Modify,
    /// Sets a number that can be counted afterwards, and nothing else.
    Count,
    Reboot,
    Tag,
    Untag,
    Delete,
}

/// What shows afterwards that AWS carried a call out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The resource is there.
    Exists,
    /// The resource is gone.
    Gone,
    /// The parameters read back as they were sent, as far as their rows can read them.
    Members,
    /// So many replicas are there.
    Replicas,
    /// So many shards are there.
    Shards,
    /// Nothing that cachectl reads.
    Unseen,
}

/// How long AWS usually takes for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typical {
    Minutes(u32),
    /// As long as the data takes to move.
    ByTheData,
}

impl fmt::Display for Typical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Typical::Minutes(minutes) => write!(f, "~{minutes} min"),
            Typical::ByTheData => f.write_str("minutes to hours, depending on the data"),
        }
    }
}

struct Row {
    name: &'static str,
    verb: Verb,
    kind: Option<Kind>,
    effect: Effect,
    typically: Option<Typical>,
}

macro_rules! operations {
    ($($name:ident: $verb:ident, $kind:expr, $effect:ident, $typically:expr;)*) => {
        /// A write of the API, by AWS's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            /// Every operation that a step can be.
            pub const ALL: &[Operation] = &[$(Operation::$name,)*];

            const fn row(self) -> Row {
                match self {
                    $(Operation::$name => Row {
                        name: stringify!($name),
                        verb: Verb::$verb,
                        kind: $kind,
                        effect: Effect::$effect,
                        typically: $typically,
                    },)*
                }
            }
        }
    };
}

const GROUP: Option<Kind> = Some(Kind::ReplicationGroup);
const SERVERLESS: Option<Kind> = Some(Kind::ServerlessCache);
const SUBNETS: Option<Kind> = Some(Kind::SubnetGroup);
const PARAMETERS: Option<Kind> = Some(Kind::ParameterGroup);
const USER: Option<Kind> = Some(Kind::User);
const USERS: Option<Kind> = Some(Kind::UserGroup);
const ALARM: Option<Kind> = Some(Kind::Alarm);
const COMPOSITE: Option<Kind> = Some(Kind::CompositeAlarm);
const DASHBOARD: Option<Kind> = Some(Kind::Dashboard);

// Name: what it does, to which kind (none: to any), what shows that it was done, how long AWS usually takes.
operations! {
    CreateReplicationGroup: Create, GROUP, Exists, Some(Typical::Minutes(10));
    ModifyReplicationGroup: Modify, GROUP, Members, Some(Typical::Minutes(2));
    IncreaseReplicaCount: Count, GROUP, Replicas, Some(Typical::Minutes(10));
    DecreaseReplicaCount: Count, GROUP, Replicas, Some(Typical::Minutes(10));
    ModifyReplicationGroupShardConfiguration: Count, GROUP, Shards, Some(Typical::ByTheData);
    RebootCacheCluster: Reboot, GROUP, Unseen, Some(Typical::Minutes(1));
    DeleteReplicationGroup: Delete, GROUP, Gone, Some(Typical::Minutes(10));
    CreateServerlessCache: Create, SERVERLESS, Exists, Some(Typical::Minutes(3));
    ModifyServerlessCache: Modify, SERVERLESS, Members, Some(Typical::Minutes(2));
    DeleteServerlessCache: Delete, SERVERLESS, Gone, Some(Typical::Minutes(3));
    CreateCacheSubnetGroup: Create, SUBNETS, Exists, None;
    ModifyCacheSubnetGroup: Modify, SUBNETS, Unseen, None;
    DeleteCacheSubnetGroup: Delete, SUBNETS, Gone, None;
    CreateCacheParameterGroup: Create, PARAMETERS, Exists, None;
    ModifyCacheParameterGroup: Modify, PARAMETERS, Unseen, None;
    ResetCacheParameterGroup: Modify, PARAMETERS, Unseen, None;
    DeleteCacheParameterGroup: Delete, PARAMETERS, Gone, None;
    CreateUser: Create, USER, Exists, Some(Typical::Minutes(1));
    ModifyUser: Modify, USER, Members, Some(Typical::Minutes(1));
    DeleteUser: Delete, USER, Gone, Some(Typical::Minutes(1));
    CreateUserGroup: Create, USERS, Exists, Some(Typical::Minutes(1));
    // Users are added and removed: a count of both.
    ModifyUserGroup: Count, USERS, Members, Some(Typical::Minutes(1));
    DeleteUserGroup: Delete, USERS, Gone, Some(Typical::Minutes(1));
    PutMetricAlarm: Put, ALARM, Unseen, None;
    PutCompositeAlarm: Put, COMPOSITE, Unseen, None;
    DeleteAlarms: Delete, ALARM, Gone, None;
    PutDashboard: Put, DASHBOARD, Unseen, None;
    DeleteDashboards: Delete, DASHBOARD, Gone, None;
    AddTagsToResource: Tag, None, Unseen, Some(Typical::Minutes(1));
    RemoveTagsFromResource: Untag, None, Unseen, Some(Typical::Minutes(1));
    TagResource: Tag, None, Unseen, None;
    UntagResource: Untag, None, Unseen, None;
}

impl Operation {
    /// AWS's name for the operation.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What the call does: whether it creates, puts, changes, counts, reboots, tags or deletes.
    pub const fn verb(self) -> Verb {
        self.row().verb
    }

    /// The kind of resource that it is for; `None` where it takes any.
    pub const fn kind(self) -> Option<Kind> {
        self.row().kind
    }

    /// What shows afterwards that AWS carried the call out.
    pub const fn effect(self) -> Effect {
        self.row().effect
    }

    /// How long AWS usually takes for the call; `None` where it is done with the answer.
    pub const fn typically(self) -> Option<Typical> {
        self.row().typically
    }

    /// Does the call make a resource that was not there? A put, which may overwrite one, does not count.
    pub fn creates(self) -> bool {
        self.verb() == Verb::Create
    }

    /// Does the call delete its resource? Taking shards or replicas away does not count.
    pub fn deletes(self) -> bool {
        self.verb() == Verb::Delete
    }

    /// Does the call set what can be counted afterwards, and nothing else?
    pub fn counts(self) -> bool {
        self.verb() == Verb::Count
    }

    /// AWS's quota, where it is one that a plan reaches: so many calls a second.
    pub const fn calls_per_second(self) -> Option<f64> {
        match self {
            // CloudWatch's quotas; they can be raised.
            Operation::PutMetricAlarm | Operation::PutCompositeAlarm | Operation::DeleteAlarms => Some(3.0),
            Operation::PutDashboard => Some(10.0),
            _ => None,
        }
    }

    /// How long a step of a resource of this kind may take before it is given up: 15 minutes to 24 hours.
    ///
    /// As long as Terraform's provider waits, and half as long again for changes of a group, which grow with its
    /// members; resharding takes as long as the data takes to move.
    pub const fn limit(self, kind: Kind) -> Duration {
        let minutes = match (self, kind) {
            (Operation::ModifyReplicationGroupShardConfiguration, _) => 24 * 60,
            (Operation::DeleteReplicationGroup, _) => 45,
            (_, Kind::ReplicationGroup) => 60,
            (Operation::ModifyServerlessCache, _) => 80,
            (_, Kind::ServerlessCache) => 40,
            _ => 15,
        };
        Duration::from_secs(minutes * 60)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_written_as_aws_names_it_and_read_back() {
        for operation in Operation::ALL {
            let text = serde_json::to_string(operation).expect("a name");
            assert_eq!(text, format!("\"{operation}\""));
            assert_eq!(serde_json::from_str::<Operation>(&text).expect("an operation"), *operation);
        }
    }
}

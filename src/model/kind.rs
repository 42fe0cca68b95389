//! The kinds of resources.

/// One kind of resource. What is to be known of it stands in its row, in the registry of `resource`.
///
/// In the order in which resources are created: what others need comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    SubnetGroup,
    ParameterGroup,
    User,
    UserGroup,
    ReplicationGroup,
    ServerlessCache,
    Alarm,
    CompositeAlarm,
    Dashboard,
}

//! Everything that runs against something real: the sandbox, servers, other people's emulators.

mod plan_account;
mod plan_case;
mod plan_rows_replication_group;
mod plan_rows_replication_group_access;
mod plan_rows_replication_group_nodes;
mod smoke_room;

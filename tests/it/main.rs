//! Everything that runs against something real: the sandbox, servers, other people's emulators.

mod apply_lost_answers;
mod apply_outcomes;
mod chaos_kill;
mod chaos_storm;
mod harness;
mod plan_account;
mod plan_case;
mod plan_generated;
mod plan_properties;
mod plan_rows_alarm;
mod plan_rows_groups_and_users;
mod plan_rows_replication_group;
mod plan_rows_replication_group_access;
mod plan_rows_replication_group_nodes;
mod plan_rows_serverless_cache;
mod program;
mod reader_calls;
mod rig;
mod smoke_room;
mod spec_coverage;
mod spec_diagnostics;
mod spec_generated;
mod spec_generator;
mod spec_traps;

//! Everything that runs against something real: the sandbox, servers, other people's emulators.

mod apply_lost_answers;
mod apply_outcomes;
mod chaos_kill;
mod chaos_storm;
mod harness;
mod program;
mod reader_calls;
mod rig;
mod smoke_room;

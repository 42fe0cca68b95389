//! Everything that runs against something real: the sandbox, servers, other people's emulators.

mod harness;
mod program;
mod smoke_room;
mod spec_coverage;
mod spec_diagnostics;
mod spec_generated;
mod spec_generator;
mod spec_traps;

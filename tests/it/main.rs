//! Everything that runs against something real: the sandbox, servers, other people's emulators.

mod smoke_room;

//! The only room that speaks RESP: ways into a cache, its topology, single callers, and what a
//! measurement needs (histograms, this machine's own part, randomness). Nothing here judges.

pub(crate) mod access;
pub(crate) mod caller;
pub(crate) mod connect;
pub mod engine;
pub(crate) mod host;
pub(crate) mod latency;
pub mod line;
pub(crate) mod memory;
pub(crate) mod random;
pub(crate) mod sample;
pub(crate) mod tls;
pub(crate) mod topology;
mod way;

pub use latency::{Latencies, Recorder};
pub use way::{EndpointMap, Secret, Tls, Way, WeakSecret};

//! A strict local ElastiCache.
//!
//! It speaks the wire protocols of ElastiCache, CloudWatch, STS, Resource Groups Tagging, Secrets
//! Manager and SSM, refuses what AWS refuses, takes its time like AWS and fails on request.
//! `docs/sandbox.md` says what it enforces and where each rule comes from.

mod bridge;
mod cloudwatch;
mod control;
pub mod data;
mod direct;
mod door;
mod failures;
mod faults;
mod handle;
mod life;
mod quotas;
mod refusal;
mod secrets;
mod seed;
mod server;
mod state;
mod sts;
mod tagging;
mod wire;
mod world;

pub use cloudwatch::metrics::Seeded;
pub use control::replication_groups::failover::Failover;
pub use direct::Direct;
pub use failures::{Failure, Kind as FailureKind};
pub use faults::{Effect, Fault};
pub use handle::{Options, Sandbox};
pub use quotas::Quotas;
pub use refusal::Refusal;
pub use world::Call;

//! The control plane over raw HTTP: what a client gets to see.
#![allow(clippy::expect_used)]

mod access;
mod client;
mod cloudwatch;
mod durability;
mod engines;
mod failover;
mod faults;
mod life;
mod metrics;
mod parameters;
mod reading;
mod refusals;
mod resharding;
mod scale;
mod serverless;
mod servers;
mod surroundings;

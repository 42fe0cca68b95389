//! cachectl: plan and apply AWS ElastiCache from one declarative spec.
//!
//! Data goes one way: spec -> plan <- live, plan -> apply -> smoke -> report.

pub mod advise;
pub mod apply;
pub mod aws;
pub mod bench;
pub mod cli;
pub mod client;
pub mod drill;
pub mod import;
pub mod lint;
pub mod model;
pub mod plan;
pub mod render;
pub mod resource;
pub mod smoke;
pub mod spec;
pub mod status;

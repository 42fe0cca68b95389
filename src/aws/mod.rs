//! The only room that knows the SDK: clients, the bulk reader, the operations, errors.

pub mod account;
pub mod client;
mod credentials;
pub mod error;
pub mod events;
pub mod failover;
pub mod guard;
pub mod kinds;
pub mod lists;
pub mod metrics;
pub mod pace;
mod pages;
pub mod params;
pub mod reader;
mod record;
pub mod secrets;
mod service_updates;
pub mod tags;
pub mod token;
mod wire;

pub use client::{Access, Aws, Settings};
pub use credentials::Role;
pub use error::AwsError;
pub use wire::is_loopback;

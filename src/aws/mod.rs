//! The only room that knows the SDK: clients, the bulk reader, the operations, errors.

pub mod account;
pub mod client;
pub mod describe;
pub mod error;
pub mod events;
pub mod guard;
pub mod lists;
pub mod metrics;
pub mod operations;
pub mod pace;
pub mod params;
pub mod reader;
pub mod secrets;
pub mod tags;
pub mod token;

pub use client::{Access, Aws, Settings};
pub use error::AwsError;

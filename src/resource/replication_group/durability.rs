//! Durable writes.

/// Families that can keep writes durable. Source: AWS guide, Durability.Limitations.
pub const FAMILIES: [&str; 8] = ["r8g", "r7g", "r6g", "m8g", "m7g", "m6g", "c8gn", "c7gn"];

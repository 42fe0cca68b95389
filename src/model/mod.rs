//! The words that all rooms share, without decisions.

pub mod node_type;

//! Advice and cost: pure functions of spec, live state, metrics and prices. No I/O, no clock.

pub mod cost;

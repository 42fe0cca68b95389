//! Plans and reports as people and pipelines read them: table, JSON, Markdown. Pure text, no printing.

pub mod advice;
mod alike;
pub mod bench;
pub mod cost;
pub mod diagnostics;
pub mod drill;
pub mod environment;
pub mod hdr_log;
pub mod inert;
pub mod junit;
pub mod markdown;
pub mod passage;
pub mod plan;
pub mod results;
pub mod smoke;
pub mod smoke_junit;
pub mod smoke_markdown;
pub mod status;
pub mod style;
pub mod value;

//! The words that all rooms share: what a resource is called, what a spec declares, what AWS says, what a plan
//! is made of. No decisions are made here, and nothing of the other rooms is known.

pub mod address;
pub mod advice;
pub mod attribute;
pub mod cost;
pub mod day;
pub mod desired;
pub mod digest;
pub mod draft;
pub mod glob;
pub mod kept;
pub mod kind;
pub mod live;
pub mod locations;
pub mod metrics;
pub mod node_type;
pub mod operation;
pub mod options;
pub mod pattern;
pub mod place;
pub mod plan;
pub mod prices;
pub mod refusals;
pub mod report;
pub mod sample;
pub mod secret;
pub mod selection;
pub mod severity;
pub mod shape;
pub mod step;
pub mod suggest;
pub mod text;
pub mod version;

pub use address::Address;
pub use desired::{Resource, Spec};
pub use draft::ignored;
pub use glob::Glob;
pub use kind::Kind;
pub use live::Live;
pub use locations::Locations;
pub use operation::Operation;
pub use selection::Selection;
pub use severity::Severity;
pub use step::{Step, StepId};
pub use suggest::suggest;

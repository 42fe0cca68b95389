//! The failover drill: paced clients of a shard while AWS moves its primary, and what that cost them.
//!
//! [`look`] says whether the shard is fit, [`objections`] whether the group is; [`Probes`] are the clients, [`settle`]
//! counts on the servers what they lost, and [`Course::report`] puts it in order and judges. Who asks AWS for the
//! failover, and tells what AWS says meanwhile, is the caller.

mod count;
mod course;
mod judge;
mod log;
mod look;
mod passage;
mod picture;
mod precondition;
mod probe;
mod report;
mod setup;
mod trace;

pub use count::{Count, Lost, clear, settle};
pub use course::{Course, News, Word, milliseconds};
pub use judge::{Require, bounds, unseen_bounds};
pub use log::{Ack, NodeState};
pub use look::{Look, Objection, look};
pub use passage::{Noticed, Part, Passage, Whole};
pub use picture::{Cell, Line as PictureLine, Picture};
pub use precondition::{Allowed, QUOTA, Standing, objections};
pub use probe::{Behaviour, Probes, Seen, patience};
pub use report::{Client, Gate, Kind, Moment, Reads, Report, Told, Writes};
pub use setup::{Endpoint, Node, PREFIX, Setup, TTL};
pub use trace::{Errors, Gap, Trace};

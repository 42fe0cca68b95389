//! `cachectl drill failover`: a real failover under paced clients.

mod shard;
mod standing;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::args::{AwsArgs, ReportFormat, SpecArgs, parse_duration};
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session::{self, Session};
use super::system::interrupt;
use super::way_in::{WayIn, way_in};
use crate::aws::{Access, failover};
use crate::drill::{self, Objection, Report, Require};
use crate::model::live::Live;
use crate::model::{Address, Glob, Resource};
use crate::render;
use crate::spec::decode::duration;
use shard::Ended;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub drill: Drill,
}

#[derive(Debug, Subcommand)]
pub enum Drill {
    /// Make AWS fail a shard over while paced clients keep running, and say what that cost them
    Failover(Box<Failover>),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        cachectl drill failover prod.yaml replicationGroup/prod-cache --dry-run\n  \
        cachectl drill failover prod.yaml --allow failover:replicationGroup/prod-cache\n  \
        cachectl drill failover prod.yaml --allow failover:replicationGroup/shards --shard 0002\n  \
        cachectl drill failover --allow failover:replicationGroup/prod-cache --format json > drill.json\n\n\
        AWS is asked for a failover (TestFailover) only where it is allowed by --allow, and where the group is \
        available, owned by the stack, has automatic failover, Multi-AZ and a replica in sync, nothing pending, \
        memory left, and where the clients get through. What is protected must be named in full. \
        AWS tests 15 shards in 24 hours.\n\n\
        The clients write and read keys of their own, a few kilobytes, which expire and are deleted by name. \
        Ctrl-C ends the clients; the failover continues in AWS.\n\n\
        Exit code 5: a bound of `drill.require` is missed or could not be determined, the group was not restored, nothing \
        failed over, or writes were lost that a replica had confirmed. 3: a precondition does not hold.")]
pub struct Failover {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    /// Replication group to fail over; without it, the one that --allow names, or the only one of the spec
    #[arg(value_name = "ADDRESS")]
    pub address: Option<Address>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Allow the failover of this group, such as failover:replicationGroup/prod-cache; repeatable
    #[arg(long = "allow", value_name = "failover:GLOB", value_parser = allowed, help_heading = "Safety")]
    pub failover: Vec<Glob>,
    /// Check what must hold and say what would be done; no failover, no write
    #[arg(long, help_heading = "Safety")]
    pub dry_run: bool,
    /// Shard to fail over, such as 0002
    #[arg(long, value_name = "ID", conflicts_with = "each_shard", help_heading = "Execution")]
    pub shard: Option<String>,
    /// Fail every shard over, one after the other
    #[arg(long, help_heading = "Execution")]
    pub each_shard: bool,
    /// Writes, and reads, a second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(10..=1000), help_heading = "Execution")]
    pub rate: u32,
    /// Give up waiting for the group to be restored after this long
    #[arg(long, value_name = "D", default_value = "15m", value_parser = parse_duration, help_heading = "Execution")]
    pub timeout: Duration,
    /// Time between two looks at AWS, such as 200ms; 2s by default
    #[arg(long, value_name = "D", env = "CACHECTL_POLL_INTERVAL", value_parser = parse_duration, help_heading = "Execution")]
    pub poll_interval: Option<Duration>,
    /// Form of the result
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    pub format: ReportFormat,
}

/// `failover:GLOB`
fn allowed(text: &str) -> Result<Glob, String> {
    let glob = text.strip_prefix("failover:").ok_or("expected failover:ADDRESS-GLOB")?;
    if glob.is_empty() { Err("the address glob is empty".to_owned()) } else { Ok(Glob(glob.to_owned())) }
}

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let Drill::Failover(args) = &args.drill;
    let request = session::request(&args.path, &args.spec);
    let access = if args.dry_run { Access::ReadOnly } else { Access::Only(failover::OPERATION) };
    let session = Session::open(printer, &request, &args.aws, access).await?;
    let called = Arc::new(AtomicBool::new(false));
    end_on_signals(printer, &session, &called);
    let live = session.read().await?;
    let address = address(args, &session)?;
    let run = Run { printer, session: &session, args, address: &address, called };
    run.carry_out(&live).await
}

/// The first signal ends the clients; the second leaves now.
fn end_on_signals(printer: &Printer, session: &Session, called: &Arc<AtomicBool>) {
    let (printer, guard, called) = (printer.clone(), session.aws.guard.clone(), called.clone());
    tokio::spawn(async move {
        interrupt().await;
        guard.interrupt(|| {
            printer.stderr(if called.load(Ordering::SeqCst) {
                "\nInterrupt: the clients are ended and their keys deleted. The failover goes on inside AWS.\nInterrupt again to leave now."
            } else {
                "\nInterrupt: AWS was not asked for a failover. Interrupt again to leave now."
            });
        });
        interrupt().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
}

/// The group that is meant.
fn address(args: &Failover, session: &Session) -> Result<Address, CliError> {
    let usage = |message: String| CliError::new(Exit::Usage, message);
    let groups: Vec<&Address> = session.spec.resources.keys().filter(|address| address.kind.row().fails_over).collect();
    if let Some(address) = &args.address {
        if !address.kind.row().fails_over {
            return Err(usage(format!("{address} cannot be failed over: AWS tests replication groups only")));
        }
        return match groups.iter().find(|group| **group == address) {
            Some(group) => Ok((*group).clone()),
            None => Err(usage(format!("{address} is not in {}", args.path.display()))
                .hint("a drill is for what a spec declares, so that its owner is known")),
        };
    }
    let meant = |group: &&&Address| args.failover.is_empty() || args.failover.iter().any(|glob| glob.matches(group));
    match groups.iter().filter(meant).collect::<Vec<_>>()[..] {
        [one] => Ok((*one).clone()),
        [] => Err(usage("no replication group of the spec matches".to_owned())
            .hint("name one: cachectl drill failover SPEC replicationGroup/ID")),
        ref several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(usage(format!("a drill is for one group at a time, and {} match", names.join(", ")))
                .hint("name one: cachectl drill failover SPEC replicationGroup/ID"))
        }
    }
}

/// A drill of one group.
struct Run<'a> {
    printer: &'a Printer,
    session: &'a Session,
    args: &'a Failover,
    address: &'a Address,
    /// AWS was asked for a failover.
    called: Arc<AtomicBool>,
}

impl Run<'_> {
    async fn carry_out(&self, live: &Live) -> Result<Exit, CliError> {
        let Some(resource) = self.session.spec.resources.get(self.address) else {
            return Err(CliError::new(Exit::Usage, format!("{} is not in the spec", self.address)));
        };
        let shards = standing::shards(self.args, live, self.address)?;
        let standing = self.standing(live, resource, &shards).await?;
        let objections = drill::objections(&standing);
        if !objections.is_empty() {
            return Ok(self.refuse(&objections));
        }
        let Some(view) = live.view(self.address) else {
            return Err(CliError::new(Exit::Error, format!("{} does not exist", self.address)));
        };
        let way = match way_in(self.session, resource, &view, drill::PREFIX).await? {
            Ok(way) => way,
            Err(reason) => {
                let hint = "declare `smoke.username` and `smoke.password`, or a user with a password in this spec";
                return Ok(self.refuse(&[Objection::new("no-way-in", reason, hint)]));
            }
        };
        let require = require(resource);
        if self.args.dry_run { self.rehearse(&way, &shards).await } else { self.all(&way, &shards, require).await }
    }

    /// One shard after the other. One that did not come back is the last.
    async fn all(&self, way: &WayIn, shards: &[String], require: Require) -> Result<Exit, CliError> {
        let (mut reports, mut exit): (Vec<Report>, Exit) = (Vec::new(), Exit::Done);
        let mut blocked = Vec::new();
        for (place, shard) in shards.iter().enumerate() {
            match self.shard(way, shard, require).await {
                Ok(Ended::Reported(report)) => {
                    exit = if report.interrupted {
                        Exit::Interrupted
                    } else if report.fails() {
                        Exit::SmokeFailed
                    } else {
                        Exit::Done
                    };
                    reports.push(*report);
                    // A signal from here on meets no failover that is under way.
                    self.called.store(false, Ordering::SeqCst);
                }
                Ok(Ended::Refused(objections)) if reports.is_empty() => return Ok(self.refuse(&objections)),
                Ok(Ended::Refused(objections)) => {
                    exit = self.told(&objections);
                    self.printer.note(&format!("AWS was not asked to fail shard {shard} over."));
                    blocked.extend(objections.into_iter().map(|objection| (shard.clone(), objection)));
                }
                Ok(Ended::Interrupted) => exit = Exit::Interrupted,
                Err(error) => {
                    // What was measured before is shown.
                    self.show(shards, &reports, &blocked);
                    return Err(error);
                }
            }
            if exit != Exit::Done {
                let rest = &shards[place + 1..];
                if !rest.is_empty() {
                    self.printer.note(&format!("Not drilled: {}.", rest.join(", ")));
                }
                break;
            }
        }
        if reports.is_empty() && exit == Exit::Interrupted {
            self.printer.note("AWS was not asked for a failover.");
        }
        self.show(shards, &reports, &blocked);
        Ok(exit)
    }

    /// Checks what can be checked without a write.
    async fn rehearse(&self, way: &WayIn, shards: &[String]) -> Result<Exit, CliError> {
        let mut lines = Vec::new();
        for shard in shards {
            let setup = way.setup(Some(shard), f64::from(self.args.rate), true);
            let looked = tokio::task::spawn_blocking(move || drill::look(&setup)).await.map_err(broken)?;
            match looked {
                Ok(look) if look.objections.is_empty() => lines.push((shard, look.primary)),
                Ok(look) => return Ok(self.refuse(&look.objections)),
                Err(objection) => return Ok(self.refuse(&[objection])),
            }
        }
        self.printer.note(&format!("Nothing was asked of AWS. To drill it: --allow failover:{}", self.address));
        if self.args.format == ReportFormat::Json {
            let shards: Vec<Value> =
                lines.iter().map(|(shard, primary)| json!({"shard": shard, "primary": primary})).collect();
            self.printer.document(&json!({
                "formatVersion": "1", "address": self.address, "dryRun": true, "shards": shards, "blocked": [],
            }));
            return Ok(Exit::Done);
        }
        for (shard, primary) in lines {
            self.printer.result(&format!(
                "{} shard {shard}: {primary} is the primary, a replica is in sync; TestFailover would be called\n",
                self.address
            ));
        }
        Ok(Exit::Done)
    }

    /// Tells why there is no drill.
    fn refuse(&self, objections: &[Objection]) -> Exit {
        if self.args.format == ReportFormat::Json {
            let blocked: Vec<Value> = objections.iter().map(told).collect();
            self.printer.document(&json!({"formatVersion": "1", "address": self.address, "blocked": blocked}));
        }
        let exit = self.told(objections);
        self.printer.note("AWS was not asked for a failover.");
        exit
    }

    fn told(&self, objections: &[Objection]) -> Exit {
        for Objection { rule, reason, hint } in objections {
            let message = format!("{}: {reason} ({rule})", self.address);
            self.printer.error(&CliError::new(Exit::Blocked, message).hint(hint));
        }
        Exit::Blocked
    }

    /// What was measured; with several shards also the one that was refused after others, and those that were left.
    fn show(&self, shards: &[String], reports: &[Report], blocked: &[(String, Objection)]) {
        if reports.is_empty() {
            return;
        }
        match self.args.format {
            ReportFormat::Json => match reports {
                [one] if shards.len() == 1 => self.printer.document(one),
                several => {
                    let blocked = blocked.iter().map(|(shard, objection)| {
                        let mut value = told(objection);
                        value["shard"] = json!(shard);
                        value
                    });
                    self.printer.document(&json!({
                        "formatVersion": "1", "drills": several, "blocked": blocked.collect::<Vec<Value>>(),
                        "notDrilled": shards[several.len()..],
                    }));
                }
            },
            ReportFormat::Markdown => {
                reports.iter().for_each(|report| self.printer.result(&render::drill::markdown(report)));
                for (shard, objection) in blocked {
                    let text = render::drill::refused_markdown(&self.address.to_string(), shard, objection);
                    self.printer.result(&text);
                }
            }
            ReportFormat::Junit => {
                let mut suites: Vec<_> = reports.iter().map(render::drill::suite).collect();
                suites.extend(
                    blocked
                        .iter()
                        .map(|(shard, objection)| render::drill::refused(&self.address.to_string(), shard, objection)),
                );
                self.printer.result(&render::junit::document("cachectl drill failover", &suites));
            }
            ReportFormat::Table => {
                let table = |report: &Report| render::drill::table(report, self.printer.verbose > 0);
                reports.iter().for_each(|report| self.printer.result(&table(report)));
            }
        }
    }
}

/// An objection as JSON has it.
fn told(one: &Objection) -> Value {
    json!({"rule": one.rule, "reason": one.reason, "hint": one.hint})
}

pub fn broken(fault: tokio::task::JoinError) -> CliError {
    CliError::new(Exit::Error, format!("the clients broke off: {fault}"))
}

/// `drill.require` of a group.
pub fn require(resource: &Resource) -> Require {
    let declared = resource.fields.get("drill").and_then(|drill| drill.get("require"));
    let field = |name: &str| declared.and_then(|require| require.get(name));
    let length = |name: &str| field(name).and_then(Value::as_str).and_then(duration);
    Require {
        max_write_gap: length("maxWriteGap"),
        max_read_gap: length("maxReadGap"),
        max_lost_writes: field("maxLostWrites").and_then(Value::as_u64),
        max_restore: length("maxRestore"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failover_is_allowed_here() {
        assert_eq!(allowed("failover:replicationGroup/a").unwrap().0, "replicationGroup/a");
        assert!(allowed("delete:*").is_err() && allowed("failover:").is_err());
    }

    #[test]
    fn every_bound_of_a_spec_has_its_place() {
        let fields =
            json!({"require": {"maxWriteGap": "30s", "maxReadGap": "500ms", "maxLostWrites": 0, "maxRestore": "10m"}});
        let address = "replicationGroup/a".parse().unwrap();
        let fields = serde_json::Map::from_iter([("drill".to_owned(), fields)]);
        let resource = Resource { address, fields, path: String::new() };
        let found = require(&resource);
        assert_eq!(found.max_write_gap, Some(Duration::from_secs(30)));
        assert_eq!(found.max_read_gap, Some(Duration::from_millis(500)));
        assert_eq!((found.max_lost_writes, found.max_restore), (Some(0), Some(Duration::from_secs(600))));
    }
}

//! `cachectl status`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::args::{AwsArgs, CostArgs, Format, SpecArgs, parse_duration};
use super::clock;
use super::cost;
use super::exit::{CliError, Exit};
use super::printer::{self, Printer};
use super::session::{self, Session};
use crate::aws::{Access, account};
use crate::model::Glob;
use crate::model::prices::Prices;
use crate::render::{self, inert};
use crate::status;

/// What is shown, and how.
#[derive(Debug, clap::Args)]
pub struct Shown {
    /// Only addresses that match; repeatable
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<Glob>,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        cachectl status\n  \
        cachectl status prod.yaml --only 'replicationGroup/*'\n  \
        cachectl status prod.yaml --format json | jq '.resources[] | select(.health != \"ok\")'\n\n\
        Exit code 0 says that the state was read, whatever it is: `cachectl plan --detailed-exitcode` tells \
        whether it is as declared, `cachectl smoke` whether the caches answer.")]
pub struct Args {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    #[command(flatten)]
    pub shown: Shown,
    #[command(flatten)]
    pub cost: CostArgs,
    /// Refresh until Ctrl-C; with --format json, one document per line
    #[arg(long, help_heading = "Output")]
    pub watch: bool,
    /// Time between two refreshes of --watch, such as 2s; 10s by default
    #[arg(long, value_name = "D", env = "CACHECTL_POLL_INTERVAL", value_parser = parse_duration, help_heading = "Output")]
    pub poll_interval: Option<Duration>,
}

/// Between two looks of `--watch`.
const INTERVAL: Duration = Duration::from_secs(10);

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let prices = cost::prices(&args.cost)?;
    let request = session::request(&args.path, &args.spec);
    let session = Session::open(printer, &request, &args.aws, Access::ReadOnly).await?;
    if !args.watch {
        printer.result(&look(printer, args, &session, prices.as_deref()).await?);
        return Ok(Exit::Done);
    }
    tokio::select! {
        ended = watch(printer, args, &session, prices.as_deref()) => ended,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

/// Looks again and again, until somebody has seen enough.
async fn watch(printer: &Printer, args: &Args, session: &Session, prices: Option<&Prices>) -> Result<Exit, CliError> {
    /// To the upper left corner of an empty screen.
    const ANEW: &str = "\u{1b}[2J\u{1b}[H";
    loop {
        let text = look(printer, args, session, prices).await?;
        printer.result(&if printer.redraws() { format!("{ANEW}{text}") } else { text });
        tokio::time::sleep(args.poll_interval.unwrap_or(INTERVAL)).await;
    }
}

/// What a glob matches may stand with its cache only, and no resource at all must not look like all is well.
fn shown(report: &status::Report, only: &[Glob]) -> Result<(), CliError> {
    let is_lost = |glob: &&Glob| !report.resources.iter().any(|resource| glob.matches(&resource.address));
    let Some(lost) = only.iter().find(is_lost) else { return Ok(()) };
    Err(CliError::new(Exit::Usage, format!("--only {} matches nothing that status lists", lost.0))
        .hint("the alarms of a cache are shown with the cache: give its address instead"))
}

async fn look(printer: &Printer, args: &Args, session: &Session, prices: Option<&Prices>) -> Result<String, CliError> {
    let begun = Instant::now();
    let before = session.aws.calls();
    let reading = account::stack(&session.aws, &session.identity, &session.spec);
    let live = session::patiently(printer, &session.aws, reading).await?;
    session.matched(&live, &args.shown.only)?;
    // Machines read what is there, people what cannot harm them.
    let live = if args.shown.format == Format::Json { live } else { inert::copy(&live) };
    let mut report = status::report(&session.spec, &live, &args.shown.only);
    shown(&report, &args.shown.only)?;
    report.cost = prices.map(|prices| cost::of_stack(&session.spec, &live, &args.shown.only, prices));
    Ok(match args.shown.format {
        // One document a line, so that a stream of them can be read.
        Format::Json if args.watch => serde_json::to_string(&report).unwrap_or_default() + "\n",
        Format::Json => printer::json(&report),
        Format::Markdown => render::status::markdown(&report),
        Format::Table => {
            // The first look counts whose account it is too. Who comes back to a screen asks how old it is.
            let (calls, when) = if args.watch {
                (session.aws.calls() - before, format!(", at {}", clock::timestamp()))
            } else {
                (live.api_calls, String::new())
            };
            let seconds = begun.elapsed().as_secs_f64();
            let read = format!("Read {} in {calls} calls, {seconds:.1} s{when}", session::describe(&live));
            render::status::table(&report, &read, printer.width())
        }
    })
}

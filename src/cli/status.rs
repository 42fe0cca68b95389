//! `cachectl status`

use std::time::{Duration, Instant};

use super::args::{Format, Status as Args};
use super::cost;
use super::exit::{CliError, Exit};
use super::printer::{self, Printer};
use super::session::{self, Session};
use crate::aws::{Access, account};
use crate::model::prices::Prices;
use crate::render::{self, inert};
use crate::status;

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

async fn look(printer: &Printer, args: &Args, session: &Session, prices: Option<&Prices>) -> Result<String, CliError> {
    let begun = Instant::now();
    let before = session.aws.calls();
    let reading = account::stack(&session.aws, &session.identity, &session.spec);
    let live = session::patiently(printer, &session.aws, reading).await?;
    session.matched(&live, &args.shown.only)?;
    // Machines read what is there, people what cannot harm them.
    let live = if args.shown.format == Format::Json { live } else { inert::copy(&live) };
    let mut report = status::report(&session.spec, &live, &args.shown.only);
    report.cost = prices.map(|prices| cost::of_stack(&session.spec, &live, &args.shown.only, prices));
    Ok(match args.shown.format {
        // One document a line, so that a stream of them can be read.
        Format::Json if args.watch => serde_json::to_string(&report).unwrap_or_default() + "\n",
        Format::Json => printer::json(&report),
        Format::Markdown => render::status::markdown(&report),
        Format::Table => {
            // The first look counts whose account it is too.
            let calls = if args.watch { session.aws.calls() - before } else { live.api_calls };
            let seconds = begun.elapsed().as_secs_f64();
            let read = format!("Read {} in {calls} calls, {seconds:.1} s", session::describe(&live));
            render::status::table(&report, &read, printer.width())
        }
    })
}

//! `cachectl status`

use std::time::Instant;

use super::args::{Format, Status as Args};
use super::cost;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session::{self, Session};
use crate::aws::{Access, account};
use crate::render::{self, inert};
use crate::status;

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let prices = cost::prices(&args.cost)?;
    let begun = Instant::now();
    let request = session::request(&args.path, &args.spec);
    let session = Session::open(printer, &request, &args.aws, Access::ReadOnly).await?;
    let reading = account::stack(&session.aws, &session.identity, &session.spec);
    let live = session::patiently(printer, &session.aws, reading).await?;
    session.matched(&live, &args.shown.only)?;
    // Machines read what is there, people what cannot harm them.
    let live = if args.shown.format == Format::Json { live } else { inert::copy(&live) };
    let mut report = status::report(&session.spec, &live, &args.shown.only);
    report.cost = prices.map(|prices| cost::of_stack(&session.spec, &live, &args.shown.only, &prices));
    match args.shown.format {
        Format::Json => printer.document(&report),
        Format::Markdown => printer.result(&render::status::markdown(&report)),
        Format::Table => {
            let read = format!(
                "Read {} in {} calls, {:.1} s",
                session::describe(&live),
                live.api_calls,
                begun.elapsed().as_secs_f64()
            );
            printer.result(&render::status::table(&report, &read, printer.width()));
        }
    }
    Ok(Exit::Done)
}

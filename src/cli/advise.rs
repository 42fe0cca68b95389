//! `cachectl advise`

use std::borrow::Cow;
use std::time::Instant;

use super::args::{Advise as Args, AdviseFormat};
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::rewrite::{self, Proposal};
use super::session::{self, Session};
use super::{advise_live, clock, cost};
use crate::advise::{self, Input, wanted};
use crate::aws::{Access, account, metrics};
use crate::model::advice::Report;
use crate::model::prices::Prices;
use crate::model::sample::Samples;
use crate::model::text::plural;
use crate::render;
use crate::spec::Request;
use crate::spec::edit::Change;

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let begun = Instant::now();
    let prices = match &args.price_file {
        Some(path) => Cow::Owned(cost::read(path)?),
        None => Cow::Borrowed(Prices::built_in()),
    };
    let request = session::request(&args.path, &args.spec);
    let session = Session::open(printer, &request, &args.aws, Access::ReadOnly).await?;
    let live = account::stack(&session.aws, &session.identity, &session.spec).await?;
    session.matched(&live, &args.addresses)?;
    let measured: Vec<_> = advise::caches(&session.spec, &args.addresses)
        .filter_map(|address| Some(wanted::of_cache(address.kind, &address.id, &live.view(address)?)))
        .flatten()
        .collect();
    let metrics = metrics::read(&session.aws, &measured, args.since.time).await?;
    let samples = match args.live {
        true => advise_live::samples(printer, &session, &live, &args.addresses).await?,
        false => Samples::default(),
    };
    let input = Input {
        spec: &session.spec,
        live: &live,
        metrics: &metrics,
        prices: &prices,
        samples: &samples,
        since: &args.since.text,
        today: &clock::today(),
    };
    let mut report = advise::report(&input, &args.addresses);
    if !args.advice.is_empty() {
        report.caches.iter_mut().for_each(|cache| cache.advice.retain(|one| args.advice.iter().any(|id| id == one.id)));
    }
    let read = format!(
        "Read {} and {} of {} in {} calls, {:.1} s",
        session::describe(&live),
        plural(measured.len(), "metric"),
        args.since.text,
        session.aws.calls(),
        begun.elapsed().as_secs_f64()
    );
    match args.format {
        AdviseFormat::Json => printer.result(&(serde_json::to_string_pretty(&report).unwrap_or_default() + "\n")),
        AdviseFormat::Markdown => printer.result(&render::advice::markdown(&report)),
        AdviseFormat::Table => printer.result(&render::advice::table(&report, &read, printer.width())),
        AdviseFormat::Patch => {}
    }
    if args.write || args.format == AdviseFormat::Patch {
        change(printer, args, &request, &report)?;
    }
    Ok(Exit::Done)
}

/// Shows or writes the changes that the advice comes to.
fn change(printer: &Printer, args: &Args, request: &Request, report: &Report) -> Result<(), CliError> {
    let entries: Vec<_> = report.caches.iter().flat_map(|cache| &cache.advice).flat_map(|one| &one.patch).collect();
    let mut changes: Vec<Change> = Vec::new();
    for entry in entries {
        let change = Change::new(&entry.path, entry.after.clone());
        match changes.iter().find(|other| other.path == change.path) {
            None => changes.push(change),
            Some(other) if *other == change => {}
            Some(_) => {
                return Err(CliError::new(Exit::Usage, format!("two pieces of advice change {}", entry.path))
                    .hint("choose one with --advice ID"));
            }
        }
    }
    if changes.is_empty() {
        printer.note("No advice changes the spec: nothing is written.");
        return Ok(());
    }
    let proposal: Proposal = rewrite::propose(request, &changes)?;
    if args.format == AdviseFormat::Patch {
        printer.result(&proposal.diff());
    }
    if !proposal.inherit.is_empty() {
        printer.note(&format!("These environments inherit the change: {}", proposal.inherit.join(", ")));
    }
    if args.write {
        proposal.write()?;
        let name = request.path.display();
        printer.note(&format!("Wrote {} into {name}. Now: cachectl plan {name}", plural(changes.len(), "change")));
    }
    Ok(())
}

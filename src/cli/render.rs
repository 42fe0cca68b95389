//! `cachectl render`

use super::args::Render as Args;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session;
use crate::spec;

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let request = session::request(&args.path, &args.spec);
    // Reports what is wrong, and ends here.
    session::load(printer, &request)?;
    let loaded = spec::load(&request, &session::environment);
    if let (Some(document), Some(spec)) = (&loaded.document, &loaded.spec) {
        printer.result(&spec::render::yaml(document, spec));
    }
    Ok(Exit::Done)
}

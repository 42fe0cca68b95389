//! `cachectl render`

use super::args::{Render as Args, RenderFormat};
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session;
use crate::spec;

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let request = session::request(&args.path, &args.spec);
    let (spec, loaded) = session::sound(printer, &request)?;
    if let Some(document) = &loaded.document {
        match args.format {
            RenderFormat::Yaml => printer.result(&spec::render::yaml(document, &spec)),
            RenderFormat::Json => printer.document(&spec::render::json(document, &spec)),
        }
    }
    Ok(Exit::Done)
}

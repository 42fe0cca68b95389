//! `cachectl schema`

use super::exit::{CliError, Exit};
use super::printer::Printer;
use crate::lint;
use crate::spec::json_schema;

pub fn run(printer: &Printer) -> Result<Exit, CliError> {
    printer.result(&json_schema::text(&lint::rules::described()));
    Ok(Exit::Done)
}

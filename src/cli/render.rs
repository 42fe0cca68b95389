//! `cachectl render`

use std::path::PathBuf;

use super::args::SpecArgs;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session;
use crate::spec;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RenderFormat {
    #[default]
    Yaml,
    Json,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "yaml")]
    pub format: RenderFormat,
}

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

//! `cachectl import`

use std::path::Path;

use super::args::Import as Args;
use super::exit::{CliError, Exit};
use super::files;
use super::printer::Printer;
use super::session;
use crate::aws::{Access, account, client};
use crate::import::{self, Document, Refused};
use crate::model::{Kind, Selection};
use crate::render::style::{Label, paint};

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    session::endpoints_are_set()?;
    let selection = Selection { all: args.all, globs: args.addresses.clone() };
    selection.check()?;
    if let Some(path) = args.out.as_ref().filter(|path| path.exists() && !args.force) {
        return Err(exists(path));
    }
    if let Some(path) = &args.out {
        files::check(path, &[])?;
    }
    let region = match &args.aws.region {
        Some(region) => region.clone(),
        None => client::usual_region(args.aws.profile.as_deref()).await.ok_or_else(|| {
            CliError::new(Exit::Usage, "no region is known").hint("name one: --region REGION, or set AWS_REGION")
        })?,
    };
    let aws = session::connect(printer, &args.aws, &serde_json::Map::new(), &region, Access::ReadOnly).await?;
    let identity = session::patiently(printer, &aws, aws.identity()).await?;
    let live = session::patiently(printer, &aws, account::selected(&aws, &identity, &selection)).await?;
    printer.detail(&format!("Read {} in {} calls", session::describe(&live), live.api_calls));
    let imported = import::spec(&live, &selection, args.stack.as_deref())?;
    for note in &imported.notes {
        printer.note(&format!("{} {note}", paint(Label::Warn, "note:")));
    }
    match &args.out {
        None => printer.result(&imported.yaml),
        Some(path) => write(path, &imported.yaml, args.force)?,
    }
    let file = args.out.as_ref().map_or_else(|| "FILE".to_owned(), |path| path.display().to_string());
    printer.note(&format!("Imported {}. Now: cachectl plan {file}", counted(&imported.document)));
    Ok(Exit::Done)
}

/// A spec is work: it is not written over by accident.
pub(super) fn exists(path: &Path) -> CliError {
    CliError::new(Exit::Usage, format!("{} exists already", path.display()))
        .hint("choose another name, or --force to write over it")
}

pub(super) fn write(path: &Path, text: &str, force: bool) -> Result<(), CliError> {
    if force {
        files::write(path, text, &[])
    } else if files::create(path, text)? {
        Ok(())
    } else {
        Err(exists(path))
    }
}

impl From<Refused> for CliError {
    fn from(refused: Refused) -> Self {
        let exit = if refused.foreign { Exit::Blocked } else { Exit::Usage };
        CliError::new(exit, refused.message).hint(refused.hint)
    }
}

/// `2 replicationGroups, 1 user into the stack prod`
fn counted(document: &Document) -> String {
    let parts: Vec<String> = Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let count = document.entries.iter().filter(|entry| entry.address.kind == kind).count();
            let name = if count == 1 { kind.name() } else { kind.section() };
            (count > 0).then(|| format!("{count} {name}"))
        })
        .collect();
    format!("{} into the stack {}", parts.join(", "), document.stack)
}

//! `cachectl import`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::args::{AwsArgs, stack_name};
use super::exit::{CliError, Exit};
use super::files;
use super::printer::Printer;
use super::session;
use crate::aws::{Access, account, client};
use crate::import::terraform::{self, Place};
use crate::import::{self, Document, Refused};
use crate::model::Glob;
use crate::model::{Kind, Selection};
use crate::render::style::{Label, paint};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        cachectl import replicationGroup/prod-cache --stack prod -o cachectl.yaml\n  \
        cachectl import 'replicationGroup/prod-*' parameterGroup/prod-params --stack prod\n  \
        cachectl import --all --stack prod --region eu-west-1 > cachectl.yaml\n  \
        terraform show -json | cachectl import --from-terraform - --stack prod -o cachectl.yaml > removed.tf\n\n\
        Then:\n  \
        cachectl plan cachectl.yaml                     shows what adopting them takes: tags\n  \
        cachectl apply cachectl.yaml --allow 'adopt:*'  adopts them\n\n\
        With --from-terraform, the `removed` blocks by which Terraform forgets them go to stdout, or stand as comments \
        under a spec that is printed. Of the state only types, names, ids and ARNs are looked at. \
        Without --stack, the stack whose tag all of them carry. Secrets are never read: a comment says where \
        one is set. What AWS owns (default users and groups) is named where it is used, and not imported.")]
pub struct Args {
    /// Addresses, such as replicationGroup/prod-cache; `*` matches anything
    #[arg(value_name = "ADDRESS", required_unless_present_any = ["all", "from_terraform"])]
    pub addresses: Vec<Glob>,
    /// Everything of ElastiCache in the region, and the alarms on it
    #[arg(long, conflicts_with = "addresses")]
    pub all: bool,
    /// What Terraform has: the output of `terraform show -json`, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["addresses", "all"], value_hint = clap::ValueHint::FilePath)]
    pub from_terraform: Option<PathBuf>,
    /// Stack that they will belong to
    #[arg(long, value_name = "NAME", value_parser = stack_name)]
    pub stack: Option<String>,
    /// Write the spec here instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long, requires = "out")]
    pub force: bool,
    #[command(flatten)]
    pub aws: AwsArgs,
}

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    session::endpoints_are_set()?;
    let terraform = args.from_terraform.as_deref().map(state).transpose()?;
    let mut selection = Selection { all: args.all, globs: args.addresses.clone() };
    selection.check()?;
    if let Some(path) = args.out.as_ref().filter(|path| path.exists() && !args.force) {
        return Err(exists(path));
    }
    if let Some(path) = &args.out {
        files::check(path, &[])?;
    }
    let region = match (&args.aws.region, &terraform) {
        (Some(region), _) => region.clone(),
        (None, Some(state)) if !state.regions().is_empty() => the_only(&state.regions())?,
        (None, _) => client::usual_region(args.aws.profile.as_deref()).await.ok_or_else(|| {
            CliError::new(Exit::Usage, "no region is known").hint("name one: --region REGION, or set AWS_REGION")
        })?,
    };
    let aws = session::connect(printer, &args.aws, &serde_json::Map::new(), &region, Access::ReadOnly).await?;
    let identity = session::patiently(printer, &aws, aws.identity()).await?;
    let mut notes = Vec::new();
    let here = Place { region, account: identity.account_id.clone() };
    if let Some(state) = &terraform {
        same_account(state, &here.account)?;
        (selection, notes) = state.selection(&here)?;
    }
    let live = session::patiently(printer, &aws, account::selected(&aws, &identity, &selection)).await?;
    printer.detail(&format!("Read {} in {} calls", session::describe(&live), live.api_calls));
    if terraform.is_some() {
        terraform::still_there(&mut selection, &live, &mut notes);
    }
    let imported = import::spec(&live, &selection, args.stack.as_deref())?;
    for note in notes.iter().chain(&imported.notes) {
        printer.note(&format!("{} {note}", paint(Label::Warn, "note:")));
    }
    let removed = terraform.as_ref().map(|state| state.removed(&imported.addresses, &here));
    match (&args.out, removed) {
        (None, None) => printer.result(&imported.yaml),
        (None, Some(removed)) => printer.result(&format!("{}\n{}", imported.yaml, commented(&removed))),
        (Some(path), removed) => {
            write(path, &imported.yaml, args.force)?;
            removed.iter().for_each(|removed| printer.result(removed));
        }
    }
    let file = args.out.as_ref().map_or_else(|| "FILE".to_owned(), |path| path.display().to_string());
    printer.note(&format!("Imported {}. Now: cachectl plan {file}", counted(&imported.document)));
    Ok(Exit::Done)
}

fn state(path: &Path) -> Result<terraform::State, CliError> {
    let text = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| CliError::io("read", path, error))?;
    Ok(terraform::state(&text)?)
}

/// One spec is one region.
fn the_only(regions: &BTreeSet<&str>) -> Result<String, CliError> {
    match regions.iter().collect::<Vec<_>>().as_slice() {
        [region] => Ok((**region).to_owned()),
        several => {
            let several: Vec<&str> = several.iter().map(|region| **region).collect();
            Err(CliError::new(Exit::Usage, format!("Terraform's state has caches in {}", several.join(", ")))
                .hint("one spec is one region; choose one: --region REGION"))
        }
    }
}

fn same_account(state: &terraform::State, account: &str) -> Result<(), CliError> {
    match state.other_accounts(account) {
        None => Ok(()),
        Some(others) => Err(CliError::new(
            Exit::Blocked,
            format!("Terraform's state is of account {others}, and these credentials are of {account}"),
        )
        .hint("nothing was read or written; use --profile to choose the account")),
    }
}

fn commented(text: &str) -> String {
    text.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect()
}

/// A spec is work: it is not written over by accident.
pub(super) fn exists(path: &Path) -> CliError {
    CliError::new(Exit::Usage, format!("{} exists already", path.display()))
        .hint("choose another name, or --force to overwrite it")
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

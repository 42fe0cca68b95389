//! `cachectl init`

use std::path::{Path, PathBuf};

use super::args::{AwsArgs, stack_name};
use super::exit::{CliError, Exit};
use super::import;
use super::printer::Printer;
use crate::aws::client;
use crate::model::Glob;
use crate::render::style::{Label, paint};
use crate::spec::{json_schema, schema};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        cachectl init\n  \
        cachectl init --stack shop --region eu-west-1\n  \
        cachectl init --stack shop --from 'replicationGroup/shop-*'\n\n\
        Then:\n  \
        cachectl validate    checks it; no AWS call\n  \
        cachectl plan        shows what it would create; changes nothing\n\n\
        Without --from no AWS call is made.")]
pub struct Args {
    /// Import what exists instead: addresses such as 'replicationGroup/shop-*'; repeatable
    #[arg(long, value_name = "ADDRESS-GLOB")]
    pub from: Vec<Glob>,
    /// Name of the stack; the folder's name by default
    #[arg(long, value_name = "NAME", value_parser = stack_name)]
    pub stack: Option<String>,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = super::session::DEFAULT_SPEC)]
    pub out: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub aws: AwsArgs,
}

/// Where nobody says which region, the one that AWS's own examples use.
const EXAMPLE_REGION: &str = "us-east-1";

pub async fn run(printer: &Printer, args: Args) -> Result<Exit, CliError> {
    if !args.from.is_empty() {
        return import::run(printer, &imported(args)).await;
    }
    if args.out.exists() && !args.force {
        return Err(import::exists(&args.out));
    }
    let known = match &args.aws.region {
        Some(region) => Some(region.clone()),
        None => client::usual_region(args.aws.profile.as_deref()).await,
    };
    if known.is_none() {
        let note = paint(Label::Warn, "note:");
        printer.note(&format!("{note} no region is known: {EXAMPLE_REGION} is written; change it, or use --region"));
    }
    let stack = args.stack.clone().or_else(folder).unwrap_or_else(|| "my-cache".to_owned());
    let text = first(&stack, known.as_deref().unwrap_or(EXAMPLE_REGION));
    import::write(&args.out, &text, args.force)?;
    let file = args.out.display();
    let named = if args.out == Path::new(super::session::DEFAULT_SPEC) { String::new() } else { format!(" {file}") };
    printer.note(&format!(
        "Wrote {file}. Fill in subnets and security group, then:\n  cachectl validate{named}\n  cachectl plan{named}"
    ));
    Ok(Exit::Done)
}

fn imported(args: Args) -> import::Args {
    import::Args {
        addresses: args.from,
        all: false,
        from_terraform: None,
        stack: args.stack,
        out: Some(args.out),
        force: args.force,
        aws: args.aws,
    }
}

/// The current folder's name, as far as a stack and a cache can bear it.
fn folder() -> Option<String> {
    let folder = std::env::current_dir().ok()?;
    let name = folder.file_name()?.to_str()?.to_ascii_lowercase();
    let parts: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let name = parts.join("-");
    // The names of its resources begin with it.
    let fits = name.len() <= 20 && name.starts_with(|c: char| c.is_ascii_lowercase()) && schema::is_stack_name(&name);
    fits.then_some(name)
}

/// A cache as one would want it, every line with its reason.
fn first(stack: &str, region: &str) -> String {
    const TEMPLATE: &str = include_str!("first.yaml");
    // A stack may have a name that no cache can have.
    let is_id = stack.len() <= 20
        && stack.starts_with(|c: char| c.is_ascii_lowercase())
        && !stack.ends_with('-')
        && !stack.contains("--")
        && stack.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let base = if is_id { stack } else { "my" };
    json_schema::modeline()
        + &TEMPLATE.replace("STACK", &crate::spec::render::word(stack)).replace("REGION", region).replace("BASE", base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_spec_is_sound_whatever_the_stack_is_called() {
        for stack in ["shop", "Shop_2", "9lives", "true", "a--b"] {
            let loaded = crate::spec::from_text(&first(stack, "eu-west-1"));
            assert!(loaded.diagnostics.is_empty(), "{stack}: {:#?}", loaded.diagnostics);
            let spec = loaded.spec.expect("a spec");
            assert_eq!((spec.stack.as_str(), spec.region.as_str()), (stack, "eu-west-1"));
        }
    }
}

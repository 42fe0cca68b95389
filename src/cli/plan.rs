//! `cachectl plan`

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{Allowances, AwsArgs, CostArgs, Format, SpecArgs};
use super::cost;
use super::exit::{CliError, Exit};
use super::files;
use super::preflight;
use super::printer::{self, Printer};
use super::saved::{self, Saved};
use super::session::{self, Session};
use crate::aws::Access;
use crate::model::plan::{FORMAT_VERSION, Plan};
use crate::model::prices::Prices;
use crate::render::environment::hidden;
use crate::render::{self, inert, plan::Header};
use crate::spec;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Specs; cachectl.yaml by default
    #[arg(value_name = "SPEC")]
    pub specs: Vec<PathBuf>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    #[command(flatten)]
    pub allowances: Allowances,
    #[command(flatten)]
    pub cost: CostArgs,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
    /// Save the plan, to be applied with `cachectl apply FILE`
    #[arg(long, value_name = "PLAN.json", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print a saved plan; no AWS call
    #[arg(long, value_name = "PLAN.json", help_heading = "Output", conflicts_with_all = ["specs", "out"])]
    pub show: Option<PathBuf>,
    /// Write the plan as JSON to a file, besides printing it
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json_out: Option<PathBuf>,
    /// Write the plan as Markdown to a file, besides printing it: for a comment on a pull request
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub markdown_out: Option<PathBuf>,
    /// Also list resources without changes
    #[arg(long, help_heading = "Output")]
    pub show_unchanged: bool,
    /// List caches of the region that no stack of this spec manages
    #[arg(long, help_heading = "Output")]
    pub show_unmanaged: bool,
}

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    if args.out.iter().chain(&args.json_out).chain(&args.markdown_out).any(|path| path.as_os_str() == "-") {
        return Err(CliError::new(Exit::Usage, "`-` would be a file of that name")
            .hint("`--format json` prints the plan to stdout; a plan to be applied is saved under a name"));
    }
    if let Some(path) = &args.show {
        let saved = saved::read(path)?;
        print(printer, args.format, &[(saved.plan, Header::default())]);
        return Ok(Exit::Done);
    }
    let prices = cost::prices(&args.cost)?;
    let paths = session::paths(&args.specs);
    session::distinct(&paths, &args.spec)?;
    if args.out.is_some() && paths.iter().any(|path| path.as_os_str() == spec::STDIN) {
        return Err(CliError::new(
            Exit::Usage,
            "--out cannot save a plan of standard input: apply reads the spec again",
        )
        .hint("write the spec to a file"));
    }
    if args.out.is_some() && paths.len() > 1 {
        return Err(CliError::new(Exit::Usage, "--out saves the plan of one spec").hint("run plan for each spec"));
    }
    let made_from: Vec<PathBuf> = paths.iter().chain(&args.spec.overlay).cloned().collect();
    for path in args.out.iter().chain(&args.json_out).chain(&args.markdown_out) {
        files::check(path, &made_from)?;
    }
    let mut plans = Vec::new();
    let mut documents = Vec::new();
    let mut worst = Exit::Done;
    for path in &paths {
        match one(printer, args, prices.as_deref(), path).await {
            Ok((plan, header, exit)) => {
                worst = worst.max(exit);
                documents.push(json!(plan));
                plans.push((plan, header));
            }
            // Whoever reads JSON finds a document for each spec, whatever became of it.
            Err(error) if paths.len() > 1 => {
                printer.error(&error);
                worst = worst.max(error.exit);
                documents.push(json!({"formatVersion": FORMAT_VERSION, "error": error.document(path)}));
            }
            Err(error) => return Err(error),
        }
    }
    let document = listed(documents);
    if let Some(path) = &args.json_out {
        files::write(path, &printer::json(&document), &made_from)?;
    }
    if let Some(path) = &args.markdown_out {
        files::write(path, &markdown(&plans), &made_from)?;
    }
    match args.format {
        Format::Json => printer.document(&document),
        Format::Table | Format::Markdown => print(printer, args.format, &plans),
    }
    Ok(worst)
}

async fn one(
    printer: &Printer,
    args: &Args,
    prices: Option<&Prices>,
    path: &Path,
) -> Result<(Plan, Header, Exit), CliError> {
    let request = session::request(path, &args.spec);
    let session = Session::to_plan(printer, &request, &args.aws, Access::ReadOnly).await?;
    let mut options = session::options(&args.allowances);
    options.show_unchanged = args.show_unchanged;
    let (live, mut plan) = session.planned(&options).await?;
    if args.show_unmanaged {
        let unmanaged = crate::aws::reader::unmanaged(&session.aws, &session.spec, &live).await?;
        plan.notes.push(if unmanaged.is_empty() {
            "not managed here: no other cache in this region".to_owned()
        } else {
            format!("not managed here: {}", unmanaged.join(", "))
        });
    }
    preflight::check(&session, &mut plan, &live).await?;
    cost::add(&mut plan, &session.spec, &live, &options.only, prices);
    let exit = exit(&plan, args.allowances.detailed_exitcode);
    let plan = hidden(&plan, &session.spec);
    if let Some(out) = &args.out {
        Saved::new(plan.clone(), &request, &args.allowances, &options.timestamp).write(out)?;
        printer.note(&format!("Saved {}. Apply it with: cachectl apply {}", out.display(), out.display()));
    }
    Ok((plan, session.header(&live), exit))
}

pub fn exit(plan: &Plan, detailed: bool) -> Exit {
    if plan.is_blocked() {
        Exit::Blocked
    } else if detailed && (!plan.steps.is_empty() || plan.is_contradicted()) {
        Exit::Changes
    } else if detailed && plan.pending().next().is_some() {
        Exit::Pending
    } else {
        Exit::Done
    }
}

/// One stack's document stands alone; those of several are listed.
pub fn listed(mut documents: Vec<Value>) -> Value {
    if documents.len() == 1 {
        documents.remove(0)
    } else {
        json!({"formatVersion": FORMAT_VERSION, "stacks": documents})
    }
}

/// One comment for all of them; nothing in it is markup.
fn markdown(plans: &[(Plan, Header)]) -> String {
    let plans: Vec<Plan> = plans.iter().map(|(plan, _)| inert::copy(plan)).collect();
    render::markdown::plans(plans.iter())
}

pub fn print(printer: &Printer, format: Format, plans: &[(Plan, Header)]) {
    match format {
        Format::Json => printer.document(&listed(plans.iter().map(|(plan, _)| json!(plan)).collect())),
        Format::Markdown => printer.result(&markdown(plans)),
        Format::Table => {
            let width = printer.width();
            for (plan, header) in plans {
                let plan = inert::copy(plan);
                let table = if printer.quiet {
                    render::plan::quiet(&plan, width)
                } else {
                    render::plan::table(&plan, header, width, printer.plan_detail())
                };
                printer.result(&table);
            }
        }
    }
}

//! `cachectl validate`

use std::path::PathBuf;

use serde_json::json;

use super::args::SpecArgs;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::{clock, rewrite, session};
use crate::model::Severity;
use crate::model::plan::{FORMAT_VERSION, Finding};
use crate::model::text::plural;
use crate::render::diagnostics;
use crate::render::style::{Label, paint};
use crate::spec::located::Located;
use crate::{lint, spec};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ValidateFormat {
    #[default]
    Table,
    Json,
    Markdown,
    Github,
    Sarif,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Specs; cachectl.yaml by default
    #[arg(value_name = "SPEC")]
    pub specs: Vec<PathBuf>,
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Apply the fixes that are certain, keeping comments and layout; then check what is left
    #[arg(long)]
    pub fix: bool,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: ValidateFormat,
}

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let mut worst = Exit::Done;
    let (mut located, mut findings): (Vec<Located>, Vec<Finding>) = (Vec::new(), Vec::new());
    for path in session::paths(&args.specs) {
        session::not_a_plan("validate", &path)?;
        let request = session::request(&path, &args.spec);
        if args.fix {
            rewrite::fix(printer, &request)?;
        }
        let loaded = spec::load(&request, &session::environment);
        let today = clock::today();
        let found = match (&loaded.spec, &loaded.draft) {
            (Some(spec), _) => lint::findings(spec, None, &loaded.sources, &today),
            // Whoever mends the file mends its policy too.
            (None, Some(draft)) => lint::policy(draft, &loaded.sources, &today),
            (None, None) => Vec::new(),
        };
        let failed = found.iter().any(|finding| finding.severity == Severity::Error);
        worst = worst.max(if loaded.spec.is_none() {
            Exit::InvalidSpec
        } else if failed {
            Exit::Blocked
        } else {
            Exit::Done
        });
        if args.format == ValidateFormat::Table {
            table(printer, &path, &loaded, &found);
        }
        located.extend(diagnostics::located(&loaded));
        findings.extend(found);
    }
    match args.format {
        ValidateFormat::Table => {}
        ValidateFormat::Json => {
            let document = json!({"formatVersion": FORMAT_VERSION, "valid": worst == Exit::Done, "diagnostics": located, "lint": findings});
            printer.document(&document);
        }
        ValidateFormat::Sarif => {
            let document = diagnostics::sarif(&located, &findings);
            printer.document(&document);
        }
        ValidateFormat::Github => printer.annotations(&diagnostics::github(&located, &findings)),
        ValidateFormat::Markdown => printer.result(&diagnostics::markdown(&located, &findings)),
    }
    Ok(worst)
}

fn table(printer: &Printer, path: &std::path::Path, loaded: &spec::Loaded, findings: &[Finding]) {
    printer.result(&diagnostics::text(loaded, printer.styles_stdout()));
    printer.result(&diagnostics::findings(findings));
    let name = session::shown(path);
    match &loaded.spec {
        Some(spec) => {
            let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
            let verdict = if failed { paint(Label::Error, "blocked") } else { paint(Label::Good, "ok") };
            printer.result(&format!(
                "{verdict} {name}: stack {}, {}; {}\n",
                spec.stack,
                plural(spec.resources.len(), "resource"),
                diagnostics::count(&loaded.diagnostics, findings)
            ));
        }
        None => printer.result(&format!(
            "{} {name}: {}\n",
            paint(Label::Error, "invalid"),
            diagnostics::count(&loaded.diagnostics, findings)
        )),
    }
}

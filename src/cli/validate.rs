//! `cachectl validate`

use serde_json::json;

use super::args::{Validate as Args, ValidateFormat};
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::{clock, session};
use crate::plan::model::{FORMAT_VERSION, Finding};
use crate::render::diagnostics;
use crate::render::style::{Label, paint};
use crate::spec::located::Located;
use crate::{lint, spec};

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let mut worst = Exit::Done;
    let (mut located, mut findings): (Vec<Located>, Vec<Finding>) = (Vec::new(), Vec::new());
    for path in session::paths(&args.specs) {
        let loaded = spec::load(&session::request(&path, &args.spec), &session::environment);
        let found = loaded
            .spec
            .as_ref()
            .map(|spec| lint::findings(spec, None, &loaded.sources, &clock::today()))
            .unwrap_or_default();
        let failed = found.iter().any(|finding| finding.severity == "error");
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
            printer.result(&(serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"));
        }
        ValidateFormat::Sarif => {
            let document = diagnostics::sarif(&located, &findings);
            printer.result(&(serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"));
        }
        ValidateFormat::Github => printer.result(&diagnostics::github(&located, &findings)),
        ValidateFormat::Markdown => {
            let mut out = String::from("| severity | rule | place | message |\n|---|---|---|---|\n");
            for diagnostic in &located {
                let place = format!("{}:{}:{}", diagnostic.place.file, diagnostic.place.line, diagnostic.place.column);
                out.push_str(&format!(
                    "| {:?} | {} | {place} | {} |\n",
                    diagnostic.severity,
                    diagnostic.code,
                    diagnostic.message.replace('|', "\\|")
                ));
            }
            for finding in &findings {
                out.push_str(&format!(
                    "| {} | {} | {}:{}:{} | {}: {} |\n",
                    finding.severity,
                    finding.rule,
                    finding.file,
                    finding.line,
                    finding.column,
                    finding.address,
                    finding.message
                ));
            }
            printer.result(&out);
        }
    }
    Ok(worst)
}

fn table(printer: &Printer, path: &std::path::Path, loaded: &spec::Loaded, findings: &[Finding]) {
    printer.result(&diagnostics::text(loaded, printer.styles_stdout()));
    printer.result(&diagnostics::findings(findings));
    let name = path.display();
    match &loaded.spec {
        Some(spec) => {
            let of = |severity: &str| findings.iter().filter(|finding| finding.severity == severity).count();
            let lint = format!("lint: {} errors, {} warnings, {} hints", of("error"), of("warn"), of("info"));
            printer.result(&format!(
                "{} {name}: stack {}, {} resources; {lint}\n",
                paint(Label::Good, "ok"),
                spec.stack,
                spec.resources.len()
            ));
        }
        None => printer.result(&format!(
            "{} {name}: {}\n",
            paint(Label::Error, "invalid"),
            diagnostics::count(&loaded.diagnostics)
        )),
    }
}

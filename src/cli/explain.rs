//! `cachectl explain`

use super::args::Explain as Args;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use crate::lint::rules::RULES;
use crate::model::attribute::{Attribute, Impact, Phase, Read, Route};
use crate::model::refusals::{self, REFUSALS};
use crate::model::{Kind, suggest};
use crate::render::style::{Label, paint};
use crate::render::value::wrap;
use crate::spec::{json_schema, rules};

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let topic = args.topic.trim();
    let width = printer.width();
    if let Some(rule) = RULES.iter().find(|rule| rule.id == topic) {
        let mut out = format!("{}   lint rule, default {}\n\n", paint(Label::Strong, rule.id), rule.severity);
        out.push_str(&format!("  {}\n", wrap(rule.why, width - 2, "  ")));
        if !rule.elsewhere.is_empty() {
            out.push_str(&format!("\n  elsewhere: {}\n", wrap(rule.elsewhere, width - 13, "             ")));
        }
        out.push_str(&format!("\n  to change it: policy: {{lint: {{{}: error | warn | info | none}}}}\n", rule.id));
        printer.result(&out);
        return Ok(Exit::Done);
    }
    if let Some(text) = diagnostic(topic, width) {
        printer.result(&text);
        return Ok(Exit::Done);
    }
    if let Some(refusal) = refusals::of(topic) {
        let title = paint(Label::Strong, topic);
        printer.result(&format!("{title}   a plan is blocked by it\n\n  {}\n", wrap(refusal.why, width - 2, "  ")));
        return Ok(Exit::Done);
    }
    let (kind, field) = topic.split_once('.').map_or((topic, None), |(kind, field)| (kind, Some(field)));
    let found = Kind::ALL.into_iter().find(|candidate| {
        candidate.name().eq_ignore_ascii_case(kind) || candidate.section().eq_ignore_ascii_case(kind)
    });
    match (found, field) {
        (Some(kind), Some(field)) => printer.result(&of_kind(kind, field, width)?),
        (Some(kind), None) => printer.result(&fields(kind, width)),
        (None, _) => printer.result(&of_any_kind(topic, width)?),
    }
    Ok(Exit::Done)
}

/// What the first part of a path into a field names.
fn attribute(kind: Kind, field: &str) -> Option<&'static Attribute> {
    let name = field.split(['.', '[']).next().unwrap_or(field);
    kind.attributes().iter().find(|attribute| attribute.field.name.eq_ignore_ascii_case(name))
}

fn of_kind(kind: Kind, field: &str, width: usize) -> Result<String, CliError> {
    if let Some(attribute) = attribute(kind, field) {
        return Ok(one(kind, attribute, width));
    }
    let near = suggest(field, kind.attributes().iter().map(|attribute| attribute.field.name));
    let hint = near.map_or_else(
        || format!("cachectl explain {} lists its fields", kind.name()),
        |near| format!("did you mean `{}.{near}`?", kind.name()),
    );
    Err(CliError::new(Exit::Usage, format!("a {kind} has no field `{field}`")).hint(hint))
}

fn fields(kind: Kind, width: usize) -> String {
    let lines = kind.attributes().iter().map(|attribute| {
        let doc = wrap(attribute.field.doc, width.saturating_sub(31).max(30), &" ".repeat(31));
        format!("  {:<28} {doc}\n", attribute.field.name)
    });
    format!("{}\n\n{}", paint(Label::Strong, kind.name()), lines.collect::<String>())
}

/// A field named without its kind, as the plan shows it: of every kind that has it.
fn of_any_kind(topic: &str, width: usize) -> Result<String, CliError> {
    let found: Vec<String> =
        Kind::ALL.into_iter().filter_map(|kind| Some(one(kind, attribute(kind, topic)?, width))).collect();
    if !found.is_empty() {
        return Ok(found.join("\n"));
    }
    let lints = || RULES.iter().map(|rule| rule.id);
    let fields = Kind::ALL.into_iter().flat_map(Kind::attributes).map(|attribute| attribute.field.name);
    let names = lints()
        .chain(rules::all().map(|rule| rule.code))
        .chain(REFUSALS.iter().map(|refusal| refusal.rule))
        .chain(Kind::ALL.map(Kind::name))
        .chain(fields);
    let hint = suggest(topic, names).map_or_else(
        || {
            format!(
                "kinds: {}; rules: {}",
                Kind::ALL.map(Kind::name).join(", "),
                lints().collect::<Vec<_>>().join(", ")
            )
        },
        |near| format!("did you mean `{near}`?"),
    );
    Err(CliError::new(Exit::Usage, format!("nothing is known by `{topic}`")).hint(hint))
}

/// The codes of diagnostics: several rules may share one.
fn diagnostic(code: &str, width: usize) -> Option<String> {
    let mut rows = rules::all().filter(|rule| rule.code == code).peekable();
    rows.peek()?;
    let mut out = format!("{}   a fault of the spec; no lint setting silences it\n", paint(Label::Strong, code));
    for rule in rows {
        out.push_str(&format!("\n  {}\n", wrap(rule.why, width - 2, "  ")));
        out.push_str(&format!("  from: {}\n", wrap(rule.source, width - 8, "        ")));
    }
    Some(out)
}

fn one(kind: Kind, attribute: &Attribute, width: usize) -> String {
    let field = attribute.field;
    let mut out = format!(
        "{}\n\n  {}\n",
        paint(Label::Strong, &format!("{kind}.{}", field.name)),
        wrap(field.doc, width - 2, "  ")
    );
    let mut line = |name: &str, text: String| {
        out.push_str(&format!("  {name:<10} {}\n", wrap(&text, width - 13, &" ".repeat(13))))
    };
    line("value", json_schema::words(&field.shape));
    if !field.member.is_empty() {
        line("API", field.member.to_owned());
    }
    line("changed", how(kind, attribute));
    line("clients", impact(attribute.impact).to_owned());
    if !attribute.note.is_empty() {
        line("note", attribute.note.to_owned());
    }
    if matches!(attribute.read, Read::Never) && !field.member.is_empty() {
        line("read", "AWS does not tell it; what cannot be read is not compared".to_owned());
    }
    out
}

pub fn how(kind: Kind, attribute: &Attribute) -> String {
    match attribute.route {
        Route::Local => "cachectl's own setting; AWS does not see it".to_owned(),
        Route::Seed => "at creation only; afterwards it is not compared".to_owned(),
        Route::Fixed => "AWS cannot change it; a difference is a warning".to_owned(),
        Route::Replace => "only by a replacement, with --allow replace:ADDRESS".to_owned(),
        Route::Call(Phase::Field(_)) => format!("in place, by {}, in a call of its own", kind.modify()),
        Route::Call(_) | Route::With(_) => format!("in place, by {} where AWS allows", kind.modify()),
        Route::Whole if attribute.field.name == "tags" => "in place, after everything else".to_owned(),
        Route::Whole => format!("in place, by {}, which sends the whole resource", kind.modify()),
    }
}

pub fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::None => "notice nothing",
        Impact::Brief => "lose their connections for seconds",
        Impact::Reboot => "are cut off while nodes reboot",
        Impact::Deferred => "notice nothing until the maintenance window",
        Impact::Replace => "lose the cache and its data; a final snapshot is taken and restored where that works",
        Impact::Delete => "lose the cache",
    }
}

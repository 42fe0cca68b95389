//! What `cachectl explain` knows, when it is asked for nothing in particular.

use super::{columns, glossary};
use crate::cli::exit::Exit;
use crate::lint::rules::RULES;
use crate::model::Kind;
use crate::model::refusals::REFUSALS;
use crate::render::style::{Label, paint};
use crate::render::value::hang;
use crate::spec::{rules, schema};

pub(super) fn page(width: usize) -> String {
    const FIRST: &str = "cachectl explain WORD explains a word: a key of the spec, a kind, a rule, an exit code.";
    let mut out = format!("{}\n", hang(FIRST, width, ""));
    let mut section = |title: &str, lines: Vec<(String, String)>| {
        out.push_str(&format!("\n{}\n{}", paint(Label::Strong, title), columns(&lines, width)));
    };
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let kinds = Kind::ALL.map(|kind| pair(kind.name(), schema::describe(kind)));
    section("Kinds of resources; KIND.FIELD is one of its fields", kinds.into());
    let head = schema::HEAD.iter().map(|field| pair(field.name, field.doc));
    let environments = std::iter::once(pair(schema::ENVIRONMENTS, "What differs by environment; -e NAME chooses one."));
    section("Other keys of a spec", head.chain(environments).collect());
    section(
        "Lint rules",
        RULES.iter().map(|rule| (rule.id.to_owned(), format!("{}  {}", rule.usual(), rule.why))).collect(),
    );
    let mut codes: Vec<&str> = rules::all().map(|rule| rule.code).collect();
    codes.dedup();
    let mut named = |title: &str, names: Vec<&str>| {
        let text = hang(&names.join(" "), width, "  ");
        out.push_str(&format!("\n{}\n  {text}\n", paint(Label::Strong, title)));
    };
    let mut seen = std::collections::HashSet::new();
    codes.retain(|code| seen.insert(*code));
    named("Faults of a spec (exit 78)", codes);
    named("Reasons why a plan is blocked (exit 3)", REFUSALS.iter().map(|refusal| refusal.rule).collect());
    named("Words", glossary::words().collect());
    let exits = Exit::ALL.map(|exit| (format!("exit-{}", exit.code()), exit.meaning().to_owned()));
    out.push_str(&format!("\n{}\n{}", paint(Label::Strong, "Exit codes"), columns(&exits, width)));
    let foreign = hang("Rules of other tools are known by their ids: cachectl explain CKV_AWS_31", width, "");
    out.push_str(&format!("\n{foreign}\n"));
    out
}

//! The written spec is read back as any other one is. What its rules do not take, though AWS has it, is
//! left out, so that the result can be planned.

use std::collections::BTreeMap;

use super::entry::Line;
use super::yaml::yaml;
use super::{Document, Refused};
use crate::spec;
use crate::spec::diagnostic::Severity;

/// Each round leaves something out; the reader reports five hundred faults at a time.
const MOST_ROUNDS: usize = 100;

pub(super) fn made(mut document: Document, notes: &mut Vec<String>) -> Result<(Document, String), Refused> {
    for _ in 0..MOST_ROUNDS {
        let yaml = yaml(&document);
        let loaded = spec::from_text(&yaml);
        let errors: Vec<_> = loaded.diagnostics.into_iter().filter(|found| found.severity == Severity::Error).collect();
        if errors.is_empty() {
            return Ok((document, yaml));
        }
        // By the path of its resource: the fields that are faulty, and why.
        let mut faulty: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
        for error in &errors {
            let found = document.entries.iter().enumerate().filter_map(|(index, entry)| {
                let path = format!("{}.{}", entry.address.kind.section(), entry.address.id);
                let rest = error.path.strip_prefix(&path)?;
                (rest.is_empty() || rest.starts_with('.')).then_some((path.len(), index, rest.to_owned()))
            });
            // Ids may hold dots: the longest is meant.
            if let Some((_, index, rest)) = found.max_by_key(|(length, ..)| *length) {
                let rest = rest.trim_start_matches('.');
                let field = rest.split(['.', '[']).next().unwrap_or_default().to_owned();
                faulty.entry(index).or_default().push((field, error.message.clone()));
            }
        }
        if faulty.is_empty() {
            let why = errors.first().map(|error| error.message.clone()).unwrap_or_default();
            return Err(Refused::new(
                format!("what is live cannot be written as one spec: {why}"),
                "import it in parts: cachectl import ADDRESS...",
            ));
        }
        for (index, faults) in faulty.into_iter().rev() {
            leave_out(&mut document, index, &faults, notes);
        }
    }
    Err(Refused::new("what is live cannot be written as one spec", "import it in parts: cachectl import ADDRESS..."))
}

/// The faulty fields go; where a field that a spec must have is faulty, or what is missing is not there to
/// take away, the resource goes.
fn leave_out(document: &mut Document, index: usize, faults: &[(String, String)], notes: &mut Vec<String>) {
    let entry = &mut document.entries[index];
    let required = |name: &str| {
        let row = entry.address.kind.attributes().iter().find(|row| row.field.name == name);
        row.is_none_or(|row| row.field.required)
    };
    if let Some((_, why)) = faults.iter().find(|(name, _)| required(name) || entry.field(name).is_none()) {
        notes.push(format!("{} left out: {why}", entry.address));
        document.entries.remove(index);
        return;
    }
    for (name, why) in faults {
        let Some(at) = entry.lines.iter().position(|line| matches!(line, Line::Field(field, _) if field == name))
        else {
            continue;
        };
        notes.push(format!("{} {name} left out: {why}", entry.address));
        entry.lines[at] = Line::Remark(format!("{name} is left out: {why}."));
    }
}

//! What a key of the spec is, and what changing it does to a live cache.

use super::Entry;
use crate::model::Kind;
use crate::model::attribute::{Attribute, Impact, Phase, Read, Route};
use crate::model::shape::{Field, Shape};
use crate::spec::decode::SECRET_FIELDS;
use crate::spec::foreign::{self, Meant};
use crate::spec::{json_schema, schema};

pub(super) fn topics() -> Vec<String> {
    let mut topics: Vec<String> = Kind::ALL.map(|kind| kind.name().to_owned()).into();
    topics.extend(schema::top().iter().map(|field| field.name.to_owned()));
    for kind in Kind::ALL {
        for attribute in kind.attributes() {
            topics.push(attribute.field.name.to_owned());
            nested(&format!("{kind}.{}", attribute.field.name), &attribute.field, &mut topics);
        }
    }
    for field in schema::HEAD {
        nested(field.name, field, &mut topics);
    }
    topics
}

/// A field's path and those of all that stands in it.
fn nested(path: &str, field: &Field, topics: &mut Vec<String>) {
    topics.push(path.to_owned());
    for inner in inner(&field.shape) {
        nested(&format!("{path}.{}", inner.name), inner, topics);
    }
}

/// The named values within a value.
fn inner(shape: &Shape) -> &'static [Field] {
    match shape {
        Shape::Object(fields) => fields,
        Shape::List { of, .. } | Shape::Map { of, .. } | Shape::OrNone(of) => inner(of),
        Shape::Secret => SECRET_FIELDS,
        _ => &[],
    }
}

pub(super) fn about(topic: &str) -> Vec<Entry> {
    // `nodeGroupConfiguration[0].slots`, as messages show it.
    let plain: String = topic.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect();
    let path: Vec<&str> = plain.split('.').filter(|part| !part.is_empty()).collect();
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.name().eq_ignore_ascii_case(first) || kind.section().eq_ignore_ascii_case(first));
    if let Some(kind) = kind {
        return match rest {
            // `alarms` is a section, and a field of caches too.
            [] => std::iter::once(of_kind(kind)).chain(of_any_kind(&path)).collect(),
            // As a message shows it, with the id: `replicationGroups.prod-cache.engine`.
            [id, rest @ ..] => of_resource(kind, &path[1..])
                .or_else(|| of_resource(kind, rest).filter(|_| !rest.is_empty()))
                .or_else(|| word(kind, id).filter(|_| rest.is_empty()))
                .map_or_else(|| of_any_kind(&path), |entry| vec![entry]),
        };
    }
    let mut found: Vec<Entry> = head(&path).into_iter().collect();
    found.extend(of_any_kind(&path));
    if found.is_empty() && rest.is_empty() {
        found = anywhere(first);
    }
    if found.is_empty() && rest.is_empty() {
        found.extend(Kind::ALL.into_iter().rev().find_map(|kind| word(kind, first)));
        if let Some(Meant::Instead(what)) = foreign::at_the_top(first).filter(|_| found.is_empty()) {
            found.push(Entry::new(*first, "no key of a spec").says(sentence(what)));
        }
    }
    found
}

/// What other tools call it, and what its name is here.
fn word(kind: Kind, word: &str) -> Option<Entry> {
    let by_member = kind.attributes().iter().find(|row| row.field.member.eq_ignore_ascii_case(word));
    let spelt = plainly(word);
    let by_spelling = || kind.attributes().iter().find(|row| plainly(row.field.name) == spelt);
    if let Some(attribute) = by_member.or_else(by_spelling) {
        return Some(of_attribute(kind, attribute));
    }
    match foreign::of_resource(kind, word)? {
        Meant::Same(name) | Meant::Near(name) => of_resource(kind, &[name]),
        Meant::Instead(what) => Some(
            Entry::new(word, format!("no key of a {kind}")).says(sentence(&what.replace("SECTION", kind.section()))),
        ),
    }
}

fn plainly(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str() + ".").unwrap_or_default()
}

/// A key at the top of a spec, or one within it.
fn head(path: &[&str]) -> Option<Entry> {
    let (first, rest) = path.split_first()?;
    if first.eq_ignore_ascii_case(schema::ENVIRONMENTS) {
        return Some(Entry::new(schema::ENVIRONMENTS, "a key of the spec").says(
            "What differs by environment: `environments: {prod: {...}}` holds parts of a spec, and `-e prod` merges one over the rest, maps by key and everything else replaced. Environments that were not chosen are checked too.",
        ));
    }
    let field = schema::HEAD.iter().find(|field| field.name.eq_ignore_ascii_case(first))?;
    let (title, field) = within(field.name.to_owned(), field, rest)?;
    Some(of_field(title, field))
}

fn of_resource(kind: Kind, path: &[&str]) -> Option<Entry> {
    let (first, rest) = path.split_first()?;
    let attribute = kind.attributes().iter().find(|row| row.field.name.eq_ignore_ascii_case(first))?;
    if rest.is_empty() {
        return Some(of_attribute(kind, attribute));
    }
    let (title, field) = within(format!("{kind}.{}", attribute.field.name), &attribute.field, rest)?;
    // A key of a map, such as a parameter's name: the map is what can be explained.
    if std::ptr::eq(field, &raw const attribute.field) {
        Some(of_attribute(kind, attribute))
    } else {
        Some(of_field(title, field))
    }
}

/// A field named without its kind, as the plan shows it: of every kind that has it.
fn of_any_kind(path: &[&str]) -> Vec<Entry> {
    Kind::ALL.into_iter().filter_map(|kind| of_resource(kind, path)).collect()
}

/// A field somewhere within others, by its name alone.
fn anywhere(name: &str) -> Vec<Entry> {
    fn search(path: &str, field: &'static Field, name: &str, found: &mut Vec<(String, &'static Field)>) {
        for inner in inner(&field.shape) {
            let path = format!("{path}.{}", inner.name);
            if inner.name.eq_ignore_ascii_case(name) {
                found.push((path.clone(), inner));
            }
            search(&path, inner, name, found);
        }
    }
    let mut found = Vec::new();
    for kind in Kind::ALL {
        for attribute in kind.attributes() {
            search(&format!("{kind}.{}", attribute.field.name), &attribute.field, name, &mut found);
        }
    }
    for field in schema::HEAD {
        search(field.name, field, name, &mut found);
    }
    found.into_iter().map(|(path, field)| of_field(path, field)).collect()
}

/// The field at a path below another one; keys of maps are passed over.
fn within(title: String, field: &'static Field, path: &[&str]) -> Option<(String, &'static Field)> {
    let Some((first, rest)) = path.split_first() else { return Some((title, field)) };
    if let Some(found) = inner(&field.shape).iter().find(|inner| inner.name.eq_ignore_ascii_case(first)) {
        return within(format!("{title}.{}", found.name), found, rest);
    }
    is_map(&field.shape).then(|| within(title, field, rest)).flatten()
}

fn is_map(shape: &Shape) -> bool {
    match shape {
        Shape::Map { .. } => true,
        Shape::OrNone(of) | Shape::List { of, .. } => is_map(of),
        _ => false,
    }
}

fn of_kind(kind: Kind) -> Entry {
    let place = match kind.companion() {
        Some(companion) => format!("with `{}:` of a cache", companion.field()),
        None => format!("under `{}:`", kind.section()),
    };
    let entry = Entry::new(kind.name(), format!("a kind of resource, {place}"));
    let entry = entry.says(schema::describe(kind));
    kind.attributes().iter().fold(entry, |entry, attribute| {
        let required = if attribute.field.required { " Required." } else { "" };
        entry.line(attribute.field.name, format!("{}{required}", attribute.field.doc))
    })
}

fn of_field(title: String, field: &Field) -> Entry {
    let fields = inner(&field.shape);
    let mut entry = Entry::new(title, "").says(field.doc);
    if fields.is_empty() || !matches!(field.shape, Shape::Object(_)) {
        entry = entry.line("value", json_schema::words(&field.shape));
    }
    fields.iter().fold(entry, |entry, inner| entry.line(inner.name, inner.doc))
}

fn of_attribute(kind: Kind, attribute: &'static Attribute) -> Entry {
    let field = &attribute.field;
    let mut entry = Entry::new(format!("{kind}.{}", field.name), "")
        .says(field.doc)
        .line("value", json_schema::words(&field.shape))
        .line("API", field.member)
        .line("changed", how(kind, attribute))
        .line("clients", impact(attribute.impact))
        .line("datastore", attribute.datastore.about())
        .line("note", attribute.note);
    if matches!(attribute.read, Read::Never) && !field.member.is_empty() && field.name != "tags" {
        entry = entry.line("read", "AWS does not return it; what cannot be read is not compared");
    }
    inner(&field.shape).iter().fold(entry, |entry, inner| entry.line(format!(".{}", inner.name), inner.doc))
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

//! Files to one document: read, overlaid, interpolated; then decoded and checked.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use super::diagnostic::{Diagnostic, Severity};
use super::interpolate::{Place, Variable, Variables};
use super::node::{Content, Entry, Node, Style};
use super::source::{Sources, Span};
use super::{Loaded, Request, decode, decode_part, decode_spec, hidden, overlay, rules, schema, yaml};
use crate::model::suggest::near;
use crate::model::{Address, Kind};

/// Longer files are no specs.
const MAX_FILE: usize = 8 << 20;
/// The path that stands for standard input.
pub const STDIN: &str = "-";
const BEGIN: &str = "start with `apiVersion: cachectl/v1`, `stack: NAME` and `region: REGION`";

pub fn load(request: &Request, environment: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let mut sources = Sources::default();
    let mut diagnostics = Vec::new();
    const NO_SPEC: &str = "name the spec after the command; without a name it is cachectl.yaml in the current folder, and `cachectl init` writes a first one";
    const ADDRESS: &str =
        "this is an address: name the spec before it, as in `cachectl.yaml replicationGroup/prod-cache`";
    const NO_OVERLAY: &str = "--overlay names a file, from the current folder on";
    let root = if request.path == Path::new(STDIN) {
        read_stdin(&mut sources, &mut diagnostics)
    } else {
        let is_address = request.path.to_str().is_some_and(|path| path.parse::<Address>().is_ok());
        let hint = if is_address { ADDRESS } else { NO_SPEC };
        read(&request.path, hint, &mut sources, &mut diagnostics)
    };
    let overlays: Vec<Option<Node>> =
        request.overlays.iter().map(|path| read(path, NO_OVERLAY, &mut sources, &mut diagnostics)).collect();
    finish(root, overlays, request, environment, sources, diagnostics)
}

/// The names of a spec's environments; none where the file cannot be read.
pub fn environments(path: &Path) -> Vec<String> {
    let root = read(path, "", &mut Sources::default(), &mut Vec::new());
    let section = root.as_ref().and_then(|root| root.get(schema::ENVIRONMENTS));
    section.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.text.clone()).collect()
}

/// A spec from text, for tests and for tools that have no file.
pub fn from_text(text: &str) -> Loaded {
    let mut sources = Sources::default();
    let mut diagnostics = Vec::new();
    let root = parse("spec.yaml".to_owned(), text, &mut sources, &mut diagnostics);
    finish(root, Vec::new(), &Request::default(), &|_| None, sources, diagnostics)
}

fn finish(
    root: Option<Node>,
    overlays: Vec<Option<Node>>,
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
    mut sources: Sources,
    mut diagnostics: Vec<Diagnostic>,
) -> Loaded {
    let document = document(root, overlays, request, environment, &mut sources, &mut diagnostics);
    let spec = document.as_ref().map(|document| {
        let spec = decode_spec(document, request.environment.as_deref(), &mut sources, &mut diagnostics);
        let mut secrets = Vec::new();
        rules::check(&spec, &sources, &mut diagnostics, &mut secrets);
        secrets.into_iter().for_each(|span| sources.mask(span));
        spec
    });
    if diagnostics.len() >= decode::MAX_FAULTS {
        diagnostics.push(
            Diagnostic::error(
                "too-many-faults",
                format!("more than {} faults; the rest is not reported", decode::MAX_FAULTS),
            )
            .help("fix those above and run again"),
        );
    }
    diagnostics.sort_by_key(|diagnostic| {
        (diagnostic.span().is_none(), diagnostic.span(), std::cmp::Reverse(diagnostic.severity))
    });
    let sound = !diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let (spec, draft) = if sound { (spec, None) } else { (None, spec) };
    Loaded { spec, draft, document, diagnostics, sources }
}

fn read(path: &Path, absent: &str, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // Also of what has no end, such as a device.
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes));
    if bytes.len() > MAX_FILE {
        diagnostics.push(too_long(&name));
        return None;
    }
    match read.map(|_| bytes) {
        Ok(bytes) => parse_bytes(name, bytes, sources, diagnostics),
        Err(error) => {
            let why = if path.is_dir() { "it is a directory".to_owned() } else { plain_io_error(&error) };
            let mut diagnostic = Diagnostic::error("unreadable-file", format!("cannot read {name}: {why}"));
            if error.kind() == std::io::ErrorKind::NotFound {
                diagnostic = diagnostic.help(absent);
            }
            diagnostics.push(diagnostic);
            None
        }
    }
}

fn read_stdin(sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut bytes = Vec::new();
    // One byte more than is taken tells that it is too long.
    if let Err(error) = std::io::stdin().lock().take(MAX_FILE as u64 + 1).read_to_end(&mut bytes) {
        let message = format!("cannot read standard input: {}", plain_io_error(&error));
        diagnostics.push(Diagnostic::error("unreadable-file", message));
        return None;
    }
    parse_bytes("<stdin>".to_owned(), bytes, sources, diagnostics)
}

fn parse_bytes(name: String, bytes: Vec<u8>, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    match String::from_utf8(bytes) {
        Ok(text) => parse(name, &text, sources, diagnostics),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let sound = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            let file = sources.add(name, sound);
            sources.mask_by_looks(file);
            diagnostics.push(
                Diagnostic::error("unreadable-file", "the file is not UTF-8")
                    .at(Span { file, start: at, end: at }, "the first byte that is not is here")
                    .help("save it as UTF-8"),
            );
            None
        }
    }
}

fn parse(name: String, text: &str, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    if text.len() > MAX_FILE {
        diagnostics.push(too_long(&name));
        return None;
    }
    // A byte order mark is no part of the text.
    let file = sources.add(name, text.strip_prefix('\u{feff}').unwrap_or(text));
    let node = yaml::parse(sources, file, diagnostics);
    match &node {
        Some(node) => hidden::secrets(node).into_iter().for_each(|span| sources.mask(span)),
        None => sources.mask_by_looks(file),
    }
    node
}

fn too_long(name: &str) -> Diagnostic {
    Diagnostic::error("too-large", format!("{name} is larger than 8 MB, which is no spec")).help("split the stack")
}

fn plain_io_error(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// The one document that the spec, its environment, its overlays and its variables make.
fn document(
    root: Option<Node>,
    overlays: Vec<Option<Node>>,
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let mut overlays: Vec<Node> = overlays
        .into_iter()
        .flatten()
        .filter(|overlay| {
            is_map(overlay, "an overlay", "it holds what differs from the spec, under the same keys", diagnostics)
        })
        .collect();
    let mut root = root.filter(|root| is_map(root, "a spec", BEGIN, diagnostics))?;
    // An overlay may bring environments along; it goes over the chosen one.
    let mut environments: Option<Entry> = take(&mut root, schema::ENVIRONMENTS);
    for overlay in &mut overlays {
        match (&mut environments, take(overlay, schema::ENVIRONMENTS)) {
            (Some(environments), Some(more)) => overlay::merge(&mut environments.value, &more.value),
            (environments @ None, more) => *environments = more,
            (Some(_), None) => {}
        }
    }
    let environments = environments
        .filter(|entry| !matches!(entry.value.content, Content::Null))
        .filter(|entry| is_map(&entry.value, "`environments`", "write `environments: {prod: {…}}`", diagnostics));
    let named = environments.as_ref().map_or(&[][..], |entry| entry.value.entries());
    for entry in named {
        diagnostics.extend(shares_the_stack(entry));
        let empty = matches!(entry.value.content, Content::Null);
        if empty || !is_map(&entry.value, "an environment", "it holds what differs from the rest", diagnostics) {
            continue;
        }
        if request.environment.as_deref() == Some(&entry.key.text) {
            overlay::merge(&mut root, &entry.value);
        } else {
            decode_part(&entry.value, &entry.key.text, sources, diagnostics);
        }
    }
    if let Some(name) = &request.environment
        && !named.iter().any(|entry| entry.key.text == *name)
    {
        diagnostics.push(unknown_environment(name, environments.as_ref()));
    }
    for overlay in &overlays {
        overlay::merge(&mut root, overlay);
    }
    interpolate(&mut root, request, environment, sources, diagnostics);
    Some(root)
}

/// An environment with caches of its own that nothing tells from the caches of the spec without it.
fn shares_the_stack(environment: &Entry) -> Option<Diagnostic> {
    let entries = environment.value.entries();
    let has = |key: &str| entries.iter().any(|entry| entry.key.text == key);
    let changed = entries.iter().find(|entry| Kind::ALL.iter().any(|kind| kind.section() == entry.key.text))?;
    if ["stack", "region", "accountId", "aws"].into_iter().any(has) {
        return None;
    }
    let name = &environment.key.text;
    let message = format!(
        "the environment `{name}` changes `{}` and works on the same stack, account and region as the spec without it",
        changed.key.text
    );
    Some(
        Diagnostic::warn("environment-shares-stack", message)
            .path(format!("environments.{name}"))
            .at(environment.key.span, "names neither a stack, an account nor a region of its own")
            .help(format!("give it a name of its own, such as `stack: NAME-{name}`, or its `accountId` or `region`")),
    )
}

fn is_map(node: &Node, what: &str, help: &str, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let is_map = matches!(node.content, Content::Map(_));
    if !is_map {
        diagnostics.push(
            Diagnostic::error("wrong-type", format!("{what} is a map, found {}", node.describe()))
                .at(node.pointed(), "not a map")
                .help(help),
        );
    }
    is_map
}

fn unknown_environment(name: &str, environments: Option<&Entry>) -> Diagnostic {
    let names: Vec<_> =
        environments.into_iter().flat_map(|entry| entry.value.entries()).map(|entry| entry.key.text.as_str()).collect();
    Diagnostic::error("unknown-environment", format!("the spec has no environment `{name}`"))
        .maybe_at(environments.map(|entry| entry.key.span), "environments stand here")
        .help(match near(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{}`?", near.word),
            None if names.is_empty() => "it declares none; add `environments:`".to_owned(),
            None => format!("it has: {}", names.join(", ")),
        })
}

fn take(root: &mut Node, key: &str) -> Option<Entry> {
    let Content::Map(entries) = &mut root.content else { return None };
    let at = entries.iter().position(|entry| entry.key.text == key)?;
    Some(entries.remove(at))
}

fn interpolate(
    root: &mut Node,
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut variables = Variables::new(sources, environment);
    let mut vars = take(root, "vars");
    let mut declared: Vec<(String, Span)> = Vec::new();
    if let Some(vars) = &mut vars {
        variables.within_variables = true;
        variables.apply(&mut vars.value, Place::Elsewhere, diagnostics);
        variables.within_variables = false;
        for entry in vars.value.entries() {
            let name = entry.key.text.clone();
            declared.push((name.clone(), entry.key.span));
            match &entry.value.content {
                Content::Scalar { text, style } if *style != Style::Unresolved => {
                    let template = entry.value.template.clone();
                    variables.values.insert(name, Variable { value: text.clone(), template });
                }
                _ => drop(variables.faulty.insert(name)),
            }
        }
    }
    let mut given = BTreeSet::new();
    for (name, value) in &request.variables {
        given.insert(name.clone());
        variables.faulty.remove(name);
        variables.values.insert(name.clone(), Variable { value: value.clone(), template: None });
    }
    variables.apply(root, Place::Spec, diagnostics);
    for (name, span) in &declared {
        if !variables.used.contains(name) && diagnostics.len() < decode::MAX_FAULTS {
            diagnostics.push(
                Diagnostic::warn(
                    "unused-variable",
                    format!("the variable `{}` is not used", super::node::shorten(name)),
                )
                .path(format!("vars.{name}"))
                .at(*span, "declared here")
                .help("use it as ${var.NAME}, or remove it"),
            );
        }
    }
    for name in given.iter().filter(|name| !variables.used.contains(*name)) {
        if declared.iter().any(|(declared, _)| declared == name) {
            continue;
        }
        let help = match near(name, variables.used.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{}`?", near.word),
            None => "nothing in the spec is ${var.…} of that name".to_owned(),
        };
        diagnostics.push(
            Diagnostic::warn("unused-variable", format!("the variable `{name}` of --var is not used")).help(help),
        );
    }
    if let (Some(vars), Content::Map(entries)) = (vars, &mut root.content) {
        entries.push(vars);
    }
}

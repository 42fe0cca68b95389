//! YAML to a typed, located spec: load, overlay, interpolate, decode, check.

pub mod decode;
pub mod diagnostic;
pub mod interpolate;
pub mod json_schema;
pub mod node;
pub mod overlay;
pub mod render;
pub mod rules;
pub mod schema;
pub mod source;
pub mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::resource::shape::{Field, Shape};
use crate::resource::{Address, Kind};
use decode::{Decoder, Locations, join};
use diagnostic::{Diagnostic, Severity};
use interpolate::Variables;
use node::{Content, Node};
use source::{FileId, Sources, Span};

/// One stack, as declared: overlaid, interpolated, decoded.
#[derive(Clone, Debug)]
pub struct Spec {
    pub stack: String,
    pub region: String,
    pub account_id: Option<String>,
    pub environment: Option<String>,
    pub tags: Map<String, Value>,
    pub policy: Map<String, Value>,
    pub resources: BTreeMap<Address, Resource>,
    pub locations: Locations,
    /// Of all that is declared; a saved plan holds it.
    pub digest: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Resource {
    pub address: Address,
    /// Declared attributes by their names in the spec. What is absent is not managed.
    pub fields: Map<String, Value>,
    /// `replicationGroups.prod-cache`
    #[serde(skip)]
    pub path: String,
}

impl Resource {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.fields.get(name)?.as_bool()
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.fields.get(name)?.as_i64()
    }

    pub fn lifecycle(&self, name: &str) -> Option<bool> {
        self.fields.get("lifecycle")?.get(name)?.as_bool()
    }
}

/// Which files and values make up a spec.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub path: PathBuf,
    pub environment: Option<String>,
    pub overlays: Vec<PathBuf>,
    pub variables: Vec<(String, String)>,
}

/// A spec, or why it is none; either way all that was found wrong.
#[derive(Debug)]
pub struct Loaded {
    pub spec: Option<Spec>,
    /// The document after overlays and variables, for `render`.
    pub document: Option<Node>,
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Sources,
}

impl Loaded {
    pub fn is_sound(&self) -> bool {
        self.spec.is_some() && !self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

pub fn load(request: &Request, environment: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let mut sources = Sources::default();
    let mut diagnostics = Vec::new();
    let document = document(request, environment, &mut sources, &mut diagnostics);
    let spec = document
        .as_ref()
        .and_then(|document| decode_spec(document, request.environment.as_deref(), &mut sources, &mut diagnostics));
    if let Some(spec) = &spec {
        rules::check(spec, &mut diagnostics);
    }
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span(), std::cmp::Reverse(diagnostic.severity)));
    let sound = !diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Loaded { spec: spec.filter(|_| sound), document, diagnostics, sources }
}

fn read(path: &Path, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let name = path.display().to_string();
    let text = match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let sound = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
                let file = sources.add(name, sound);
                diagnostics.push(
                    Diagnostic::error("unreadable-file", "the file is not UTF-8")
                        .at(Span { file, start: at, end: at }, "the first byte that is not is here")
                        .help("save it as UTF-8"),
                );
                return None;
            }
        },
        Err(error) => {
            let why = if path.is_dir() { "it is a directory".to_owned() } else { plain_io_error(&error) };
            let mut diagnostic = Diagnostic::error("unreadable-file", format!("cannot read {name}: {why}"));
            if error.kind() == std::io::ErrorKind::NotFound {
                diagnostic = diagnostic.help(
                    "name the spec: cachectl plan SPEC.yaml; without a name it is cachectl.yaml in the current folder",
                );
            }
            diagnostics.push(diagnostic);
            return None;
        }
    };
    // A byte order mark is no part of the text.
    let file = sources.add(name, text.strip_prefix('\u{feff}').unwrap_or(&text));
    yaml::parse(sources, file, diagnostics)
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
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Node> {
    let root = read(&request.path, sources, diagnostics);
    let overlays: Vec<_> = request.overlays.iter().filter_map(|path| read(path, sources, diagnostics)).collect();
    let mut root = root?;
    if !matches!(root.content, Content::Map(_)) {
        diagnostics.push(
            Diagnostic::error("wrong-type", format!("a spec is a map, found {}", root.describe()))
                .at(Span { end: root.span.start + 1, ..root.span }, "here")
                .help("start with `apiVersion: cachectl/v1`, `stack: NAME` and `region: REGION`"),
        );
        return None;
    }
    // An overlay may bring environments along; it goes over the chosen one.
    let mut environments = take(&mut root, schema::ENVIRONMENTS);
    let mut overlays = overlays;
    for overlay in &mut overlays {
        match (&mut environments, take(overlay, schema::ENVIRONMENTS)) {
            (Some(environments), Some(more)) => overlay::merge(environments, &more),
            (environments @ None, more) => *environments = more,
            (Some(_), None) => {}
        }
    }
    if let Some(name) = &request.environment {
        match environments.as_ref().and_then(|environments| environments.get(name)) {
            Some(environment) => overlay::merge(&mut root, environment),
            None => diagnostics.push(unknown_environment(name, environments.as_ref())),
        }
    }
    for overlay in &overlays {
        overlay::merge(&mut root, overlay);
    }
    interpolate(&mut root, request, environment, diagnostics);
    Some(root)
}

fn unknown_environment(name: &str, environments: Option<&Node>) -> Diagnostic {
    let names: Vec<_> = environments.into_iter().flat_map(Node::entries).map(|entry| entry.key.text.as_str()).collect();
    let span = environments.map(|node| Span { end: node.span.start + 1, ..node.span });
    Diagnostic::error("unknown-environment", format!("the spec has no environment `{name}`"))
        .maybe_at(span, "environments stand here")
        .help(if names.is_empty() {
            "it declares none; add `environments:`".to_owned()
        } else {
            format!("it has: {}", names.join(", "))
        })
}

fn take(root: &mut Node, key: &str) -> Option<Node> {
    let Content::Map(entries) = &mut root.content else { return None };
    let at = entries.iter().position(|entry| entry.key.text == key)?;
    Some(entries.remove(at).value)
}

fn interpolate(
    root: &mut Node,
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut values = BTreeMap::new();
    let mut declared = BTreeMap::new();
    let mut outer =
        Variables { values: BTreeMap::new(), declared: BTreeMap::new(), environment, used: Default::default() };
    if let Content::Map(entries) = &mut root.content
        && let Some(vars) = entries.iter_mut().find(|entry| entry.key.text == "vars")
    {
        // A variable's own value may come from the environment, not from other variables.
        outer.apply(&mut vars.value, diagnostics);
        for entry in vars.value.entries() {
            if let Some(text) = entry.value.scalar() {
                values.insert(entry.key.text.clone(), text.to_owned());
                declared.insert(entry.key.text.clone(), entry.key.span);
            }
        }
    }
    for (name, value) in &request.variables {
        values.insert(name.clone(), value.clone());
    }
    let mut variables = Variables { values, declared, environment, used: Default::default() };
    variables.apply(root, diagnostics);
    for (name, span) in &variables.declared {
        if !variables.used.contains(name) {
            diagnostics.push(
                Diagnostic::warn("unused-variable", format!("the variable `{name}` is not used"))
                    .path(format!("vars.{name}"))
                    .at(*span, "declared here"),
            );
        }
    }
}

fn decode_spec(
    root: &Node,
    environment: Option<&str>,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Spec> {
    let before = diagnostics.len();
    let mut decoder = Decoder { locations: Locations::default(), secrets: Vec::new(), diagnostics };
    let mut head = Map::new();
    let mut resources = BTreeMap::new();
    let known = schema::keys();
    // The head is decoded as one object, the sections one by one: their maps are keyed by id.
    let (sections, head_entries): (Vec<_>, Vec<_>) = root
        .entries()
        .iter()
        .cloned()
        .partition(|entry| schema::sections().any(|kind| kind.section() == entry.key.text));
    for entry in &head_entries {
        if !known.contains(&entry.key.text.as_str()) {
            decoder.unknown_key(entry, known.iter().copied(), &entry.key.text);
        }
    }
    let known_entries = head_entries
        .into_iter()
        .filter(|entry| schema::HEAD.iter().any(|field| field.name == entry.key.text))
        .collect();
    let start = Span { end: root.span.start + 1, ..root.span };
    let head_node = Node { content: Content::Map(known_entries), span: start };
    if let Some(Value::Object(map)) = decoder.value(&head_node, &Shape::Object(schema::HEAD), "") {
        head = map;
    }
    for section in sections {
        let Some(kind) = schema::sections().find(|kind| kind.section() == section.key.text) else { continue };
        decode_section(&mut decoder, kind, &section, &mut resources);
    }
    let Decoder { locations, secrets, diagnostics } = decoder;
    secrets.into_iter().for_each(|span| sources.mask(span));
    let sound = !diagnostics[before..].iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let text = |name: &str| head.get(name).and_then(Value::as_str).map(str::to_owned);
    // Where the head is broken, the rules still see the resources, so that one run reports everything.
    let (stack, region) = (text("stack").unwrap_or_default(), text("region").unwrap_or_default());
    if !sound && resources.is_empty() {
        return None;
    }
    let map = |name: &str| head.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let (tags, policy) = (map("tags"), map("policy"));
    let digest = digest(&stack, &region, &tags, &policy, &resources);
    Some(Spec {
        stack,
        region,
        account_id: text("accountId"),
        environment: environment.map(str::to_owned),
        tags,
        policy,
        resources,
        locations,
        digest,
    })
}

fn decode_section(
    decoder: &mut Decoder<'_>,
    kind: Kind,
    section: &node::Entry,
    resources: &mut BTreeMap<Address, Resource>,
) {
    let fields: Vec<Field> = kind.attributes().iter().map(|attribute| attribute.field).collect();
    let path = section.key.text.clone();
    if matches!(section.value.content, Content::Null) {
        return;
    }
    let Content::Map(entries) = &section.value.content else {
        decoder.value(&section.value, &Shape::Object(&[]), &path);
        return;
    };
    for entry in entries {
        let address = Address::new(kind, &entry.key.text);
        let path = join(&path, &address.id);
        if let Some(first) = decoder.locations.key(&path) {
            decoder.diagnostics.push(
                Diagnostic::error(
                    "duplicate-key",
                    format!("AWS keeps ids in lower case: `{}` stands twice", address.id),
                )
                .path(&path)
                .at(entry.key.span, "again here")
                .at(first, "first here"),
            );
            continue;
        }
        decoder.record_key(&path, entry.key.span);
        rules::id(kind, &entry.key, &path, decoder.diagnostics);
        if let Some(Value::Object(fields)) = decoder.object_of(&entry.value, &fields, &path) {
            resources.insert(address.clone(), Resource { address, fields, path });
        }
    }
}

fn digest(
    stack: &str,
    region: &str,
    tags: &Map<String, Value>,
    policy: &Map<String, Value>,
    resources: &BTreeMap<Address, Resource>,
) -> String {
    let resources: Vec<_> = resources.values().collect();
    let text = serde_json::json!([stack, region, tags, policy, resources]).to_string();
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The known word that a person most likely meant.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let word = word.to_ascii_lowercase();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(word.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// A spec from text, for tests and for tools that have no file.
pub fn from_text(text: &str) -> Loaded {
    let mut sources = Sources::default();
    let mut diagnostics = Vec::new();
    let file: FileId = sources.add("spec.yaml", text);
    let mut document = yaml::parse(&sources, file, &mut diagnostics);
    if let Some(root) = &mut document {
        take(root, schema::ENVIRONMENTS);
        interpolate(root, &Request::default(), &|_| None, &mut diagnostics);
    }
    let spec = document.as_ref().and_then(|document| decode_spec(document, None, &mut sources, &mut diagnostics));
    if let Some(spec) = &spec {
        rules::check(spec, &mut diagnostics);
    }
    let sound = !diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Loaded { spec: spec.filter(|_| sound), document, diagnostics, sources }
}

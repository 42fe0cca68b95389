//! YAML to a typed, located spec: load, overlay, interpolate, decode, check.

pub mod decode;
pub mod diagnostic;
pub mod edit;
mod files;
pub mod fix;
pub mod foreign;
mod hidden;
mod interpolate;
pub mod json_schema;
pub mod known;
mod load;
pub mod located;
pub mod node;
mod overlay;
pub mod render;
pub mod rules;
pub mod schema;
pub mod source;
pub mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::model::digest::hex;
use crate::model::shape::{Field, Shape};
use crate::model::{Address, Kind, Resource, Spec};
use crate::resource::companion;
use decode::{Decoder, join};
use diagnostic::{Diagnostic, Severity};
pub use load::{STDIN, environments, from_text, load};
use node::{Content, Node};
use source::Sources;

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
    /// What could be read of a spec that is none.
    pub draft: Option<Spec>,
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

/// Whatever of a document can be decoded: the rules see the sound parts, so that one run reports everything.
fn decode_spec(
    root: &Node,
    environment: Option<&str>,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Spec {
    let mut decoder = Decoder::new(diagnostics);
    let (head, mut resources) = decode_document(&mut decoder, root);
    let Decoder { locations, secrets, .. } = decoder;
    secrets.into_iter().for_each(|span| sources.mask(span));
    let text = |name: &str| head.get(name).and_then(Value::as_str).map(str::to_owned);
    let (stack, region) = (text("stack").unwrap_or_default(), text("region").unwrap_or_default());
    let map = |name: &str| head.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let (tags, policy) = (map("tags"), map("policy"));
    let digest = digest(&stack, &region, &tags, &policy, &resources);
    files::anchor(&mut resources, &locations, sources);
    let companions = companion::declared(&region, resources.values());
    resources.extend(companions.into_iter().map(|companion| (companion.address.clone(), companion)));
    Spec {
        stack,
        region,
        account_id: text("accountId"),
        environment: environment.map(str::to_owned),
        tags,
        policy,
        aws: map("aws"),
        resources,
        locations,
        digest,
    }
}

/// An environment that was not chosen, or a part of one: what it says is checked, what it leaves out is not.
fn decode_part(root: &Node, name: &str, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) {
    let before = diagnostics.len();
    let mut decoder = Decoder::new(diagnostics);
    decoder.partial = true;
    decode_document(&mut decoder, root);
    let secrets = decoder.secrets;
    secrets.into_iter().for_each(|span| sources.mask(span));
    for diagnostic in &mut diagnostics[before..] {
        diagnostic.path = join(&join(schema::ENVIRONMENTS, name), &diagnostic.path);
    }
}

fn decode_document(decoder: &mut Decoder<'_>, root: &Node) -> (Map<String, Value>, BTreeMap<Address, Resource>) {
    let mut resources = BTreeMap::new();
    let top = schema::top();
    // The head is decoded as one object, the sections one by one: their maps are keyed by id.
    for entry in root.entries() {
        if !top.iter().any(|field| field.name == entry.key.text)
            && let Some(kind) = decoder.unknown_section(entry, root.entries(), &top)
        {
            // A misspelt name hides no fault below it.
            decode_section(decoder, kind, entry, &mut resources);
        }
    }
    let head_entries =
        root.entries().iter().filter(|entry| schema::HEAD.iter().any(|field| field.name == entry.key.text));
    let head_node = Node::new(Content::Map(head_entries.cloned().collect()), root.start());
    let head = match decoder.value(&head_node, &Shape::Object(schema::HEAD), "") {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    for section in root.entries() {
        if let Some(kind) = schema::sections().find(|kind| kind.section() == section.key.text) {
            decode_section(decoder, kind, section, &mut resources);
        }
    }
    (head, resources)
}

fn decode_section(
    decoder: &mut Decoder<'_>,
    kind: Kind,
    section: &node::Entry,
    resources: &mut BTreeMap<Address, Resource>,
) {
    let fields: Vec<Field> = kind.attributes().iter().map(|attribute| attribute.field).collect();
    let path = kind.section().to_owned();
    decoder.record_key(&path, section.key.span);
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
            let message = format!("`{0}` appears twice: AWS keeps ids in lower case", node::shorten(&address.id));
            decoder.report(
                Diagnostic::error("duplicate-key", message)
                    .path(&path)
                    .at(entry.key.span, "again here")
                    .at(first, "first here")
                    .help("keep one of them"),
            );
            continue;
        }
        decoder.record_key(&path, entry.key.span);
        rules::id::declared(kind, &entry.key, &path, decoder);
        if let Some(Value::Object(fields)) = decoder.object_of(kind, &entry.value, &fields, &path) {
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

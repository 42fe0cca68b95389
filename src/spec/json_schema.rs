//! The JSON Schema of a spec, made from the same shapes that the reader uses: an editor completes and
//! explains what the reader takes.

use serde_json::{Map, Value, json};

use super::rules::id;
use super::{decode, known, schema};
use crate::model::Kind;
use crate::model::shape::{Field, Keys, Order, Shape};

/// Where the schema of this version is published: one address a version, so that a spec and the cachectl that
/// reads it agree.
pub const ID: &str =
    concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/v", env!("CARGO_PKG_VERSION"), "/schema/cachectl.schema.json");

/// The comment by which editors with the YAML language server find the schema.
pub fn modeline() -> String {
    format!("# yaml-language-server: $schema={ID}\n")
}

/// The schema as a file; `lint` are the lint rules, each with its reason, which editors offer.
pub fn text(lint: &[(&str, &str)]) -> String {
    serde_json::to_string_pretty(&document(lint)).unwrap_or_default() + "\n"
}

/// The schema; `lint` are the lint rules, each with its reason.
pub fn document(lint: &[(&str, &str)]) -> Value {
    let whole = Writer { partial: false, lint };
    let part = Writer { partial: true, lint };
    let mut definitions = Map::new();
    for writer in [&whole, &part] {
        for kind in schema::sections() {
            definitions.insert(writer.definition(kind), writer.resource(kind));
        }
        definitions.insert(writer.name("secret"), writer.secret());
    }
    let mut environment = whole_or_part(&part);
    environment["description"] =
        json!("What differs in this environment: merged by key over the rest with `-e NAME`; lists are replaced.");
    definitions.insert("environment".to_owned(), environment);
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "description": "One stack of AWS ElastiCache resources: the scope of ownership and pruning.",
    });
    let mut root = whole_or_part(&whole);
    root["properties"][schema::ENVIRONMENTS] = json!({
        "type": ["object", "null"],
        "description": "Environments by name: `-e NAME` merges one over the rest.",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/environment"}, {"type": "null"}]},
    });
    if let (Some(document), Value::Object(root)) = (document.as_object_mut(), root) {
        document.extend(root);
        document.insert("$defs".to_owned(), Value::Object(definitions));
    }
    document
}

/// A spec, or what an environment or an overlay says of one.
fn whole_or_part(writer: &Writer<'_>) -> Value {
    let mut value = writer.object(schema::HEAD);
    for kind in schema::sections() {
        value["properties"][kind.section()] = writer.section(kind);
    }
    value
}

struct Writer<'a> {
    /// Nothing is required: an environment says what differs.
    partial: bool,
    /// Lint rules, each with its reason.
    lint: &'a [(&'a str, &'a str)],
}

impl Writer<'_> {
    fn name(&self, name: &str) -> String {
        if self.partial { format!("{name}.part") } else { name.to_owned() }
    }

    fn definition(&self, kind: Kind) -> String {
        self.name(kind.name())
    }

    fn section(&self, kind: Kind) -> Value {
        let resource = json!({"$ref": format!("#/$defs/{}", self.definition(kind))});
        let (pattern, max) = id::declared_form(kind);
        json!({
            "type": ["object", "null"],
            "description": format!("{} {}", schema::describe(kind), id::words(kind)),
            "propertyNames": {"pattern": pattern, "maxLength": max},
            "additionalProperties": resource,
        })
    }

    fn resource(&self, kind: Kind) -> Value {
        let fields: Vec<Field> = kind.attributes().iter().map(|attribute| attribute.field).collect();
        let mut resource = self.object(&fields);
        resource["description"] = json!(schema::describe(kind));
        for attribute in kind.attributes().iter().filter(|attribute| !attribute.note.is_empty()) {
            // What an editor shows when the pointer rests on the field: what it is, and what changing it does.
            let property = &mut resource["properties"][attribute.field.name];
            property["description"] = json!(format!("{} {}", attribute.field.doc, sentence(attribute.note)));
        }
        if self.partial || !fields.iter().any(|field| field.required) {
            resource["type"] = json!(["object", "null"]);
        }
        resource
    }

    fn object(&self, fields: &[Field]) -> Value {
        let properties: Map<String, Value> =
            fields.iter().map(|field| (field.name.to_owned(), self.property(field))).collect();
        let mut value = json!({"type": "object", "properties": properties, "additionalProperties": false});
        let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
        if !self.partial && !required.is_empty() {
            value["required"] = json!(required);
        }
        value
    }

    fn property(&self, field: &Field) -> Value {
        let mut value = self.shape(&field.shape);
        if field.nullable {
            value = json!({"anyOf": [value, {"type": "null"}]});
        }
        value["description"] = json!(field.doc);
        self.offer_keys(field, &mut value);
        if let Some(word) = field.default {
            value["default"] = json!(word);
        }
        let offered = match field.name {
            "rule" => self.lint.iter().map(|(id, _)| *id).collect(),
            name => known::words(name, &field.shape),
        };
        if !offered.is_empty() {
            value["examples"] = json!(offered);
        } else if let Some(example) = example(&field.shape) {
            value["examples"] = json!([example]);
        }
        value
    }

    /// Keys of a map that are known, though it may hold others.
    fn offer_keys(&self, field: &Field, value: &mut Value) {
        let inner = value["additionalProperties"].clone();
        if !inner.is_object() {
            return;
        }
        let described = |text: &str| {
            let mut inner = inner.clone();
            inner["description"] = json!(text);
            inner
        };
        let keys: Map<String, Value> = match field.name {
            "lint" => {
                let all = std::iter::once(("*", "All rules that have no line of their own."));
                all.chain(self.lint.iter().copied()).map(|(id, why)| (id.to_owned(), described(why))).collect()
            }
            "override" => known::preset_metrics()
                .map(|metric| (metric.to_owned(), described(&format!("The preset's alarm on {metric}."))))
                .collect(),
            _ => return,
        };
        value["properties"] = Value::Object(keys);
    }

    fn secret(&self) -> Value {
        let mut value = self.object(decode::SECRET_FIELDS);
        value["description"] = json!("Where a secret is kept; the secret itself never stands in a spec.");
        value["oneOf"] = decode::SECRET_PLACES.iter().map(|place| json!({"required": [place]})).collect();
        value
    }

    fn shape(&self, of: &Shape) -> Value {
        match of {
            Shape::Text { pattern, min, max, .. } => {
                let mut value = json!({"type": "string", "minLength": min, "maxLength": max});
                match pattern {
                    Some(pattern) if *min <= 1 && *max >= LONG => {
                        value["pattern"] = json!(format!("(?:{pattern})|{VARIABLE}"));
                        value
                    }
                    Some(pattern) => {
                        value["pattern"] = json!(pattern);
                        or_variable(value)
                    }
                    None if *min > 1 || (*min > 0 && *max < LONG) => or_variable(value),
                    None => value,
                }
            }
            Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
            Shape::Integer { min, max } => {
                json!({"type": ["integer", "string"], "minimum": min, "maximum": max, "pattern": VARIABLE})
            }
            Shape::Number => json!({"type": ["number", "string"], "pattern": VARIABLE}),
            Shape::Decimal { min, max } => {
                json!({"type": ["number", "string"], "minimum": min, "maximum": max, "pattern": VARIABLE})
            }
            Shape::Bool => json!({"type": ["boolean", "string"], "pattern": VARIABLE}),
            Shape::Enum(words) => or_variable(json!({"enum": words})),
            Shape::Version => {
                json!({"type": "string", "pattern": format!("^[0-9]{{1,9}}\\.([0-9]{{1,9}}|x)(\\.[0-9]{{1,9}})?$|{VARIABLE}")})
            }
            Shape::Duration => {
                json!({"type": "string", "pattern": format!("^(?=[0-9.]*[1-9])[0-9]+(\\.[0-9]+)?(ms|s|m|h)$|{VARIABLE}")})
            }
            Shape::Reference(kind) => {
                let (pattern, max) = id::form_of(*kind);
                or_variable(json!({"type": "string", "pattern": pattern, "maxLength": max}))
            }
            Shape::Secret => json!({"$ref": format!("#/$defs/{}", self.name("secret"))}),
            Shape::List { of, min, max, order } => {
                let mut value = json!({"type": "array", "items": self.shape(of), "maxItems": max});
                if *min > 0 {
                    value["minItems"] = json!(min);
                }
                if *order == Order::Any {
                    value["uniqueItems"] = json!(true);
                }
                value
            }
            Shape::Map { of, keys } => {
                let mut inner = self.shape(of);
                if *keys == Keys::Removable {
                    inner = json!({"anyOf": [inner, {"type": "null"}]});
                }
                json!({"type": "object", "additionalProperties": inner})
            }
            Shape::Object(fields) => self.object(fields),
            Shape::OrNone(of) => json!({"anyOf": [{"const": "none"}, self.shape(of)]}),
        }
    }
}

/// The name of a variable fits into any text that may be this long.
const LONG: usize = 255;
/// What stands for a variable's value, as a pattern.
const VARIABLE: &str = "\\$\\{.+\\}";

/// `${...}` may stand for any scalar.
fn or_variable(value: Value) -> Value {
    json!({"anyOf": [value, {"type": "string", "pattern": VARIABLE}]})
}

fn example(shape: &Shape) -> Option<Value> {
    match shape {
        Shape::Text { example: "", .. } => None,
        Shape::Text { example, .. } => Some(json!(example)),
        Shape::Version => Some(json!("8.0")),
        Shape::Duration => Some(json!("10s")),
        Shape::List { of, .. } => Some(json!([example(of)?])),
        Shape::Secret => Some(json!({"secretsManager": "prod/cache", "key": "password"})),
        _ => None,
    }
}

fn sentence(note: &str) -> String {
    let mut letters = note.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let end = if note.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// What a value looks like, in words.
pub fn words(of: &Shape) -> String {
    match of {
        Shape::Text { example: "", min, max, .. } => format!("text of {min} to {max} characters"),
        Shape::Text { example, .. } => format!("text such as {example}"),
        Shape::Scalar => "text, a number or a word".into(),
        Shape::Integer { min, max } => format!("a whole number, {min} to {max}"),
        Shape::Number => "a number".into(),
        Shape::Decimal { min, max } => format!("a number, {min} to {max}"),
        Shape::Bool => "true or false".into(),
        Shape::Enum(words) => words.join(", "),
        Shape::Version => "a version in quotes, such as \"8.0\"".into(),
        Shape::Duration => "a length of time, such as 10s".into(),
        Shape::Reference(kind) => format!("the id of a {kind}"),
        Shape::Secret => "{secretsManager: NAME, key: KEY}, {ssm: NAME}, {env: NAME} or {file: PATH}".into(),
        Shape::List { of, .. } => format!("a list: {}", words(of)),
        Shape::Map { of, .. } => format!("a map: {}", words(of)),
        Shape::Object(fields) => {
            format!("{{{}}}", fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", "))
        }
        Shape::OrNone(of) => format!("none, or {}", words(of)),
    }
}

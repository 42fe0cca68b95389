//! The JSON Schema of a spec, made from the same shapes that the reader uses.

use serde_json::{Map, Value, json};

use super::schema;
use crate::resource::Kind;
use crate::resource::shape::{Field, Keys, Order, Shape};

pub fn text() -> String {
    serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n"
}

pub fn document() -> Value {
    let head = object(schema::HEAD);
    let mut properties = head["properties"].as_object().cloned().unwrap_or_default();
    for kind in schema::sections() {
        properties.insert(kind.section().to_owned(), section(kind));
    }
    // An environment may say anything that a spec may, in part.
    let environment =
        json!({"type": "object", "description": "Merged by key over the rest with `-e NAME`; lists are replaced."});
    properties.insert(
        schema::ENVIRONMENTS.to_owned(),
        json!({
            "type": "object",
            "description": "Differences by environment.",
            "additionalProperties": environment,
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cachectl spec",
        "description": "One stack of AWS ElastiCache resources.",
        "type": "object",
        "properties": properties,
        "required": head["required"],
        "additionalProperties": false,
    })
}

fn section(kind: Kind) -> Value {
    let fields: Vec<Field> = kind.attributes().iter().map(|attribute| attribute.field).collect();
    let mut resource = object(&fields);
    resource["description"] = json!(format!("A {kind}."));
    let required = fields.iter().any(|field| field.required);
    if !required {
        resource["type"] = json!(["object", "null"]);
    }
    json!({"type": ["object", "null"], "description": format!("Resources of kind {kind}, by id."), "additionalProperties": resource})
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn property(field: &Field) -> Value {
    let mut value = shape(&field.shape);
    if field.nullable {
        value = json!({"anyOf": [value, {"type": "null"}]});
    }
    value["description"] = json!(field.doc);
    value
}

/// A place for a variable: `${...}` may stand for any scalar.
fn or_variable(value: Value) -> Value {
    json!({"anyOf": [value, {"type": "string", "pattern": "\\$\\{.+\\}"}]})
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Text { pattern, min, max, example } => {
            let mut value = json!({"type": "string", "minLength": min, "maxLength": max});
            if let Some(pattern) = pattern {
                value["pattern"] = json!(pattern);
                value = or_variable(value);
            }
            if !example.is_empty() {
                value["examples"] = json!([example]);
            }
            value
        }
        Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Shape::Integer { min, max } => or_variable(json!({"type": "integer", "minimum": min, "maximum": max})),
        Shape::Number => or_variable(json!({"type": "number"})),
        Shape::Bool => or_variable(json!({"type": "boolean"})),
        Shape::Enum(words) => or_variable(json!({"enum": words})),
        Shape::Version => {
            or_variable(json!({"type": "string", "pattern": "^[0-9]+\\.([0-9]+|x)(\\.[0-9]+)?$", "examples": ["8.0"]}))
        }
        Shape::Duration => {
            or_variable(json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$", "examples": ["10s"]}))
        }
        Shape::Reference(kind) => json!({"type": "string", "minLength": 1, "description": format!("Id of a {kind}.")}),
        Shape::Secret => json!({
            "type": "object",
            "oneOf": [{"required": ["secretsManager"]}, {"required": ["ssm"]}, {"required": ["env"]}, {"required": ["file"]}],
            "properties": {
                "secretsManager": {"type": "string", "description": "Name or ARN of a Secrets Manager secret."},
                "ssm": {"type": "string", "description": "Name of an SSM parameter."},
                "env": {"type": "string", "description": "Environment variable."},
                "file": {"type": "string", "description": "File; a line end at its end is cut off."},
                "key": {"type": "string", "description": "Key within the secret's JSON."},
            },
            "additionalProperties": false,
        }),
        Shape::List { of, min, max, order } => {
            let unique = *order == Order::Any;
            json!({"type": "array", "items": shape(of), "minItems": min, "maxItems": max, "uniqueItems": unique})
        }
        Shape::Map { of, keys } => {
            let mut inner = shape(of);
            if *keys == Keys::Removable {
                inner = json!({"anyOf": [inner, {"type": "null"}]});
            }
            json!({"type": "object", "additionalProperties": inner})
        }
        Shape::Object(fields) => object(fields),
        Shape::OrNone(of) => json!({"anyOf": [{"const": "none"}, shape(of)]}),
    }
}

/// What a value looks like, in words.
pub fn words(of: &Shape) -> String {
    match of {
        Shape::Text { example: "", min, max, .. } => format!("text of {min} to {max} characters"),
        Shape::Text { example, .. } => format!("text such as {example}"),
        Shape::Scalar => "text, a number or a word".into(),
        Shape::Integer { min, max } => format!("a whole number, {min} to {max}"),
        Shape::Number => "a number".into(),
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

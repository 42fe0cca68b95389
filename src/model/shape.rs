//! The shapes that values of a spec take. One description drives the reader, its messages, the JSON
//! Schema, the documentation, and the translation to and from the API's member names.

use serde_json::{Map, Value};

use crate::model::Kind;

/// The form of a value of a spec.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text, by length and, where the API has one, pattern.
    Text {
        pattern: Option<&'static str>,
        min: usize,
        max: usize,
        example: &'static str,
    },
    /// Text that may be written as a bare number or word: parameter and tag values.
    Scalar,
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    /// A number with bounds, both included.
    Decimal {
        min: f64,
        max: f64,
    },
    Bool,
    Enum(&'static [&'static str]),
    /// `major.minor`, `6.x`, or `5.0.6`; always a string, since YAML reads 8.0 as a number.
    Version,
    /// A length of time that is longer than nothing, such as `10s` or `5m`.
    Duration,
    /// The id of another resource: one of this spec or an existing one.
    Reference(Kind),
    /// Where a secret is kept, never the secret.
    Secret,
    List {
        of: &'static Shape,
        min: usize,
        max: usize,
        order: Order,
    },
    Map {
        of: &'static Shape,
        keys: Keys,
    },
    Object(&'static [Field]),
    /// The word `none`, or the shape.
    OrNone(&'static Shape),
}

/// What the order of a list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A set: the API may return it in any order.
    Any,
    Kept,
    /// A set of objects told apart by this field.
    By(&'static str),
}

/// What the keys of a map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Ids of resources, which AWS keeps in lower case.
    Ids,
    Any,
    /// Keys whose value may be `null`, which removes what AWS has under that key.
    Removable,
}

/// One named value: `name` in the spec, `member` in the API.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    /// Empty for what is cachectl's own.
    pub member: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// `null` clears it.
    pub nullable: bool,
    /// The word that stands for it where it is left out.
    pub default: Option<&'static str>,
    pub doc: &'static str,
}

impl Field {
    /// A field that may be left out, that `null` does not clear, and that has no default.
    pub const fn new(name: &'static str, member: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, member, shape, required: false, nullable: false, default: None, doc }
    }

    /// The field as one that a spec must declare.
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The field as one that is read as this word where a spec leaves it out.
    pub const fn default(self, word: &'static str) -> Self {
        Self { default: Some(word), ..self }
    }

    /// The field as one that `null` clears.
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// A text of 1 to `max` characters.
pub const fn text(max: usize) -> Shape {
    Shape::Text { pattern: None, min: 1, max, example: "" }
}

/// A text of 1 to `max` characters that matches a regular expression, with an example of one.
pub const fn pattern(pattern: &'static str, max: usize, example: &'static str) -> Shape {
    Shape::Text { pattern: Some(pattern), min: 1, max, example }
}

/// A whole number from `min` to `max`, both included.
pub const fn integer(min: i64, max: i64) -> Shape {
    Shape::Integer { min, max }
}

/// A number from `min` to `max`, both included.
pub const fn decimal(min: f64, max: f64) -> Shape {
    Shape::Decimal { min, max }
}

/// A set of `min` to `max` values, which AWS may return in any order.
pub const fn list(of: &'static Shape, min: usize, max: usize) -> Shape {
    Shape::List { of, min, max, order: Order::Any }
}

/// Tags by key; `null` removes one.
pub const TAGS: Shape = Shape::Map { of: &Shape::Scalar, keys: Keys::Removable };
/// The ARN of a resource of any service, without a comma.
pub const ARN: Shape = pattern("^arn:aws[a-z-]*:[^,]+$", 2048, "arn:aws:sns:us-east-1:012345678901:platform-alerts");
/// An RDB file in S3; AWS splits at commas.
pub const S3_ARN: Shape = pattern("^arn:aws[a-z-]*:s3:[^,]*:[^,]+$", 2048, "arn:aws:s3:::my-bucket/cache.rdb");
/// The ARN of a snapshot that a serverless cache is filled from.
pub const SNAPSHOT_ARN: Shape =
    pattern("^arn:aws[a-z-]*:[^,]+$", 2048, "arn:aws:elasticache:us-east-1:012345678901:serverlesssnapshot:nightly");

impl Shape {
    /// The value of a spec as the API's request has it.
    pub fn to_api(&self, value: &Value) -> Value {
        match (self, value) {
            (Shape::Object(fields), Value::Object(map)) => Value::Object(
                map.iter()
                    .filter_map(|(name, value)| {
                        let field = fields.iter().find(|field| field.name == name)?;
                        Some((field.member.to_owned(), field.shape.to_api(value)))
                    })
                    .collect(),
            ),
            (Shape::List { of, .. }, Value::Array(items)) => items.iter().map(|item| of.to_api(item)).collect(),
            (Shape::OrNone(of), value) => of.to_api(value),
            _ => value.clone(),
        }
    }

    /// A value of the API's answer as the spec has it; members that no field knows are left out.
    pub fn from_api(&self, value: &Value) -> Value {
        match (self, value) {
            (Shape::Object(fields), Value::Object(map)) => {
                let mut out = Map::new();
                for field in *fields {
                    if let Some(value) = map.get(field.member).filter(|value| !value.is_null()) {
                        out.insert(field.name.to_owned(), field.shape.from_api(value));
                    }
                }
                Value::Object(out)
            }
            (Shape::List { of, .. }, Value::Array(items)) => items.iter().map(|item| of.from_api(item)).collect(),
            (Shape::OrNone(of), value) => of.from_api(value),
            _ => value.clone(),
        }
    }

    /// A live value as people declare it.
    ///
    /// Words are in the spec's letter case, versions without the patch level that is AWS's, sets in a steady order.
    pub fn tidy(&self, value: &Value) -> Value {
        match (self, value) {
            (Shape::Enum(words), Value::String(text)) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
                word.map_or_else(|| value.clone(), |word| Value::from(*word))
            }
            (Shape::Reference(_), Value::String(text)) => Value::from(text.to_ascii_lowercase()),
            (Shape::Version, Value::String(text)) => Value::from(super::version::declared(text)),
            (Shape::List { of, order, .. }, Value::Array(items)) => {
                let mut items: Vec<Value> = items.iter().map(|item| of.tidy(item)).collect();
                if *order == Order::Any {
                    items.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
                }
                Value::Array(items)
            }
            (Shape::Object(fields), Value::Object(map)) => Value::Object(
                fields
                    .iter()
                    .filter_map(|field| Some((field.name.to_owned(), field.shape.tidy(map.get(field.name)?))))
                    .collect(),
            ),
            (Shape::OrNone(of), value) => of.tidy(value),
            _ => value.clone(),
        }
    }

    /// Do these two say the same? `declared` may leave out what AWS fills in.
    pub fn same(&self, declared: &Value, live: &Value) -> bool {
        match (self, declared, live) {
            (Shape::List { of, order, .. }, Value::Array(declared), Value::Array(live)) => {
                if declared.len() != live.len() {
                    return false;
                }
                match order {
                    Order::Kept => declared.iter().zip(live).all(|(declared, live)| of.same(declared, live)),
                    Order::Any | Order::By(_) => {
                        declared.iter().all(|declared| live.iter().any(|live| of.same(declared, live)))
                            && live.iter().all(|live| declared.iter().any(|declared| of.same(declared, live)))
                    }
                }
            }
            (Shape::Object(fields), Value::Object(declared), Value::Object(live)) => {
                declared.iter().all(|(name, declared)| {
                    let Some(field) = fields.iter().find(|field| field.name == name) else { return true };
                    match live.get(name) {
                        Some(live) => field.shape.same(declared, live),
                        None => is_empty(declared),
                    }
                })
            }
            (Shape::Enum(_) | Shape::Reference(_), Value::String(declared), Value::String(live)) => {
                declared.eq_ignore_ascii_case(live)
            }
            (Shape::Version, Value::String(declared), Value::String(live)) => super::version::same(declared, live),
            (Shape::Number | Shape::Decimal { .. }, declared, live) => declared.as_f64() == live.as_f64(),
            (Shape::OrNone(of), declared, live) => of.same(declared, live),
            _ => declared == live,
        }
    }
}

/// Does the value say "nothing", as `null`, an empty list and an empty map do?
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

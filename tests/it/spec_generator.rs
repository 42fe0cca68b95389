//! Documents made from the spec's own shapes: every field of every kind comes up, in values that the
//! reader takes; and the same with one thing wrong.

use cachectl::model::shape::{Field, Keys, Order, Shape};
use cachectl::spec::schema;
use serde_json::{Map, Value, json};

/// A small random generator, so that a seed says everything.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub(crate) fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Words that YAML readers stumble over, beside plain ones.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "alpha", "no", "on", "8.0", "012345678901", "null", "~", "true", "a: b", "# not a comment", " leading", "trailing ", "it's",
    "say \"so\"", "tab\there", "two\nlines", "- dash", "? question", "*star", "&and", "!bang", "%percent", "@at", "`tick`", "[a, b]",
    "{a: b}", "ünï¢ødé", "漢字", "…", "😀", "a\\b", "$dollar", "${", "$${var.x}", "|", ">", "<<", "---", "...", "1e3", "0x1F", ".inf",
    "\u{feff}bom", "\u{7f}", "\u{85}next", "\u{2028}line", "-", "=", "x",
];

/// A spec as JSON, which is YAML too. Rules across fields may still refuse it.
pub(crate) fn document(random: &mut Random) -> Value {
    let mut root = object(random, schema::HEAD, 2);
    root.remove("vars");
    root.insert("apiVersion".into(), json!("cachectl/v1"));
    for kind in schema::sections() {
        if random.chance(3) {
            continue;
        }
        let fields: Vec<Field> = kind.attributes().iter().map(|attribute| attribute.field).collect();
        let mut resources = Map::new();
        for index in 0..random.below(3) {
            let one_in = 1 + random.below(4);
            resources.insert(
                format!("{}-{index}", kind.name().to_lowercase()),
                Value::Object(object(random, &fields, one_in)),
            );
        }
        root.insert(kind.section().into(), Value::Object(resources));
    }
    Value::Object(root)
}

/// Required fields, and one in so many of the others.
fn object(random: &mut Random, fields: &[Field], one_in: usize) -> Map<String, Value> {
    let mut out = Map::new();
    for field in fields {
        if field.required || random.chance(one_in) {
            let value = if field.nullable && random.chance(5) { Value::Null } else { value(random, &field.shape) };
            out.insert(field.name.to_owned(), value);
        }
    }
    out
}

fn text(random: &mut Random, min: usize, max: usize) -> String {
    let mut out = (*random.of(WORDS)).to_owned();
    // What looks like a variable would be one.
    out = out.replace("${", "$${").replace("$$$", "$$");
    while out.chars().count() < min {
        out.push('x');
    }
    out.chars().take(max).collect()
}

pub(crate) fn value(random: &mut Random, shape: &Shape) -> Value {
    match shape {
        Shape::Text { pattern: Some(_), example, .. } => json!(example.trim_matches('"')),
        Shape::Text { min, max, .. } => json!(text(random, *min, *max)),
        Shape::Scalar => match random.below(3) {
            0 => json!(random.below(1000)),
            1 => json!(random.chance(2)),
            _ => json!(text(random, 0, 200)),
        },
        Shape::Integer { min, max } => {
            let edge = [*min, *max, min + random.below(((max - min) as usize).max(1)) as i64];
            json!(random.of(&edge))
        }
        Shape::Decimal { min, max } => json!(random.of(&[*min, *max])),
        Shape::Number => {
            if random.chance(2) {
                json!(random.below(1000))
            } else {
                json!(random.below(1000) as f64 / 8.0)
            }
        }
        Shape::Bool => json!(random.chance(2)),
        Shape::Enum(words) => json!(random.of(words)),
        Shape::Version => json!(random.of(&["7.2", "8.0", "6.x", "5.0.6", "7.1"])),
        Shape::Duration => json!(random.of(&["10s", "500ms", "1.5m", "1h"])),
        Shape::Reference(kind) => json!(format!("{}-0", kind.name().to_lowercase())),
        Shape::Secret => random
            .of(&[
                json!({"secretsManager": "prod/cache", "key": "token"}),
                json!({"secretsManager": "prod/cache"}),
                json!({"ssm": "/prod/cache"}),
                json!({"env": "CACHE_TOKEN"}),
                json!({"file": "token.txt"}),
            ])
            .clone(),
        Shape::List { of, min, max, order } => {
            let count = (*min).max(random.below((*max).min(4) + 1));
            let mut items: Vec<Value> = Vec::new();
            for _ in 0..count * 3 {
                let item = value(random, of);
                let twin = |other: &Value| match order {
                    Order::Any => *other == item,
                    Order::By(key) => other.get(*key) == item.get(*key),
                    Order::Kept => false,
                };
                if items.len() < count && !items.iter().any(twin) {
                    items.push(item);
                }
            }
            // Too few different ones: the same list, shorter, or the words that there are.
            if items.len() < *min { json!([value(random, of)]) } else { Value::Array(items) }
        }
        Shape::Map { of, keys } => {
            let mut out = Map::new();
            for index in 0..random.below(4) {
                let item = if *keys == Keys::Removable && random.chance(5) { Value::Null } else { value(random, of) };
                out.insert(format!("key-{index}"), item);
            }
            Value::Object(out)
        }
        Shape::Object(fields) => Value::Object(object(random, fields, 2)),
        Shape::OrNone(of) => {
            if random.chance(4) {
                json!("none")
            } else {
                value(random, of)
            }
        }
    }
}

/// The document with one thing changed: a key, a value, a type, a length.
pub(crate) fn spoilt(random: &mut Random, document: &Value) -> Value {
    let mut document = document.clone();
    let mut paths = Vec::new();
    collect("", &document, &mut paths);
    let Some(path) = (!paths.is_empty()).then(|| random.of(&paths).clone()) else { return document };
    let (above, last) = path.rsplit_once('/').unwrap_or(("", &path));
    let last = last.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(above) {
        Some(Value::Object(map)) => match random.below(5) {
            0 => drop(map.remove(&last)),
            1 => drop(map.insert("unknown".into(), json!(1))),
            2 => {
                if let Some(value) = map.remove(&last) {
                    map.insert(format!("{last}x"), value);
                }
            }
            _ => drop(map.insert(last, other(random))),
        },
        Some(Value::Array(items)) => {
            let index: usize = last.parse().unwrap_or(0);
            match random.below(3) {
                0 => drop(items.remove(index)),
                1 => items.insert(index, items[index].clone()),
                _ => items[index] = other(random),
            }
        }
        _ => {}
    }
    document
}

fn other(random: &mut Random) -> Value {
    random
        .of(&[
            json!(null),
            json!(true),
            json!("yes"),
            json!(""),
            json!("word"),
            json!(-1),
            json!(1),
            json!(1_000_000_000),
            json!(0.5),
            json!([]),
            json!({}),
            json!(["a", "b"]),
            json!({"a": 1}),
            json!("none"),
            json!("7.2"),
            json!("x".repeat(3000)),
        ])
        .clone()
}

fn collect(path: &str, value: &Value, out: &mut Vec<String>) {
    let mut below = |key: String, value: &Value| {
        let path = format!("{path}/{key}");
        out.push(path.clone());
        collect(&path, value, out);
    };
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| below(key.replace('~', "~0").replace('/', "~1"), value));
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| below(index.to_string(), item)),
        _ => {}
    }
}

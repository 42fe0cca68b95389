//! What the SDK read, as JSON by the API's own member names: the planner's only view of AWS.

use aws_sdk_elasticache::types as ec;
use serde_json::{Map, Value, json};

/// Anything that the SDK returns for a member; nothing where AWS said nothing.
pub(super) trait Member {
    fn json(self) -> Option<Value>;
}

impl Member for Option<&str> {
    fn json(self) -> Option<Value> {
        self.map(Value::from)
    }
}

impl Member for Option<bool> {
    fn json(self) -> Option<Value> {
        self.map(Value::from)
    }
}

impl Member for Option<i32> {
    fn json(self) -> Option<Value> {
        self.map(Value::from)
    }
}

impl Member for Option<f64> {
    fn json(self) -> Option<Value> {
        // Thresholds are mostly whole numbers, and are declared as such.
        self.map(
            |number| if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) },
        )
    }
}

impl Member for &[String] {
    fn json(self) -> Option<Value> {
        (!self.is_empty()).then(|| json!(self))
    }
}

impl Member for Vec<Value> {
    fn json(self) -> Option<Value> {
        (!self.is_empty()).then_some(Value::Array(self))
    }
}

impl Member for Option<Value> {
    fn json(self) -> Option<Value> {
        self.filter(|value| !value.as_object().is_some_and(Map::is_empty))
    }
}

/// A description by the API's member names.
macro_rules! record {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut map = serde_json::Map::new();
        $(if let Some(value) = $crate::aws::record::Member::json($value) { map.insert($name.to_owned(), value); })*
        serde_json::Value::Object(map)
    }};
}
pub(super) use record;

pub(super) fn endpoint(endpoint: Option<&ec::Endpoint>) -> Option<Value> {
    endpoint.map(|endpoint| record! { "Address": endpoint.address(), "Port": endpoint.port() })
}

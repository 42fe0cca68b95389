//! awsJson1.0 and 1.1: CloudWatch for older clients, tagging, Secrets Manager, SSM.

use serde_json::{Map, Number, Value};

use super::{input::Input, output::Output};
use crate::refusal::Refusal;

pub(crate) fn parse(body: &[u8]) -> Result<Input, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Input::Map(Default::default()));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::serialization(format!("The JSON body is malformed: {error}")))?;
    Ok(read(value))
}

pub(crate) fn read(value: Value) -> Input {
    match value {
        Value::Null => Input::Null,
        Value::Bool(value) => Input::Bool(value),
        Value::Number(number) => {
            number.as_i64().map(Input::Int).or_else(|| number.as_f64().map(Input::Float)).unwrap_or(Input::Null)
        }
        Value::String(text) => Input::Text(text),
        Value::Array(items) => Input::List(items.into_iter().map(read).collect()),
        Value::Object(members) => Input::Map(members.into_iter().map(|(name, value)| (name, read(value))).collect()),
    }
}

pub(crate) fn answer(result: Option<&Output>) -> Vec<u8> {
    result.map_or_else(|| Value::Object(Map::new()), write).to_string().into_bytes()
}

pub(crate) fn refusal(shape: &str, refusal: &Refusal) -> Vec<u8> {
    serde_json::json!({"__type": shape, "message": refusal.message, "Message": refusal.message})
        .to_string()
        .into_bytes()
}

pub(crate) fn write(value: &Output) -> Value {
    match value {
        Output::Text(text) => Value::String(text.clone()),
        Output::Int(value) => Value::Number((*value).into()),
        Output::Float(value) | Output::Time(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        Output::Bool(value) => Value::Bool(*value),
        Output::List(_, items) => Value::Array(items.iter().map(write).collect()),
        Output::Map(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.to_string(), write(value))).collect())
        }
    }
}

//! Smithy rpc-v2-cbor, which the AWS SDK for Rust and newer boto3 speak to CloudWatch.

use std::collections::BTreeMap;

use ciborium::Value;

use super::{input::Input, output::Output};
use crate::refusal::Refusal;

/// CBOR's tag for a time in seconds since 1970.
const TIME: u64 = 1;

pub(crate) fn parse(body: &[u8]) -> Result<Input, Refusal> {
    if body.is_empty() {
        return Ok(Input::Map(BTreeMap::new()));
    }
    let value: Value = ciborium::from_reader(body)
        .map_err(|error| Refusal::serialization(format!("The CBOR body is malformed: {error}")))?;
    Ok(read(value))
}

fn read(value: Value) -> Input {
    match value {
        Value::Bool(value) => Input::Bool(value),
        Value::Integer(value) => Input::Int(i64::try_from(i128::from(value)).unwrap_or(i64::MAX)),
        Value::Float(value) => Input::Float(value),
        Value::Text(value) => Input::Text(value),
        Value::Bytes(value) => Input::Text(String::from_utf8_lossy(&value).into_owned()),
        Value::Array(items) => Input::List(items.into_iter().map(read).collect()),
        Value::Map(members) => Input::Map(
            members.into_iter().filter_map(|(key, value)| Some((key.into_text().ok()?, read(value)))).collect(),
        ),
        Value::Tag(TIME, inner) => read(*inner).as_float().map_or(Input::Null, Input::Time),
        Value::Tag(_, inner) => read(*inner),
        _ => Input::Null,
    }
}

pub(crate) fn answer(result: Option<&Output>) -> Vec<u8> {
    encode(&result.map_or_else(|| Value::Map(Vec::new()), write))
}

/// `shape` is the error's name in the API model; its query code travels in a header.
pub(crate) fn refusal(shape: &str, refusal: &Refusal) -> Vec<u8> {
    let member = |name: &str, text: &str| (Value::Text(name.into()), Value::Text(text.into()));
    encode(&Value::Map(vec![
        member("__type", &format!("com.amazonaws.cloudwatch#{shape}")),
        member("message", &refusal.message),
        member("Message", &refusal.message),
    ]))
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into a vector has no error to report.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

fn write(value: &Output) -> Value {
    match value {
        Output::Text(text) => Value::Text(text.clone()),
        Output::Int(value) => Value::Integer((*value).into()),
        Output::Float(value) => Value::Float(*value),
        Output::Bool(value) => Value::Bool(*value),
        Output::Time(seconds) => Value::Tag(TIME, Box::new(Value::Float(*seconds))),
        Output::List(_, items) => Value::Array(items.iter().map(write).collect()),
        Output::Map(members) => {
            Value::Map(members.iter().map(|(name, value)| (Value::Text(name.to_string()), write(value))).collect())
        }
    }
}

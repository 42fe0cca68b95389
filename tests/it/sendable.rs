//! What a plan says can be sent, and what a row reads is read: a member that the call builder or the reader does not
//! know fails here, and not at a customer's scale-out.

use std::sync::LazyLock;

use cachectl::aws::error::Kind as ErrorKind;
use cachectl::aws::{Access, Aws, Settings, kinds};
use cachectl::model::attribute::{Attribute, Read, Route};
use cachectl::model::shape::Shape;
use cachectl::model::{Kind, Operation};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

/// Clients that build every call and send none.
static BUILDER: LazyLock<(Runtime, Aws)> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let settings = Settings {
        region: "us-east-1".into(),
        profile: None,
        role: None,
        endpoint_url: Some("http://127.0.0.1:9".into()),
        access: Access::ReadOnly,
    };
    let aws = runtime.block_on(Aws::connect(&settings));
    (runtime, aws.unwrap())
});

/// Why the call builder does not take these parameters.
pub fn unsendable(operation: Operation, parameters: &Map<String, Value>) -> Option<String> {
    let (runtime, aws) = &*BUILDER;
    match runtime.block_on(kinds::execute(aws, operation, parameters.clone())) {
        // It was built, and would have been sent.
        Err(error) if error.kind == ErrorKind::ReadOnly => None,
        other => Some(format!("{operation} {parameters:?}: {other:?}")),
    }
}

/// A value of the spec that holds every field of its shape.
fn sample(shape: &Shape) -> Value {
    match shape {
        Shape::Text { example, .. } => json!(if example.is_empty() { "text" } else { example }),
        Shape::Scalar | Shape::Reference(_) => json!("text"),
        Shape::Integer { min, .. } => json!(min),
        Shape::Number | Shape::Decimal { .. } => json!(1.5),
        Shape::Bool => json!(true),
        Shape::Enum(words) => json!(words[0]),
        Shape::Version => json!("8.0"),
        Shape::Duration => json!("10s"),
        // By then it was put in place of its reference.
        Shape::Secret => json!("0123456789abcdef"),
        Shape::List { of, .. } => json!([sample(of)]),
        Shape::Map { of, .. } => json!({"key": sample(of)}),
        Shape::Object(fields) => {
            Value::Object(fields.iter().map(|field| (field.name.to_owned(), sample(&field.shape))).collect())
        }
        Shape::OrNone(of) => sample(of),
    }
}

fn sent(row: &Attribute) -> (String, Value) {
    (row.field.member.to_owned(), row.field.shape.to_api(&sample(&row.field.shape)))
}

#[test]
fn every_member_of_every_row_can_be_sent() {
    let mut unknown = Vec::new();
    for kind in Kind::ALL {
        for row in kind.attributes() {
            let call = match row.route {
                Route::Local => continue,
                _ if !row.later => kind.row().calls.create,
                Route::Call(_) => kind.row().calls.modify,
                _ => continue,
            };
            let (member, value) = sent(row);
            let parameters = |operation: Operation| (operation, Map::from_iter([(member.clone(), value.clone())]));
            let mut calls = vec![parameters(call)];
            if matches!(row.route, Route::Call(_)) {
                calls.push(parameters(kind.row().calls.modify));
            }
            unknown.extend(calls.iter().filter_map(|(operation, parameters)| unsendable(*operation, parameters)));
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_member_that_a_row_reads_is_read() {
    let described = |source: &'static str, function: &str| {
        let start = source.find(&format!("fn {function}(")).unwrap_or_else(|| panic!("no {function}"));
        let end = source[start..].find("\n}").map_or(source.len(), |end| start + end);
        &source[start..end]
    };
    for kind in Kind::ALL {
        let source = match kind {
            Kind::SubnetGroup => include_str!("../../src/aws/kinds/subnet_group.rs"),
            Kind::ParameterGroup => include_str!("../../src/aws/kinds/parameter_group.rs"),
            Kind::User => include_str!("../../src/aws/kinds/user.rs"),
            Kind::UserGroup => include_str!("../../src/aws/kinds/user_group.rs"),
            Kind::ReplicationGroup => include_str!("../../src/aws/kinds/replication_group.rs"),
            Kind::ServerlessCache => include_str!("../../src/aws/kinds/serverless_cache.rs"),
            Kind::Alarm => include_str!("../../src/aws/kinds/alarm.rs"),
        };
        for row in kind.attributes() {
            let (text, member) = match row.read {
                Read::Own(member) => (described(source, "describe"), member),
                Read::Member(member) => (described(source, "describe_member"), member),
                Read::With(_) | Read::Never => continue,
            };
            assert!(text.contains(&format!("\"{member}\":")), "{kind} {}: {member} is not read", row.field.name);
        }
    }
}

//! What a plan says can be sent, and what a row reads is read: a member that the call builder or the reader does not
//! know fails here, and not at a customer's scale-out.

use std::sync::LazyLock;

use cachectl::aws::error::Kind as ErrorKind;
use cachectl::aws::{Access, Aws, Settings, kinds};
use cachectl::model::attribute::{Attribute, Read, Route};
use cachectl::model::shape::Shape;
use cachectl::model::{Kind, Operation};
use cachectl::spec;
use cachectl_sandbox::Options;
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::rig::Rig;

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
pub(crate) fn unsendable(operation: Operation, parameters: &Map<String, Value>) -> Option<String> {
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

/// One of each kind, with every attribute that AWS tells of afterwards.
const EVERYTHING: &str = include_str!("everything.yaml");

/// AWS tells of it, and no spec of this test declares it.
const ELSEWHERE: &[(&str, &str)] = &[
    // Only of a member of a global datastore, which tests/it/status_table.rs and plan_rows_* read.
    ("replicationGroup", "globalReplicationGroupId"),
    // Names a cluster that there is, which no group of this test is made of; tests/it/plan_rows_* read it.
    ("replicationGroup", "primaryClusterId"),
    // Written by cachectl, and never declared.
    ("dashboard", "body"),
    // Of each of a stack's resources.
    ("alarm", "tags"),
];

#[test]
fn what_a_spec_declares_is_read_back_as_declared_whichever_attribute_it_is() {
    let spec = spec::from_text(EVERYTHING).spec.expect("a spec");
    let mut forgotten = Vec::new();
    for kind in Kind::ALL {
        let declared = |name: &str| {
            let mut own = spec.resources.values().filter(|resource| resource.address.kind == kind);
            own.any(|resource| resource.fields.contains_key(name))
        };
        let told = kind.attributes().iter().filter(|row| !matches!(row.read, Read::Never));
        let missing = told.map(|row| row.field.name).filter(|name| !declared(name));
        forgotten.extend(missing.map(|name| (kind.name(), name)).filter(|missing| !ELSEWHERE.contains(missing)));
    }
    assert!(forgotten.is_empty(), "everything.yaml declares none of {forgotten:?}");
    let rig = Rig::with(EVERYTHING, Options { time_scale: 0.0, ..Options::default() });
    std::fs::write(rig.path("token"), "a-token-of-32-letters-0123456789").expect("written");
    std::fs::write(rig.path("password"), "a-password-of-32-letters-0123456").expect("written");
    rig.apply().exits(0);
    // What is not read, or as another type, differs from what is declared.
    let plan = rig.run(&["plan", "--format", "json"]).exits(0).json();
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
    let notes = plan["notes"].as_array().expect("notes");
    assert!(!notes.iter().any(|note| note.as_str().is_some_and(|note| note.contains("cannot change"))), "{notes:?}");
    let changed = |change: &&Value| change["action"] != json!("noop");
    assert_eq!(plan["changes"].as_array().expect("changes").iter().find(changed), None);
}

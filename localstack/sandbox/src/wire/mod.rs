//! The wire protocols: which call a request is, and how its answer is written.

pub(crate) mod cbor;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod output;
pub(crate) mod query;
pub(crate) mod time;

use hyper::HeaderMap;
use input::Input;
use output::Output;

use crate::cloudwatch::shape_of;
use crate::refusal::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    ElastiCache,
    CloudWatch,
    Sts,
    Tagging,
    SecretsManager,
    Ssm,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::ElastiCache => "elasticache",
            Service::CloudWatch => "cloudwatch",
            Service::Sts => "sts",
            Service::Tagging => "tagging",
            Service::SecretsManager => "secretsmanager",
            Service::Ssm => "ssm",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Query { namespace: &'static str },
    Cbor,
    Json { content_type: &'static str },
}

const ELASTICACHE: &str = "http://elasticache.amazonaws.com/doc/2015-02-02/";
const CLOUDWATCH: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const CBOR_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";

/// One call as the sandbox understood it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub service: Service,
    pub operation: String,
    pub protocol: Protocol,
    pub input: Input,
}

pub(crate) fn read(
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Incoming, (Protocol, Refusal)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(operation) = path.strip_prefix(CBOR_PATH) {
        let protocol = Protocol::Cbor;
        if header("smithy-protocol") != Some("rpc-v2-cbor") {
            let text = "The header smithy-protocol must be rpc-v2-cbor.";
            return Err((protocol, Refusal::bad("UnknownOperationException", text)));
        }
        let input = cbor::parse(body).map_err(|refusal| (protocol, refusal))?;
        let operation = operation.to_owned();
        return Ok(Incoming { service: Service::CloudWatch, operation, protocol, input });
    }
    if let Some(target) = header("x-amz-target") {
        return read_json(target, body);
    }
    read_query(query, body)
}

fn read_json(target: &str, body: &[u8]) -> Result<Incoming, (Protocol, Refusal)> {
    let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
    let (service, content_type) = match prefix {
        "GraniteServiceVersion20100801" => (Service::CloudWatch, "application/x-amz-json-1.0"),
        "ResourceGroupsTaggingAPI_20170126" => (Service::Tagging, "application/x-amz-json-1.1"),
        "secretsmanager" => (Service::SecretsManager, "application/x-amz-json-1.1"),
        "AmazonSSM" => (Service::Ssm, "application/x-amz-json-1.1"),
        _ => {
            let protocol = Protocol::Json { content_type: "application/x-amz-json-1.1" };
            return Err((protocol, Refusal::bad("UnknownOperationException", format!("Unknown target {target}"))));
        }
    };
    let protocol = Protocol::Json { content_type };
    let input = json::parse(body).map_err(|refusal| (protocol, refusal))?;
    Ok(Incoming { service, operation: operation.to_owned(), protocol, input })
}

fn read_query(query: Option<&str>, body: &[u8]) -> Result<Incoming, (Protocol, Refusal)> {
    let body = if body.is_empty() { query.unwrap_or_default().as_bytes() } else { body };
    let input = query::parse(body);
    let version = input.text("Version").unwrap_or_default();
    let (service, namespace) = match version.as_str() {
        "2015-02-02" => (Service::ElastiCache, ELASTICACHE),
        "2010-08-01" => (Service::CloudWatch, CLOUDWATCH),
        "2011-06-15" => (Service::Sts, STS),
        _ => {
            let protocol = Protocol::Query { namespace: ELASTICACHE };
            let text = format!("The sandbox does not know API version {version:?} of the query protocol.");
            return Err((protocol, Refusal::bad("InvalidAction", text)));
        }
    };
    let protocol = Protocol::Query { namespace };
    match input.text("Action") {
        Some(operation) => Ok(Incoming { service, operation, protocol, input }),
        None => Err((protocol, Refusal::bad("MissingAction", "The request has no Action."))),
    }
}

/// An answer ready to be sent.
pub(crate) struct Written {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

pub(crate) fn write(
    protocol: Protocol,
    operation: &str,
    request_id: &str,
    answer: &Result<Option<Output>, Refusal>,
) -> Written {
    let mut headers = vec![("x-amzn-requestid", request_id.to_owned())];
    let status = match answer {
        Ok(_) => 200,
        Err(refusal) => refusal.status,
    };
    let (content_type, body) = match protocol {
        Protocol::Query { namespace } => {
            let xml = match answer {
                Ok(result) => query::answer(operation, namespace, request_id, result.as_ref()),
                Err(refusal) => query::refusal(namespace, request_id, refusal),
            };
            ("text/xml", xml.into_bytes())
        }
        Protocol::Cbor => {
            headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
            let body = match answer {
                Ok(result) => cbor::answer(result.as_ref()),
                Err(refusal) => {
                    headers.push(query_error(refusal));
                    cbor::refusal(shape_of(operation, &refusal.code), refusal)
                }
            };
            ("application/cbor", body)
        }
        Protocol::Json { content_type } => {
            let body = match answer {
                Ok(result) => json::answer(result.as_ref()),
                Err(refusal) if content_type.ends_with("1.0") => {
                    headers.push(query_error(refusal));
                    json::refusal(shape_of(operation, &refusal.code), refusal)
                }
                Err(refusal) => json::refusal(&refusal.code, refusal),
            };
            (content_type, body)
        }
    };
    Written { status, content_type, headers, body }
}

/// CloudWatch is "query compatible": newer protocols carry the old code in this header.
fn query_error(refusal: &Refusal) -> (&'static str, String) {
    let kind = if refusal.status >= 500 { "Receiver" } else { "Sender" };
    ("x-amzn-query-error", format!("{};{kind}", refusal.code))
}

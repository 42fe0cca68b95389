//! `cachectl iam-policy`: the least policy for a purpose, from the calls that cachectl makes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::args::SpecArgs;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session;
use crate::model::operation::Operation;
use crate::model::{Address, Kind, Resource, Spec};
use crate::render::style::{Label, paint};
use crate::resource::companion::{self, Companion};
use crate::resource::kind_row::TagCalls;
use crate::resource::references;

/// What a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Purpose {
    /// plan, status, import: reading
    Plan,
    /// apply and destroy
    Apply,
    Smoke,
    Advise,
    Drill,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        cachectl iam-policy --for plan\n  \
        cachectl iam-policy cachectl.yaml --for apply > policy.json\n\n\
        With a SPEC, what can be is narrowed to its names, its region and its accountId.")]
pub struct Args {
    /// Spec to narrow the policy to; for any stack without one
    #[arg(value_name = "SPEC")]
    pub path: Option<PathBuf>,
    /// What the policy is for
    #[arg(long = "for", value_enum, value_name = "PURPOSE")]
    pub purpose: Purpose,
    #[command(flatten)]
    pub spec: SpecArgs,
}

/// What every command that looks at a stack reads, whatever kinds it has. AWS scopes none of these by name.
const READS: [&str; 4] =
    ["cloudwatch:ListTagsForResource", "elasticache:ListTagsForResource", "sts:GetCallerIdentity", "tag:GetResources"];

pub fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let spec = match &args.path {
        Some(path) => Some(session::load(printer, &session::request(path, &args.spec))?.0),
        None => None,
    };
    let (policy, notes) = policy(spec.as_ref(), args.purpose);
    printer.result(&(serde_json::to_string_pretty(&policy).unwrap_or_default() + "\n"));
    for note in notes {
        printer.note(&format!("{} {note}", paint(Label::Warn, "note:")));
    }
    Ok(Exit::Done)
}

/// The policy, and what it cannot know. Without a spec it is for any stack of any account.
pub fn policy(spec: Option<&Spec>, purpose: Purpose) -> (Value, Vec<String>) {
    let scope = Scope::new(spec);
    let mut notes = Vec::new();
    let mut statements = vec![statement("Read", reads(purpose, &scope), json!("*"))];
    if purpose == Purpose::Apply {
        statements.extend(scope.writes());
        statements.extend(scope.beside(&mut notes));
    }
    if purpose == Purpose::Drill {
        let caches = scope.arns(&[Kind::ReplicationGroup]);
        statements.push(statement("Failover", vec!["elasticache:TestFailover".to_owned()], json!(caches)));
    }
    if purpose == Purpose::Advise {
        notes.push("advise --live logs in as smoke does: it also needs what --for smoke allows".to_owned());
    } else {
        statements.extend(scope.secrets(&mut notes));
    }
    if matches!(purpose, Purpose::Smoke | Purpose::Apply | Purpose::Drill) && scope.has_iam_users() {
        let arns = scope.arns(&[Kind::ReplicationGroup, Kind::ServerlessCache, Kind::User]);
        statements.push(statement("LogIn", vec!["elasticache:Connect".to_owned()], json!(arns)));
    }
    if spec.is_none() {
        notes.push("for any stack: with a SPEC the policy is narrowed to its names, region and account".to_owned());
    }
    (json!({"Version": "2012-10-17", "Statement": statements}), notes)
}

fn reads(purpose: Purpose, scope: &Scope<'_>) -> Vec<String> {
    let more: &[&str] = match purpose {
        Purpose::Smoke => &[],
        Purpose::Drill => &["elasticache:DescribeEvents"],
        // A plan that makes a cache smaller looks at its data first.
        Purpose::Plan | Purpose::Advise => &["cloudwatch:GetMetricData"],
        Purpose::Apply => &["cloudwatch:GetMetricData", "elasticache:DescribeEvents"],
    };
    let is_read = |kind: &Kind| kind.companion().is_none_or(|own| !scope.companions(*kind, own).is_empty());
    let of_kinds = Kind::ALL.into_iter().filter(is_read).flat_map(|kind| kind.row().reads);
    let all: BTreeSet<&str> = READS.iter().chain(more).chain(of_kinds).copied().collect();
    all.into_iter().map(str::to_owned).collect()
}

fn statement(id: &str, actions: Vec<String>, resource: Value) -> Value {
    json!({"Sid": id, "Effect": "Allow", "Action": actions, "Resource": resource})
}

/// `elasticache:ModifyUser`; alarms are CloudWatch's.
fn action(operation: Operation) -> String {
    let of_any = if TAGGING.contains(&operation) { CLOUDWATCH } else { ELASTICACHE };
    format!("{}:{operation}", operation.kind().map_or(of_any, service))
}

fn capitalised(word: &str) -> String {
    word.get(..1).map_or_else(String::new, |first| first.to_uppercase() + &word[1..])
}

const ELASTICACHE: &str = "elasticache";
const CLOUDWATCH: &str = "cloudwatch";
/// CloudWatch's own calls for tags.
const TAGGING: [Operation; 2] = [Operation::TagResource, Operation::UntagResource];

fn service(kind: Kind) -> &'static str {
    kind.row().arn.service
}

/// What the ARNs of a policy are made of.
struct Scope<'a> {
    spec: Option<&'a Spec>,
    partition: &'static str,
    region: &'a str,
    account: &'a str,
}

impl<'a> Scope<'a> {
    fn new(spec: Option<&'a Spec>) -> Self {
        let region = spec.map_or("*", |spec| spec.region.as_str());
        let partition = match region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            "*" => "*",
            _ => "aws",
        };
        let account = spec.and_then(|spec| spec.account_id.as_deref()).unwrap_or("*");
        Self { spec, partition, region, account }
    }

    fn resources(&self) -> impl Iterator<Item = &'a Resource> {
        self.spec.into_iter().flat_map(|spec| spec.resources.values())
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{rest}", self.partition, self.region, self.account)
    }

    /// Every ARN that calls on resources of these kinds name: theirs, and those of what comes with them.
    fn arns(&self, kinds: &[Kind]) -> Vec<String> {
        let mut arns = BTreeSet::new();
        let mut snapshots = BTreeSet::new();
        let mut add = |kind: Kind, id: &str| {
            arns.insert(Address::new(kind, id).arn(self.partition, self.region, self.account));
            match kind {
                Kind::ReplicationGroup => {
                    // Its members, and the snapshots that are taken at its end and read at its beginning.
                    arns.insert(self.arn("elasticache", &format!("cluster:{id}-*")));
                    arns.insert(self.arn("elasticache", &format!("snapshot:{id}-final-*")));
                }
                Kind::ServerlessCache => {
                    arns.insert(self.arn("elasticache", &format!("serverlesscachesnapshot:{id}-final-*")));
                }
                _ => {}
            }
        };
        let Some(spec) = self.spec else {
            kinds.iter().for_each(|kind| add(*kind, "*"));
            return arns.into_iter().collect();
        };
        for resource in spec.resources.values().filter(|resource| kinds.contains(&resource.address.kind)) {
            add(resource.address.kind, &resource.address.id);
            // What it names, whoever declares it.
            references(resource).iter().for_each(|named| add(named.kind, &named.id));
            // AWS's own groups stand in where none is named.
            if resource.address.kind == Kind::ReplicationGroup {
                add(Kind::ParameterGroup, "default.*");
                add(Kind::SubnetGroup, "default");
            }
            if let Some(snapshot) = resource.text("snapshotName") {
                snapshots.insert(self.arn("elasticache", &format!("snapshot:{snapshot}")));
            }
        }
        arns.append(&mut snapshots);
        arns.into_iter().collect()
    }

    /// Alarms by their names: of a cache's members, and of the spec's own.
    fn alarms(&self) -> Vec<String> {
        if self.spec.is_none() {
            return vec![self.arn("cloudwatch", "alarm:*")];
        }
        let mut names = BTreeSet::new();
        for resource in self.resources() {
            let id = &resource.address.id;
            match resource.address.kind {
                kind if kind.is_cache() => drop(names.insert(format!("{id}-*"))),
                Kind::Alarm if resource.fields.contains_key("for") => {
                    let pattern =
                        resource.text("name").map(|name| name.replace("${member}", "*").replace("${cache}", "*"));
                    names.insert(pattern.unwrap_or_else(|| format!("*-{id}")));
                }
                kind if kind.is_alarm() => drop(names.insert(id.clone())),
                _ => {}
            }
        }
        names.iter().map(|name| self.arn("cloudwatch", &format!("alarm:{name}"))).collect()
    }

    /// Companions by their names: of every cache that asks for one, or says that it is to go.
    fn companions(&self, kind: Kind, companion: &Companion) -> Vec<String> {
        let arn = |address: &Address| address.arn(self.partition, self.region, self.account);
        if self.spec.is_none() {
            return vec![arn(&Address::new(kind, "*"))];
        }
        let caches = self.resources().filter(|cache| cache.address.kind.is_cache());
        let asking = caches.filter(|cache| cache.fields.contains_key(companion.field()));
        asking.map(|cache| arn(&(companion.address_of)(&cache.address, self.region))).collect()
    }

    fn kinds(&self) -> Vec<Kind> {
        let has = |kind: &Kind| self.spec.is_none() || self.resources().any(|resource| resource.address.kind == *kind);
        Kind::ALL.into_iter().filter(has).collect()
    }

    /// The writes of an apply, of the kinds that the spec has: changes, deletions, alarms.
    fn writes(&self) -> Vec<Value> {
        let kinds = self.kinds();
        let is_ours = |operation: &&Operation| operation.kind().is_none_or(|kind| kinds.contains(&kind));
        let of_companions = |operation: &&Operation| operation.kind().is_some_and(|kind| kind.companion().is_some());
        let (alarms, caches): (Vec<Operation>, Vec<Operation>) =
            Operation::ALL.iter().filter(is_ours).filter(|operation| !of_companions(operation)).partition(
                |operation| {
                    TAGGING.contains(operation) || operation.kind().is_some_and(|kind| service(kind) == CLOUDWATCH)
                },
            );
        let (deletions, changes): (Vec<Operation>, Vec<Operation>) =
            caches.into_iter().partition(|operation| operation.deletes());
        let of = |operations: &[Operation]| operations.iter().map(|operation| action(*operation)).collect::<Vec<_>>();
        let of_elasticache: Vec<Kind> = kinds.iter().copied().filter(|kind| service(*kind) == ELASTICACHE).collect();
        let arns = self.arns(&of_elasticache);
        let mut out = Vec::new();
        if !arns.is_empty() {
            out.push(statement("Change", of(&changes), json!(arns)));
            let mut delete = statement("Delete", of(&deletions), json!(arns));
            if let Some(spec) = self.spec {
                // What carries another stack's tag is not deleted; a final snapshot carries none.
                delete["Condition"] = json!({"StringEqualsIfExists": {"aws:ResourceTag/cachectl:stack": spec.stack}});
            }
            out.push(delete);
        }
        let names = self.alarms();
        if !names.is_empty() {
            // A cache may get alarms from a preset, whether or not the spec has any now.
            let mut actions = of(&alarms);
            for operation in [Operation::PutMetricAlarm, Operation::DeleteAlarms] {
                if !actions.contains(&action(operation)) {
                    actions.push(action(operation));
                }
            }
            out.push(statement("Alarms", actions, json!(names)));
        }
        for (kind, companion) in companion::kinds() {
            let arns = self.companions(kind, companion);
            if !arns.is_empty() {
                let TagCalls { tag, untag, .. } = kind.row().tags;
                let own = Operation::ALL.iter().filter(|operation| operation.kind() == Some(kind));
                let actions = own.chain([&tag, &untag]).map(|operation| action(*operation)).collect();
                out.push(statement(&capitalised(kind.section()), actions, json!(arns)));
            }
        }
        out
    }

    /// What AWS asks of the caller besides ElastiCache's own permissions.
    fn beside(&self, notes: &mut Vec<String>) -> Vec<Value> {
        let mut out = Vec::new();
        let declares = |field: &str| self.resources().any(|resource| resource.fields.contains_key(field));
        if self.spec.is_none() || self.kinds().contains(&Kind::ServerlessCache) {
            // A serverless cache is reached by an endpoint in the caller's VPC.
            let actions = [
                "ec2:CreateTags",
                "ec2:CreateVpcEndpoint",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ];
            out.push(statement("ServerlessEndpoint", actions.map(str::to_owned).into(), json!("*")));
            notes.push(
                "what AWS asks for a serverless cache's VPC endpoint (ServerlessEndpoint) was not tried on AWS"
                    .to_owned(),
            );
        }
        if declares("kmsKeyId") {
            notes.push("kmsKeyId: the caller also needs kms:DescribeKey and kms:CreateGrant on that key".to_owned());
        }
        if declares("logDeliveryConfigurations") {
            notes.push("logDeliveryConfigurations: the caller also needs logs:CreateLogDelivery, logs:UpdateLogDelivery, logs:DeleteLogDelivery and what the destination asks for".to_owned());
        }
        notes.push(
            "an account's very first cache also needs iam:CreateServiceLinkedRole for elasticache.amazonaws.com"
                .to_owned(),
        );
        out
    }

    fn has_iam_users(&self) -> bool {
        self.resources().any(|resource| {
            resource.fields.get("authenticationMode").and_then(|mode| mode.get("type")?.as_str()) == Some("iam")
        })
    }

    /// The secrets that the spec names, and no other.
    fn secrets(&self, notes: &mut Vec<String>) -> Vec<Value> {
        let (mut secrets, mut parameters) = (BTreeSet::new(), BTreeSet::new());
        for value in self.resources().flat_map(|resource| resource.fields.values()) {
            self.named_secrets(value, &mut secrets, &mut parameters);
        }
        let mut out = Vec::new();
        if !secrets.is_empty() {
            out.push(statement("Secrets", vec!["secretsmanager:GetSecretValue".to_owned()], json!(secrets)));
        }
        if !parameters.is_empty() {
            out.push(statement("Parameters", vec!["ssm:GetParameter".to_owned()], json!(parameters)));
        }
        if !out.is_empty() {
            notes.push("a secret under a customer-managed KMS key also needs kms:Decrypt on that key".to_owned());
        }
        out
    }

    fn named_secrets(&self, value: &Value, secrets: &mut BTreeSet<String>, parameters: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(name) = map.get("secretsManager").and_then(Value::as_str) {
                    // AWS puts six characters behind the name.
                    let of_name = || self.arn("secretsmanager", &format!("secret:{name}-??????"));
                    secrets.insert(if name.starts_with("arn:") { name.to_owned() } else { of_name() });
                }
                if let Some(name) = map.get("ssm").and_then(Value::as_str) {
                    let of_name = || self.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')));
                    parameters.insert(if name.starts_with("arn:") { name.to_owned() } else { of_name() });
                }
                map.values().for_each(|inner| self.named_secrets(inner, secrets, parameters));
            }
            Value::Array(items) => items.iter().for_each(|item| self.named_secrets(item, secrets, parameters)),
            _ => {}
        }
    }
}

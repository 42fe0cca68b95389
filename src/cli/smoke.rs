//! `cachectl smoke`, and the smoke test at the end of an apply.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{Format, Smoke as Args};
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session::{self, Session};
use crate::aws::{Access, secrets};
use crate::client::{Secret, Tls, Way};
use crate::model::live::{Live, View, strings};
use crate::model::plan::FORMAT_VERSION;
use crate::model::{Address, Kind, Resource, Spec};
use crate::render;
use crate::resource::parameter_group;
use crate::smoke::{self, Expect, Observer, OnUnreachable, Report, Requirements, Settings, Target, Verdict};
use crate::spec::decode::duration;

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let request = session::request(&args.path, &args.spec);
    let session = Session::open(printer, &request, &args.aws, Access::ReadOnly).await?;
    let live = session.read().await?;
    let globs: Vec<_> = args.addresses.iter().chain(&args.shown.only).collect();
    let selected = |address: &Address| globs.is_empty() || globs.iter().any(|glob| glob.matches(address));
    let reports = test(printer, &session, &live, &selected, args.shown.format == Format::Table).await?;
    match args.shown.format {
        Format::Json => {
            let document = json!({"formatVersion": FORMAT_VERSION, "stack": session.spec.stack, "smoke": reports});
            printer.result(&(serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"));
        }
        Format::Markdown => {
            for report in &reports {
                printer.result(&format!("```\n{}```\n", render::smoke::table(report, printer.width(), false)));
            }
        }
        Format::Table => {}
    }
    if reports.is_empty() {
        return nothing_tested(printer, &session, &live, &selected);
    }
    Ok(if reports.iter().any(is_failure) { Exit::SmokeFailed } else { Exit::Done })
}

/// Why no cache was tested: none matches, none exists, or the spec leaves them out.
fn nothing_tested(
    printer: &Printer,
    session: &Session,
    live: &Live,
    selected: &dyn Fn(&Address) -> bool,
) -> Result<Exit, CliError> {
    let caches: Vec<&Address> =
        session.spec.resources.keys().filter(|address| address.kind.is_cache() && selected(address)).collect();
    if caches.is_empty() {
        return Err(CliError::new(Exit::Usage, "no cache of the spec matches")
            .hint("an address is KIND/ID, such as replicationGroup/prod-cache"));
    }
    if caches.iter().all(|address| live.get(address).is_none()) {
        return Err(CliError::new(Exit::Error, "none of the spec's caches exists").hint("apply the spec first"));
    }
    printer.note("Nothing to test: the spec leaves these caches out (smoke: none), or they have no endpoint.");
    Ok(Exit::Done)
}

pub fn is_failure(report: &Report) -> bool {
    matches!(report.verdict, Verdict::Failed)
}

struct Progress<'a> {
    printer: &'a Printer,
    address: String,
}

impl Observer for Progress<'_> {
    fn progress(&self, text: &str) {
        self.printer.detail(&format!("  {}: {text}", self.address));
    }
}

/// Tests the selected caches that exist, one after the other: side by side they would slow each other.
pub async fn test(
    printer: &Printer,
    session: &Session,
    live: &Live,
    selected: &dyn Fn(&Address) -> bool,
    print: bool,
) -> Result<Vec<Report>, CliError> {
    let mut reports = Vec::new();
    for resource in session
        .spec
        .resources
        .values()
        .filter(|resource| resource.address.kind.is_cache() && selected(&resource.address))
    {
        let smoke = resource.fields.get("smoke");
        if smoke.and_then(Value::as_str) == Some("none") || resource.text("engine") == Some("memcached") {
            continue;
        }
        let Some(view) = live.view(&resource.address) else { continue };
        let settings = settings(smoke);
        let Some(mut target) = target(&session.spec, resource, &view, smoke, session.aws.endpoint.is_some()) else {
            printer.note(&format!("{} has no endpoint yet: not tested", resource.address));
            continue;
        };
        credentials(session, resource, smoke, &mut target).await?;
        printer.note(&format!("Smoke test of {} for {:.0} s ...", resource.address, settings.duration.as_secs_f64()));
        let observer = Progress { printer, address: resource.address.to_string() };
        let report = smoke::run(&target, &settings, &observer).await;
        if print {
            printer.result(&format!("\n{}", render::smoke::table(&report, printer.width(), true)));
        }
        reports.push(report);
    }
    Ok(reports)
}

fn settings(smoke: Option<&Value>) -> Settings {
    let mut settings = Settings::default();
    let Some(smoke) = smoke else { return settings };
    let number = |pointer: &str| smoke.pointer(pointer).and_then(Value::as_f64);
    let length = |name: &str| smoke.get(name).and_then(Value::as_str).and_then(duration);
    if smoke.get("patterns").is_some() {
        settings.patterns = strings(smoke.get("patterns")).filter_map(|name| name.parse().ok()).collect();
    }
    settings.duration = length("duration").unwrap_or(settings.duration);
    settings.timeout = length("timeout").unwrap_or(Duration::from_secs(3));
    if let Some(clients) = smoke.get("clients").and_then(Value::as_u64) {
        settings.clients = clients as usize;
    }
    if let Some(size) = smoke.get("valueSize").and_then(Value::as_u64) {
        settings.value_size = size as usize;
    }
    settings.rate = number("/rate");
    settings.on_unreachable = match smoke.get("onUnreachable").and_then(Value::as_str) {
        Some("fail") => OnUnreachable::Fail,
        Some("skip") => OnUnreachable::Skip,
        _ => OnUnreachable::Warn,
    };
    settings.require = Requirements {
        p99_ms: number("/require/p99Ms"),
        error_rate: number("/require/errorRate"),
        hit_rate: number("/require/hitRate"),
        ops_per_second: number("/require/opsPerSecond"),
    };
    settings
}

fn endpoint(value: Option<&Value>) -> Option<(String, u16)> {
    let value = value?;
    Some((value.get("Address")?.as_str()?.to_owned(), u16::try_from(value.get("Port")?.as_u64()?).ok()?))
}

/// Where clients connect, and what they should find there.
fn target(spec: &Spec, resource: &Resource, view: &View<'_>, smoke: Option<&Value>, stand_in: bool) -> Option<Target> {
    let serverless = resource.address.kind == Kind::ServerlessCache;
    let cluster = view.flag("ClusterEnabled");
    let first = view.node_groups().first();
    let (found, reader) = if serverless {
        (endpoint(view.own("Endpoint")), endpoint(view.own("ReaderEndpoint")))
    } else if cluster {
        (endpoint(view.own("ConfigurationEndpoint")), None)
    } else {
        (
            endpoint(first.and_then(|group| group.get("PrimaryEndpoint"))),
            endpoint(first.and_then(|group| group.get("ReaderEndpoint"))),
        )
    };
    let text = |name: &str| smoke.and_then(|smoke| smoke.get(name)).and_then(Value::as_str);
    let (host, port) = found?;
    let tunnel = text("host").map(str::to_owned);
    let tunnelled = tunnel.is_some();
    let tls = serverless || view.flag("TransitEncryptionEnabled");
    let counts = crate::resource::replication_group::nodes::replica_counts(view);
    Some(Target {
        address: resource.address.to_string(),
        way: Way {
            host: tunnel.unwrap_or(host),
            port: smoke
                .and_then(|smoke| smoke.get("port"))
                .and_then(Value::as_u64)
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(port),
            cluster,
            tls: tls.then(Tls::default),
            username: text("username").map(str::to_owned),
            ..Way::default()
        },
        ca_file: text("caFile").map(PathBuf::from),
        plaintext_too: view.text("TransitEncryptionMode") == Some("preferred"),
        // The far end's reader cannot be reached through a tunnel to its primary.
        reader: reader.filter(|_| !tunnelled),
        serverless,
        expect: Expect {
            engine: view.text("Engine").map(str::to_owned),
            // A server that stands in for ElastiCache on this machine has the version that it has.
            engine_version: engine_version(resource, view).filter(|_| !stand_in),
            maxmemory_policy: policy(spec, view),
            replicas: (!serverless).then(|| counts.first().map(|(_, count)| *count)).flatten(),
            shards: cluster.then_some(counts.len()),
        },
    })
}

fn engine_version(resource: &Resource, view: &View<'_>) -> Option<String> {
    let live = view.members.first().and_then(|cluster| cluster.get("EngineVersion")?.as_str());
    resource.text("engineVersion").or(live).map(str::to_owned)
}

/// The eviction policy that the cache's parameter group sets, where that is known.
fn policy(spec: &Spec, view: &View<'_>) -> Option<String> {
    let name = view.members.first()?.pointer("/CacheParameterGroup/CacheParameterGroupName")?.as_str()?;
    let declared = spec.resources.get(&Address::new(Kind::ParameterGroup, name));
    declared
        .and_then(|group| group.fields.get("parameters")?.get("maxmemory-policy")?.as_str().map(str::to_owned))
        .or_else(|| parameter_group::user_parameters(view.live, name).remove("maxmemory-policy"))
}

/// The declared user, else the AUTH token, else the first user of the cache's groups that has a password.
async fn credentials(
    session: &Session,
    resource: &Resource,
    smoke: Option<&Value>,
    target: &mut Target,
) -> Result<(), CliError> {
    let declared = smoke.and_then(|smoke| smoke.get("password"));
    let token = resource.fields.get("authToken").filter(|token| !token.is_null());
    let reference = match (declared, token) {
        (Some(reference), _) | (None, Some(reference)) => Some(reference.clone()),
        (None, None) => {
            let groups = strings(resource.fields.get("userGroupIds")).chain(resource.text("userGroupId"));
            let users = groups
                .filter_map(|group| session.spec.resources.get(&Address::new(Kind::UserGroup, group)))
                .flat_map(|group| strings(group.fields.get("userIds")))
                .filter_map(|user| session.spec.resources.get(&Address::new(Kind::User, user)));
            let wanted = target.way.username.clone();
            let user = users
                .filter(|user| wanted.is_none() || user.text("userName") == wanted.as_deref())
                .find(|user| user.fields.contains_key("passwords"));
            user.and_then(|user| {
                target.way.username = user.text("userName").map(str::to_owned);
                user.fields.get("passwords")?.get(0).cloned()
            })
        }
    };
    if let Some(reference) = reference {
        let plain = secrets::fetch(&session.aws, &reference).await?;
        target.way.password = Some(Secret::new(plain.expose()));
    }
    Ok(())
}

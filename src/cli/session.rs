//! What plan, apply, destroy and smoke have in common: the spec, the clients, what is live.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::args::{AwsArgs, SpecArgs};
use super::clock;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use crate::aws::client::Identity;
use crate::aws::guard::Event;
use crate::aws::{Access, Aws, Role, Settings, reader};
use crate::model::Severity;
use crate::model::live::Live;
use crate::model::options::Options;
use crate::model::plan::{Finding, Plan};
use crate::model::secret::Marks;
use crate::model::text::plural;
use crate::model::{Address, Glob, Kind, Spec, suggest};
use crate::render::plan::Header;
use crate::spec::source::Sources;
use crate::spec::{self, Loaded, Request};
use crate::{lint, plan};

pub const DEFAULT_SPEC: &str = "cachectl.yaml";

pub fn paths(specs: &[PathBuf]) -> Vec<PathBuf> {
    if specs.is_empty() { vec![PathBuf::from(DEFAULT_SPEC)] } else { specs.to_vec() }
}

pub fn request(path: &Path, args: &SpecArgs) -> Request {
    Request {
        path: path.to_owned(),
        environment: args.env.clone(),
        overlays: args.overlay.clone(),
        variables: args.var.clone(),
    }
}

pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A spec as it is named to people.
pub fn shown(path: &Path) -> String {
    if path == Path::new(spec::STDIN) { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// A saved plan is no spec: it would fail at its first key, with a word about YAML.
pub fn not_a_plan(command: &str, path: &Path) -> Result<(), CliError> {
    if path == Path::new(spec::STDIN) || !super::saved::is_plan(path) {
        return Ok(());
    }
    let name = path.display();
    Err(CliError::new(Exit::Usage, format!("{name} is a saved plan, and {command} takes a spec"))
        .hint(format!("cachectl plan --show {name} prints it, cachectl apply {name} applies it")))
}

/// Several specs of one run are several stacks: one that stands twice would undo what the other does.
pub fn distinct(paths: &[PathBuf], args: &SpecArgs) -> Result<(), CliError> {
    let mut seen: Vec<(&Path, Spec)> = Vec::new();
    let read = paths.iter().filter(|path| paths.len() > 1 && path.is_file());
    for (path, spec) in read.filter_map(|path| Some((path, spec::load(&request(path, args), &environment).spec?))) {
        let same = |other: &Spec| {
            let accounts = spec.account_id.as_ref().zip(other.account_id.as_ref());
            other.stack == spec.stack && other.region == spec.region && accounts.is_none_or(|(one, two)| one == two)
        };
        if let Some((first, _)) = seen.iter().find(|(_, other)| same(other)) {
            let message = format!(
                "{} and {} are the same stack: `{}` in {}",
                first.display(),
                path.display(),
                spec.stack,
                spec.region
            );
            return Err(CliError::new(Exit::InvalidSpec, message)
                .hint("give each spec a `stack` of its own, or the `accountId` that tells them apart"));
        }
        seen.push((path, spec));
    }
    Ok(())
}

/// A sound spec, or its diagnostics on stderr and exit 78.
pub fn load(printer: &Printer, request: &Request) -> Result<(Spec, Sources), CliError> {
    sound(printer, request).map(|(spec, loaded)| (spec, loaded.sources))
}

/// The same, with all else that was read.
pub fn sound(printer: &Printer, request: &Request) -> Result<(Spec, Loaded), CliError> {
    let found = read(printer, request)?;
    told(printer, &found.1);
    Ok(found)
}

/// Shows what is to be said of a spec.
fn told(printer: &Printer, loaded: &Loaded) {
    for diagnostic in &loaded.diagnostics {
        let text = spec::located::render(diagnostic, &loaded.sources, printer.styles_stderr());
        if diagnostic.severity == Severity::Error {
            printer.stderr(&format!("{text}\n"));
        } else {
            printer.note(&format!("{text}\n"));
        }
    }
}

/// A sound spec, of which nothing was said yet.
fn read(printer: &Printer, request: &Request) -> Result<(Spec, Loaded), CliError> {
    not_a_plan("this command", &request.path)?;
    let mut loaded = spec::load(request, &environment);
    if let Some(spec) = loaded.spec.take() {
        return Ok((spec, loaded));
    }
    told(printer, &loaded);
    let count = crate::render::diagnostics::count(&loaded.diagnostics, &[]);
    Err(CliError::new(Exit::InvalidSpec, format!("{} is not a valid spec: {count}", shown(&request.path))))
}

/// The SDK panics where an endpoint is set to nothing, as pipelines do with a variable that they do not have.
pub fn endpoints_are_set() -> Result<(), CliError> {
    let empty = std::env::vars_os().find(|(name, value)| {
        value.is_empty() && name.to_str().is_some_and(|name| name.starts_with("AWS_ENDPOINT_URL"))
    });
    match empty {
        Some((name, _)) => Err(CliError::new(Exit::Usage, format!("{} is set but empty", name.display()))
            .hint("unset it for AWS's own endpoint, or give it a URL")),
        None => Ok(()),
    }
}

/// Clients for one region; with `-vv` every call is told.
pub async fn connect(
    printer: &Printer,
    args: &AwsArgs,
    declared: &Map<String, Value>,
    region: &str,
    access: Access,
) -> Result<Aws, CliError> {
    let text = |name: &str| declared.get(name).and_then(Value::as_str).map(str::to_owned);
    let settings = Settings {
        region: region.to_owned(),
        profile: args.profile.clone().or_else(|| text("profile")),
        // A profile of the command line wins over all that the spec says of who calls.
        role: text("roleArn").filter(|_| args.profile.is_none()).map(|arn| Role {
            arn,
            external_id: text("externalId"),
            session_name: text("sessionName"),
        }),
        endpoint_url: args.endpoint_url.clone(),
        access,
    };
    let aws = Aws::connect(&settings).await?;
    if printer.verbose > 1 {
        let printer = printer.clone();
        aws.guard.listen(Box::new(move |event| {
            let Event::Call(call) = event else { return };
            let status = call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            printer.stderr(&format!(
                "  {}.{}  {status}  {:.0} ms  {} attempts",
                call.service,
                call.operation,
                call.seconds * 1e3,
                call.attempts
            ));
        }));
    }
    Ok(aws)
}

/// A call that has no answer for this long is told.
const SILENCE: Duration = Duration::from_secs(3);
const BETWEEN_WORDS: Duration = Duration::from_secs(10);

/// The calls' result; while an answer is waited for, a word now and then says for which.
pub async fn patiently<T>(printer: &Printer, aws: &Aws, calls: impl Future<Output = T>) -> T {
    tokio::select! {
        done = calls => done,
        never = telling(printer, aws) => never,
    }
}

async fn telling<T>(printer: &Printer, aws: &Aws) -> T {
    let mut pause = SILENCE;
    loop {
        tokio::time::sleep(pause).await;
        pause = match aws.guard.waiting(SILENCE) {
            Some(operation) => {
                let place = aws.endpoint.as_deref().unwrap_or("AWS");
                printer.note(&format!("waiting for {place}: {operation} has no answer yet"));
                BETWEEN_WORDS
            }
            None => SILENCE / 3,
        };
    }
}

pub struct Session {
    pub spec: Spec,
    pub sources: Sources,
    pub aws: Aws,
    pub identity: Identity,
    pub started: Instant,
    /// What the rules of specs warn of: it stands in plans, so that whoever reads only those finds it.
    warnings: Vec<Finding>,
    printer: Printer,
}

impl Session {
    /// Connects and makes sure that this is the account and region that the spec is for, before any
    /// other call.
    pub async fn open(printer: &Printer, request: &Request, args: &AwsArgs, access: Access) -> Result<Self, CliError> {
        Self::of(printer, sound(printer, request)?, args, access).await
    }

    /// The same for a command that shows a plan, in which the warnings are.
    pub async fn to_plan(
        printer: &Printer,
        request: &Request,
        args: &AwsArgs,
        access: Access,
    ) -> Result<Self, CliError> {
        Self::of(printer, read(printer, request)?, args, access).await
    }

    async fn of(
        printer: &Printer,
        (spec, loaded): (Spec, Loaded),
        args: &AwsArgs,
        access: Access,
    ) -> Result<Self, CliError> {
        endpoints_are_set()?;
        let warnings = lint::warnings(&spec, &loaded.diagnostics, &loaded.sources);
        let sources = loaded.sources;
        if let Some(region) = args.region.as_ref().filter(|region| **region != spec.region) {
            return Err(CliError::new(Exit::Usage, format!("--region is {region}, the spec is for {}", spec.region))
                .hint("leave --region out, or use another spec"));
        }
        let started = Instant::now();
        let aws = connect(printer, args, &spec.aws, &spec.region, access).await?;
        let identity = patiently(printer, &aws, aws.identity()).await?;
        if let Some(wanted) = spec.account_id.as_ref().filter(|wanted| **wanted != identity.account_id) {
            return Err(CliError::new(
                Exit::Blocked,
                format!("the spec is for account {wanted}, these credentials are for {}", identity.account_id),
            )
            .hint("choose the right profile with --profile; nothing was read or changed"));
        }
        Ok(Self { spec, sources, aws, identity, started, warnings, printer: printer.clone() })
    }

    /// Everything that a plan looks at. An interrupt does not wait for answers that are on their way.
    pub async fn read(&self) -> Result<Live, CliError> {
        self.read_again(&Marks::new()).await
    }

    /// What a plan looks at that is held against an earlier one, which told these marks of secrets.
    pub async fn read_again(&self, told: &Marks) -> Result<Live, CliError> {
        tokio::select! {
            live = patiently(&self.printer, &self.aws, reader::read(&self.aws, &self.identity, &self.spec, told)) => {
                Ok(live?)
            }
            () = self.aws.guard.interruption() => Err(CliError::new(Exit::Interrupted, "interrupted while AWS was being read")
                .hint("run the same command again")),
        }
    }

    pub fn plan(&self, live: &Live, options: &Options) -> Result<Plan, CliError> {
        let mut findings = lint::findings(&self.spec, Some(live), &self.sources, &clock::today());
        findings.extend(self.warnings.iter().cloned());
        let plan = plan::plan(&self.spec, live, options, findings);
        self.matched(live, &options.only)?;
        Ok(plan)
    }

    /// `stack prod-cache (env prod) in account 012345678901, us-east-1`, as a question names it.
    pub fn place(&self) -> String {
        let environment = self.spec.environment.as_ref().map(|name| format!(" (env {name})")).unwrap_or_default();
        let Identity { account_id, .. } = &self.identity;
        format!("stack {}{environment} in account {account_id}, {}", self.spec.stack, self.spec.region)
    }

    pub fn header(&self, live: &Live) -> Header {
        Header {
            endpoint: self.aws.endpoint.clone(),
            read: describe(live),
            seconds: self.started.elapsed().as_secs_f64(),
        }
    }

    pub async fn planned(&self, options: &Options) -> Result<(Live, Plan), CliError> {
        let live = self.read().await?;
        let plan = self.plan(&live, options)?;
        Ok((live, plan))
    }

    /// A glob of `--only` that matches nothing is a slip, and must not look like "no changes".
    pub fn matched(&self, live: &Live, only: &[Glob]) -> Result<(), CliError> {
        let declared = self.spec.resources.keys();
        let caches = declared.clone().filter(|address| address.kind.is_cache());
        let alarms = caches.map(|cache| Address::alarms_of(&cache.id));
        let noting = Kind::ALL.into_iter().filter(|kind| kind.notes_its_stack());
        let known: Vec<Address> = declared
            .chain(&live.owned)
            .cloned()
            .chain(noting.flat_map(|kind| live.of(kind).keys().map(move |name| Address::new(kind, name))))
            .chain(alarms)
            .collect();
        let Some(lost) = only.iter().find(|glob| !known.iter().any(|address| glob.matches(address))) else {
            return Ok(());
        };
        let names: Vec<String> = known.iter().map(Address::to_string).collect();
        let near = suggest(&lost.0, names.iter().map(String::as_str));
        let hint = near.map_or_else(
            || "an address is KIND/ID, such as replicationGroup/prod-cache; `*` matches anything".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Err(CliError::new(Exit::Usage, format!("--only {} matches nothing of this stack", lost.0)).hint(hint))
    }
}

/// `2 replication groups (12 nodes), 1 serverless cache, 27 alarms`
pub fn describe(live: &Live) -> String {
    let mut parts = vec![format!(
        "{} ({})",
        plural(live.of(Kind::ReplicationGroup).len(), "replication group"),
        plural(live.cache_clusters.len(), "node")
    )];
    let others = Kind::ALL.into_iter().filter(|kind| *kind != Kind::ReplicationGroup && !live.of(*kind).is_empty());
    parts.extend(others.map(|kind| plural(live.of(kind).len(), kind.row().names.noun)));
    parts.join(", ")
}

pub fn options(allowances: &super::args::Allowances) -> Options {
    Options {
        allow: allowances.allow.clone(),
        only: allowances.only.clone(),
        prune: allowances.prune,
        all_hops: allowances.all_hops,
        show_unchanged: false,
        timestamp: clock::compact(),
        destroy: false,
        secrets: false,
    }
}

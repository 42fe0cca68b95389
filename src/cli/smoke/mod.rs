//! `cachectl smoke`, and the smoke test at the end of an apply.

mod command;
pub mod login;
mod renewal;
mod settings;
pub mod target;

use std::path::PathBuf;

use login::Login;
use serde_json::{Value, json};

use super::args::{AwsArgs, ReportFormat, SpecArgs};
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session::{self, Session};
use super::{clock, system};
use crate::aws::is_loopback;
use crate::aws::{Access, secrets, token};
use crate::client::Secret;
use crate::client::engine::Stop;
use crate::model::Glob;
use crate::model::live::{Live, View};
use crate::model::plan::FORMAT_VERSION;
use crate::model::{Address, Resource};
use crate::render;
use crate::smoke::{self, Check, Observer, OnUndecided, Report, Settings, Target, Verdict};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        cachectl smoke\n  \
        cachectl smoke prod.yaml replicationGroup/prod-cache --format junit > smoke.xml\n  \
        cachectl smoke prod.yaml --format json > before.json\n  \
        cachectl smoke prod.yaml --baseline before.json\n  \
        cachectl smoke prod.yaml --print-command    what to run inside the VPC\n\n\
        The test writes keys of its own under a prefix, within a budget of memory, and deletes them by name. A cache \
        that is full or evicting is not written to. Exit 5: a test failed, or `require` asked for what it could not determine.")]
pub struct Args {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    /// Caches to test; all of the spec by default
    #[arg(value_name = "ADDRESS")]
    pub addresses: Vec<Glob>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Only addresses that match; repeatable
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<Glob>,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    pub format: ReportFormat,
    /// Compare with an earlier report (--format json)
    #[arg(long, value_name = "REPORT.json")]
    pub baseline: Option<PathBuf>,
    /// Look for leftover keys with a SCAN over the whole keyspace
    #[arg(long)]
    pub thorough: bool,
    /// Print what to run inside the VPC; connect to no cache
    #[arg(long)]
    pub print_command: bool,
}

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let request = session::request(&args.path, &args.spec);
    let earlier = args.baseline.as_ref().map(earlier).transpose()?;
    let session = Session::open(printer, &request, &args.aws, Access::ReadOnly).await?;
    let stop = Stop::default();
    end_on_signals(printer, &session, &stop);
    let live = session.read().await?;
    let globs: Vec<_> = args.addresses.iter().chain(&args.only).collect();
    let selected = |address: &Address| globs.is_empty() || globs.iter().any(|glob| glob.matches(address));
    if args.print_command {
        return print_commands(printer, &session, &live, &selected, args);
    }
    let started = clock::timestamp();
    let wanted = Wanted { selected: &selected, print: args.format == ReportFormat::Table, thorough: args.thorough };
    let mut tested = test(printer, &session, &live, &wanted, &stop).await?;
    if let Some(earlier) = &earlier {
        for tested in &mut tested {
            tested.report.baseline = smoke::baseline(&tested.report, earlier);
        }
    }
    show(printer, &session, args, &started, &tested);
    if stop.is_asked() {
        return Ok(Exit::Interrupted);
    }
    if tested.is_empty() {
        return nothing_tested(printer, &session, &live, &selected);
    }
    Ok(if tested.iter().any(Tested::fails) { Exit::SmokeFailed } else { Exit::Done })
}

/// The first signal ends the test with its clean-up and its report; the second leaves now.
fn end_on_signals(printer: &Printer, session: &Session, stop: &Stop) {
    let (printer, guard, stop) = (printer.clone(), session.aws.guard.clone(), stop.clone());
    tokio::spawn(async move {
        system::interrupt().await;
        guard.interrupt(|| {
            printer.stderr("\nInterrupt: the test's keys are being deleted. Interrupt again to leave now.");
        });
        stop.ask("interrupted");
        system::interrupt().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
}

fn earlier(path: &PathBuf) -> Result<Value, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::new(Exit::Usage, format!("--baseline {}: {error}", path.display())))?;
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    if document.get("smoke").is_some_and(Value::is_array) {
        return Ok(document);
    }
    Err(CliError::new(Exit::Usage, format!("--baseline {} is no report of a smoke test", path.display()))
        .hint("make one with: cachectl smoke --format json > baseline.json"))
}

/// One cache's report, and what counts as a failure for it.
pub struct Tested {
    pub report: Report,
    required: bool,
    on_undecided: OnUndecided,
}

impl Tested {
    /// Failed, or `require` asked for something that the test could not tell.
    pub fn fails(&self) -> bool {
        match self.report.verdict {
            Verdict::Failed => true,
            Verdict::Undecided => self.required && self.on_undecided == OnUndecided::Fail,
            Verdict::NotTested => self.required,
            Verdict::Passed | Verdict::Warned => false,
        }
    }
}

fn show(printer: &Printer, session: &Session, args: &Args, started: &str, tested: &[Tested]) {
    let reports: Vec<&Report> = tested.iter().map(|tested| &tested.report).collect();
    match args.format {
        ReportFormat::Json => {
            let document = json!({
                "formatVersion": FORMAT_VERSION,
                "cachectl": env!("CARGO_PKG_VERSION"),
                "startedAt": started,
                "host": {
                    "os": std::env::consts::OS,
                    "arch": std::env::consts::ARCH,
                    "processors": std::thread::available_parallelism().map_or(0, usize::from),
                },
                "stack": session.spec.stack,
                "region": session.spec.region,
                "smoke": reports,
            });
            printer.document(&document);
        }
        ReportFormat::Markdown => {
            for report in reports {
                printer.result(&render::smoke_markdown::report(report, started));
            }
        }
        ReportFormat::Junit => {
            let suites: Vec<_> =
                tested.iter().map(|tested| render::smoke_junit::suite(&tested.report, tested.fails())).collect();
            printer.result(&render::junit::document("cachectl smoke", &suites));
        }
        ReportFormat::Table => {
            for report in reports.iter().filter(|report| !report.baseline.is_empty()) {
                printer.result(&render::smoke::baseline(report));
            }
        }
    }
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

struct Progress<'a> {
    printer: &'a Printer,
    address: String,
}

impl Observer for Progress<'_> {
    fn progress(&self, text: &str) {
        self.printer.detail(&format!("  {}: {text}", self.address));
    }
}

/// Which caches are tested, and how the test is shown.
pub struct Wanted<'a> {
    pub selected: &'a dyn Fn(&Address) -> bool,
    /// Print each table as soon as there is one.
    pub print: bool,
    pub thorough: bool,
}

/// Caches of the spec that can be tested, with what AWS says of them.
fn testable<'a>(
    session: &'a Session,
    live: &'a Live,
    selected: &'a dyn Fn(&Address) -> bool,
) -> impl Iterator<Item = (&'a Resource, View<'a>)> {
    session.spec.resources.values().filter_map(move |resource| {
        let smoke = resource.fields.get("smoke");
        let left_out = smoke.and_then(Value::as_str) == Some("none") || resource.text("engine") == Some("memcached");
        let tested = resource.address.kind.is_cache() && selected(&resource.address) && !left_out;
        Some((resource, live.view(&resource.address).filter(|_| tested)?))
    })
}

/// Tests the selected caches that exist, one after the other: side by side they would slow each other.
pub async fn test(
    printer: &Printer,
    session: &Session,
    live: &Live,
    wanted: &Wanted<'_>,
    stop: &Stop,
) -> Result<Vec<Tested>, CliError> {
    let mut all = Vec::new();
    for (resource, view) in testable(session, live, wanted.selected) {
        if stop.is_asked() {
            break;
        }
        let declared = resource.fields.get("smoke");
        let mut settings = settings::settings(declared);
        settings.thorough = wanted.thorough;
        let Some(mut target) = target::target(&session.spec, resource, &view, session.aws.is_stand_in()) else {
            printer.note(&format!("{} has no endpoint yet: not tested", resource.address));
            continue;
        };
        let refused = admit(session, resource, &view, &mut settings, &mut target).await?;
        let report = match refused {
            Some(reason) => not_tested(&target, &reason),
            None => {
                let seconds = settings.duration.as_secs_f64();
                printer.note(&format!("Smoke test of {} for {seconds:.0} s ...", resource.address));
                let observer = Progress { printer, address: resource.address.to_string() };
                smoke::run(&target, &settings, stop, &observer).await
            }
        };
        if wanted.print {
            printer.result(&format!("\n{}", render::smoke::table(&report, printer.width(), true)));
        }
        let required = !settings.require.is_empty();
        all.push(Tested { report, required, on_undecided: settings.on_undecided });
    }
    Ok(all)
}

/// Puts the credentials into the target. `Some` is why there is no way in.
async fn admit(
    session: &Session,
    resource: &Resource,
    view: &View<'_>,
    settings: &mut Settings,
    target: &mut Target,
) -> Result<Option<String>, CliError> {
    let (login, access) = login::choose(&session.spec, resource, view);
    let declared = resource.fields.get("smoke").and_then(|smoke| smoke.get("keyPrefix")?.as_str());
    login::confine(settings, declared, access);
    log_in(session, &resource.address, login, target).await
}

/// Fetches what a login takes and puts it into the target's way. `Some` is why there is no way in.
pub async fn log_in(
    session: &Session,
    address: &Address,
    login: Login,
    target: &mut Target,
) -> Result<Option<String>, CliError> {
    match login {
        Login::Nobody => {}
        Login::Password { user, reference } => {
            let (host, _) = target.way.map.lead(&target.way.host, target.way.port);
            // AWS asks for TLS wherever somebody logs in, so this is not AWS's doing.
            if target.way.tls.is_none() && !is_loopback(&host) {
                return Ok(Some(format!("the way to {host} is not encrypted, and no password is sent over it")));
            }
            let plain = secrets::fetch(&session.aws, &reference).await?;
            target.way.username = user;
            target.way.password = Some(Secret::new(plain.expose()));
        }
        Login::Iam { user } => {
            if target.stand_in {
                return Ok(Some(format!("user {user} logs in by IAM, which a stand-in for AWS cannot check")));
            }
            if target.way.tls.is_none() {
                return Ok(Some(format!("user {user} logs in by IAM, and a token is sent over TLS only")));
            }
            let serverless = address.kind.is_serverless();
            let made = token::Login { cache: &address.id, serverless, user: &user };
            let token = match token::signed(&session.aws, made).await {
                Ok(token) => Secret::new(token),
                Err(error) => return Ok(Some(format!("no token could be signed for user {user}: {error}"))),
            };
            let (aws, cache, of) = (session.aws.clone(), address.id.clone(), user.clone());
            tokio::spawn(renewal::keep_fresh(token.downgrade(), token::VALID_FOR, move || {
                let (aws, cache, user) = (aws.clone(), cache.clone(), of.clone());
                async move { token::signed(&aws, token::Login { cache: &cache, serverless, user: &user }).await.ok() }
            }));
            target.way.password = Some(token);
            target.way.username = Some(user);
        }
        Login::Unknown { reason } => return Ok(Some(reason)),
    }
    Ok(None)
}

/// A report that says only why there is none.
fn not_tested(target: &Target, reason: &str) -> Report {
    let hint = "declare `smoke.username` and `smoke.password`, or a user with a password in this spec".to_owned();
    let check = Check {
        name: "login".to_owned(),
        status: Verdict::NotTested,
        detail: reason.to_owned(),
        hint: Some(hint),
        seconds: 0.0,
    };
    Report { checks: vec![check], ..Report::empty(&target.address, target.way.endpoint()) }
}

fn print_commands(
    printer: &Printer,
    session: &Session,
    live: &Live,
    selected: &dyn Fn(&Address) -> bool,
    args: &Args,
) -> Result<Exit, CliError> {
    let mut printed = false;
    for (resource, view) in testable(session, live, selected) {
        let Some(target) = target::target(&session.spec, resource, &view, session.aws.is_stand_in()) else { continue };
        let (login, _) = login::choose(&session.spec, resource, &view);
        printer.result(&command::text(&target, &login, args, &session.spec.region));
        printed = true;
    }
    if printed { Ok(Exit::Done) } else { nothing_tested(printer, session, live, selected) }
}

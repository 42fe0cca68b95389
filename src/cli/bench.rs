//! `cachectl bench`: the load engine by itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;

use super::args::{AwsArgs, SpecArgs};
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session::{self, Session};
use super::way_in::way_in;
use super::{clock, system};
use crate::aws::Access;
use crate::bench::{self, Aim, Bound, Measured, NotBegun, Report, Settings, Verdict, asked, compare, is_comparable};
use crate::client::engine::{Distribution, ReadFrom, Reason, Stop};
use crate::client::{Secret, Tls, Way};
use crate::model::{Address, kept};
use crate::render;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Two numbers, never one. Capacity is what a closed loop reaches: every client asks again as soon as it has its \
    answers, so a stall only means that less is asked. Latency is measured on a schedule, from when each command was \
    due: a stall of a second shows up in the wait of everyone who would have asked in it.\n\n\
    Known letters mean what they mean to redis-benchmark: -c clients, -n requests (of all clients together; memtier's \
    -n is of each), -P pipeline, -d value size (64 where nothing is said; redis-benchmark's is 3, memtier's 32), -r keys, \
    -t get, set or get,set (memtier's -t is --threads). -c is of all threads together; memtier's is of each thread. \
    memtier's --ratio 1:9 is --read-ratio 0.9, its --rate-limiting is per connection, --rate is of all together.\n\n\
    It does no harm: own keys under cachectl:bench:, which expire and are deleted by name at the end and after Ctrl-C; \
    no more of them than 32 MiB, 1 % of maxmemory or half of the free memory per shard; the first eviction ends it. \
    --unbounded removes the limits, for servers where nothing can be lost.\n\n\
    Examples:\n  \
      cachectl bench 127.0.0.1:6379\n  \
      cachectl bench 127.0.0.1:6379 -t get,set -d 1024 -P 16 --threads 2\n  \
      cachectl bench cache.example:6379 --tls --username app --password env:CACHE_PASSWORD --rate 2000 --duration 30s\n  \
      cachectl bench cache.example:6379 --find-rate p99=5ms --hdr latency.hlog\n  \
      cachectl bench 127.0.0.1:6379 --format json > before.json\n  \
      cachectl bench 127.0.0.1:6379 --baseline before.json\n  \
      cachectl bench prod.yaml replicationGroup/prod-cache --rate 2000\n\n\
    With SPEC and ADDRESS the endpoint, TLS, login and tunnels are the cache's, as `cachectl smoke` takes them; AWS is \
    only read.\n\n\
    --find-rate takes the time that --duration leaves: half of it to look, half to confirm. \
    --baseline compares what was asked for alike, and latencies only at rates within 10 % of one another. \
    With --threads, the longest gap is that of the clients of one thread.\n\n\
    Exit code 5: commands failed, or no rate was found that holds the bound, whatever the reason. 3: the server has no \
    room. Numbers that are undecided (the client was the limit) are reported as such, and exit 0."
)]
pub struct Args {
    /// HOST:PORT of the server, of any node of a cluster; or a spec, with an address beside it
    #[arg(value_name = "ENDPOINT|SPEC")]
    pub endpoint: String,
    /// Cache of the spec
    #[arg(value_name = "ADDRESS", conflicts_with_all = ["tls", "ca_file", "server_name", "username", "password", "cluster"])]
    pub address: Option<Address>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Clients; each has a connection, and in a cluster one to every shard
    #[arg(short = 'c', long, default_value_t = 50, value_name = "N", value_parser = at_least_one, help_heading = "Load")]
    pub clients: usize,
    /// Commands that one client has under way
    #[arg(short = 'P', long, default_value_t = 1, value_name = "N", value_parser = at_least_one, help_heading = "Load")]
    pub pipeline: usize,
    /// Threads that share the clients
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = at_least_one, help_heading = "Load")]
    pub threads: usize,
    /// Share of GET, the rest is SET: 0 to 1
    #[arg(long, default_value_t = 1.0, value_name = "SHARE", value_parser = share, help_heading = "Load")]
    pub read_ratio: f64,
    /// get, set or get,set (half of each), as redis-benchmark has it
    #[arg(short = 't', long, value_name = "TESTS", value_parser = tests, conflicts_with = "read_ratio", help_heading = "Load")]
    pub tests: Option<f64>,
    /// Bytes of a value
    #[arg(short = 'd', long, default_value_t = 64, value_name = "BYTES", value_parser = value_size, help_heading = "Load")]
    pub value_size: usize,
    /// Different keys
    #[arg(short = 'r', long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Load")]
    pub keys: u32,
    /// How often each key is asked for: uniform, zipf (exponent 1), zipf:EXPONENT
    #[arg(long, default_value = "uniform", value_name = "NAME", value_parser = distribution, help_heading = "Load")]
    pub distribution: Distribution,
    /// Where reads go
    #[arg(long, value_enum, default_value = "primary", value_name = "NODE", help_heading = "Load")]
    pub read_from: From,
    /// For warm-up, capacity and latency together
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = super::args::parse_duration, help_heading = "Measurement")]
    pub duration: Duration,
    /// Commands of each of the two measurements, instead of the duration
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Measurement")]
    pub requests: Option<u64>,
    /// Commands a second for latency, of all clients together; capacity is then left out. Default: half of capacity
    #[arg(long, value_name = "N", value_parser = rate, conflicts_with = "find_rate", help_heading = "Measurement")]
    pub rate: Option<f64>,
    /// Look for the highest rate that holds a bound, such as p99=5ms (p50, p95, p99, p99.9, max)
    #[arg(long, value_name = "BOUND", conflicts_with = "requests", help_heading = "Measurement")]
    pub find_rate: Option<Bound>,
    /// A command without an answer for this long has failed
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = super::args::parse_duration, help_heading = "Measurement")]
    pub timeout: Duration,
    /// Connect with TLS; the certificate is checked
    #[arg(long, help_heading = "Connection")]
    pub tls: bool,
    /// Authorities to trust instead of the system's, in PEM
    #[arg(long, value_name = "FILE", requires = "tls", help_heading = "Connection")]
    pub ca_file: Option<PathBuf>,
    /// Name that the certificate must have, where the endpoint is a tunnel
    #[arg(long, value_name = "NAME", requires = "tls", help_heading = "Connection")]
    pub server_name: Option<String>,
    /// User, where it is not the default one
    #[arg(long, value_name = "USER", requires = "password", help_heading = "Connection")]
    pub username: Option<String>,
    /// Where the password is kept: env:NAME or file:PATH
    #[arg(long, value_name = "REFERENCE", help_heading = "Connection")]
    pub password: Option<String>,
    /// Require cluster mode; by default the server decides
    #[arg(long, help_heading = "Connection")]
    pub cluster: bool,
    /// Goes before the keys, for a user who may not have others
    #[arg(long, value_name = "PREFIX", help_heading = "Safety")]
    pub key_prefix: Option<String>,
    /// No memory budget, and no end at the first eviction
    #[arg(long, help_heading = "Safety")]
    pub unbounded: bool,
    /// Write all latencies as a log of HdrHistogram, for its tools
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub hdr: Option<PathBuf>,
    /// An earlier report (JSON) to set beside this one
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub baseline: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORM", help_heading = "Output")]
    pub format: BenchFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchFormat {
    Table,
    Json,
    Markdown,
    Junit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum From {
    Primary,
    Replica,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=100_000).contains(number))
        .ok_or_else(|| "expected a number from 1 to 100,000".to_owned())
}

fn value_size(text: &str) -> Result<usize, String> {
    // The servers' own limit is 512 MiB; a client would need that much for each command under way.
    text.parse().ok().filter(|bytes| *bytes <= 64 << 20).ok_or_else(|| "expected bytes, at most 67,108,864".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share from 0 to 1".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|rate| (0.1..=1e7).contains(rate))
        .ok_or_else(|| "expected commands a second, such as 2000, at most 10000000".to_owned())
}

fn tests(text: &str) -> Result<f64, String> {
    let mut names: Vec<String> = text.split(',').map(str::to_ascii_lowercase).collect();
    names.sort_unstable();
    match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["get"] => Ok(1.0),
        ["set"] => Ok(0.0),
        ["get", "set"] => Ok(0.5),
        _ => Err("expected get, set or get,set".to_owned()),
    }
}

fn distribution(text: &str) -> Result<Distribution, String> {
    let wanted = || "expected uniform, zipf, or zipf:EXPONENT such as zipf:0.99".to_owned();
    match text.split_once(':') {
        None if text == "uniform" => Ok(Distribution::Uniform),
        None if text == "zipf" => Ok(Distribution::Zipf(1.0)),
        Some(("zipf", exponent)) => {
            let exponent: Option<f64> = exponent.parse().ok();
            exponent.filter(|exponent| (0.01..=10.0).contains(exponent)).map(Distribution::Zipf).ok_or_else(wanted)
        }
        _ => Err(wanted()),
    }
}

pub async fn run(printer: &Printer, args: &Args) -> Result<Exit, CliError> {
    let (way, prefix) = match &args.address {
        Some(address) => of_spec(printer, args, address).await?,
        None => (of_endpoint(args)?, None),
    };
    let settings = settings(args, way, prefix)?;
    let earlier = args.baseline.as_deref().map(|file| baseline(file, &settings)).transpose()?;
    if let Some(file) = &args.hdr {
        // Before minutes of measuring, not after.
        writable(file)?;
    }
    let stop = Stop::default();
    let started_at = clock::timestamp();
    let measuring = {
        let (settings, stop, printer) = (settings.clone(), stop.clone(), printer.clone());
        tokio::task::spawn_blocking(move || {
            bench::run(&settings, started_at, &stop, &mut |text| printer.note(&format!("  {text} ...")))
        })
    };
    tokio::pin!(measuring);
    let mut interrupted = false;
    let outcome = loop {
        tokio::select! {
            outcome = &mut measuring => break outcome,
            () = system::interrupt() => {
                if std::mem::replace(&mut interrupted, true) {
                    printer.note("Stopped at once: keys that are left expire on their own.");
                    return Ok(Exit::Interrupted);
                }
                stop.ask(Reason::Interrupted);
                printer.note("Stopping: the keys are deleted, and what was measured is shown.");
            }
        }
    };
    let outcome = outcome.map_err(|fault| CliError::new(Exit::Error, format!("the benchmark broke off: {fault}")))?;
    let mut measured = outcome.map_err(|why| not_begun(why, &settings))?;
    // What was measured is shown, whatever cannot be done with it.
    let compared = earlier.map_or(Ok(()), |earlier| beside_earlier(&earlier, &mut measured.report));
    if args.hdr.is_some() && measured.histograms.is_none() {
        measured.report.notes.push("no latency was measured: --hdr has nothing to write".to_owned());
    }
    print(printer, args.format, &measured.report)?;
    if let Some(file) = &args.hdr {
        write_hdr(file, &measured)?;
    }
    compared?;
    Ok(exit(&measured.report, interrupted))
}

fn incomparable(why: String) -> CliError {
    CliError::new(Exit::Usage, format!("the baseline cannot be compared: {why}"))
}

fn beside_earlier(earlier: &Value, report: &mut Report) -> Result<(), CliError> {
    let (rows, notes) = compare(earlier, report).map_err(incomparable)?;
    report.baseline = Some(rows);
    report.notes.extend(notes);
    Ok(())
}

fn exit(report: &Report, interrupted: bool) -> Exit {
    let sought_in_vain = report.find_rate.as_ref().is_some_and(|found| found.rate.is_none());
    if interrupted {
        Exit::Interrupted
    } else if report.verdict == Verdict::Failed || sought_in_vain {
        Exit::SmokeFailed
    } else {
        Exit::Done
    }
}

fn print(printer: &Printer, format: BenchFormat, report: &Report) -> Result<(), CliError> {
    let text = match format {
        BenchFormat::Table => render::bench::table(report),
        BenchFormat::Markdown => render::bench::markdown(report),
        BenchFormat::Junit => render::bench::junit(report),
        BenchFormat::Json => {
            let text = serde_json::to_string_pretty(report);
            text.map_err(|error| CliError::new(Exit::Error, error.to_string()))? + "\n"
        }
    };
    printer.result(&text);
    Ok(())
}

fn not_begun(why: NotBegun, settings: &Settings) -> CliError {
    let endpoint = settings.way.endpoint();
    match why {
        NotBegun::NoRoom(_) => CliError::new(Exit::Blocked, format!("{endpoint}: {why}"))
            .hint("fewer or smaller values (--keys, --value-size), or --unbounded where nothing can be lost"),
        NotBegun::Unreachable(trouble) => {
            let hint = match trouble.class.as_str() {
                "connection refused" => "nothing listens there; is the port right?",
                "timeout" => "a cache answers only inside its VPC; with encryption in transit it needs --tls",
                "TLS" => {
                    "the certificate must name the endpoint (--server-name) and come from a known authority (--ca-file)"
                }
                "NOAUTH" | "WRONGPASS" => "log in with --username and --password env:NAME or file:PATH",
                "connection dropped" | "unexpected reply" => {
                    "a server with encryption in transit does not answer clients without it (--tls)"
                }
                _ => "check the endpoint and the flags on how to connect",
            };
            CliError::new(Exit::Error, format!("{endpoint}: {} ({})", trouble.detail, trouble.class)).hint(hint)
        }
    }
}

/// The way into a cache of a spec, and where its user may write.
async fn of_spec(printer: &Printer, args: &Args, address: &Address) -> Result<(Way, Option<String>), CliError> {
    let request = session::request(Path::new(&args.endpoint), &args.spec);
    let session = Session::open(printer, &request, &args.aws, Access::ReadOnly).await?;
    let live = session.read().await?;
    let Some(resource) = session.spec.resources.get(address).filter(|_| address.kind.is_cache()) else {
        return Err(CliError::new(Exit::Usage, format!("{address} is no cache of {}", args.endpoint))
            .hint("an address is KIND/ID, such as replicationGroup/prod-cache"));
    };
    let Some(view) = live.view(address) else {
        return Err(CliError::new(Exit::Error, format!("{address} does not exist")).hint("apply the spec first"));
    };
    match way_in(&session, resource, &view, bench::PREFIX).await? {
        Ok(mut way) => {
            way.target.way.nodes = way.target.members.iter().filter_map(|member| member.endpoint.clone()).collect();
            Ok((way.target.way, Some(way.prefix)))
        }
        Err(why) => Err(CliError::new(Exit::Error, format!("{address} cannot be measured: {why}"))
            .hint("declare `smoke.username` and `smoke.password`, or a user with a password in this spec")),
    }
}

/// The way that the flags tell.
fn of_endpoint(args: &Args) -> Result<Way, CliError> {
    let usage = |message: String| CliError::new(Exit::Usage, message);
    let given = [args.spec.env.is_some(), !args.spec.overlay.is_empty(), !args.spec.var.is_empty()];
    if given.contains(&true) || std::path::Path::new(&args.endpoint).is_file() {
        return Err(usage(format!(
            "{} is a spec: name a cache of it beside it, such as replicationGroup/prod-cache",
            args.endpoint
        )));
    }
    let (host, port) = endpoint(&args.endpoint).map_err(usage)?;
    let mut way = Way { host, port, cluster: args.cluster, ..Way::default() };
    if let Some(name) = &args.server_name {
        let near = (std::mem::replace(&mut way.host, name.clone()), port);
        way.map.insert((name.clone(), port), near);
    }
    if args.tls {
        let read = |file: &std::path::PathBuf| {
            std::fs::read(file).map_err(|error| usage(format!("--ca-file {}: {error}", file.display())))
        };
        way.tls = Some(Tls { ca_pem: args.ca_file.as_ref().map(read).transpose()? });
    }
    way.username.clone_from(&args.username);
    way.password = args.password.as_deref().map(password).transpose()?;
    Ok(way)
}

fn settings(args: &Args, way: Way, prefix: Option<String>) -> Result<Settings, CliError> {
    let usage = |message: String| CliError::new(Exit::Usage, message);
    let mut settings = Settings {
        way,
        clients: args.clients,
        pipeline: args.pipeline,
        threads: args.threads,
        read_ratio: args.tests.unwrap_or(args.read_ratio),
        value_size: args.value_size,
        keys: args.keys,
        distribution: args.distribution,
        duration: args.duration,
        requests: args.requests,
        read_from: match args.read_from {
            From::Primary => ReadFrom::Primary,
            From::Replica => ReadFrom::Replica,
        },
        timeout: args.timeout,
        unbounded: args.unbounded,
        ..Settings::default()
    };
    settings.aim = match (args.rate, args.find_rate) {
        (Some(rate), _) => Aim::Rate(rate),
        (None, Some(bound)) => Aim::Find(bound),
        (None, None) => Aim::HalfOfCapacity,
    };
    if let Some(prefix) = prefix {
        settings.key_prefix = prefix;
    }
    if let Some(prefix) = &args.key_prefix {
        settings.key_prefix = format!("{prefix}{}", settings.key_prefix);
    }
    if settings.duration < Duration::from_secs(1) && settings.requests.is_none() {
        return Err(usage("a benchmark takes at least one second (--duration)".to_owned()));
    }
    Ok(settings)
}

/// `host:port`, `[v6]:port`, or a host alone with the usual port.
fn endpoint(text: &str) -> Result<(String, u16), String> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!(
            "give host:port; `{scheme}:` becomes --tls, --username and --password, so that no secret stands in a command line"
        ));
    }
    let wanted = || format!("`{text}` is not an endpoint: expected host:port");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.starts_with('[') => {
            (host.trim_matches(['[', ']']), port.parse().ok().filter(|port| *port != 0).ok_or_else(wanted)?)
        }
        _ => (text.trim_matches(['[', ']']), 6379),
    };
    if host.is_empty() || host.contains(['/', '@', ' ']) { Err(wanted()) } else { Ok((host.to_owned(), port)) }
}

/// `env:NAME` or `file:PATH`; a password itself would stand in the process list.
fn password(reference: &str) -> Result<Secret, CliError> {
    let usage = |message: String| CliError::new(Exit::Usage, message);
    let text = match reference.split_once(':') {
        Some(("env", name)) => {
            std::env::var(name).map_err(|_| usage(format!("--password: {name} is not set in the environment")))?
        }
        Some(("file", path)) => {
            std::fs::read_to_string(path).map_err(|error| usage(format!("--password: {path}: {error}")))?
        }
        _ => return Err(usage("--password takes env:NAME or file:PATH, never the password itself".to_owned())),
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(usage("--password: it is empty".to_owned()));
    }
    kept::keep(text);
    Ok(Secret::new(text))
}

fn baseline(file: &Path, settings: &Settings) -> Result<Value, CliError> {
    let broken = |why: String| CliError::new(Exit::Usage, format!("--baseline {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| broken(error.to_string()))?;
    let earlier = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
    // Before minutes of measuring, not after.
    is_comparable(&earlier, &asked(settings)).map_err(incomparable)?;
    Ok(earlier)
}

/// All latencies as a log of HdrHistogram, in nanoseconds, which its tools show as milliseconds.
fn write_hdr(file: &Path, measured: &Measured) -> Result<(), CliError> {
    let Some(histograms) = &measured.histograms else { return Ok(()) };
    let text = render::hdr_log::text(&measured.report.started_at, histograms)
        .map_err(|error| CliError::new(Exit::Error, format!("--hdr: {error}")))?;
    whole(file, &text)
}

/// A file that is there as a whole or not at all, and not through a symbolic link.
fn whole(file: &Path, text: &str) -> Result<(), CliError> {
    let beside = beside(file)?;
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file));
    written.inspect_err(|_| drop(std::fs::remove_file(&beside))).map_err(|error| unwritten(file, &error))
}

/// Could the file be written?
fn writable(file: &Path) -> Result<(), CliError> {
    let beside = beside(file)?;
    let tried = std::fs::write(&beside, "").and_then(|()| std::fs::remove_file(&beside));
    tried.map_err(|error| unwritten(file, &error))
}

fn beside(file: &Path) -> Result<PathBuf, CliError> {
    if file.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return Err(unwritten(file, &std::io::Error::other("it exists and is not a regular file")));
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    Ok(beside.into())
}

fn unwritten(file: &Path, error: &std::io::Error) -> CliError {
    CliError::new(Exit::Error, format!("cannot write {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        assert_eq!(endpoint("127.0.0.1:7000"), Ok(("127.0.0.1".into(), 7000)));
        assert_eq!(endpoint("cache.example"), Ok(("cache.example".into(), 6379)));
        assert_eq!(endpoint("[::1]:7000"), Ok(("::1".into(), 7000)));
        assert_eq!(endpoint("::1"), Ok(("::1".into(), 6379)));
        for wrong in ["redis://u:hunter2@host", ":6379", "host:0", "host:x", "a/b:1", "user@host:1"] {
            let error = endpoint(wrong).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_is_never_an_argument() {
        assert!(password("hunter2").unwrap_err().message.contains("env:NAME"));
        assert!(!password("hunter2").unwrap_err().message.contains("hunter2"));
        assert!(password("env:CACHECTL_NO_SUCH_VARIABLE").is_err());
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "bench-s3cret-of-a-file\n").expect("written");
        password(&format!("file:{}", file.path().display())).expect("a password");
        // Whatever a server quotes, it is not printed.
        assert_eq!(kept::taken_out("no AUTH bench-s3cret-of-a-file"), "no AUTH (secret)");
    }
}

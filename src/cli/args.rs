//! The command line, as clap reads it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::Glob;
use crate::model::options::Allow;
use crate::spec::decode::duration;

#[derive(Debug, Parser)]
#[command(
    name = "cachectl",
    version = env!("CACHECTL_VERSION"),
    about = "Plan and apply AWS ElastiCache (Valkey, Redis) from one YAML spec",
    long_about = "Plan and apply AWS ElastiCache (Valkey, Redis) from one YAML spec.\n\n\
        The spec says what should be; AWS says what is. `plan` shows the difference and the exact calls, \
        `apply` makes them in the order that AWS accepts, waits until it is true, and proves with a smoke \
        test that the cache answers its clients. There is no state file: ownership stands in a tag.",
    after_help = "Exit codes:\n  0    done\n  1    error (AWS, network)\n  2    changes present (plan --detailed-exitcode)\n  3    blocked: a guard, a permission, or a change that AWS refuses\n  4    the saved plan is stale\n  5    a test failed, or could not decide what `require` asks\n  6    partly applied or timed out; the same command resumes\n  7    only pending changes are left (--detailed-exitcode)\n  64   usage\n  78   invalid spec\n  130  interrupted\n\n\
        Start with:\n  cachectl init\n  cachectl validate cachectl.yaml\n  cachectl plan cachectl.yaml"
)]
pub struct Cli {
    #[command(flatten)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args, Clone)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// When to colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// Print only results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// More: -v notes, -vv every AWS call
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first spec, with comments; or one of resources that exist
    Init(super::init::Args),
    /// Check specs offline: syntax, types, rules across fields, lint. No AWS call
    Validate(super::validate::Args),
    /// Print the spec after overlays and variables; secrets stay references
    Render(super::render::Args),
    /// Show what would change and the exact calls; change nothing
    Plan(super::plan::Args),
    /// Plan, ask, carry out, wait, read again, smoke-test
    Apply(super::apply::Args),
    /// Delete what the stack owns, in the safe order
    Destroy(super::destroy::Args),
    /// Write a spec from live resources; its plan holds nothing but the adoption
    Import(super::import::Args),
    /// Show a stack's resources: states, nodes, endpoints, alarms, pending changes
    Status(super::status::Args),
    /// Connect to the caches of a spec, check them, measure them; no AWS change
    Smoke(super::smoke::Args),
    /// Measure any Valkey or Redis server: capacity, and latency free of coordinated omission. No AWS call
    Bench(Box<super::bench::Args>),
    /// Make a shard fail over under paced clients, and say what it cost them
    Drill(super::drill::Args),
    /// Recommend sizes, eviction and cost savings from two weeks of metrics, as changes to the spec; no AWS change
    Advise(Advise),
    /// Print the least IAM policy for a purpose, as JSON; no AWS call
    IamPolicy(super::iam_policy::Args),
    /// Explain what changing a field does to a live cache, or what a rule means
    Explain(super::explain::Args),
    /// Print the spec's JSON Schema, for editors
    Schema,
    /// Print completions for a shell
    Completions(super::completions::Args),
    /// Print or write the manual pages
    Man(super::man::Args),
}

/// Which spec, and what goes over it.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Spec")]
pub struct SpecArgs {
    /// Environment of the spec to merge over it
    #[arg(short = 'e', long = "env", value_name = "NAME")]
    pub env: Option<String>,
    /// File to merge over the spec, after the environment; repeatable
    #[arg(long, value_name = "FILE")]
    pub overlay: Vec<PathBuf>,
    /// Set a variable; repeatable
    #[arg(long = "var", value_name = "K=V", value_parser = pair)]
    pub var: Vec<(String, String)>,
}

#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "AWS")]
pub struct AwsArgs {
    /// AWS region: the spec's; without a spec, otherwise that of the environment or of the profile
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Profile of the AWS configuration
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Send calls here instead of to AWS (also AWS_ENDPOINT_URL)
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Safety")]
pub struct Allowances {
    /// Allow delete, replace, adopt, reboot, flush or rotate for addresses that match; repeatable
    #[arg(long = "allow", value_name = "ACTION:GLOB")]
    pub allow: Vec<Allow>,
    /// Plan to delete what the stack owns and the spec no longer has
    #[arg(long)]
    pub prune: bool,
    /// Plan all hops of a change at once, leaving clients no time to move in between
    #[arg(long)]
    pub all_hops: bool,
    /// Report changes in the exit code: 2 changes (plan), 7 only pending ones
    #[arg(long, help_heading = "Output")]
    pub detailed_exitcode: bool,
    /// Only addresses that match; repeatable
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<Glob>,
}

/// What the caches cost.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Output")]
pub struct CostArgs {
    /// Add the monthly cost of the caches, before and after, estimated from list prices
    #[arg(long)]
    pub cost: bool,
    /// Take prices from a file of the form of data/elasticache.json, for other regions or prices of your own
    #[arg(long, value_name = "FILE", requires = "cost")]
    pub price_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
    Markdown,
}

#[derive(Debug, Args, Clone)]
#[command(next_help_heading = "Execution")]
pub struct Execution {
    /// Skip the confirmation prompt
    #[arg(long, help_heading = "Safety")]
    pub yes: bool,
    /// How many resources to work on at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub parallelism: u16,
    /// Stop waiting after this long; AWS continues, and the same command resumes
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Time between two polls of AWS, such as 200ms; by default 2s, growing to 30s
    #[arg(long, value_name = "D", env = "CACHECTL_POLL_INTERVAL", value_parser = parse_duration)]
    pub poll_interval: Option<Duration>,
    /// Write events to a file, one JSON object per line
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub events: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    #[default]
    Table,
    Json,
    Markdown,
    Junit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AdviseFormat {
    #[default]
    Table,
    Json,
    Markdown,
    /// The changes to the spec, as a unified diff
    Patch,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        cachectl advise\n  \
        cachectl advise prod.yaml replicationGroup/prod-cache --since 28d\n  \
        cachectl advise --live prod.yaml replicationGroup/prod-cache\n  \
        cachectl advise prod.yaml --format patch | git apply\n  \
        cachectl advise prod.yaml --advice scale-down --write\n\n\
        Reading metrics costs about $0.01 for 1,000 of them: some 60 for a group of three nodes.")]
pub struct Advise {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    /// Caches to look at; all of the spec by default
    #[arg(value_name = "ADDRESS")]
    pub addresses: Vec<Glob>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    /// How far back to look, in hours, days or weeks
    #[arg(long, value_name = "D", default_value = "14d", value_parser = Since::parse)]
    pub since: Since,
    /// Look at the caches themselves too: INFO, and a thousand keys at most of each. Reads only, from replicas where there are any
    #[arg(long)]
    pub live: bool,
    /// Only this advice, such as scale-down; repeatable
    #[arg(long, value_name = "ID", value_parser = clap::builder::PossibleValuesParser::new(crate::model::advice::IDS.map(|(id, _)| id)))]
    pub advice: Vec<String>,
    /// Write the changes into the spec, keeping comments and layout
    #[arg(long, help_heading = "Output")]
    pub write: bool,
    /// Take prices from a file of the form of data/elasticache.json, for other regions or prices of your own
    #[arg(long, value_name = "FILE")]
    pub price_file: Option<PathBuf>,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: AdviseFormat,
}

/// A length of time that metrics are kept for, as it was written.
#[derive(Clone, Debug)]
pub struct Since {
    pub text: String,
    pub time: Duration,
}

impl Since {
    /// CloudWatch keeps hours for 455 days.
    const LONGEST: u64 = 455 * 24;

    fn parse(text: &str) -> Result<Self, String> {
        let hours = |digits: &str, hours: u64| digits.parse::<u64>().ok()?.checked_mul(hours);
        let time = match text.split_at_checked(text.len().saturating_sub(1)) {
            Some((digits, "h")) => hours(digits, 1),
            Some((digits, "d")) => hours(digits, 24),
            Some((digits, "w")) => hours(digits, 7 * 24),
            _ => None,
        };
        match time {
            Some(hours @ 1..=Self::LONGEST) => {
                Ok(Self { text: text.to_owned(), time: Duration::from_secs(hours * 3600) })
            }
            _ => Err("expected a number of hours, days or weeks such as 36h, 14d or 8w, at most 455d".to_owned()),
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected NAME=VALUE".to_owned())
}

pub(super) fn stack_name(text: &str) -> Result<String, String> {
    if crate::spec::schema::is_stack_name(text) {
        Ok(text.to_owned())
    } else {
        Err("letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 128".to_owned())
    }
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "expected a length of time such as 200ms, 30s or 45m".to_owned())
}

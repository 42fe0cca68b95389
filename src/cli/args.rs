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
        The spec says what should be; AWS says what is. `plan` shows the difference and the exact calls,\n\
        `apply` makes them in the order that AWS accepts, waits until it is true, and proves with a smoke\n\
        test that the cache answers its clients. There is no state file: ownership stands in a tag.",
    after_help = "Exit codes:\n  0    done\n  1    error (AWS, network)\n  2    changes present (plan --detailed-exitcode)\n  3    blocked: a guard, a permission, or a change that AWS refuses\n  4    the saved plan is stale\n  5    a test failed, or could not decide what `require` asks\n  6    partly applied or timed out; the same command resumes\n  7    only pending changes are left (--detailed-exitcode)\n  64   usage\n  78   invalid spec\n  130  interrupted\n\n\
        Start with:\n  cachectl validate cachectl.yaml\n  cachectl plan cachectl.yaml"
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
    Init(Init),
    /// Check specs offline: syntax, types, rules across fields, lint. No AWS call
    Validate(Validate),
    /// Print the spec after overlays and variables; secrets stay references
    Render(Render),
    /// Show what would change and the exact calls; change nothing
    Plan(Plan),
    /// Plan, ask, carry out, wait, read again, smoke-test
    Apply(Apply),
    /// Delete what the stack owns, in the safe order
    Destroy(Destroy),
    /// Write a spec from live resources; its plan holds nothing but the adoption
    Import(Import),
    /// Show a stack's resources: states, nodes, endpoints, alarms, pending changes
    Status(Status),
    /// Connect to the caches of a spec, check them, measure them; no AWS change
    Smoke(Smoke),
    /// Measure any Valkey or Redis server: capacity, and latency free of coordinated omission. No AWS call
    Bench(Box<super::bench::Args>),
    /// Make a shard fail over under paced clients, and say what it cost them
    Drill(super::drill::Args),
    /// Recommend sizes, eviction and cost savings from two weeks of metrics, as changes to the spec; no AWS change
    Advise(Advise),
    /// Print the least IAM policy for a purpose, as JSON; no AWS call
    IamPolicy(IamPolicy),
    /// Explain what changing a field does to a live cache, or what a rule means
    Explain(Explain),
    /// Print the spec's JSON Schema, for editors
    Schema,
    /// Print completions for a shell
    Completions(Completions),
    /// Print or write the manual pages
    Man(Man),
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ValidateFormat {
    #[default]
    Table,
    Json,
    Markdown,
    Github,
    Sarif,
}

#[derive(Debug, Args)]
pub struct Validate {
    /// Specs; cachectl.yaml by default
    #[arg(value_name = "SPEC")]
    pub specs: Vec<PathBuf>,
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Apply the fixes that are certain, keeping comments and layout; then check what is left
    #[arg(long)]
    pub fix: bool,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: ValidateFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RenderFormat {
    #[default]
    Yaml,
    Json,
}

#[derive(Debug, Args)]
pub struct Render {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "yaml")]
    pub format: RenderFormat,
}

#[derive(Debug, Args)]
pub struct Plan {
    /// Specs; cachectl.yaml by default
    #[arg(value_name = "SPEC")]
    pub specs: Vec<PathBuf>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    #[command(flatten)]
    pub allowances: Allowances,
    #[command(flatten)]
    pub cost: CostArgs,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
    /// Save the plan, to be applied with `cachectl apply FILE`
    #[arg(long, value_name = "PLAN.json", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print a saved plan; no AWS call
    #[arg(long, value_name = "PLAN.json", help_heading = "Output", conflicts_with_all = ["specs", "out"])]
    pub show: Option<PathBuf>,
    /// Write the plan as JSON to a file, besides printing it
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json_out: Option<PathBuf>,
    /// Write the plan as Markdown to a file, besides printing it: for a comment on a pull request
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub markdown_out: Option<PathBuf>,
    /// Also list resources without changes
    #[arg(long, help_heading = "Output")]
    pub show_unchanged: bool,
    /// List caches of the region that no stack of this spec manages
    #[arg(long, help_heading = "Output")]
    pub show_unmanaged: bool,
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

/// Which caches are tested after an apply.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Execution")]
pub struct Tested {
    /// Skip the smoke test
    #[arg(long, conflicts_with = "smoke")]
    pub no_smoke: bool,
    /// Smoke-test all caches of the stack, even when nothing changed
    #[arg(long)]
    pub smoke: bool,
}

#[derive(Debug, Args)]
pub struct Apply {
    /// Specs, or one saved plan; cachectl.yaml by default
    #[arg(value_name = "SPEC|PLAN.json")]
    pub specs: Vec<PathBuf>,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    #[command(flatten)]
    pub allowances: Allowances,
    #[command(flatten)]
    pub cost: CostArgs,
    #[command(flatten)]
    pub execution: Execution,
    #[command(flatten)]
    pub tested: Tested,
    /// Keep a writer and a reader on each cache through its steps, and say what each step cost them
    #[arg(long, help_heading = "Execution")]
    pub canary: bool,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Destroy {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Allow deletion for a glob of addresses, such as 'delete:*'; repeatable
    #[arg(long = "allow", value_name = "ACTION:GLOB")]
    pub allow: Vec<Allow>,
    /// Only addresses that match; repeatable
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<Glob>,
    #[command(flatten)]
    pub execution: Execution,
    /// Nothing is tested after a deletion: for scripts that pass the same flags to apply
    #[arg(long, hide = true)]
    pub no_smoke: bool,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        cachectl init\n  \
        cachectl init --stack shop --region eu-west-1\n  \
        cachectl init --stack shop --from 'replicationGroup/shop-*'\n\n\
        Then:\n  \
        cachectl validate    checks it; no AWS call\n  \
        cachectl plan        shows what it would create; changes nothing\n\n\
        Without --from no AWS call is made.")]
pub struct Init {
    /// Import what exists instead: addresses such as 'replicationGroup/shop-*'; repeatable
    #[arg(long, value_name = "ADDRESS-GLOB")]
    pub from: Vec<Glob>,
    /// Name of the stack; the folder's name by default
    #[arg(long, value_name = "NAME", value_parser = stack_name)]
    pub stack: Option<String>,
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = super::session::DEFAULT_SPEC)]
    pub out: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub aws: AwsArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        cachectl import replicationGroup/prod-cache --stack prod -o cachectl.yaml\n  \
        cachectl import 'replicationGroup/prod-*' parameterGroup/prod-params --stack prod\n  \
        cachectl import --all --stack prod --region eu-west-1 > cachectl.yaml\n  \
        terraform show -json | cachectl import --from-terraform - --stack prod -o cachectl.yaml > removed.tf\n\n\
        Then:\n  \
        cachectl plan cachectl.yaml                     shows what adopting them takes: tags\n  \
        cachectl apply cachectl.yaml --allow 'adopt:*'  adopts them\n\n\
        With --from-terraform, the `removed` blocks by which Terraform forgets them go to stdout, or stand as comments\n\
        under a spec that is printed. Of the state only types, names, ids and ARNs are looked at.\n\
        Without --stack, the stack whose tag all of them carry. Secrets are never read: a comment says where\n\
        one is set. What AWS owns (default users and groups) is named where it is used, and not imported.")]
pub struct Import {
    /// Addresses, such as replicationGroup/prod-cache; `*` matches anything
    #[arg(value_name = "ADDRESS", required_unless_present_any = ["all", "from_terraform"])]
    pub addresses: Vec<Glob>,
    /// Everything of ElastiCache in the region, and the alarms on it
    #[arg(long, conflicts_with = "addresses")]
    pub all: bool,
    /// What Terraform has: the output of `terraform show -json`, from a file or `-` for stdin
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["addresses", "all"], value_hint = clap::ValueHint::FilePath)]
    pub from_terraform: Option<PathBuf>,
    /// Stack that they will belong to
    #[arg(long, value_name = "NAME", value_parser = stack_name)]
    pub stack: Option<String>,
    /// Write the spec here instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long, requires = "out")]
    pub force: bool,
    #[command(flatten)]
    pub aws: AwsArgs,
}

/// What is shown, and how.
#[derive(Debug, Args)]
pub struct Shown {
    /// Only addresses that match; repeatable
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<Glob>,
    /// Output format
    #[arg(long, help_heading = "Output", value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        cachectl status\n  \
        cachectl status prod.yaml --only 'replicationGroup/*'\n  \
        cachectl status prod.yaml --format json | jq '.resources[] | select(.health != \"ok\")'\n\n\
        Exit code 0 says that the state was read, whatever it is: `cachectl plan --detailed-exitcode` tells\n\
        whether it is as declared, `cachectl smoke` whether the caches answer.")]
pub struct Status {
    #[arg(value_name = "SPEC", default_value = "cachectl.yaml")]
    pub path: PathBuf,
    #[command(flatten)]
    pub spec: SpecArgs,
    #[command(flatten)]
    pub aws: AwsArgs,
    #[command(flatten)]
    pub shown: Shown,
    #[command(flatten)]
    pub cost: CostArgs,
    /// Refresh until Ctrl-C; with --format json, one document per line
    #[arg(long, help_heading = "Output")]
    pub watch: bool,
    /// Time between two refreshes of --watch, such as 2s; 10s by default
    #[arg(long, value_name = "D", env = "CACHECTL_POLL_INTERVAL", value_parser = parse_duration, help_heading = "Output")]
    pub poll_interval: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    #[default]
    Table,
    Json,
    Markdown,
    Junit,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        cachectl smoke\n  \
        cachectl smoke prod.yaml replicationGroup/prod-cache --format junit > smoke.xml\n  \
        cachectl smoke prod.yaml --format json > before.json\n  \
        cachectl smoke prod.yaml --baseline before.json\n  \
        cachectl smoke prod.yaml --print-command    what to run inside the VPC\n\n\
        The test writes keys of its own under a prefix, within a budget of memory, and deletes them by name. A cache\n\
        that is full or evicting is not written to. Exit 5: a test failed, or `require` asked for what it could not tell.")]
pub struct Smoke {
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

/// What a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Purpose {
    /// plan, status, import: reading
    Plan,
    /// apply and destroy
    Apply,
    Smoke,
    Advise,
    Drill,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        cachectl iam-policy --for plan\n  \
        cachectl iam-policy cachectl.yaml --for apply > policy.json\n\n\
        With a SPEC, what can be is narrowed to its names, its region and its accountId.")]
pub struct IamPolicy {
    /// Spec to narrow the policy to; for any stack without one
    #[arg(value_name = "SPEC")]
    pub path: Option<PathBuf>,
    /// What the policy is for
    #[arg(long = "for", value_enum, value_name = "PURPOSE")]
    pub purpose: Purpose,
    #[command(flatten)]
    pub spec: SpecArgs,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A field such as replicationGroup.cacheNodeType, a kind, a rule such as tls or CKV_AWS_31, an exit code
    /// such as exit-3; an index without one
    #[arg(value_name = "WORD")]
    pub topic: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        cachectl man | man -l -\n  \
        cachectl man --out ~/.local/share/man/man1")]
pub struct Man {
    /// Write one page for each command into this folder; without it, the first page goes to stdout
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        source <(cachectl completions bash)                 in ~/.bashrc\n  \
        source <(cachectl completions zsh)                  in ~/.zshrc\n  \
        cachectl completions fish | source                  in ~/.config/fish/config.fish\n  \
        cachectl completions powershell | Out-String | Invoke-Expression\n\n\
        The shell then asks cachectl: it completes environments and addresses of the spec, what --allow takes,\n\
        profiles, regions, and the words of explain. Generate it again after an upgrade.")]
pub struct Completions {
    pub shell: clap_complete::Shell,
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected NAME=VALUE".to_owned())
}

fn stack_name(text: &str) -> Result<String, String> {
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

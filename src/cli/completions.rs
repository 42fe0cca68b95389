//! `cachectl completions`: the shell asks cachectl itself, so that it offers the spec's own environments and
//! addresses.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::builder::ValueHint;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use super::args::Cli;
use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session;
use crate::model::options::Permit;
use crate::model::{Address, Kind};
use crate::spec::{self, Request};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
        source <(cachectl completions bash)                 in ~/.bashrc\n  \
        source <(cachectl completions zsh)                  in ~/.zshrc\n  \
        cachectl completions fish | source                  in ~/.config/fish/config.fish\n  \
        cachectl completions powershell | Out-String | Invoke-Expression\n\n\
        The shell then asks cachectl: it completes environments and addresses of the spec, what --allow takes, \
        profiles, regions, and the words of explain. Generate it again after an upgrade.")]
pub struct Args {
    pub shell: clap_complete::Shell,
}

/// Set by the shell's script while it asks.
const ASKING: &str = "COMPLETE";

/// Answers a shell that asks for completions. `true` where one did.
pub fn answered() -> Result<bool, clap::Error> {
    let folder = std::env::current_dir().ok();
    let environment = clap_complete::CompleteEnv::with_factory(command).var(ASKING);
    environment.try_complete(std::env::args_os(), folder.as_deref())
}

/// The script by which a shell asks.
pub fn run(printer: &Printer, shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells
        .completer(&name)
        .ok_or_else(|| CliError::new(Exit::Usage, format!("there are no completions for {name}")))?;
    let mut out = Vec::new();
    let written = completer.write_registration(ASKING, "cachectl", "cachectl", "cachectl", &mut out);
    written.map_err(|error| CliError::new(Exit::Error, "the completions cannot be written").caused_by(error))?;
    printer.result(&String::from_utf8_lossy(&out));
    if shell == clap_complete::Shell::Bash {
        printer.result(WHOLE_WORDS);
    }
    Ok(Exit::Done)
}

/// Bash breaks words at `:` and `=`, at which those of `--allow` and `--env=` go on. They are asked for whole, and
/// answered from where bash believes that the word begins.
const WHOLE_WORDS: &str = r#"_cachectl_whole_words() {
    local line="${COMP_LINE:0:COMP_POINT}" whole=()
    IFS=$' \t\n' read -r -a whole <<< "$line"
    while [[ ${#whole[@]} -gt 1 && "${whole[0]##*/}" != "${1##*/}" ]]; do
        whole=("${whole[@]:1}")
    done
    if [[ "$line" == *[[:space:]] ]]; then
        whole+=("")
    fi
    local last=$((${#whole[@]} - 1)) begun="$2"
    if [[ "$begun" == [:=] ]]; then
        begun=""
    fi
    local current="${whole[last]}" COMP_WORDS=("${whole[@]}") COMP_CWORD=$last
    _clap_complete_cachectl "$1" "$current" "$3"
    local before="${current%"$begun"}"
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
}
complete -o nospace -o bashdefault -F _cachectl_whole_words cachectl
"#;

/// The command line, with what the spec and the machine know of its values.
fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| knowing(command.mut_subcommands(knowing)))
}

fn knowing(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| {
        let words: fn() -> Vec<String> = match arg.get_id().as_str() {
            "env" => environments,
            "only" | "addresses" => addresses,
            "address" => groups,
            "allow" => permissions,
            "failover" => failovers,
            "profile" => profiles,
            "region" => || spec::known::REGIONS.iter().map(|&region| region.to_owned()).collect(),
            "topic" => super::explain::topics,
            "specs" | "path" => return arg.value_hint(ValueHint::FilePath),
            _ => return arg,
        };
        arg.add(ArgValueCompleter::new(move |typed: &OsStr| candidates(words(), typed)))
    })
}

fn candidates(words: Vec<String>, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    // A quote that the shell left standing is no part of the word.
    let typed = typed.trim_start_matches(['\'', '"']);
    words.into_iter().filter(|word| word.starts_with(typed)).map(CompletionCandidate::new).collect()
}

/// What was typed so far, after the shell's own words.
fn typed() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// The spec that is named on the line, else the one in this folder.
fn spec_path() -> PathBuf {
    let is_spec = |word: &&OsString| {
        let path = Path::new(word);
        path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") && path.is_file()
    };
    typed().iter().find(is_spec).map_or_else(|| session::DEFAULT_SPEC.into(), PathBuf::from)
}

fn environments() -> Vec<String> {
    spec::environments(&spec_path())
}

/// Addresses of the spec, in the environment that is named on the line.
fn declared() -> Vec<Address> {
    let words = typed();
    let named = words.iter().position(|word| word == "-e" || word == "--env").and_then(|at| words.get(at + 1));
    let environment = named.and_then(|name| name.to_str()).map(str::to_owned).filter(|name| !name.is_empty());
    let known = spec::environments(&spec_path());
    let environment = environment.filter(|name| known.contains(name));
    let loaded = spec::load(&Request { path: spec_path(), environment, ..Request::default() }, &|_| None);
    // A spec with faults has addresses too.
    let spec = loaded.spec.or(loaded.draft);
    spec.map(|spec| spec.resources.into_keys().collect()).unwrap_or_default()
}

fn addresses() -> Vec<String> {
    let declared = declared();
    let kinds = Kind::ALL.into_iter().filter(|kind| declared.iter().any(|address| address.kind == *kind));
    let globs: Vec<String> = kinds.map(|kind| format!("{kind}/*")).collect();
    declared.iter().map(Address::to_string).chain(globs).collect()
}

/// What can fail over.
fn groups() -> Vec<String> {
    let declared = declared().into_iter().filter(|address| address.kind.row().fails_over);
    declared.map(|address| address.to_string()).collect()
}

fn failovers() -> Vec<String> {
    groups().into_iter().map(|address| format!("failover:{address}")).collect()
}

fn permissions() -> Vec<String> {
    let addresses = addresses();
    let of = |permit: &Permit| {
        let permit = permit.name();
        let all = std::iter::once(format!("{permit}:*"));
        all.chain(addresses.iter().map(|address| format!("{permit}:{address}"))).collect::<Vec<_>>()
    };
    Permit::ALL.iter().flat_map(of).collect()
}

/// Names of profiles; nothing else of these files is looked at.
fn profiles() -> Vec<String> {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
    let file = |variable: &str, usual: &str| {
        std::env::var_os(variable).map(PathBuf::from).or_else(|| Some(home.clone()?.join(".aws").join(usual)))
    };
    let files = [file("AWS_CONFIG_FILE", "config"), file("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let mut names: Vec<String> = Vec::new();
    for text in files.into_iter().flatten().filter_map(|file| std::fs::read_to_string(file).ok()) {
        for head in text.lines().filter_map(|line| line.trim().strip_prefix('[')?.split(']').next()) {
            let name = head.trim().strip_prefix("profile ").unwrap_or(head.trim()).trim();
            let section = head.contains(' ') && !head.trim().starts_with("profile ");
            if !section && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

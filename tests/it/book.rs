//! The book: its pages are listed, its links lead somewhere, its commands are commands. What its pages do against the
//! sandbox is in book_runs.rs. `CACHECTL_BLESS=1` writes the generated pages again.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use cachectl::cli::args::Cli;
use cachectl::cli::exit::Exit;
use cachectl::lint::{elsewhere, rules::RULES};
use cachectl::model::Address;
use clap::{CommandFactory, Parser};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("localstack/README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("docs") {
            let path = entry.expect("a page").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `[words](target)` outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let plain: String = line.split('`').step_by(2).collect();
        for part in plain.split("](").skip(1).filter(|_| !in_code) {
            found.extend(part.split(')').next().map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_link_leads_to_a_file() {
    for page in pages() {
        for link in links(&text(&page)) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.starts_with("http") {
                continue;
            }
            let path = page.parent().expect("a folder").join(target);
            assert!(path.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}

/// mdBook knows only what is below docs/, and makes `index.html` of a README without following the links to it.
#[test]
fn links_of_the_book_lead_somewhere_in_the_built_book_too() {
    let docs = root().join("docs");
    for page in pages().iter().filter(|page| page.starts_with(&docs) && !page.ends_with("SUMMARY.md")) {
        for link in links(&text(page)).iter().filter(|link| !link.starts_with("http")) {
            let path = page.parent().expect("a folder").join(link.split('#').next().unwrap_or_default());
            let path = path.canonicalize().unwrap_or(path);
            assert!(path.starts_with(&docs) && !path.ends_with("README.md"), "{}: {link}", page.display());
        }
    }
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    let docs = root().join("docs");
    let listed: BTreeSet<PathBuf> = links(&text(&docs.join("SUMMARY.md"))).iter().map(|link| docs.join(link)).collect();
    for page in pages().iter().filter(|page| page.starts_with(&docs) && !page.ends_with("SUMMARY.md")) {
        assert!(listed.contains(page), "{} is not in docs/SUMMARY.md", page.display());
    }
}

/// mdBook reads parts, and items that are nested by two spaces; a page stands once.
#[test]
fn the_summary_is_one_that_mdbook_reads() {
    let mut seen = BTreeSet::new();
    let mut depth = 0;
    for line in text(&root().join("docs/SUMMARY.md")).lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
    {
        let indent = line.len() - line.trim_start().len();
        let item = line.trim_start();
        let link = item.strip_prefix("- ").unwrap_or(item);
        assert!(link.starts_with('[') && link.ends_with(".md)"), "{line}");
        assert!(indent % 2 == 0 && indent <= depth + 2, "{line}");
        depth = indent;
        assert!(seen.insert(links(line)), "twice: {line}");
    }
    for page in pages() {
        assert!(text(&page).starts_with("# "), "{} has no title", page.display());
    }
}

#[test]
fn every_decision_has_a_number_a_date_and_a_line_in_the_index() {
    let folder = root().join("docs/decisions");
    let index = text(&folder.join("README.md"));
    let decisions: Vec<PathBuf> = pages().into_iter().filter(|page| page.starts_with(&folder)).collect();
    let mut numbers = BTreeSet::new();
    for page in decisions.iter().filter(|page| !page.ends_with("README.md")) {
        let name = page.file_name().and_then(|name| name.to_str()).expect("a name");
        let number = name.get(..4).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(number.is_some_and(|number| numbers.insert(number.to_owned())), "{name}");
        let text = text(page);
        let mut lines = text.lines();
        let title = lines.next().and_then(|line| line.strip_prefix("# ")).expect("a title");
        let dated = lines.nth(1).unwrap_or_default();
        let date: Vec<&str> = dated.split(' ').next().unwrap_or_default().split('-').collect();
        assert!(
            matches!(date[..], [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2),
            "{name}"
        );
        let row = format!("[{title}]({name}) | {} |", dated.split(' ').next().unwrap_or_default());
        assert!(index.contains(&row), "no `{row}` in the index");
    }
    assert!(numbers.len() > 100, "{}", numbers.len());
}

/// As of when the facts about AWS are that generated pages state.
pub(crate) const FACTS: &str = "\n*AWS as of October 2026.*\n";

/// Pages that speak of AWS and state no fact about it: the cover, how the code is laid out, the program's own help.
const STATE_NO_FACTS: [&str; 5] =
    ["SUMMARY.md", "README.md", "architecture.md", "reference/commands.md", "reference/exit-codes.md"];

#[test]
fn every_page_that_states_facts_about_aws_says_of_which_date_they_are() {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let docs = root().join("docs");
    let mut dated = 0;
    for page in pages().iter().filter(|page| page.starts_with(&docs) && !page.starts_with(docs.join("decisions"))) {
        let text = text(page);
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let date = last.strip_prefix("*AWS as of ").and_then(|rest| rest.strip_suffix(".*"));
        let speaks = ["AWS", "ElastiCache", "CloudWatch"].iter().any(|word| text.contains(word));
        if !speaks || STATE_NO_FACTS.iter().any(|name| docs.join(name) == *page) {
            assert!(date.is_none(), "{} states no facts about AWS", page.display());
            continue;
        }
        let (month, year) = date.and_then(|date| date.split_once(' ')).unwrap_or_default();
        let is_date = MONTHS.contains(&month) && year.parse::<u16>().is_ok_and(|year| year >= 2026);
        assert!(is_date, "{} ends without the date of its facts: {FACTS}", page.display());
        dated += 1;
    }
    assert!(dated > 15, "{dated}");
}

/// The lines that someone types, continued lines joined.
fn typed(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    joined.lines().filter_map(|line| line.trim_start().strip_prefix("$ ")).map(str::to_owned).collect()
}

/// Blocks of ```console, with the line before them.
fn consoles(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut before = String::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match &mut block {
            Some(lines) if line.trim_start().starts_with("```") => {
                found.push((std::mem::take(&mut before), std::mem::take(lines)));
                block = None;
            }
            Some(lines) => {
                lines.push_str(line);
                lines.push('\n');
            }
            None if line.trim_start().starts_with("```console") => block = Some(String::new()),
            None => before = line.trim().to_owned(),
        }
    }
    found
}

/// The words of a command line, as far as the docs use quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '#' | '|' | '>' | '<' | '&' | ';') if word.is_empty() => break,
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (None, c) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// What a command line names as specs.
fn specs(words: &[String]) -> Vec<String> {
    let matches = Cli::command().try_get_matches_from(words).expect("a command");
    let mut command = &matches;
    while let Some((_, below)) = command.subcommand() {
        command = below;
    }
    let named = ["specs", "path"].into_iter().filter_map(|id| command.try_get_raw(id).ok().flatten()).flatten();
    named.map(|spec| spec.to_string_lossy().into_owned()).collect()
}

#[test]
fn every_command_in_the_docs_is_one() {
    let mut seen = 0;
    for page in pages() {
        for (_, block) in consoles(&text(&page)) {
            for line in typed(&block).iter().filter(|line| line.starts_with("cachectl ")) {
                let words = words(line);
                let outcome = Cli::try_parse_from(&words);
                assert!(
                    outcome.is_ok(),
                    "{}: {line}\n{}",
                    page.display(),
                    outcome.err().map_or(String::new(), |error| error.to_string())
                );
                let specs = specs(&words);
                let address = specs.iter().find(|spec| spec.parse::<Address>().is_ok());
                assert!(address.is_none(), "{}: {line}: an address in place of the spec", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

fn is_current(page: &str, found: &str) {
    let path = root().join("docs").join(page);
    if std::env::var_os("CACHECTL_BLESS").is_some() {
        std::fs::write(&path, found).expect("a writable folder");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == found, "docs/{page} is not current: CACHECTL_BLESS=1 cargo test --test it book");
}

#[test]
fn the_pages_of_lint_rules_and_exit_codes_are_current() {
    let mut lint = String::from(
        "# Lint rules\n\nBest practice, checked by `validate` and shown in plans. `policy: {lint: {RULE: error | warn | info | none}}` sets a\nseverity, `policy: {waivers: [...]}` exempts resources from a rule, with a reason and an expiry date. Generated from\nthe code by `CACHECTL_BLESS=1 cargo test`.\n\n| rule | default | why | elsewhere |\n|---|---|---|---|\n",
    );
    for rule in RULES {
        let severity = rule.severity.map_or_else(|| "none".to_owned(), |severity| severity.to_string());
        let _ = writeln!(lint, "| `{}` | {severity} | {} | {} |", rule.id, rule.why, elsewhere::of(rule.id));
    }
    lint += FACTS;
    is_current("reference/lint.md", &lint);
    let mut exits = String::from(
        "# Exit codes\n\nWith several stacks the worst one counts, in this order: 130, 1, 78, 6, 4, 3, 5, 7, 2, 0. Generated from the code by\n`CACHECTL_BLESS=1 cargo test`.\n\n| exit | meaning | what to do |\n|---|---|---|\n",
    );
    for exit in Exit::ALL {
        let _ = writeln!(exits, "| {} | {} | {} |", exit.code(), exit.meaning(), exit.advice());
    }
    is_current("reference/exit-codes.md", &exits);
}

/// A page of the reference for every command, from the same source as `--help`.
#[test]
fn the_page_of_commands_is_current() {
    let mut out = String::from(
        "# Commands\n\nGenerated from the program's own help by `CACHECTL_BLESS=1 cargo test`. `-h` shows it in the terminal, `cachectl man\n--out DIR` writes manual pages.\n",
    );
    let mut cli = Cli::command();
    cli.build();
    for (name, command) in leaves("cachectl", &cli) {
        let _ = writeln!(out, "\n## {name}\n\n{}.", prose(command.get_about()));
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        let _ = writeln!(out, "\n```text\n{usage}\n```");
        let rows: Vec<String> = command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set() && !argument.is_global_set() && argument.get_id() != "help")
            .map(row)
            .collect();
        if !rows.is_empty() {
            let _ = write!(out, "\n| | |\n|---|---|\n{}", rows.concat());
        }
        if let Some(examples) = command.get_after_help() {
            let _ = writeln!(out, "\n```text\n{}\n```", examples.to_string().trim_end());
        }
    }
    let globals: String = cli.get_arguments().filter(|argument| argument.is_global_set()).map(row).collect();
    let _ = write!(out, "\n## For every command\n\n| | |\n|---|---|\n{globals}");
    is_current("reference/commands.md", &out);
}

/// The commands that do something, by their full names.
fn leaves<'a>(name: &str, command: &'a clap::Command) -> Vec<(String, &'a clap::Command)> {
    let below = command.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set());
    let below = below.flat_map(|command| leaves(&format!("{name} {}", command.get_name()), command));
    let found: Vec<_> = below.collect();
    if found.is_empty() { vec![(name.to_owned(), command)] } else { found }
}

fn prose(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "\\<")
}

/// `| -o, --out FILE | what it is |`
fn row(argument: &clap::Arg) -> String {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let values: Vec<String> = argument.get_value_names().into_iter().flatten().map(ToString::to_string).collect();
    let takes = argument.get_action().takes_values();
    let mut names: Vec<String> = short.into_iter().chain(long).collect();
    if names.is_empty() {
        names.push(values.join(" "));
    } else if takes && let Some(last) = names.last_mut() {
        *last = format!("{last} {}", values.join(" "));
    }
    let names = names.iter().map(|name| format!("`{}`", name.replace('|', "\\|"))).collect::<Vec<_>>().join(", ");
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| takes)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let words = if words.is_empty() || words.len() > 12 { String::new() } else { format!(": {}", words.join(", ")) };
    let default: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    let default =
        if default.is_empty() || !takes { String::new() } else { format!("; by default {}", default.join(" ")) };
    format!("| {names} | {}{words}{default} |\n", prose(argument.get_help()))
}

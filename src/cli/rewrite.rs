//! A spec that is written anew: whole or not at all, never through a symbolic link, never over somebody's edit.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::exit::{CliError, Exit};
use super::printer::Printer;
use super::session;
use crate::spec::edit::{self, Change};
use crate::spec::fix::{Remedy, fixed};
use crate::spec::{self, Loaded, Request, STDIN};

/// More rounds than misspelt keys can stand inside one another.
const ROUNDS: usize = 20;

/// A file and the text that is to take its place, which is tried beside it first.
struct Draft {
    path: PathBuf,
    original: String,
    beside: tempfile::NamedTempFile,
}

impl Draft {
    fn of(path: &Path) -> Result<Self, CliError> {
        let name = path.display();
        let refused = |why: &str| CliError::new(Exit::Usage, format!("{name} is not written: {why}"));
        if path == Path::new(STDIN) {
            return Err(refused("it is standard input").hint("write the spec to a file"));
        }
        let failed = |error: std::io::Error| CliError::new(Exit::Error, format!("cannot write {name}: {error}"));
        let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
        if metadata.is_symlink() {
            return Err(refused("it is a symbolic link").hint("name the file that it points to"));
        }
        if !metadata.is_file() {
            return Err(refused("it is not a regular file"));
        }
        let original = std::fs::read_to_string(path).map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside =
            tempfile::Builder::new().prefix(".cachectl-").suffix(".yaml").tempfile_in(folder).map_err(failed)?;
        std::fs::set_permissions(beside.path(), metadata.permissions()).map_err(failed)?;
        Ok(Self { path: path.to_owned(), original, beside })
    }

    /// The spec as it would be with this text in the file's place.
    fn load(&mut self, text: &str, request: &Request) -> Result<Loaded, CliError> {
        let failed = |error: std::io::Error| {
            CliError::new(Exit::Error, format!("cannot write {}: {error}", self.path.display()))
        };
        let mut file = self.beside.reopen().map_err(failed)?;
        file.set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        let request = Request { path: self.beside.path().to_owned(), ..request.clone() };
        Ok(spec::load(&request, &session::environment))
    }

    /// Puts what was loaded last in the file's place.
    fn replace(self) -> Result<(), CliError> {
        let failed =
            |error: String| CliError::new(Exit::Error, format!("cannot write {}: {error}", self.path.display()));
        let now = std::fs::read_to_string(&self.path).map_err(|error| failed(error.to_string()))?;
        if now != self.original {
            return Err(
                failed("it changed in the meantime; nothing was written".to_owned()).hint("run the same command again")
            );
        }
        self.beside.persist(&self.path).map(drop).map_err(|error| failed(error.error.to_string()))
    }
}

/// Writes the certain remedies of a spec's faults into it, and says what they were.
pub fn fix(printer: &Printer, request: &Request) -> Result<(), CliError> {
    if request.path == Path::new(STDIN) {
        return Err(CliError::new(Exit::Usage, "standard input is not written: --fix changes a file")
            .hint("write the spec to a file"));
    }
    let loaded = spec::load(request, &session::environment);
    let Some(main) = loaded.sources.main() else { return Ok(()) };
    let (mut text, mut remedies) = fixed(&loaded, main);
    if remedies.is_empty() {
        return Ok(());
    }
    let mut draft = Draft::of(&request.path)?;
    // A byte order mark is no part of the text that was read.
    let mark = if draft.original.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    for _ in 0..ROUNDS {
        let loaded = draft.load(&format!("{mark}{text}"), request)?;
        let Some(main) = loaded.sources.main() else { break };
        let (next, more) = fixed(&loaded, main);
        // What comes back was no remedy.
        let again = more.iter().any(|remedy| {
            remedies.iter().any(|earlier| earlier.after == remedy.before && earlier.before == remedy.after)
        });
        if more.is_empty() || again {
            break;
        }
        remedies.extend(more);
        text = next;
    }
    draft.load(&format!("{mark}{text}"), request)?;
    draft.replace()?;
    for Remedy { line, code, before, after } in &remedies {
        let place = format!("{}:{line}", request.path.display());
        let (before, after) = (before.trim(), after.trim());
        printer.note(&match before {
            "" => format!("fixed {place}: {after} was added ({code})"),
            _ => format!("fixed {place}: {before} -> {after} ({code})"),
        });
    }
    Ok(())
}

/// Changes of values that a spec can take: tried beside it, and not written yet.
pub struct Proposal {
    draft: Draft,
    text: String,
    /// Environments that inherit the changes.
    pub inherit: Vec<String>,
}

impl Proposal {
    pub fn write(self) -> Result<(), CliError> {
        self.draft.replace()
    }

    /// The changes as a unified diff.
    pub fn diff(&self) -> String {
        let name = self.draft.path.display().to_string();
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let diff = similar::TextDiff::from_lines(&self.draft.original, &self.text);
        diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
    }
}

/// Tries changes of values on a spec. Refused unless the spec then says just that: for the chosen environment
/// the changes and no more.
pub fn propose(request: &Request, changes: &[Change]) -> Result<Proposal, CliError> {
    let name = request.path.display();
    let refused = |why: String| {
        CliError::new(Exit::Error, format!("{name} is not changed: {why}"))
            .hint("`--advice ID` leaves other changes out; `--format json` lists them, to be made by hand")
    };
    let mut draft = Draft::of(&request.path)?;
    let before = spec::load(request, &session::environment);
    let text = edit::edited(&draft.original, request.environment.as_deref(), changes)
        .map_err(|why| refused(why.to_string()))?;
    let mut inherit = Vec::new();
    for other in edit::environments(&text) {
        if request.environment.as_ref() == Some(&other) {
            continue;
        }
        let request = Request { environment: Some(other.clone()), ..request.clone() };
        let digest = |loaded: Loaded| loaded.spec.map(|spec| spec.digest);
        let then = digest(draft.load(&text, &request)?);
        if digest(spec::load(&request, &session::environment)) != then {
            inherit.push(other);
        }
    }
    let after = draft.load(&text, request)?;
    let (Some(old), Some(new)) = (&before.spec, &after.spec) else {
        let faults: Vec<&str> =
            after.diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).take(3).collect();
        return Err(refused(format!("the spec would not be valid then: {}", faults.join("; "))));
    };
    if !edit::differs_by(old, new, changes) {
        return Err(refused("an overlay or a variable decides the value".to_owned()));
    }
    Ok(Proposal { draft, text, inherit })
}

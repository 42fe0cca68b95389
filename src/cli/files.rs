//! Files that commands read and write. What is written is written whole or not at all, never through a link and
//! never over what it was made from; what is read has an end.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::exit::{CliError, Exit};
use super::system;
use crate::model::kept;

/// Longer files are none that cachectl wrote.
const LONGEST: u64 = 256 << 20;

/// Makes sure, before anything else is done, that a file can be written there.
pub fn check(path: &Path, made_from: &[PathBuf]) -> Result<(), CliError> {
    existing(path)?;
    not_over(path, made_from)?;
    let folder = folder(path);
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(refused(path, &format!("{} is not a folder", folder.display()))),
        Err(error) => Err(CliError::io("write", path, error)),
    }
}

/// Writes a file in one piece: a reader sees the old text or the new one, also when the disk is full or the
/// run is killed.
pub fn write(path: &Path, text: &str, made_from: &[PathBuf]) -> Result<(), CliError> {
    check(path, made_from)?;
    let permissions = existing(path)?.map(|metadata| metadata.permissions());
    let file = beside(path, text, permissions).map_err(|error| CliError::io("write", path, error))?;
    file.persist(path).map(drop).map_err(|error| CliError::io("write", path, error.error))
}

/// Writes a file that is not there yet, and says whether it did.
pub fn create(path: &Path, text: &str) -> Result<bool, CliError> {
    if existing(path)?.is_some() {
        return Ok(false);
    }
    let file = beside(path, text, None).map_err(|error| CliError::io("write", path, error))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(CliError::io("write", path, error.error)),
    }
}

/// Opens a file that grows by a line at a time.
pub fn append(path: &Path, made_from: &[PathBuf]) -> Result<File, CliError> {
    if is_link(path) {
        return Err(refused(path, "it is a symbolic link"));
    }
    not_over(path, made_from)?;
    let file = system::no_links(File::options().create(true).append(true)).open(path);
    file.map_err(|error| CliError::io("write", path, error))
}

/// The text of a file.
pub fn read(path: &Path) -> Result<String, CliError> {
    bounded(path).map_err(|error| CliError::io("read", path, error))
}

/// The text of a file, where it is one: not of a pipe, which can be read only once, nor of a device.
pub fn text_of_file(path: &Path) -> Option<String> {
    std::fs::metadata(path).ok().filter(Metadata::is_file)?;
    bounded(path).ok()
}

fn bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 256 MB"));
    }
    Ok(text)
}

/// What is there, if it is a file that may be written over.
fn existing(path: &Path) -> Result<Option<Metadata>, CliError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CliError::io("write", path, error)),
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        Err(refused(path, "it is a symbolic link"))
    } else if kind.is_dir() {
        Err(refused(path, "it is a folder"))
    } else if !kind.is_file() {
        Err(refused(path, "it is a pipe or a device, not a file"))
    } else if metadata.permissions().readonly() {
        Err(refused(path, "it is read-only"))
    } else {
        Ok(Some(metadata))
    }
}

fn not_over(path: &Path, made_from: &[PathBuf]) -> Result<(), CliError> {
    let same = |source: &PathBuf| source.canonicalize().is_ok_and(|source| Some(source) == path.canonicalize().ok());
    match made_from.iter().find(|source| same(source)) {
        Some(_) => Err(CliError::new(
            Exit::Usage,
            format!("{} is what the command reads; it is not overwritten", path.display()),
        )
        .hint("choose another name")),
        None => Ok(()),
    }
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_symlink())
}

fn refused(path: &Path, why: &str) -> CliError {
    CliError::new(Exit::Error, format!("cannot write {}: {why}", path.display())).hint("choose another name")
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The text in a file of another name in the same folder, ready to take its place.
fn beside(path: &Path, text: &str, permissions: Option<std::fs::Permissions>) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cachectl-");
    let mut file = match permissions {
        Some(permissions) => builder.permissions(permissions).tempfile_in(folder(path)),
        None => system::beside(&mut builder, folder(path)),
    }?;
    file.write_all(kept::taken_out(text).as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_written_whole_over_a_file_and_over_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let spec = path("spec.yaml");
        std::fs::write(&spec, "stack: a").unwrap();
        write(&path("plan.json"), "one", &[]).unwrap();
        write(&path("plan.json"), "two", std::slice::from_ref(&spec)).unwrap();
        assert_eq!(std::fs::read_to_string(path("plan.json")).unwrap(), "two");

        std::os::unix::fs::symlink(&spec, path("link")).unwrap();
        std::os::unix::fs::symlink(path("nowhere"), path("dangling")).unwrap();
        let refusals = [
            (path("link"), "symbolic link"),
            (path("dangling"), "symbolic link"),
            (dir.path().to_owned(), "folder"),
            (PathBuf::from("/dev/null"), "device"),
            (path("missing/plan.json"), "missing"),
            (path("plan.json/plan.json"), "plan.json"),
        ];
        for (target, why) in refusals {
            let error = write(&target, "three", &[]).unwrap_err();
            assert!(error.message.contains(why) && error.exit == Exit::Error, "{}", error.message);
        }
        // By whatever way it is named.
        let itself = path("../").join(dir.path().file_name().unwrap()).join("spec.yaml");
        assert_eq!(write(&itself, "three", std::slice::from_ref(&spec)).unwrap_err().exit, Exit::Usage);
        assert!(append(&itself, std::slice::from_ref(&spec)).is_err() && append(&path("link"), &[]).is_err());
        assert_eq!(std::fs::read_to_string(&spec).unwrap(), "stack: a");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 4, "nothing else is left lying about: {left:?}");
    }

    #[test]
    fn a_file_keeps_who_may_read_it_and_a_read_only_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        write(&path, "one", &[]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        write(&path, "two", &[]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(write(&path, "three", &[]).unwrap_err().message.contains("read-only"));
        assert!(create(&dir.path().join("spec.yaml"), "one").unwrap());
        assert!(!create(&dir.path().join("spec.yaml"), "two").unwrap(), "it is there already");
    }

    #[test]
    fn what_has_no_end_is_not_read() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert!(error.message.contains("/dev/zero"), "{}", error.message);
        assert_eq!(text_of_file(Path::new("/dev/zero")), None);
    }
}

//! What differs from one operating system to another: signals, and how files are opened.

use std::fs::OpenOptions;
use std::io;

use tempfile::NamedTempFile;

/// Ctrl-C, a polite kill, or a terminal that is gone.
#[cfg(unix)]
pub async fn interrupt() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let signals = kinds.map(|kind| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        })
    });
    futures::future::select_all(signals).await;
}

/// Ctrl-C; where it cannot be listened for, it ends the program by itself.
#[cfg(not(unix))]
pub async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The options open a file, and fail at a symbolic link.
#[cfg(unix)]
pub fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
}

#[cfg(not(unix))]
pub fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// A new file beside another, as the user's umask has it: files that are made for a moment are private otherwise.
#[cfg(unix)]
pub fn beside(builder: &mut tempfile::Builder<'_, '_>, folder: &std::path::Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
pub fn beside(builder: &mut tempfile::Builder<'_, '_>, folder: &std::path::Path) -> io::Result<NamedTempFile> {
    builder.tempfile_in(folder)
}

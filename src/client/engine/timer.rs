//! Wakes an event loop when a command is due. epoll's own timeout counts in milliseconds, which at 2,000 commands a
//! second is longer than the time between two of them: on Linux a timerfd does it to the microsecond.
//! kqueue's timeout is as fine by itself; elsewhere the milliseconds remain, and show as lag.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// A timerfd, which wakes the poll when a command is due.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(super) struct Timer {
    fd: std::os::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl Timer {
    /// A timer that is not set yet, and wakes the poll with this token.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // Edge-triggered, so that an expiry need not be read.
        registry.register(&mut mio::unix::SourceFd(&fd.as_raw_fd()), token, mio::Interest::READABLE)?;
        Ok(Self { fd })
    }

    /// Does it go off by itself, once set?
    #[expect(clippy::unused_self, reason = "other systems have no timer to set")]
    pub(super) fn keeps(&self) -> bool {
        true
    }

    /// Sets the alarm, and says how long the poll may wait besides.
    pub(super) fn arm(&self, after: Duration, longest: Duration) -> io::Result<Duration> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        // Zero would switch it off.
        let after = after.max(Duration::from_nanos(1));
        let value = Timespec { tv_sec: after.as_secs() as i64, tv_nsec: i64::from(after.subsec_nanos()) };
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: none, it_value: value })?;
        Ok(longest)
    }
}

/// No timer: the poll's own timeout has to do where there is no timerfd.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Timer;

#[cfg(not(target_os = "linux"))]
impl Timer {
    /// Nothing to make and nothing to register: it never fails.
    pub(super) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self)
    }

    /// Does it go off by itself, once set? The timeout has to be given to every poll.
    pub(super) fn keeps(&self) -> bool {
        false
    }

    /// How long the poll may wait: `after`, or `longest` where that is shorter.
    pub(super) fn arm(&self, after: Duration, longest: Duration) -> io::Result<Duration> {
        Ok(after.min(longest))
    }
}

//! Tells systemd how the server is doing (`sd_notify(3)`, `Type=notify-reload`).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// Tells the service manager that started this process; nobody, if none did. Clones tell the same.
///
/// A datagram that cannot be sent is an error for the caller to show: the manager then ends the service
/// after its timeout. Sending never blocks.
#[derive(Debug, Clone, Default)]
pub struct Notifier {
    manager: Option<Arc<Manager>>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// The service manager cannot be told anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// `NOTIFY_SOCKET` is no address of a socket.
    #[error("cannot use `{address}` of NOTIFY_SOCKET: {cause}")]
    Address {
        /// As it was given.
        address: String,
        /// Why.
        cause: io::Error,
    },
    /// The datagram could not be sent.
    #[error("cannot notify the service manager: {0}")]
    Send(io::Error),
}

impl Notifier {
    /// From `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` of this process.
    pub fn from_env() -> Result<Self, NotifyError> {
        let watched = env::var("WATCHDOG_PID").map_or(Ok(true), |pid| {
            // A watchdog meant for another process of the service is none of ours.
            pid.parse().map(|pid: u32| pid == std::process::id())
        });
        let watchdog = env::var("WATCHDOG_USEC").ok().filter(|_| watched == Ok(true));
        let watchdog = watchdog.and_then(|usec| usec.parse().ok()).filter(|usec| *usec > 0);
        Self::new(env::var_os("NOTIFY_SOCKET").as_deref(), watchdog.map(Duration::from_micros))
    }

    /// Tells `socket` (a path, or `@name` for an abstract socket), and is to prove itself alive at least once
    /// in `watchdog`.
    pub fn new(socket: Option<&OsStr>, watchdog: Option<Duration>) -> Result<Self, NotifyError> {
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        let open = || -> io::Result<Manager> {
            let address = match name.as_bytes() {
                [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
                [b'/', ..] => SocketAddr::from_pathname(name)?,
                _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither `/path` nor `@name`")),
            };
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            Ok(Manager { socket, address })
        };
        let manager = open()
            .map_err(|cause| NotifyError::Address { address: name.to_string_lossy().into_owned(), cause })?;
        Ok(Self { manager: Some(Arc::new(manager)), watchdog })
    }

    /// The server serves: at the start, and after a reload.
    pub fn ready(&self) -> Result<(), NotifyError> {
        self.send("READY=1\n")
    }

    /// The server reads its configuration anew; follow it with [`Notifier::ready`].
    pub fn reloading(&self) -> Result<(), NotifyError> {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\n"))
    }

    /// The server lets its builds end and stops.
    pub fn stopping(&self) -> Result<(), NotifyError> {
        self.send("STOPPING=1\n")
    }

    /// How often [`Notifier::alive`] is due: half the manager's patience.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|patience| patience / 2)
    }

    /// The server is alive.
    pub fn alive(&self) -> Result<(), NotifyError> {
        self.send("WATCHDOG=1\n")
    }

    /// Says that the server is alive as often as the manager wants, while `well` says so. Returns at once
    /// without a watchdog; otherwise runs until dropped. One lost datagram is made up for by the next.
    pub async fn watchdog(&self, well: impl Fn() -> bool) {
        let Some(interval) = self.watchdog_interval() else { return };
        let mut ticks = tokio::time::interval(interval);
        loop {
            ticks.tick().await;
            if well() {
                let _lost = self.alive();
            }
        }
    }

    fn send(&self, state: &str) -> Result<(), NotifyError> {
        let Some(manager) = &self.manager else { return Ok(()) };
        // Datagrams are sent whole or not at all.
        manager.socket.send_to_addr(state.as_bytes(), &manager.address).map(drop).map_err(NotifyError::Send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn speaks(socket: &UnixDatagram, name: &OsStr) {
        let notifier = Notifier::new(Some(name), None).unwrap();
        notifier.ready().unwrap();
        assert_eq!(received(socket), "READY=1\n");
        notifier.reloading().unwrap();
        let reloading = received(socket);
        let time =
            reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().strip_suffix('\n').unwrap();
        assert!(time.parse::<u64>().unwrap() > 0);
        notifier.stopping().unwrap();
        assert_eq!(received(socket), "STOPPING=1\n");
    }

    #[test]
    fn tells_a_socket_in_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        speaks(&UnixDatagram::bind(&path).unwrap(), path.as_os_str());
    }

    #[test]
    fn tells_an_abstract_socket() {
        let name = format!("policy-check-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        speaks(&UnixDatagram::bind_addr(&address).unwrap(), OsStr::new(&format!("@{name}")));
    }

    #[tokio::test]
    async fn watchdog_speaks_only_while_well() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.as_os_str()), Some(Duration::from_millis(2))).unwrap();
        assert_eq!(notifier.watchdog_interval(), Some(Duration::from_millis(1)));
        let asked = std::cell::Cell::new(0);
        // Well twice, then never again.
        let well = || {
            asked.set(asked.get() + 1);
            asked.get() <= 2
        };
        tokio::select! {
            () = notifier.watchdog(well) => unreachable!("runs until dropped"),
            () = async { while asked.get() < 5 { tokio::task::yield_now().await; } } => {}
        }
        assert_eq!(received(&socket), "WATCHDOG=1\n");
        assert_eq!(received(&socket), "WATCHDOG=1\n");
        socket.set_nonblocking(true).unwrap();
        assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn silent_without_a_manager() {
        let notifier = Notifier::new(None, Some(Duration::from_secs(1))).unwrap();
        notifier.ready().unwrap();
        notifier.reloading().unwrap();
        assert_eq!(notifier.watchdog_interval(), None);
        notifier.watchdog(|| true).await;
    }

    #[test]
    fn names_what_it_cannot_use() {
        let error = Notifier::new(Some(OsStr::new("vsock:2:1")), None).unwrap_err();
        assert_eq!(error.to_string(), "cannot use `vsock:2:1` of NOTIFY_SOCKET: neither `/path` nor `@name`");
        let notifier = Notifier::new(Some(OsStr::new("/nowhere/notify")), None).unwrap();
        assert!(matches!(notifier.ready(), Err(NotifyError::Send(_))));
    }
}

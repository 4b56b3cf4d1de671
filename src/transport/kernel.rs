//! What the kernel tells of a TCP socket and no safe library asks it: how much of what was sent it still holds.
//!
//! All of the program's `unsafe` is here. Each call is given a descriptor that is owned for as long as the call lasts,
//! and room that belongs to the caller's stack.

#![allow(unsafe_code)]

use tokio::net::TcpStream;

/// A second descriptor of a TCP socket, owned: its number is used for nothing else while this lives. The connection
/// stays open for as long as any descriptor of it does, so this must go when the stream goes.
#[cfg(unix)]
pub(crate) struct Socket(std::os::fd::OwnedFd);

#[cfg(unix)]
impl Socket {
    /// `None` where the process may open no more descriptors, or the system would not tell anything.
    pub fn of(stream: &TcpStream) -> Option<Socket> {
        use std::os::fd::AsFd;
        let socket = Socket(stream.as_fd().try_clone_to_owned().ok()?);
        socket.queued_bytes().map(|_| socket)
    }

    /// Bytes in the send queue: those that wait and those that are under way, until the other end's TCP acknowledges
    /// them (`SIOCOUTQ` of tcp(7)).
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn queued_bytes(&self) -> Option<u64> {
        use std::os::fd::AsRawFd;
        let mut queued: libc::c_int = 0;
        // SAFETY: the descriptor is open, since `self` owns it. `SIOCOUTQ`, which is the same number as `TIOCOUTQ`, writes
        // one `int` to the address it is given, which is that of a live `c_int` that nothing else refers to.
        let outcome = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TIOCOUTQ, &raw mut queued) };
        if outcome == 0 { u64::try_from(queued).ok() } else { None }
    }

    /// Bytes in the send queue: those that wait and those that are under way, until the other end's TCP acknowledges
    /// them (`SO_NWRITE` of setsockopt(2)).
    #[cfg(target_vendor = "apple")]
    pub fn queued_bytes(&self) -> Option<u64> {
        use std::os::fd::AsRawFd;
        let mut queued: libc::c_int = 0;
        let mut len = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the descriptor is open, since `self` owns it. `getsockopt` writes at most `len` bytes, which is the size
        // of `queued`, to the first address, and the length it wrote to the second; both are of live variables of those
        // types that nothing else refers to.
        let outcome = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_NWRITE,
                (&raw mut queued).cast(),
                &raw mut len,
            )
        };
        if outcome == 0 { u64::try_from(queued).ok() } else { None }
    }

    /// This system does not tell.
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub fn queued_bytes(&self) -> Option<u64> {
        let _ = &self.0;
        None
    }
}

/// This system does not tell.
#[cfg(not(unix))]
pub(crate) struct Socket;

#[cfg(not(unix))]
impl Socket {
    /// Always `None`.
    pub fn of(_: &TcpStream) -> Option<Socket> {
        None
    }

    /// Always `None`.
    pub fn queued_bytes(&self) -> Option<u64> {
        None
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_queue_empties_when_the_other_end_takes_what_was_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        let socket = Socket::of(&ours).unwrap();
        assert_eq!(socket.queued_bytes(), Some(0));
        // More than both kernels hold.
        let big = vec![0; 1 << 20];
        while tokio::time::timeout(Duration::from_millis(100), ours.write(&big)).await.is_ok() {}
        assert!(socket.queued_bytes().unwrap() > 0);
        tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 20];
            while theirs.read(&mut buffer).await.is_ok_and(|len| len > 0) {}
        });
        for _ in 0..100 {
            if socket.queued_bytes() == Some(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("still {:?} bytes", socket.queued_bytes());
    }
}

//! What the kernel knows of a socket's send queue and no crate of ours asks for: how many bytes the other end's TCP has
//! not acknowledged. The only unsafe code of the program.

#![allow(unsafe_code, reason = "the two calls below have no safe wrapper in a maintained crate that is used here")]

use tokio::net::TcpStream;

/// Bytes that were given to the kernel and are not acknowledged by the other end (Linux: `SIOCOUTQ`, tcp(7); macOS:
/// `SO_NWRITE`, getsockopt(2)). `None` where the system does not tell.
pub(crate) fn unacknowledged_bytes(socket: &TcpStream) -> Option<u64> {
    queued(socket)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn queued(socket: &TcpStream) -> Option<u64> {
    use std::os::fd::AsRawFd;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed, and for TIOCOUTQ (another name of SIOCOUTQ) the
    // kernel writes one int to the pointer, which is to one that lives until the call is over.
    let status = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    (status == 0).then(|| u64::try_from(bytes).unwrap_or(0))
}

#[cfg(target_vendor = "apple")]
fn queued(socket: &TcpStream) -> Option<u64> {
    use std::os::fd::AsRawFd;
    /// `SO_NWRITE` of <sys/socket.h>.
    const SO_NWRITE: libc::c_int = 0x1024;
    let mut bytes: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; the kernel writes at most `len` bytes to the
    // first pointer and one socklen_t to the second, both of which are to variables that live until the call is over.
    let status = unsafe {
        let value = (&raw mut bytes).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_NWRITE, value, &raw mut len)
    };
    (status == 0).then(|| u64::try_from(bytes).unwrap_or(0))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn queued(_: &TcpStream) -> Option<u64> {
    None
}

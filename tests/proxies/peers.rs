//! Proxies and reverse proxies that others made, each in a folder of its own on a free port, ended by its handle.

use crate::case::Case;
use crate::certificates::Authority;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SQUID: &str = "install squid with TLS (for example: apt-get install squid-openssl)";
const TINYPROXY: &str = "install tinyproxy (for example: apt-get install tinyproxy)";
const MICROSOCKS: &str = "install microsocks (for example: apt-get install microsocks)";
const HAPROXY: &str = "install haproxy (for example: apt-get install haproxy)";
const NGINX: &str = "install nginx (for example: apt-get install nginx-light)";
const MITMPROXY: &str = "install mitmproxy, on the PATH or so: python3 -m venv target/peers/mitmproxy && \
                         target/peers/mitmproxy/bin/pip install mitmproxy";

/// The user and password that proxies with a login want.
pub const USER: &str = "anna";
pub const PASSWORD: &str = "tr0ub4dor-Ω-7431";

/// A program that runs, and listens.
pub struct Peer {
    // Ended before its folder goes.
    _ended: Ended,
    folder: TempDir,
    port: u16,
}

/// A child that is ended with the value.
struct Ended(Child);

impl Peer {
    /// Starts a program that is to listen on the port that it is given. `command` is asked for a command line for the
    /// folder and the port.
    #[track_caller]
    fn start(case: &Case, missing: &str, command: impl Fn(&Path, u16) -> Command) -> Peer {
        let folder = TempDir::new().expect("a folder");
        let said = folder.path().join("said");
        // Another program may take the port between our asking and the peer's: then again.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
            let mut command = command(folder.path(), free.port());
            let out = fs::File::create(&said).expect("a file");
            let err = out.try_clone().expect("the same file");
            command.stdin(Stdio::null()).stdout(out).stderr(err);
            let child =
                command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started ({error}): {missing}"));
            let mut child = Ended(child);
            while child.0.try_wait().expect("a status").is_none() {
                if TcpStream::connect(free).is_ok() {
                    return Peer { _ended: child, folder, port: free.port() };
                }
                assert!(!case.left().is_zero(), "{command:?} does not listen: {}", text(&said));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("it does not start: {missing}\n{}", text(&said));
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its address as that of a proxy.
    pub fn proxy(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address())
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Asked to end, squid gives back the memory that it shares with nobody. Its helpers end with their input.
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).stderr(Stdio::null()).status();
        let until = Instant::now() + Duration::from_secs(3);
        while asked.as_ref().is_ok_and(ExitStatus::success) && Instant::now() < until {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What a squid is to allow.
pub enum Squid<'a> {
    /// What its configuration comes with: CONNECT to port 443 only.
    Defaults,
    /// CONNECT to any port.
    Anywhere,
    /// Only who gives `USER` and `PASSWORD`, by Basic.
    Login,
    /// CONNECT to any port, with TLS opened by a certificate authority of its own.
    Bump(&'a Authority),
}

impl Squid<'_> {
    #[track_caller]
    pub fn start(self, case: &Case) -> Peer {
        Peer::start(case, SQUID, |folder, port| {
            let conf = folder.join("squid.conf");
            fs::write(&conf, self.configuration(folder, port)).expect("a file");
            if is_root() {
                // squid started as root goes on as another user, who is to read and write here.
                run(Command::new("chown").args(["-R", "proxy:proxy"]).arg(folder));
            }
            let mut command = Command::new("squid");
            // Each has a name of its own, since squids of one name share memory.
            command.args(["-N", "-n", &format!("peer{port}"), "-f"]).arg(conf);
            command
        })
    }

    fn configuration(&self, folder: &Path, port: u16) -> String {
        let place = folder.to_str().expect("a path in UTF-8");
        let (listen, rules) = match self {
            Squid::Defaults => (String::new(), include_str!("squid-defaults.conf").to_owned()),
            Squid::Anywhere => (String::new(), "http_access allow localhost\n".to_owned()),
            Squid::Login => {
                fs::write(folder.join("users"), format!("{USER}:{}\n", hashed(PASSWORD))).expect("a file");
                let rules = include_str!("squid-login.conf").replace("FOLDER", place);
                (String::new(), rules)
            }
            Squid::Bump(authority) => {
                fs::write(folder.join("ca.pem"), authority.certificate_and_key()).expect("a file");
                let certgen = "/usr/lib/squid/security_file_certgen";
                let made = folder.join("made");
                if !made.exists() {
                    run(Command::new(certgen).args(["-c", "-s"]).arg(&made).args(["-M", "4MB"]));
                }
                let listen = format!(
                    " ssl-bump cert={place}/ca.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB"
                );
                (listen, include_str!("squid-bump.conf").replace("FOLDER", place).replace("CERTGEN", certgen))
            }
        };
        include_str!("squid.conf").replace("FOLDER", place)
            + &format!("http_port 127.0.0.1:{port}{listen}\n{rules}http_access deny all\n")
    }
}

/// A password as a line of a password file has it.
fn hashed(password: &str) -> String {
    let hash = Command::new("openssl").args(["passwd", "-apr1", password]).output();
    let hash = hash.unwrap_or_else(|error| panic!("openssl cannot be started ({error}): apt-get install openssl"));
    String::from_utf8(hash.stdout).expect("UTF-8").trim().to_owned()
}

#[track_caller]
pub fn tinyproxy(case: &Case) -> Peer {
    Peer::start(case, TINYPROXY, |folder, port| {
        let conf = folder.join("tinyproxy.conf");
        fs::write(&conf, include_str!("tinyproxy.conf").replace("PORT", &port.to_string())).expect("a file");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(conf);
        command
    })
}

/// With a login, only who gives `USER` and `PASSWORD` is let in.
#[track_caller]
pub fn microsocks(case: &Case, login: bool) -> Peer {
    Peer::start(case, MICROSOCKS, |_, port| {
        let mut command = Command::new("microsocks");
        command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
        if login {
            command.args(["-u", USER, "-P", PASSWORD]);
        }
        command
    })
}

/// Before a server, it cuts what is quiet for two seconds.
#[track_caller]
pub fn haproxy(case: &Case, server: SocketAddr) -> Peer {
    Peer::start(case, HAPROXY, |folder, port| {
        let conf = folder.join("haproxy.cfg");
        let text = include_str!("haproxy.cfg").replace("PORT", &port.to_string());
        fs::write(&conf, text.replace("SERVER", &server.to_string())).expect("a file");
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(conf);
        command
    })
}

/// Before a server: under `/held/` it buffers what the server answers, under `/passed/` it passes it on at once.
#[track_caller]
pub fn nginx(case: &Case, server: SocketAddr) -> Peer {
    Peer::start(case, NGINX, |folder, port| {
        let conf = folder.join("nginx.conf");
        let text = include_str!("nginx.conf").replace("FOLDER", folder.to_str().expect("a path in UTF-8"));
        fs::write(&conf, text.replace("PORT", &port.to_string()).replace("SERVER", &server.to_string()))
            .expect("a file");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(conf).arg("-e").arg(folder.join("error.log"));
        command
    })
}

/// In a mode such as `regular` or `socks5`. It opens TLS by the certificate authority in `mitmproxy-ca-cert.pem` of its
/// folder. It passes answers on while they come only where that is asked for (`streams`).
#[track_caller]
pub fn mitmproxy(case: &Case, mode: &str, streams: bool) -> Peer {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/mitmproxy/bin/mitmdump");
    let program = if own.exists() { own } else { PathBuf::from("mitmdump") };
    Peer::start(case, MITMPROXY, |folder, port| {
        let mut command = Command::new(&program);
        command.args(["--mode", mode, "--listen-host", "127.0.0.1", "--listen-port", &port.to_string()]);
        command.args(["--ssl-insecure", "--set"]).arg(format!("confdir={}", folder.display()));
        if streams {
            // Bodies of this size in bytes and more.
            command.args(["--set", "stream_large_bodies=1"]);
        }
        command
    })
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[track_caller]
fn run(command: &mut Command) {
    let ended = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

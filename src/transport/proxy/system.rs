//! The system's proxy settings: macOS and Windows by hyper-util, GNOME (and desktops that keep its settings) by the
//! program `gsettings`. Where there are none, the environment's.

use hyper_util::client::proxy::matcher::Matcher;
use std::process::Stdio;
use std::time::Duration;
use tokio::time::timeout;

/// How long the system is asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the system's settings say.
pub(crate) struct Settings {
    pub matcher: Matcher,
    /// Who named the proxy in the end.
    pub source: &'static str,
    /// What should be known about them.
    pub said: Option<String>,
}

/// Reads the settings.
pub(crate) async fn settings() -> Settings {
    if cfg!(any(windows, target_os = "macos")) {
        return Settings { matcher: Matcher::from_system(), source: "system settings", said: None };
    }
    let asked = tokio::process::Command::new("gsettings")
        .args(["list-recursively", "org.gnome.system.proxy"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    match timeout(PATIENCE, asked).await {
        Ok(Ok(output)) if output.status.success() => of_gnome(&String::from_utf8_lossy(&output.stdout)),
        _ => environment("this desktop's proxy settings cannot be read (gsettings does not tell them)"),
    }
}

/// The environment's proxies, and why those.
fn environment(why: &str) -> Settings {
    let said = Some(format!("{why}: the environment's are used"));
    Settings { matcher: Matcher::from_env(), source: "environment", said }
}

/// Reads what `gsettings list-recursively org.gnome.system.proxy` prints: a schema, a key and a value a line.
fn of_gnome(text: &str) -> Settings {
    let value = |schema: &str, key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(schema)?.strip_prefix(' ')?.strip_prefix(key)?.strip_prefix(' '));
        line.map(|value| value.trim().trim_matches('\'').to_owned()).unwrap_or_default()
    };
    let base = "org.gnome.system.proxy";
    match value(base, "mode").as_str() {
        "manual" => {}
        "auto" => {
            let file = value(base, "autoconfig-url");
            return environment(&format!(
                "the system's settings name a proxy auto-configuration file ({file}), which is not run here; give the proxy's address"
            ));
        }
        _ => return Settings { matcher: Matcher::builder().build(), source: "system settings", said: None },
    }
    let proxy = |kind: &str, scheme: &str| {
        let schema = format!("{base}.{kind}");
        let (host, port) = (value(&schema, "host"), value(&schema, "port"));
        if host.is_empty() || port == "0" { String::new() } else { format!("{scheme}://{host}:{port}") }
    };
    let ignored: Vec<String> = value(base, "ignore-hosts")
        .trim_matches(['[', ']'])
        .split(',')
        .map(|host| host.trim().trim_matches('\'').trim_start_matches("*.").to_owned())
        .filter(|host| !host.is_empty())
        .collect();
    let matcher = Matcher::builder()
        .all(proxy("socks", "socks5"))
        .http(proxy("http", "http"))
        .https(proxy("https", "http"))
        .no(ignored.join(","))
        .build();
    Settings { matcher, source: "system settings", said: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(settings: &Settings, address: &str) -> Option<String> {
        settings.matcher.intercept(&address.parse().unwrap()).map(|found| found.uri().to_string())
    }

    #[test]
    fn settings_of_gnome_are_read() {
        let text = "org.gnome.system.proxy autoconfig-url ''
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '*.internal.example']
org.gnome.system.proxy mode 'manual'
org.gnome.system.proxy.http host 'web'
org.gnome.system.proxy.http port 3128
org.gnome.system.proxy.https host ''
org.gnome.system.proxy.https port 0
org.gnome.system.proxy.socks host 'socks'
org.gnome.system.proxy.socks port 1080
";
        let settings = of_gnome(text);
        assert_eq!(proxy_of(&settings, "http://a.example/").as_deref(), Some("http://web:3128/"));
        assert_eq!(proxy_of(&settings, "https://a.example/").as_deref(), Some("socks5://socks:1080/"));
        assert_eq!(proxy_of(&settings, "https://x.internal.example/"), None);
        let direct = of_gnome(&text.replace("'manual'", "'none'"));
        assert_eq!(proxy_of(&direct, "http://a.example/"), None);
        let auto = of_gnome(&text.replace("'manual'", "'auto'"));
        assert!(auto.said.is_some_and(|said| said.contains("auto-configuration")));
    }
}

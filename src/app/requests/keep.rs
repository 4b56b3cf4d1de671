//! Secrets of requests in the system's keyring: the file of a request names them, and holds none.

use super::super::engine::Reply;
use super::super::login::plain;
use super::super::{App, Command};
use super::format;
use super::{Kept, RequestCommand};
use std::path::PathBuf;

/// The name under which secrets stand in the keyring.
const SERVICE: &str = "Pushscope";

/// Secrets that were put into the keyring.
pub(in crate::app) struct KeptSecrets {
    /// The file that is to name them, and the name it was asked to have.
    path: PathBuf,
    name: Option<String>,
    /// What each was called, its name in the keyring, and the secret.
    secrets: Vec<(String, String, String)>,
    result: Result<(), String>,
}

/// The key of a name in the keyring.
fn key(name: &str) -> String {
    format!("request {name}")
}

/// Asks the keyring for secrets by name. This may take as long as the user needs to unlock it.
pub fn fetch_kept(names: &[String]) -> Result<Kept, String> {
    let mut kept = Kept::new();
    for name in names {
        let found = keyring::Entry::new(SERVICE, &key(name)).and_then(|entry| entry.get_password());
        match found {
            Ok(secret) => _ = kept.insert(name.clone(), secret),
            Err(keyring::Error::NoEntry) => {
                let help = "type the value and save the request, and it is put there";
                return Err(format!("the system's keyring keeps nothing for {{{{keyring.{name}}}}}: {help}"));
            }
            Err(error) => return Err(format!("the system's keyring cannot be asked for {name}: {}", plain(&error))),
        }
    }
    Ok(kept)
}

impl App {
    /// Puts the secrets of the address bar into the keyring, and saves the request once they are there.
    pub(super) fn keep_secrets(&mut self, path: PathBuf, name: Option<String>, secrets: Vec<(String, String)>) {
        let request = self.state.requests.name_of(&path);
        let place: String =
            request.chars().map(|c| if c.is_ascii_alphanumeric() || "_-./".contains(c) { c } else { '-' }).collect();
        let named = |(word, secret): (String, String)| {
            let last = word.rsplit('.').next().unwrap_or(&word).to_lowercase();
            (word, format!("{place}/{last}"), secret)
        };
        let secrets: Vec<(String, String, String)> = secrets.into_iter().map(named).collect();
        self.engine.beside(move || {
            let kept = secrets.iter().try_for_each(|(_, name, secret)| {
                keyring::Entry::new(SERVICE, &key(name)).and_then(|entry| entry.set_password(secret))
            });
            let result = kept.map_err(|error| plain(&error));
            Reply::SecretsKept(Box::new(KeptSecrets { path, name, secrets, result }))
        });
    }

    /// Names the secrets that the keyring keeps now, and saves the request.
    pub(in crate::app) fn secrets_were_kept(&mut self, kept: KeptSecrets) {
        let words: Vec<&str> = kept.secrets.iter().map(|(word, ..)| word.as_str()).collect();
        if let Err(why) = kept.result {
            let help =
                "write {{name}} in its place and give the value by an environment's NAME.secret.toml, or {{env.NAME}}";
            let words = words.join(", ");
            return self.complain(format!("the request was not saved, for {words} would stand in it, and the system's keyring did not take it: {why}. {help}"));
        }
        for (word, name, secret) in &kept.secrets {
            format::refer(&mut self.state.draft, word, &format!("keyring.{name}"));
            self.state.requests.kept.insert(name.clone(), secret.clone());
        }
        self.say(format!("The system's keyring keeps {}: the file only names it", words.join(", ")));
        let save = match kept.name {
            Some(name) => RequestCommand::SaveAs(name),
            None => RequestCommand::Save,
        };
        debug_assert!(
            format::plain_secrets(&self.state.draft).is_empty(),
            "{} would be asked again",
            kept.path.display()
        );
        self.apply(Command::Request(save));
    }
}

//! The directory of saved requests: one file a request, sub-directories as folders, and environments.

use super::fill::{Variable, Variables};
use super::format::{self, Mistake, ReadRequest, Request};
use crate::session::file::data_folder;
use crate::transport::PushType;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use toml_edit::{Item, Value};

/// The folder of environments in the directory.
pub(super) const ENVIRONMENTS: &str = "environments";

/// The variable that names the directory.
const VARIABLE: &str = "PUSHSCOPE_REQUESTS_DIR";

/// The largest file that is read.
const FILE_LIMIT_BYTES: u64 = 1 << 20;

/// How deep folders are looked into, and how many files are listed.
const DEEPEST: usize = 8;
const MOST_NODES: usize = 5000;

/// A line of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The file or folder.
    pub path: PathBuf,
    /// Its name, the ending taken off.
    pub name: String,
    /// How many folders it lies in.
    pub depth: usize,
    /// What it is.
    pub what: NodeIs,
}

/// What a line of the tree is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeIs {
    /// A folder.
    Folder,
    /// A request: its push type, its address, and what is odd in the file.
    Request(PushType, String, Vec<Mistake>),
    /// A file that cannot be used, and why.
    Broken(String),
}

/// A set of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its variables, or what is wrong with its files.
    pub variables: Result<Variables, String>,
}

/// What is in the directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Folders and requests in the order in which they are shown.
    pub nodes: Vec<Node>,
    /// The environments, by name.
    pub environments: Vec<Environment>,
    /// What could not be looked at.
    pub trouble: Option<String>,
}

/// The directory of requests: what the environment variable names, else what the setting does, else `requests` in the data
/// folder.
pub fn requests_folder(data: &Path, setting: Option<PathBuf>) -> PathBuf {
    let named = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    named.or(setting).unwrap_or_else(|| data.join("requests"))
}

/// The directory of requests for a program without a window.
pub fn usual_requests_folder() -> Result<PathBuf, String> {
    let data = data_folder().map_err(|error| error.to_string())?;
    let setting = super::settings::requests_folder(&data)?;
    Ok(requests_folder(&data, setting))
}

/// Whether the environment names the directory, so that no setting counts.
pub fn is_named_by_environment() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|folder| !folder.is_empty())
}

fn text_of(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    // A pipe may keep the reader waiting for ever.
    if !path.metadata().map_err(cannot)?.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        return Err(format!("{} has more than 1 MiB and is no request", path.display()));
    }
    String::from_utf8(bytes).map_err(|_| format!("{} is no UTF-8 text", path.display()))
}

/// Reads a request, and the text of its file.
pub fn load(path: &Path) -> Result<(ReadRequest, String), String> {
    let text = text_of(path)?;
    let read = format::read(&text).map_err(|mistake| format!("{}, {mistake}", path.display()))?;
    Ok((read, text))
}

/// Writes a request: `before` is the text that the file had when it was read, nothing where it is to be new. The text that
/// was written.
pub fn save(path: &Path, request: &Request, before: Option<&str>) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
    let now = match path.symlink_metadata() {
        Ok(_) => Some(text_of(path)?),
        Err(_) => None,
    };
    match (before, &now) {
        (None, Some(_)) => return Err(format!("{} is there already: choose another name", path.display())),
        (Some(before), Some(now)) if before != now => {
            let help = "open it again, or save this under another name";
            return Err(format!("{} was changed since it was opened: {help}", path.display()));
        }
        _ => {}
    }
    let text = format::write(request, now.as_deref()).map_err(|mistake| format!("{}, {mistake}", path.display()))?;
    if now.as_ref() == Some(&text) {
        return Ok(text);
    }
    // The file itself is written, also where a link leads to it.
    let to = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let part = folder.join(format!(".{name}.{}.part", std::process::id()));
    let written = std::fs::write(&part, &text).and_then(|()| {
        if let Ok(metadata) = to.metadata() {
            std::fs::set_permissions(&part, metadata.permissions())?;
        }
        std::fs::rename(&part, &to)
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&part);
        cannot(error)
    })?;
    Ok(text)
}

/// Where a name in the directory leads: `api/feed` is `api/feed.toml`. Names do not lead out of it.
pub fn place(folder: &Path, name: &str, ending: &str) -> Result<PathBuf, String> {
    let name = name.trim().trim_end_matches('/').trim_end_matches(".toml");
    let path = Path::new(name);
    let path = path.strip_prefix(folder).unwrap_or(path);
    let is_plain = |part: Component| match part {
        Component::Normal(part) => !part.to_string_lossy().starts_with('.'),
        _ => false,
    };
    if path.as_os_str().is_empty() {
        return Err("a name is needed, such as api/feed".to_owned());
    }
    if !path.components().all(is_plain) || name.contains(['\\', '\n']) || path.components().count() > DEEPEST {
        return Err(format!("{name:?} is no name in {}: write one such as api/feed", folder.display()));
    }
    if path.components().next() == Some(Component::Normal(ENVIRONMENTS.as_ref())) {
        return Err(format!("{ENVIRONMENTS} is the folder of environments: choose another name"));
    }
    let mut file = folder.join(path).into_os_string();
    file.push(ending);
    Ok(PathBuf::from(file))
}

/// A request's name in the directory: `api/feed`.
pub fn name_of(folder: &Path, path: &Path) -> String {
    let path = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

/// Looks at a directory. One that is not there is empty.
pub fn list(folder: &Path) -> Listing {
    let mut listing = Listing { environments: environments(folder), ..Listing::default() };
    if folder.exists() {
        walk(folder, 0, &mut listing);
    }
    listing
}

fn walk(folder: &Path, depth: usize, listing: &mut Listing) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            listing.trouble = Some(format!("{} cannot be looked at: {error}", folder.display()));
            return;
        }
    };
    let mut found: Vec<(bool, String, PathBuf)> = entries
        .flatten()
        .map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned()))
        .filter(|(_, name)| !name.starts_with('.') && (depth > 0 || name != ENVIRONMENTS))
        .map(|(path, name)| (!path.is_dir(), name, path))
        .filter(|(is_file, name, _)| !is_file || name.ends_with(".toml"))
        .collect();
    found.sort_by_key(|(is_file, name, _)| (*is_file, name.to_lowercase(), name.clone()));
    for (is_file, name, path) in found {
        if listing.nodes.len() >= MOST_NODES {
            listing.trouble = Some(format!("only the first {MOST_NODES} files are listed"));
            return;
        }
        let what = match is_file {
            false => NodeIs::Folder,
            true => match load(&path) {
                Ok((read, text)) if is_script(&read, &text) => continue,
                Ok((read, _)) => {
                    let draft = &read.request.draft;
                    NodeIs::Request(draft.guess(), draft.address.trim().to_owned(), read.notices)
                }
                Err(why) => NodeIs::Broken(why),
            },
        };
        let name = name.strip_suffix(".toml").unwrap_or(&name).to_owned();
        listing.nodes.push(Node { path: path.clone(), name, depth, what });
        if !is_file && depth + 1 < DEEPEST {
            walk(&path, depth + 1, listing);
        }
    }
}

/// A script may lie beside the request that it belongs to.
fn is_script(read: &ReadRequest, text: &str) -> bool {
    let has_steps = || text.lines().any(|line| matches!(line.trim(), "[[step]]" | "[[on_connect]]"));
    read.request.draft.address.is_empty() && has_steps()
}

/// The environments of a directory.
pub fn environments(folder: &Path) -> Vec<Environment> {
    let Ok(entries) = std::fs::read_dir(folder.join(ENVIRONMENTS)) else { return Vec::new() };
    let mut files: BTreeMap<String, Vec<(PathBuf, bool)>> = BTreeMap::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".toml").filter(|name| !name.starts_with('.')) else { continue };
        let (name, is_secret) = name.strip_suffix(".secret").map_or((name, false), |name| (name, true));
        files.entry(name.to_owned()).or_default().push((path, is_secret));
    }
    let environment = |(name, mut files): (String, Vec<(PathBuf, bool)>)| {
        // What is secret takes the place of what is not.
        files.sort_by_key(|(_, is_secret)| *is_secret);
        let mut variables = Variables::default();
        let read = files.iter().try_for_each(|(path, is_secret)| read_values(path, *is_secret, &mut variables));
        Environment { name, variables: read.map(|()| variables) }
    };
    files.into_iter().map(environment).collect()
}

fn read_values(path: &Path, is_secret: bool, variables: &mut Variables) -> Result<(), String> {
    let text = text_of(path)?;
    let failed = |mistake: Mistake| format!("{}, {mistake}", path.display());
    let document = format::document(&text).map_err(failed)?;
    for (name, item) in document.as_table().iter() {
        let at = document.as_table().key(name).and_then(|key| key.span()).map_or(0, |span| span.start);
        let fail = |says: String| Err(failed(format::mistake(&text, at, says)));
        if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
            return fail(format!("{name:?} cannot name a variable: letters, digits and _ can"));
        }
        let value = match item {
            Item::Value(Value::String(text)) => text.value().clone(),
            Item::Value(Value::Integer(number)) => number.value().to_string(),
            Item::Value(Value::Float(number)) => number.value().to_string(),
            Item::Value(Value::Boolean(flag)) => flag.value().to_string(),
            _ => return fail(format!("{name} is a text, a number, true or false")),
        };
        variables.0.insert(name.to_owned(), Variable { text: value, is_secret });
    }
    Ok(())
}

/// Lets version control leave secrets out, where there is no word on that yet.
pub(super) fn ignore_secrets(folder: &Path) {
    let environments = folder.join(ENVIRONMENTS);
    let ignored = environments.join(".gitignore");
    if std::fs::create_dir_all(&environments).is_ok() && !ignored.exists() {
        let _ = std::fs::write(ignored, "*.secret.toml\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_lead_out_of_the_directory() {
        let place = |name| place(Path::new("/r"), name, ".toml");
        assert_eq!(place("api/feed").unwrap(), Path::new("/r/api/feed.toml"));
        assert_eq!(place(" v1.2.toml ").unwrap(), Path::new("/r/v1.2.toml"));
        assert_eq!(place("/r/a").unwrap(), Path::new("/r/a.toml"));
        for wrong in ["", "../a", "/etc/passwd", "a/../b", ".git/x", "environments/x", "a\\b"] {
            assert!(place(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(name_of(Path::new("/r"), Path::new("/r/api/feed.toml")), "api/feed");
    }
}

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

/// Why a file or folder should not be made: there is one whose name differs in case only, and where the directory goes with
/// version control, it comes to machines that take both for one. `except` is there still, and is about to go.
pub(super) fn clash(folder: &Path, to: &Path, except: Option<&Path>) -> Option<String> {
    let mut at = folder.to_owned();
    for part in to.strip_prefix(folder).ok()?.components() {
        let name = part.as_os_str().to_string_lossy();
        if !at.join(part).exists() {
            let others = std::fs::read_dir(&at).ok()?.flatten();
            let is_same = |other: &std::fs::DirEntry| {
                let other_name = other.file_name().to_string_lossy().to_lowercase();
                other_name == name.to_lowercase() && Some(other.path().as_path()) != except
            };
            let other = others.into_iter().find(is_same)?.path();
            let help = "some systems take both for one: choose another name";
            return Some(format!("{} is there already and differs in case only; {help}", other.display()));
        }
        at.push(part);
    }
    None
}

/// A request's name in the directory: `api/feed`.
pub fn name_of(folder: &Path, path: &Path) -> String {
    let path = path.strip_prefix(folder).unwrap_or(path);
    let names: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let name = names.join("/");
    name.strip_suffix(".toml").map(str::to_owned).unwrap_or(name)
}

/// A path as it is written into a file of the directory: from that file's folder on, where both lie in the directory.
pub(super) fn relative(folder: &Path, file: &Path, to: &Path) -> String {
    let from = file.parent().unwrap_or(Path::new(""));
    let text = |path: &Path| path.to_string_lossy().replace('\\', "/");
    if let Ok(rest) = to.strip_prefix(from) {
        return text(rest);
    }
    let is_plain = |path: &Path| path.components().all(|part| !matches!(part, Component::ParentDir));
    let (Ok(from), Ok(rest)) = (from.strip_prefix(folder), to.strip_prefix(folder)) else { return text(to) };
    if !is_plain(from) || !is_plain(rest) {
        return text(to);
    }
    let common = from.components().zip(rest.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(rest.components().skip(common)).collect();
    text(&path)
}

/// Where a request was moved to another folder, its script is named from there; the rest of the file stays as it is.
pub(super) fn follow_script(folder: &Path, from: &Path, to: &Path) -> Result<(), String> {
    if from.parent() == to.parent() || !to.is_file() {
        return Ok(());
    }
    let Ok((ReadRequest { mut request, .. }, text)) = load(to) else { return Ok(()) };
    let Some(script) = request.script.as_ref().filter(|script| Path::new(script).is_relative()) else { return Ok(()) };
    let script = from.parent().unwrap_or(folder).join(script);
    // Without its `..`, so that it can be told from another folder.
    let script = script
        .canonicalize()
        .ok()
        .zip(folder.canonicalize().ok())
        .and_then(|(script, root)| Some(folder.join(script.strip_prefix(root).ok()?)));
    let Some(script) = script else { return Ok(()) };
    request.script = Some(relative(folder, to, &script));
    save(to, &request, Some(&text)).map(drop)
}

/// Looks at a directory. One that is not there is empty.
pub fn list(folder: &Path) -> Listing {
    let mut listing = Listing { environments: environments(folder), ..Listing::default() };
    if folder.exists() {
        walk(folder, &mut Vec::new(), &mut listing);
    }
    listing
}

/// Lists a folder that lies in those of `above`, by their true names: links may lead in a circle.
fn walk(folder: &Path, above: &mut Vec<PathBuf>, listing: &mut Listing) {
    let depth = above.len();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            listing.trouble.get_or_insert(format!("{} cannot be looked at: {error}", folder.display()));
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
    above.push(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
    for (is_file, name, path) in found {
        if listing.nodes.len() >= MOST_NODES {
            listing.trouble = Some(format!("only the first {MOST_NODES} files and folders are listed"));
            break;
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
        if is_file {
            continue;
        }
        if path.canonicalize().is_ok_and(|path| above.contains(&path)) {
            let why = format!("{} leads back to a folder that it lies in: it is not looked into", path.display());
            listing.trouble.get_or_insert(why);
        } else if depth + 1 < DEEPEST {
            walk(&path, above, listing);
        } else {
            let why = format!("{} lies {DEEPEST} folders deep: it is not looked into", path.display());
            listing.trouble.get_or_insert(why);
        }
    }
    above.pop();
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
        for (path, name) in [("/r/api/feed.toml", "api/feed"), ("/r/v1.2/a.b.toml", "v1.2/a.b"), ("/r/v1.2", "v1.2")] {
            assert_eq!(name_of(Path::new("/r"), Path::new(path)), name);
        }
    }

    #[test]
    fn a_script_is_named_from_the_folder_of_its_request() {
        let relative = |file: &str, to: &str| relative(Path::new("/r"), Path::new(file), Path::new(to));
        for (file, to, written) in [
            ("/r/api/feed.toml", "/r/api/hello.toml", "hello.toml"),
            ("/r/api/feed.toml", "/r/api/in/hello.toml", "in/hello.toml"),
            ("/r/api/v1/feed.toml", "/r/scripts/hello.toml", "../../scripts/hello.toml"),
            ("/r/api/feed.toml", "/r/api/../hello.toml", "../hello.toml"),
            ("/r/feed.toml", "/elsewhere/hello.toml", "/elsewhere/hello.toml"),
            ("/elsewhere/feed.toml", "/r/hello.toml", "/r/hello.toml"),
        ] {
            assert_eq!(relative(file, to), written, "{file} {to}");
        }
    }

    #[test]
    fn names_that_differ_in_case_only_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("Api")).unwrap();
        std::fs::write(at("Api/Feed.toml"), "").unwrap();
        let clash = |name: &str, except: Option<&str>| clash(folder.path(), &at(name), except.map(at).as_deref());
        assert!(clash("Api/feed.toml", None).unwrap().contains("Feed.toml is there already"));
        assert!(clash("api/new.toml", None).unwrap().contains("Api is there already"));
        assert_eq!(clash("Api/feed.toml", Some("Api/Feed.toml")), None, "it is about to have that name");
        assert_eq!(
            (clash("Api/Feed.toml", None), clash("Api/new.toml", None), clash("b/c/d.toml", None)),
            (None, None, None)
        );
    }

    #[cfg(unix)]
    #[test]
    fn folders_that_lead_in_a_circle_are_listed_once_and_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/x.toml"), "address = 'http://x/'").unwrap();
        std::os::unix::fs::symlink(folder.path(), at("a/b/round")).unwrap();
        std::os::unix::fs::symlink(at("a/b"), at("other")).unwrap();
        std::os::unix::fs::symlink(at("nowhere.toml"), at("lost.toml")).unwrap();
        let listing = list(folder.path());
        let names: Vec<&str> = listing.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "round", "x", "other", "round", "x", "lost"]);
        assert!(listing.trouble.unwrap().contains("round leads back to a folder that it lies in"));
        assert!(matches!(&listing.nodes[7].what, NodeIs::Broken(why) if why.contains("lost.toml cannot be read")));
        let deep = at("1/2/3/4/5/6/7/8/9");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::remove_file(at("a/b/round")).unwrap();
        assert!(list(folder.path()).trouble.unwrap().contains("lies 8 folders deep"));
    }
}

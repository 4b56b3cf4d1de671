//! Holds DESIGN.md's table of modules against the sources: who imports whom, where colours may be named, and how long
//! a file may be. A breach is told by file and line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module, and the modules it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("dissect", &["wire"]),
    ("session", &["wire", "dissect"]),
    ("interop", &["wire", "dissect", "session"]),
    ("replay", &["wire", "dissect", "session"]),
    ("transport", &["wire", "dissect"]),
    ("lab", &[]),
    ("app", &["wire", "session", "interop", "replay", "transport", "lab"]),
    ("ui", &["wire", "dissect", "session", "app"]),
    ("cli", &["wire", "dissect", "session", "interop", "replay", "transport", "lab", "app"]),
];

/// `main.rs` reads arguments and starts one of these.
const MAIN_MAY_IMPORT: &[&str] = &["ui", "cli"];

/// Files that may allow `unsafe`, each with the proof beside it.
const MAY_BE_UNSAFE: &[&str] = &["src/transport/kernel.rs"];

const MOST_LINES: usize = 500;

struct Source {
    /// From the package's folder, with slashes.
    path: String,
    /// The module under `src`, or the file's own name there.
    module: String,
    text: String,
    /// The text without comments and without what literals say, line by line.
    code: String,
}

#[test]
fn modules_import_what_the_table_allows() {
    let mut breaches = Vec::new();
    for source in sources() {
        let (prefix, allowed) = match source.module.as_str() {
            "lib" => continue,
            "main" => ("pushscope::", MAIN_MAY_IMPORT),
            module => match MAY_IMPORT.iter().find(|(name, _)| *name == module) {
                Some((_, allowed)) => ("crate::", *allowed),
                None => {
                    breaches.push(format!("{}: the table has no module {module}", source.path));
                    continue;
                }
            },
        };
        for (line, mentioned) in mentions(&source.code, prefix) {
            let is_module = MAY_IMPORT.iter().any(|(name, _)| *name == mentioned);
            if !is_module {
                breaches.push(format!("{}:{line}: {prefix}{mentioned} is no module of the table", source.path));
            } else if mentioned != source.module && !allowed.contains(&mentioned.as_str()) {
                breaches.push(format!("{}:{line}: {} may not import {mentioned}", source.path, source.module));
            }
        }
    }
    none(&breaches);
}

#[test]
fn lib_lists_the_modules_of_the_table() {
    let source = sources().into_iter().find(|source| source.module == "lib").expect("src/lib.rs");
    let declared: BTreeSet<String> = source
        .code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned))
        .collect();
    // A module of a later milestone has no folder yet.
    let folders: BTreeSet<String> = fs::read_dir(root().join("src"))
        .expect("src")
        .map(|entry| entry.expect("an entry of src").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    let table: BTreeSet<String> = MAY_IMPORT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(declared, folders, "src/lib.rs and the folders of src differ");
    assert!(declared.is_subset(&table), "not in the table: {:?}", declared.difference(&table));
    let private: Vec<&str> = source.code.lines().filter(|line| line.trim().starts_with("mod ")).collect();
    assert!(private.is_empty(), "src/lib.rs hides modules from this test: {private:?}");
}

#[test]
fn no_code_is_unsafe() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| !MAY_BE_UNSAFE.contains(&source.path.as_str())) {
        for (at, line) in source.code.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.any(|word| word == "unsafe" || word == "unsafe_code") {
                breaches.push(format!("{}:{}: unsafe", source.path, at + 1));
            }
        }
    }
    none(&breaches);
}

#[test]
fn colours_are_named_in_the_theme_only() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| !source.path.starts_with("src/ui/theme")) {
        for (at, line) in source.code.lines().enumerate() {
            let literal = line.match_indices("Color32::").any(|(start, name)| {
                let rest = &line[start + name.len()..];
                let capitals = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').count();
                rest.starts_with("from_") || capitals >= 3
            });
            if literal {
                breaches.push(format!("{}:{}: a colour outside src/ui/theme: {}", source.path, at + 1, line.trim()));
            }
        }
    }
    none(&breaches);
}

#[test]
fn files_are_short() {
    let mut breaches = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > MOST_LINES {
            breaches.push(format!("{}: {lines} lines; a file over {MOST_LINES} is two files", source.path));
        }
    }
    none(&breaches);
}

#[track_caller]
fn none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    find(&root().join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 50, "only {} files under src", paths.len());
    let sources = paths.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root()).expect("under the package").to_string_lossy().replace('\\', "/");
        let module = path.split('/').nth(1).expect("under src").trim_end_matches(".rs").to_owned();
        let code = code_only(&text);
        Source { path, module, text, code }
    });
    sources.collect()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules named behind `prefix`, with their lines: `crate::a::b`, `crate::{a::b, c}`, over lines, too.
fn mentions(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices(prefix) {
        let line = code[..start].matches('\n').count() + 1;
        let rest = code[start + prefix.len()..].trim_start();
        let Some(group) = rest.strip_prefix('{') else {
            found.push((line, identifier(rest)));
            continue;
        };
        // The names at the group's own level, not those of groups within.
        let mut depth = 0_usize;
        let mut name_starts = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => name_starts = true,
                c if depth == 0 && name_starts && !c.is_whitespace() => {
                    found.push((line + group[..at].matches('\n').count(), identifier(&group[at..])));
                    name_starts = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The text with comments and the insides of literals blanked out, lines kept.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest),
            'r' if !code.ends_with(|last: char| last.is_alphanumeric() || last == '_') => raw_string(rest).unwrap_or(0),
            '\'' => character(rest).unwrap_or(0),
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else if rest.is_empty() {
            return at;
        } else {
            at += 1;
        }
    }
}

fn quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    let inside = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + inside.find(&end)? + end.len())
}

/// A character literal, which a lifetime is not.
fn character(text: &str) -> Option<usize> {
    let inside = &text[1..];
    if let Some(escape) = inside.strip_prefix('\\') {
        return Some(2 + 1 + escape[1..].find('\'')? + 1);
    }
    let first = inside.chars().next()?;
    inside[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 2)
}

#[test]
fn this_test_reads_rust() {
    let code = code_only(
        "use crate::{\n    wire::{Dir, crate_like},\n    session,\n};\n// crate::ui\n/* crate::cli /* nested */ crate::app */\n\
         let a = \"crate::lab\"; let b = r#\"crate::\"lab\"\"#; let c = '\"'; fn f<'a>(x: &'a crate::transport::Spec) {}\n\
         let d = '\\''; crate::dissect::x(b'\\n')",
    );
    let found = mentions(&code, "crate::");
    let expected = [(2, "wire"), (3, "session"), (7, "transport"), (8, "dissect")];
    assert_eq!(found, expected.map(|(line, name)| (line, name.to_owned())), "{code}");
}

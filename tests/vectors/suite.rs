//! Where the vectors are found, and what becomes of cases that differ.

use base64::Engine;
use serde_json::Value;

/// The cases of a vector file, or none where the suite is not there.
pub fn cases(file: &str) -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("PUSHSCOPE_VECTORS") else {
        println!("NOT RUN: {file}: PUSHSCOPE_VECTORS names no folder");
        return None;
    };
    let path = std::path::Path::new(&folder).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let suite: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(suite["cases"].as_array().expect("cases").clone())
}

/// A text of a case.
pub fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{key} of {case}"))
}

/// Bytes of a case that stand there in base64.
pub fn bytes(case: &Value, key: &str) -> Vec<u8> {
    decode(text(case, key))
}

/// What base64 says.
pub fn decode(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

/// Fails with every case that differs without a reason, and every reason that is of no use any more.
pub fn settle(suite: &str, ran: usize, differing: &[(String, String)], reasons: &[(&str, &str)]) {
    let known = |name: &str| reasons.iter().any(|(case, _)| *case == name);
    let unexplained: Vec<_> = differing.iter().filter(|(name, _)| !known(name)).collect();
    let stale: Vec<_> = reasons.iter().filter(|(case, _)| !differing.iter().any(|(name, _)| name == case)).collect();
    println!("{suite}: {ran} cases, {} differ, each for a stated reason", differing.len() - unexplained.len());
    let list = |(name, why): &(String, String)| format!("\n{name}\n    {why}");
    let texts: Vec<String> = unexplained.into_iter().map(list).collect();
    assert!(texts.is_empty(), "{suite}: {} cases differ without a reason:{}", texts.len(), texts.concat());
    assert!(stale.is_empty(), "{suite}: these no longer differ: {stale:?}");
}

//! Secrets as they may be written down: plain, escaped, percent-encoded, in Base64 at any of its three places, in hex.

use crate::server::{COOKIE, PASSWORD, TOKEN};
use base64::Engine as _;

/// Which secrets are in these bytes, and how.
pub fn traces(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for secret in [TOKEN, COOKIE, PASSWORD] {
        for (how, written) in ways(secret) {
            if memchr::memmem::find(bytes, &written).is_some() {
                found.push(format!("{secret}, {how}"));
            }
        }
    }
    // The signature alone would do.
    if let Some(signature) = TOKEN.rsplit('.').next()
        && memchr::memmem::find(bytes, signature.as_bytes()).is_some()
    {
        found.push("the token's signature".to_owned());
    }
    found
}

fn ways(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let percent: String = bytes
        .iter()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let hex = |separator: &str| bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(separator);
    let mut ways = vec![
        ("plain", bytes.to_vec()),
        ("percent-encoded", percent.into_bytes()),
        ("in hex", hex("").into_bytes()),
        ("in spaced hex", hex(" ").into_bytes()),
        ("as JSON", serde_json::to_string(secret).expect("JSON").trim_matches('"').as_bytes().to_vec()),
        ("as HTML", secret.replace('&', "&amp;").into_bytes()),
    ];
    for skip in 0..3 {
        // The bits that it shares with what stands beside it are left out.
        let padded = [&b"\0\0"[..skip], bytes].concat();
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(padded);
        let from = [0, 2, 3][skip];
        let to = encoded.len() - 2;
        ways.push(("in Base64", encoded.as_bytes()[from..to].to_vec()));
    }
    ways
}

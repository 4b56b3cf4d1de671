//! Which names carry secrets: of header fields, of parameters, of members of JSON objects.
//!
//! A name is cut into words (`X-Auth-Token`, `accessToken` and `ACCESS_TOKEN` alike), and its last words decide.

/// Where a name stands: some are secret in one place and ordinary words in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// A header field.
    Header,
    /// A parameter of an address or of a form.
    Parameter,
    /// A member of a JSON object, an element of XML, or a name in text.
    Member,
}

/// Last words that are secret wherever they stand.
const LAST: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "jwt",
    "apikey",
    "authorization",
    "credential",
    "credentials",
    "cookie",
    "cookies",
    "signature",
    "csrf",
    "xsrf",
    "csrftoken",
    "xsrftoken",
    "authtoken",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "sessionid",
    "sessiontoken",
    "sessionkey",
    "clientsecret",
    "accesskey",
    "secretkey",
    "privatekey",
    "assertion",
    "otp",
    "totp",
    "bearer",
    "phpsessid",
    "jsessionid",
];

/// Last two words that are.
const LAST_TWO: &[[&str; 2]] = &[
    ["api", "key"],
    ["access", "key"],
    ["secret", "key"],
    ["private", "key"],
    ["session", "id"],
    ["auth", "key"],
    ["encryption", "key"],
    ["signing", "key"],
    ["shared", "key"],
    ["session", "key"],
    ["subscription", "key"],
    ["account", "key"],
    ["master", "key"],
    ["functions", "key"],
    ["goog", "key"],
    ["auth", "code"],
    ["device", "code"],
    ["auth", "data"],
    ["code", "verifier"],
    ["recovery", "code"],
];

/// Whole names.
const WHOLE: &[&str] = &["auth", "sig", "sid", "pass", "pw", "hmac", "passkey"];

/// Whole names that are secret in addresses and forms, and too common elsewhere.
const PARAMETERS: &[&str] = &["code", "key", "session", "hash", "hmac", "mac", "ticket", "login_ticket", "k"];

/// Tokens that say where a list goes on.
const HARMLESS: &[&str] = &["next", "page", "continuation", "sync", "cancel", "cancellation", "resume", "end", "start"];

/// Header fields that the protocols are framed and agreed by, or that only look secret: never changed.
const KEPT_FIELDS: &[&str] = &[
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "content-type",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "host",
    "sec-websocket-key",
    "sec-websocket-accept",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-key1",
    "sec-websocket-key2",
    "expect",
    "proxy-connection",
    "keep-alive",
];

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut was_lower, mut chars) = (false, name.chars().peekable());
    while let Some(char) = chars.next() {
        let is_next_lower = chars.peek().is_some_and(char::is_ascii_lowercase);
        let last_len = words.last().map_or(0, String::len);
        if !char.is_ascii_alphanumeric() {
            words.push(String::new());
        } else {
            if char.is_ascii_uppercase() && (was_lower || is_next_lower && last_len > 0) {
                words.push(String::new());
            }
            if let Some(last) = words.last_mut() {
                last.push(char.to_ascii_lowercase());
            }
        }
        was_lower = char.is_ascii_lowercase() || char.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether what goes by this name is secret.
pub(super) fn is_secret(name: &str, place: Where) -> bool {
    if name.is_empty() || name.len() > 100 {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    if place == Where::Header && (is_kept_field(&lower) || lower.starts_with("access-control-") || lower == "te") {
        return false;
    }
    if place == Where::Parameter && PARAMETERS.contains(&lower.as_str()) {
        return true;
    }
    let words = words(name);
    let Some(last) = words.last() else { return false };
    if words.len() == 1 && WHOLE.contains(&last.as_str()) {
        return place != Where::Header || last != "sid";
    }
    let before = words.len().checked_sub(2).map(|at| words[at].as_str());
    if last == "token" && before.is_some_and(|before| HARMLESS.contains(&before)) {
        return false;
    }
    if LAST.contains(&last.as_str()) {
        return true;
    }
    if before.is_some_and(|before| LAST_TWO.contains(&[before, last.as_str()])) {
        return true;
    }
    match place {
        // `X-Hub-Signature-256`, `X-Secret-Thing`: in a header's name these words say enough.
        Where::Header => words.iter().any(|word| matches!(word.as_str(), "signature" | "secret" | "jwt" | "apikey")),
        Where::Parameter => last == "auth" || last == "sig",
        Where::Member => false,
    }
}

/// Whether a header field, in lower case, is one that nothing is changed in.
pub(super) fn is_kept_field(lower: &str) -> bool {
    KEPT_FIELDS.contains(&lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_however_they_are_written() {
        for name in ["password", "userPassword", "db_password", "ACCESS_TOKEN", "accessToken", "x-api-key", "APIKey"] {
            assert!(is_secret(name, Where::Member), "{name}");
        }
        for name in ["client_secret", "refresh_token", "session_id", "sid", "stripeSecretKey", "authorization", "otp"] {
            assert!(is_secret(name, Where::Member), "{name}");
        }
        for name in ["tokens", "max_tokens", "next_page_token", "keyboard", "code", "key", "author", "secretary", "id"]
        {
            assert!(!is_secret(name, Where::Member), "{name}");
        }
        for name in ["code", "key", "sig", "X-Amz-Signature", "X-Amz-Credential", "session", "oauth_token"] {
            assert!(is_secret(name, Where::Parameter), "{name}");
        }
        for name in ["X-Api-Key", "Api-Key", "X-Auth-Token", "X-CSRF-Token", "X-Hub-Signature-256", "Private-Token"] {
            assert!(is_secret(name, Where::Header), "{name}");
        }
        for name in ["Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Access-Control-Allow-Credentials", "Surrogate-Key"] {
            assert!(!is_secret(name, Where::Header), "{name}");
        }
    }
}

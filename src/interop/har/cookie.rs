//! Cookies of heads, as objects of a HAR (RFC 6265 §4).

use jiff::Timestamp;
use serde_json::{Value, json};

/// The cookies that a request brings.
pub(super) fn of_request<'v>(values: impl Iterator<Item = &'v str>) -> Vec<Value> {
    let pairs = values.flat_map(|value| value.split(';')).map(str::trim).filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or(("", pair))).map(|(n, v)| json!({"name": n, "value": v})).collect()
}

/// The cookies that an answer sets; `at` is when it came, from which Max-Age counts.
pub(super) fn of_response<'v>(values: impl Iterator<Item = &'v str>, at: Option<Timestamp>) -> Vec<Value> {
    values.map(|value| set(value, at)).collect()
}

fn set(value: &str, at: Option<Timestamp>) -> Value {
    let mut parts = value.split(';').map(str::trim);
    let (name, content) = parts.next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
    let mut cookie = json!({"name": name.trim(), "value": content.trim(), "httpOnly": false, "secure": false});
    let mut max_age = None;
    for part in parts {
        let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match attribute.trim().to_ascii_lowercase().as_str() {
            "path" => cookie["path"] = value.into(),
            "domain" => cookie["domain"] = value.into(),
            "samesite" => cookie["sameSite"] = value.into(),
            "httponly" => cookie["httpOnly"] = true.into(),
            "secure" => cookie["secure"] = true.into(),
            "max-age" => max_age = value.parse::<i64>().ok(),
            "expires" => {
                if let Some(time) = date(value) {
                    cookie["expires"] = time.to_string().into();
                }
            }
            _ => {}
        }
    }
    // RFC 6265 §5.3: Max-Age goes before Expires.
    if let (Some(seconds), Some(at)) = (max_age, at)
        && let Ok(time) = at.checked_add(jiff::SignedDuration::from_secs(seconds.max(0)))
    {
        cookie["expires"] = time.to_string().into();
    }
    cookie
}

/// A date as HTTP writes it (RFC 9110 §5.6.7); the old form with dashes, too.
fn date(text: &str) -> Option<Timestamp> {
    let text = text.replace('-', " ");
    jiff::fmt::rfc2822::parse(&text).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_taken_apart() {
        assert_eq!(
            of_request(["a=1; b=x=y", "c"].into_iter()),
            [
                json!({"name": "a", "value": "1"}),
                json!({"name": "b", "value": "x=y"}),
                json!({"name": "", "value": "c"})
            ]
        );
        let at = "2026-01-01T00:00:00Z".parse().ok();
        let set = of_response(
            [
                "s=1; Path=/; HttpOnly; Secure; SameSite=Lax; Expires=Wed, 21-Oct-2026 07:28:00 GMT",
                "t=; Max-Age=60",
                "u",
            ]
            .into_iter(),
            at,
        );
        assert_eq!(
            set[0],
            json!({"name": "s", "value": "1", "httpOnly": true, "secure": true, "path": "/", "sameSite": "Lax",
                   "expires": "2026-10-21T07:28:00Z"})
        );
        assert_eq!(set[1]["expires"], "2026-01-01T00:01:00Z");
        assert_eq!(set[2]["name"], "");
    }
}

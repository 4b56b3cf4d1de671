//! The lab's middleboxes, by curl, which knows nothing of them.

use pushscope::lab::{Lab, MIDDLEBOXES, Place};

use crate::peers::curl;

/// A lab, and where its address with a middlebox leads.
fn place(address: &str) -> (tokio::runtime::Runtime, Lab, Place) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::start(([127, 0, 0, 1], 0).into())).unwrap();
    let place = runtime.block_on(lab.place(address)).unwrap();
    (runtime, lab, place)
}

#[test]
fn every_middlebox_has_a_place_and_a_wrong_name_is_told_the_right_ones() {
    let (runtime, lab, _) = place("lab:sse");
    for middlebox in MIDDLEBOXES {
        let place = runtime.block_on(lab.place(middlebox.example)).unwrap();
        assert_eq!(place.proxy.is_some(), middlebox.is_proxy(), "{}", middlebox.name);
        let again = runtime.block_on(lab.place(middlebox.example)).unwrap();
        assert_eq!(place, again, "one middlebox serves all who ask for the same");
    }
    let error = runtime.block_on(lab.place("lab:sse?via=smoke")).unwrap_err();
    assert!(error.contains("smoke") && error.contains("block-page"), "{error}");
}

#[test]
fn a_login_is_taken_by_basic_and_by_digest_and_refused_otherwise() {
    let (_runtime, _lab, place) = place("lab:sse?count=1&via=needs-login");
    let proxy = place.proxy.unwrap();
    let ask = |more: &[&str]| curl(&[&["--noproxy", "", "-x", proxy.as_str(), place.url.as_str()], more].concat());
    let unasked = ask(&[]);
    assert_eq!(unasked.status(), 407);
    assert!(unasked.head.contains("Basic realm=\"lab proxy\"") && unasked.head.contains("SHA-256"), "{}", unasked.head);
    assert_eq!(ask(&["-U", "lab:wrong"]).status(), 407);
    for scheme in ["--proxy-basic", "--proxy-digest"] {
        let answered = ask(&["-U", "lab:lab", scheme]);
        // Behind a head of 407, where curl was asked first.
        let said = format!("{}{}", answered.head, answered.text());
        assert!(said.contains("200 OK") && said.contains("data: "), "{scheme}: {answered:?}");
    }
}

#[test]
fn a_way_opens_to_port_443_only() {
    let (_runtime, _lab, place) = place("lab:sse?count=1&via=connect-443-only");
    let proxy = place.proxy.unwrap();
    let forwarded = curl(&["--noproxy", "", "-x", &proxy, &place.url]);
    assert!(forwarded.head.contains("Via: 1.1 lab-proxy") && forwarded.text().contains("data: "), "{forwarded:?}");
    let refused = curl(&["--noproxy", "", "-p", "-x", &proxy, &place.url]);
    assert!(refused.head.contains("403") && refused.head.contains("X-Squid-Error: ERR_ACCESS_DENIED"), "{refused:?}");
}

#[test]
fn tls_is_opened_by_an_authority_that_only_its_file_vouches_for() {
    let (_runtime, lab, place) = place("lab:sse?count=1&via=tls-intercept");
    let (proxy, file) = (place.proxy.unwrap(), place.ca_file.unwrap());
    assert!(place.url.starts_with("https://"));
    let refused = curl(&["--noproxy", "", "-x", &proxy, &place.url]);
    assert_eq!(refused.exit_code, Some(60), "curl's code for a certificate that nobody vouches for: {refused:?}");
    let trusted = curl(&["--noproxy", "", "-x", &proxy, "--cacert", file.to_str().unwrap(), &place.url]);
    assert!(trusted.text().contains("data: "), "{trusted:?}");
    drop(lab);
    assert!(!file.exists(), "the certificate goes with the lab");
}

#[test]
fn what_stands_in_between_does_as_its_name_says() {
    let (_runtime, _lab, down) = place("lab:sse?count=2&rate=0&via=downgrades-http10");
    let downgraded = curl(&[&down.url]);
    assert!(downgraded.head.starts_with("HTTP/1.0 200") && !downgraded.head.contains("chunked"), "{downgraded:?}");
    let (_runtime, _lab, cut) = place("lab:sse?rate=0&via=truncates&cut=300");
    let truncated = curl(&[&cut.url]);
    assert_eq!(truncated.exit_code, Some(18), "curl's code for a part of a body: {truncated:?}");
    let (_runtime, _lab, block) = place("lab:poll?via=block-page");
    assert!(curl(&[&block.url]).text().contains("Access denied"));
    let (_runtime, _lab, idle) = place("lab:longpoll?scenario=quiet&via=cuts-idle&idle=0.5");
    assert_eq!(curl(&[&idle.url]).exit_code, Some(52), "curl's code for no answer at all");
}

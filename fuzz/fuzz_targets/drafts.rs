#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pushscope::dissect::fuzz::drafts(input));

//! yawc receives the messages that we tell, compressed and not.

use crate::talk::{Said, Talk, talk, we_say};
use proptest::prelude::*;
use pushscope::wire::Dir;
use std::io::Cursor;
use yawc::{OpCode, Options, Role, WebSocket};

/// What yawc receives.
pub fn yawc_says(talk: &Talk) -> Vec<Said> {
    // It receives what the other role sends. Its own pongs and close frames go nowhere.
    let role = if talk.dir == Dir::Out { Role::Server } else { Role::Client };
    let stream = tokio::io::join(Cursor::new(talk.bytes.clone()), tokio::io::sink());
    let options = Options::default().with_balanced_compression().with_utf8().with_max_payload_read(1 << 30);
    let header = talk.agreed.map(|agreed| agreed.header());
    let mut socket =
        WebSocket::from_stream_with_extensions(stream, role, header.as_deref(), options).expect("a socket");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let mut said = Vec::new();
        while let Ok(frame) = socket.next_frame().await {
            let payload = frame.payload().to_vec();
            let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).expect("valid UTF-8");
            said.push(match (frame.opcode(), payload.split_first_chunk::<2>()) {
                (OpCode::Text, _) => Said::Text(text(&payload)),
                (OpCode::Binary, _) => Said::Binary(payload),
                (OpCode::Ping, _) => Said::Ping(payload),
                (OpCode::Pong, _) => Said::Pong(payload),
                (OpCode::Close, Some((code, reason))) => Said::Close(u16::from_be_bytes(*code), text(reason)),
                (OpCode::Close, None) => Said::Close(1005, String::new()),
                (OpCode::Continuation, _) => panic!("yawc gives whole messages"),
            });
        }
        said
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yawc_receives_what_we_tell(talk in talk(), size in 1usize..5000) {
        prop_assert_eq!(we_say(&talk, size), yawc_says(&talk));
    }
}

//! For `fuzz/` alone: a door to what comes over the socket.

use super::wire::answers::{Stepped, read_abandoned, read_configured, read_welcome};
use super::wire::errors::{read_error, write_error};
use super::wire::requests::{StepRequest, configure, read_abandon, read_configure, read_hello};
use super::wire::{self, MAX_FRAME, kind};
use crate::encoding::{Reader, Writer};

/// Frames one after the other, as they come over a socket, from either side.
/// None panics; what is read is written and read as the same.
///
/// # Panics
///
/// Where that does not hold.
pub fn frames(mut data: &[u8]) {
    while let Ok(frame) = wire::read(&mut data) {
        assert!(frame.body.len() < MAX_FRAME);
        body(frame.kind, &frame.body);
    }
}

fn body(kind: u8, body: &[u8]) {
    const WELCOME: u8 = kind::HELLO | kind::ANSWER;
    const CONFIGURED: u8 = kind::CONFIGURE | kind::ANSWER;
    const STEPPED: u8 = kind::STEP | kind::ANSWER;
    const ABANDONED: u8 = kind::ABANDON | kind::ANSWER;
    match kind {
        kind::HELLO => {
            let _ = read_hello(body);
        }
        kind::CONFIGURE => {
            if let Some((number, wanted)) = read_configure(body) {
                let again = configure(number, &wanted);
                assert_eq!(read_configure(again.expose()), Some((number, wanted)));
            }
        }
        kind::STEP => {
            if let Some(step) = StepRequest::read(body) {
                assert_eq!(StepRequest::read(step.write().expose()), Some(step));
            }
        }
        kind::ABANDON => {
            let _ = read_abandon(body);
        }
        WELCOME => {
            let _ = read_welcome(body);
        }
        CONFIGURED => {
            let _ = read_configured(body);
        }
        STEPPED => {
            if let Some(stepped) = Stepped::read(body)
                && let Ok(again) = stepped.write()
            {
                assert!(Stepped::read(again.expose()).is_some());
            }
        }
        ABANDONED => {
            let _ = read_abandoned(body);
        }
        _ => {
            if let Some(error) = read_error(&mut Reader::new(body)) {
                let mut writer = Writer::new();
                write_error(&mut writer, &error);
                let again = writer.finish();
                let back = read_error(&mut Reader::new(again.expose())).expect("was read before");
                assert_eq!(back.status(), error.status());
            }
        }
    }
}

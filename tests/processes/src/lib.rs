//! What servers in several processes share: Redis, the broker, and programs to be such servers.
//! The tests are in `tests/`.

pub mod broker;
pub mod node;
#[path = "../../interop/src/process.rs"]
pub mod process;
pub mod redis;
pub mod stopped;

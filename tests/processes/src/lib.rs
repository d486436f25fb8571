//! What servers in several processes share: Redis, the broker, and programs to be such servers.
//! The tests are in `tests/`.

pub mod broker;
pub mod node;
pub use interop::process;
pub mod redis;
pub mod stopped;

//! Servers in several processes, that share what one process has for itself.

mod broker;
mod keys;
mod moved;
mod privsep;
mod redis;

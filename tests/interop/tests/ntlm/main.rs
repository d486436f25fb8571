//! NTLM with clients that know nothing of this crate.

mod libraries;
mod programs;

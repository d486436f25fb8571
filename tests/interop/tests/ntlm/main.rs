//! NTLM with clients that know nothing of this crate.

mod directory;
mod libraries;
mod programs;

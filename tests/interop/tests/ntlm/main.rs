//! NTLM with clients that know nothing of this crate; and an Active Directory, which is one domain
//! for both NTLM and Kerberos.

mod constrained;
mod directory;
mod gssapi;
mod libraries;
mod programs;
mod tickets;
mod web;

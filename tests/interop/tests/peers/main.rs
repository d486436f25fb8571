//! Real peers against the acceptor. One program, so that one KDC serves all of it.

mod bindings;
mod clients;
mod dce;
mod delegation;
mod errors;
mod gssapi;
mod gssapi_contexts;
mod gssapi_credentials;
mod handshakes;
mod judged;
mod krb5_conf;
mod ldap;
mod messages;
mod programs;
mod rc4;
mod realms;
mod retry;
mod rpc;
mod smb;
mod tonic;
mod user_to_user;
mod web;

//! The suite on MIT krb5 and on Heimdal, both open in one process; and through the broker.

mod broker;
mod broker_tests;
mod clock;
mod differential;
mod heimdal;
mod heimdal_tests;
mod heimdal_tokens;
mod memory;
mod mit;
mod mit_tests;
mod mit_tokens;
mod nowhere;
mod table;

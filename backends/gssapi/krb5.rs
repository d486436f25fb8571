//! The Kerberos library below the GSS-API.

pub(super) mod sys;

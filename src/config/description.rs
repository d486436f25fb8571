//! What an operator should know when the server starts.

use core::fmt;
use std::time::Duration;

use crate::backends::{BackendDescription, PrincipalDescription, Settings};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::error::list;
use crate::etype::EncryptionType;
use crate::mechanism::Mechanism;
use crate::name::ServiceName;
use crate::requirements::Requirements;

/// What a configuration is: for the log, when the server starts. Holds no
/// secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The backend.
    pub backend: &'static str,
    /// The enabled mechanisms.
    pub mechanisms: Vec<Mechanism>,
    /// Mechanisms that were asked for, but cannot meet what is required.
    pub left_out: Vec<Mechanism>,
    /// The server's principals and their keys.
    pub principals: Vec<PrincipalDescription>,
    /// The accepted services; all principals' if empty.
    pub services: Vec<ServiceName>,
    /// The permitted encryption types.
    pub etypes: Vec<EncryptionType>,
    /// What is required.
    pub required: Requirements,
    /// What is requested.
    pub requested: Requirements,
    /// The channel-binding policy.
    pub channel_bindings: ChannelBindingPolicy,
    /// How far clocks may be apart.
    pub clock_skew: Duration,
    /// Where tokens are remembered.
    pub replay: String,
    /// What should be looked at.
    pub warnings: Vec<String>,
}

impl Description {
    pub(super) fn new(
        own: BackendDescription,
        settings: &Settings,
        left_out: &[Mechanism],
    ) -> Self {
        let mut warnings = own.warnings;
        for mechanism in left_out {
            warnings.push(format!(
                "{mechanism} cannot meet what is required and is not accepted"
            ));
        }
        if settings.channel_bindings == ChannelBindingPolicy::AnyPresent {
            warnings.push(
                "channel bindings are not compared: only a trusted TLS proxy may reach this server"
                    .into(),
            );
        }
        Self {
            backend: own.backend,
            mechanisms: settings.mechanisms.clone(),
            left_out: left_out.to_vec(),
            principals: own.principals,
            services: settings.services.clone(),
            etypes: settings.etypes.clone(),
            required: settings.required,
            requested: settings.requested,
            channel_bindings: settings.channel_bindings,
            clock_skew: settings.clock_skew,
            replay: settings.replay.describe(),
            warnings,
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "backend           {}", self.backend)?;
        writeln!(f, "mechanisms        {}", list(&self.mechanisms))?;
        for known in &self.principals {
            write!(f, "principal         {}", known.principal)?;
            for (index, (kvno, etype)) in known.keys.iter().enumerate() {
                let separator = if index == 0 { ": " } else { ", " };
                write!(f, "{separator}kvno {kvno} {etype}")?;
            }
            writeln!(f)?;
        }
        if self.services.is_empty() {
            writeln!(f, "services          all of these principals")?;
        } else {
            writeln!(f, "services          {}", list(&self.services))?;
        }
        writeln!(f, "encryption types  {}", list(&self.etypes))?;
        writeln!(f, "required          {}", self.required.names())?;
        writeln!(f, "requested         {}", self.requested.names())?;
        writeln!(f, "channel bindings  {:?}", self.channel_bindings)?;
        writeln!(f, "clock skew        {} s", self.clock_skew.as_secs())?;
        writeln!(f, "replay store      {}", self.replay)?;
        for warning in &self.warnings {
            writeln!(f, "WARNING           {warning}")?;
        }
        Ok(())
    }
}

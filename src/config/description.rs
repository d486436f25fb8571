//! What an operator should know when the server starts.

use core::fmt;
use std::time::Duration;

use crate::backends::{BackendDescription, PrincipalDescription, Settings, TgtDescription};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::error::list;
use crate::etype::EncryptionType;
use crate::mechanism::Mechanism;
use crate::name::ServiceName;
use crate::requirements::Requirements;
use crate::time::Utc;

/// What a configuration is: for the log, when the server starts. Holds no
/// secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The backend.
    pub backend: &'static str,
    /// The platform's library that it calls, where it calls one.
    pub library: Option<String>,
    /// The enabled mechanisms.
    pub mechanisms: Vec<Mechanism>,
    /// Mechanisms that were asked for, but cannot meet what is required.
    pub left_out: Vec<Mechanism>,
    /// The server's principals and their keys.
    pub principals: Vec<PrincipalDescription>,
    /// The server's own TGT, for user-to-user.
    pub tgt: Option<TgtDescription>,
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
    /// What was taken from elsewhere, and what was not.
    pub notes: Vec<String>,
    /// What should be looked at.
    pub warnings: Vec<String>,
}

impl Description {
    pub(super) fn new(
        own: BackendDescription,
        settings: &Settings,
        left_out: &[Mechanism],
        notes: &[String],
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
        if settings.etypes.contains(&EncryptionType::RC4_HMAC) {
            warnings.push(
                "rc4-hmac is accepted (insecure_rc4): passwords of services can be guessed from \
                 tickets, and messages under RC4 can be replayed; use AES keys"
                    .into(),
            );
        }
        Self {
            backend: own.backend,
            library: own.library,
            mechanisms: settings.mechanisms.clone(),
            left_out: left_out.to_vec(),
            principals: own.principals,
            tgt: own.tgt,
            services: settings.services.clone(),
            etypes: settings.etypes.clone(),
            required: settings.required,
            requested: settings.requested,
            channel_bindings: settings.channel_bindings,
            clock_skew: own.clock_skew.unwrap_or(settings.clock_skew),
            replay: settings.replay.describe(),
            notes: notes.to_vec(),
            warnings,
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "backend           {}", self.backend)?;
        if let Some(library) = &self.library {
            writeln!(f, "library           {library}")?;
        }
        writeln!(f, "mechanisms        {}", list(&self.mechanisms))?;
        for known in self.principals.iter().take(SHOWN) {
            write!(f, "principal         {}", known.principal)?;
            write_keys(f, &known.keys)?;
        }
        if let Some(more) = self.principals.len().checked_sub(SHOWN).filter(|&n| n > 0) {
            writeln!(f, "                  and {more} more")?;
        }
        if let Some(TgtDescription { client, etype, end }) = &self.tgt {
            let end = Utc(*end);
            writeln!(f, "own TGT           {client}, {etype}, until {end}")?;
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
        for note in &self.notes {
            writeln!(f, "note              {note}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "WARNING           {warning}")?;
        }
        Ok(())
    }
}

/// How many principals the text names; [`Description::principals`] has all.
const SHOWN: usize = 16;

/// Key versions, each with its encryption types.
fn write_keys(f: &mut fmt::Formatter<'_>, keys: &[(u32, EncryptionType)]) -> fmt::Result {
    let mut last = None;
    for &(kvno, etype) in keys {
        if last == Some(kvno) {
            write!(f, ", {etype}")?;
        } else {
            write!(f, "\n                    kvno {kvno}: {etype}")?;
        }
        last = Some(kvno);
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::{Description, EncryptionType, PrincipalDescription, SHOWN};
    use crate::channel_bindings::ChannelBindingPolicy;
    use crate::mechanism::Mechanism;
    use crate::requirements::Requirements;
    use std::time::Duration;

    #[test]
    fn the_text_groups_keys_and_stays_short() {
        let known = PrincipalDescription {
            principal: "HTTP/web@R".parse().unwrap(),
            keys: vec![
                (3, EncryptionType(18)),
                (3, EncryptionType(17)),
                (2, EncryptionType(18)),
            ],
        };
        let description = Description {
            backend: "rust",
            library: None,
            mechanisms: vec![Mechanism::Kerberos],
            left_out: Vec::new(),
            principals: vec![known; SHOWN + 2],
            tgt: None,
            services: Vec::new(),
            etypes: EncryptionType::DEFAULT.to_vec(),
            required: Requirements::MUTUAL_AUTH,
            requested: Requirements::empty(),
            channel_bindings: ChannelBindingPolicy::Ignore,
            clock_skew: Duration::from_secs(300),
            replay: "in memory".into(),
            notes: vec!["from a file".into()],
            warnings: vec!["look here".into()],
        };
        let text = description.to_string();
        for line in [
            "principal         HTTP/web@R",
            "                    kvno 3: aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96",
            "                    kvno 2: aes256-cts-hmac-sha1-96",
            "                  and 2 more",
            "required          MUTUAL_AUTH",
            "note              from a file",
            "WARNING           look here",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} in {text}");
        }
    }
}

//! Settings that hold where the application has set none itself.

use std::time::Duration;

use super::ConfigBuilder;
use crate::etype::EncryptionType;
use crate::realms::Capaths;

/// From a krb5.conf, if the application named one.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    clock_skew: Option<Duration>,
    etypes: Option<Vec<EncryptionType>>,
    capaths: Option<Capaths>,
    notes: Vec<String>,
}

impl ConfigBuilder {
    /// Takes the clock skew, the permitted encryption types and the trusted
    /// paths of realms from a krb5.conf, each where this builder is told
    /// nothing else, before or after. Of several calls the last counts.
    ///
    /// The file is the one that the application read: nothing is looked for.
    /// It enables nothing that this crate refuses by default: RC4 in
    /// `permitted_enctypes` is left out, and `describe()` says so. A list that
    /// leaves no type is refused by [`build`](Self::build).
    #[cfg(feature = "krb5-conf")]
    pub fn krb5_conf(mut self, conf: &crate::krb5_conf::Krb5Conf) -> Self {
        let mut notes = Vec::new();
        if !conf.files().is_empty() {
            let files: Vec<_> = conf.files().iter().map(|path| path.display()).collect();
            notes.push(format!("defaults are from {}", crate::error::list(&files)));
        }
        let own = conf.notes().iter();
        notes.extend(own.map(|note| format!("krb5.conf: {note}")));
        self.defaults = Defaults {
            clock_skew: conf.clock_skew(),
            etypes: conf.permitted_enctypes().map(<[_]>::to_vec),
            capaths: conf.capaths().cloned(),
            notes,
        };
        self
    }

    /// Defaults become settings like those of the application: whatever a
    /// backend cannot honour of them is refused, too. Gives what is to be
    /// told of them.
    pub(super) fn take_defaults(&mut self) -> Vec<String> {
        let defaults = core::mem::take(&mut self.defaults);
        self.clock_skew = self.clock_skew.or(defaults.clock_skew);
        self.etypes = self.etypes.take().or(defaults.etypes);
        self.capaths = self.capaths.take().or(defaults.capaths);
        defaults.notes
    }
}

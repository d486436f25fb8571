//! What a configuration is held to before anything is read: settings that
//! contradict each other, and settings that the backend cannot honour.

use std::time::Duration;

use super::ConfigBuilder;
use super::etypes::Rc4;
use crate::channel_bindings::ChannelBindingPolicy;
use crate::error::Misuse;
use crate::facts::Capabilities;
use crate::mechanism::Mechanism;
use crate::policy::Authorizing;
use crate::requirements::Requirements;

impl ConfigBuilder {
    /// What no backend could make sense of.
    pub(super) fn check_sense(&self) -> Result<(), Misuse> {
        let all = self.required | self.requested;
        if all.contains(Requirements::DATAGRAM | Requirements::CONNECTION) {
            return Err(conflict("DATAGRAM", "CONNECTION"));
        }
        if all.contains(Requirements::DATAGRAM | Requirements::SEQUENCE_DETECT) {
            return Err(conflict("DATAGRAM", "SEQUENCE_DETECT"));
        }
        if self.mechanisms.is_empty() {
            return Err(out_of_range("mechanisms", "at least one is needed"));
        }
        self.check_etypes()?;
        if self.limits.max_token < 256 || self.limits.max_legs == 0 {
            return Err(out_of_range("limits", "no handshake fits into it"));
        }
        for (skew, setting) in [
            (self.clock_skew, "clock_skew"),
            (self.replay_skew, "replay_skew"),
        ] {
            if skew.is_some_and(|skew| skew > Duration::from_secs(24 * 3600)) {
                return Err(out_of_range(setting, "a day at the most"));
            }
        }
        Ok(())
    }

    /// PROMPT_FOR_CREDS and its callback belong together, and a backend must
    /// know what to do with them.
    pub(super) fn check_prompt(&self, capabilities: &Capabilities) -> Result<(), Misuse> {
        let flags = Requirements::PROMPT_FOR_CREDS;
        let setting = "prompt_for_credentials";
        if self.prompt.is_none() {
            return if self.required.contains(flags) {
                Err(Misuse::NeedsSetting { flags, setting })
            } else {
                Ok(())
            };
        }
        let mut mechanisms = capabilities.mechanisms.iter();
        if !mechanisms.any(|own| own.flags.contains(flags)) {
            let backend = self.backend.name();
            return Err(Misuse::CannotSet { backend, setting });
        }
        // Credentials that come with each handshake leave nobody to ask.
        if self.required.contains(Requirements::USE_SUPPLIED_CREDS) {
            return Err(conflict("USE_SUPPLIED_CREDS", "PROMPT_FOR_CREDS"));
        }
        Ok(())
    }

    /// The policy, from the builder's own function or from the flags of
    /// `sspi.h` that say the same.
    pub(super) fn binding_policy(&self) -> Result<ChannelBindingPolicy, Misuse> {
        use ChannelBindingPolicy as P;
        let all = self.required | self.requested;
        let mut policy = self.bindings;
        for (flag, name, means) in [
            (
                Requirements::PROXY_BINDINGS,
                "PROXY_BINDINGS",
                P::AnyPresent,
            ),
            (
                Requirements::ALLOW_MISSING_BINDINGS,
                "ALLOW_MISSING_BINDINGS",
                P::WhenSent,
            ),
        ] {
            if !all.contains(flag) {
                continue;
            }
            match policy {
                None => policy = Some(means),
                Some(set) if set == means => {}
                Some(_) => return Err(conflict(name, "another channel-binding policy")),
            }
        }
        Ok(policy.unwrap_or_default())
    }

    /// Settings that are not flags, against what the backend can do.
    pub(super) fn check_settings(&self, capabilities: &Capabilities) -> Result<(), Misuse> {
        for (asked, ability, setting) in [
            (self.clock.is_some(), capabilities.injected_clock, "clock"),
            (
                self.replay.is_some(),
                capabilities.replay_store,
                "replay_store",
            ),
            (
                self.replay_skew.is_some(),
                capabilities.replay_store,
                "replay_skew",
            ),
            (
                self.reject_before_start,
                capabilities.replay_store,
                "reject_before_start",
            ),
            (
                !self.services.is_empty(),
                capabilities.restrict_services,
                "accept_service",
            ),
            (
                self.etypes.is_some(),
                capabilities.choose_etypes,
                "encryption_types",
            ),
            (
                self.rc4 == Rc4::Permitted,
                capabilities.choose_etypes,
                "insecure_rc4",
            ),
            (
                self.clock_skew.is_some(),
                capabilities.choose_skew,
                "clock_skew",
            ),
        ] {
            if asked && !ability.can() {
                let backend = self.backend.name();
                return Err(Misuse::CannotSet { backend, setting });
            }
        }
        Ok(())
    }

    /// The mechanisms that can meet what is required, and those that were
    /// asked for and cannot. If none can, the first one's shortcoming is the
    /// error.
    pub(super) fn usable_mechanisms(
        &self,
        capabilities: &Capabilities,
        bindings: ChannelBindingPolicy,
    ) -> Result<(Vec<Mechanism>, Vec<Mechanism>), Misuse> {
        let backend = self.backend.name();
        let (mut usable, mut left_out, mut first) = (Vec::new(), Vec::new(), None);
        for &mechanism in &self.mechanisms {
            if usable.contains(&mechanism) || left_out.contains(&mechanism) {
                continue;
            }
            let own = capabilities
                .mechanisms
                .iter()
                .find(|own| own.mechanism == mechanism)
                .ok_or(Misuse::NoMechanism { backend, mechanism })?;
            let flags = self.required - own.flags;
            let problem = if !flags.is_empty() {
                Some(Misuse::CannotHonour { backend, flags })
            } else if self.authorization == Authorizing::Required
                && !self.backend.authorizes(mechanism).can()
            {
                let setting = "require_authorization";
                Some(Misuse::CannotSet { backend, setting })
            } else if !own.binding_policies.contains(&bindings) {
                Some(Misuse::CannotBind {
                    backend,
                    policy: bindings,
                })
            } else {
                None
            };
            match problem {
                None => usable.push(mechanism),
                Some(problem) => {
                    left_out.push(mechanism);
                    first.get_or_insert(problem);
                }
            }
        }
        match first {
            Some(problem) if usable.is_empty() => Err(problem),
            _ => Ok((usable, left_out)),
        }
    }
}

fn conflict(first: &'static str, second: &'static str) -> Misuse {
    Misuse::Conflict { first, second }
}

fn out_of_range(setting: &'static str, problem: &'static str) -> Misuse {
    Misuse::OutOfRange { setting, problem }
}

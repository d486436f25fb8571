//! NTLM (MS-NLMP): version 2 alone, connection-oriented (rules 33 to 39).

pub(crate) mod accept;
pub(crate) mod codec;
pub(crate) mod context;
pub(crate) mod crypto;
pub(crate) mod per_message;

use std::sync::Arc;

use self::accept::AwaitNegotiate;
use self::context::{MicAnnounced, NtlmContext};
use super::spnego::codec::NTLMSSP;
use super::{Mech, Shared};
use crate::accounts::{AccountName, AccountSource};
use crate::authorization::{Authorization, Evidence};
use crate::backends::{Exchange, SecurityContext};
use crate::encoding::Writer;
use crate::error::{AuthorizationProblem, Error, Unavailability};
use crate::mechanism::{Framing, Mechanism};
use crate::ntlm::{MicDemand, Ntlm, NtlmNames};
use crate::reply::Reply;

/// NTLM's side of a configuration, or of supplied credentials.
pub(crate) struct Server {
    accounts: Arc<dyn AccountSource>,
    names: NtlmNames,
    mic: MicDemand,
}

impl Server {
    pub(crate) fn new(ntlm: &Ntlm) -> Result<Self, Error> {
        Ok(Self {
            accounts: Arc::clone(ntlm.accounts()),
            names: ntlm.names()?,
            mic: ntlm.mic(),
        })
    }

    /// What of this a half-done handshake depends on: the names in its
    /// CHALLENGE, and whether a MIC is demanded.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let NtlmNames {
            computer,
            domain,
            dns_computer,
            dns_domain,
            dns_tree,
        } = &self.names;
        let mut writer = Writer::new();
        writer.text(computer);
        writer.text(domain);
        for name in [dns_computer, dns_domain, dns_tree] {
            writer.option(name.as_deref(), Writer::text);
        }
        writer.flag(self.mic == MicDemand::Always);
        writer.finish().expose().to_vec()
    }

    /// What the source of accounts says of one that has been proven. Which
    /// source it is, is written here: none can claim to be a PAC.
    fn authorization(
        &self,
        account: &AccountName,
    ) -> Reply<Result<Box<Authorization>, AuthorizationProblem>> {
        let (name, source) = (account.clone(), Arc::clone(&self.accounts));
        self.accounts.authorization(account).map(move |found| {
            let mut all = found?;
            if all.account != name {
                let text = "the source of accounts speaks of another account".into();
                return Err(AuthorizationProblem::Platform { text });
            }
            let description = source.describe();
            all.evidence = Evidence::AccountSource { description };
            Ok(Box::new(all))
        })
    }

    /// What an operator should look at.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.accounts.warnings()
    }
}

/// NTLM as the first token's reader and SPNEGO see it.
pub(crate) struct NtlmMech;

impl Mech for NtlmMech {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Ntlm
    }

    fn oids(&self, _: &Shared) -> &'static [&'static [u8]] {
        &[NTLMSSP]
    }

    fn begin(&self, shared: &Arc<Shared>, framing: Framing) -> Box<dyn Exchange> {
        Box::new(AwaitNegotiate::new(Arc::clone(shared), framing))
    }

    fn owes_mic(&self, context: &dyn SecurityContext) -> bool {
        own(context).is_ok_and(|context| context.announced() == MicAnnounced::Yes)
    }

    fn mic(&self, context: &dyn SecurityContext, offer: &[u8]) -> Result<Vec<u8>, Error> {
        own(context)?.spnego_mic(offer)
    }

    fn verify_mic(
        &self,
        context: &dyn SecurityContext,
        offer: &[u8],
        mic: &[u8],
    ) -> Result<(), Error> {
        own(context)?.verify_spnego_mic(offer, mic)
    }
}

/// A context that this mechanism made.
fn own(context: &dyn SecurityContext) -> Result<&NtlmContext, Error> {
    context.as_any().downcast_ref().ok_or(
        Unavailability::Internal {
            operation: "finding an NTLM context",
        }
        .into(),
    )
}

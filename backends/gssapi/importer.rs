//! Contexts that leave one process and are taken up in another.

use std::sync::Arc;

use super::context::sys::Ctx;
use super::context::{GssapiContext, Order, TicketPac};
use super::sys::{Flavour, Gss};
use super::{NAME, status};
use crate::backends::{ContextImporter, SecurityContext};
use crate::encoding::{Reader, Writer};
use crate::error::{AuthorizationProblem, Error};
use crate::mechanism::Mechanism;
use crate::secret::Secret;

/// What stands before the library's own form: libraries do not read each
/// other's, and it does not say which mechanism it is of.
struct Head {
    flavour: Flavour,
    mechanism: Mechanism,
    order: Order,
}

const LENGTH: usize = 3;

impl Head {
    fn write(&self) -> [u8; LENGTH] {
        [
            u8::from(self.flavour == Flavour::Heimdal),
            u8::from(self.mechanism == Mechanism::Ntlm),
            u8::from(self.order == Order::Ignored),
        ]
    }

    fn read(octets: [u8; LENGTH]) -> Option<Self> {
        let [heimdal @ 0..=1, ntlm @ 0..=1, ignored @ 0..=1] = octets else {
            return None;
        };
        Some(Self {
            flavour: [Flavour::Mit, Flavour::Heimdal][usize::from(heimdal)],
            mechanism: [Mechanism::Kerberos, Mechanism::Ntlm][usize::from(ntlm)],
            order: [Order::Watched, Order::Ignored][usize::from(ignored)],
        })
    }
}

/// The ticket's PAC, which the libraries' own forms leave out: verified, or
/// why there is none.
fn write_pac(pac: &Result<Vec<u8>, AuthorizationProblem>, all: &mut Writer) {
    match pac {
        Err(AuthorizationProblem::Absent) => all.u8(0),
        Ok(pac) => {
            all.u8(1);
            all.bytes(pac);
        }
        Err(problem) => {
            all.u8(2);
            all.text(&problem.to_string());
        }
    }
}

fn read_pac(all: &mut Reader<'_>) -> Option<TicketPac> {
    let pac = match all.u8()? {
        0 => Err(AuthorizationProblem::Absent),
        1 => Ok(all.bytes()?.to_vec()),
        2 => Err(AuthorizationProblem::Platform {
            text: all.text()?.to_owned(),
        }),
        _ => return None,
    };
    Some(TicketPac::Brought(pac))
}

/// The state of a context, which is gone from the library then.
pub(super) fn export(
    ctx: &mut Ctx,
    mechanism: Mechanism,
    order: Order,
    pac: &Result<Vec<u8>, AuthorizationProblem>,
) -> Result<Secret, Error> {
    let flavour = ctx.gss().flavour;
    let state = ctx.export();
    let state = state.map_err(|status| status::of_call("export", &status))?;
    let head = Head {
        flavour,
        mechanism,
        order,
    };
    let mut all = Writer::new();
    all.raw(&head.write());
    write_pac(pac, &mut all);
    all.bytes(state.expose());
    Ok(all.finish())
}

/// Takes up contexts that another process has exported, with the library
/// that they are of: MIT krb5 and Heimdal do not read each other's. See
/// [`GssapiLibrary::importer`](super::GssapiLibrary::importer).
pub struct GssapiImporter {
    gss: Arc<Gss>,
}

impl GssapiImporter {
    pub(super) fn new(gss: Arc<Gss>) -> Self {
        Self { gss }
    }
}

impl ContextImporter for GssapiImporter {
    fn backend(&self) -> &'static str {
        NAME
    }

    fn import(&self, state: &[u8]) -> Result<Box<dyn SecurityContext>, Error> {
        const PART: &str = "exported context";
        let foreign = || Error::malformed(PART, "not of this backend", None);
        let mut all = Reader::new(state);
        let head = all.array().and_then(Head::read).ok_or_else(foreign)?;
        let pac = read_pac(&mut all).ok_or_else(foreign)?;
        let state = all.bytes().ok_or_else(foreign)?;
        all.finish().ok_or_else(foreign)?;
        if head.flavour != self.gss.flavour {
            return Err(Error::malformed(PART, "of another library", None));
        }
        let ctx = Ctx::import(&self.gss, state);
        let ctx = ctx.map_err(|status| status::of_call(PART, &status))?;
        let context = GssapiContext::new(ctx, head.mechanism, head.order, MAX_TOKEN);
        Ok(Box::new(context.pac(pac)))
    }
}

/// What the sizes of messages say of a token that negotiates: there is none
/// to come.
const MAX_TOKEN: usize = 1 << 16;

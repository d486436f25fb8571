//! The KDC's own signatures, for a server that has the key of krbtgt (MS-PAC
//! 2.8.1 to 2.8.4).

use zeroize::Zeroizing;

use super::{Signature, zeroed};
use crate::authorization::{PacSignatures, SignatureCheck};
use crate::backends::rust::kerberos::codec::messages::EncTicketPart;
use crate::backends::rust::kerberos::keys::PacKey;
use crate::error::AuthorizationProblem;
use crate::pac::{Pac, kind};

/// Checks all that are there; one that is wrong makes the whole PAC so.
pub(super) fn verify(
    pac: &Pac<'_>,
    ticket: &EncTicketPart<'_>,
    keys: &[PacKey],
) -> Result<PacSignatures, AuthorizationProblem> {
    if keys.is_empty() {
        return Ok(PacSignatures::server());
    }
    let server = Signature::read(pac, kind::SERVER_SIGNATURE, "server")?;
    let kdc = Signature::read(pac, kind::KDC_SIGNATURE, "KDC")?;
    check(&kdc, keys, &[server.value])?;
    let mut checked = PacSignatures {
        kdc: SignatureCheck::Valid,
        ticket: SignatureCheck::Absent,
        full: SignatureCheck::Absent,
    };
    if pac.place(kind::TICKET_SIGNATURE).is_some() {
        let signature = Signature::read(pac, kind::TICKET_SIGNATURE, "ticket")?;
        let ticket = ticket.encode_without_pac();
        let ticket = Zeroizing::new(ticket.map_err(|_| AuthorizationProblem::Malformed {
            part: "EncTicketPart",
            problem: "it cannot be encoded without its PAC",
            offset: None,
        })?);
        check(&signature, keys, &[&ticket])?;
        checked.ticket = SignatureCheck::Valid;
    }
    if pac.place(kind::FULL_SIGNATURE).is_some() {
        let full = Signature::read(pac, kind::FULL_SIGNATURE, "full")?;
        // All of the PAC, where three signatures are zeros.
        let mut fields = [&server, &kdc, &full];
        fields.sort_by_key(|signature| signature.start);
        let [a, b, c] = fields.map(|signature| (signature.start, signature.value.len()));
        let [one, two, three] = [a, b, c].map(|(_, length)| zeroed(length));
        let part = |from: (usize, usize), to: usize| {
            let from = from.0 + from.1;
            pac.bytes().get(from..to).unwrap_or_default()
        };
        let parts = [
            part((0, 0), a.0),
            one,
            part(a, b.0),
            two,
            part(b, c.0),
            three,
            part(c, pac.bytes().len()),
        ];
        check(&full, keys, &parts)?;
        checked.full = SignatureCheck::Valid;
    }
    Ok(checked)
}

/// Whether any of krbtgt's keys of the signature's type made it.
fn check(
    signature: &Signature<'_>,
    keys: &[PacKey],
    parts: &[&[u8]],
) -> Result<(), AuthorizationProblem> {
    let mut problem = None;
    for key in keys {
        match signature.check(key.checksum(), parts) {
            Ok(()) => return Ok(()),
            // That it is wrong says more than that another key's type differs.
            Err(wrong @ AuthorizationProblem::Signature { .. }) => problem = Some(wrong),
            Err(other) => {
                problem.get_or_insert(other);
            }
        }
    }
    Err(problem.unwrap_or(AuthorizationProblem::Signature {
        signature: signature.name,
    }))
}

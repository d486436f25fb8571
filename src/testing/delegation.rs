//! What a client delegates: a ticket-granting ticket in a KRB-CRED (RFC 4120
//! 5.8).

use std::time::SystemTime;

use zeroize::Zeroizing;

use super::error::ClientError;
use super::ticket::{TicketOptions, fresh_key};
use crate::backends::rust::kerberos::codec::cred::{EncKrbCredPart, KrbCred, KrbCredInfo};
use crate::backends::rust::kerberos::codec::messages::Ticket;
use crate::backends::rust::kerberos::codec::parts::{
    EncryptedData, EncryptionKey, PrincipalName, texts,
};
use crate::backends::rust::kerberos::codec::wire::{
    Flags, KerberosTime, List, Number, Octets, Text,
};
use crate::ccache::TicketFlags;
use crate::time::unix_seconds;
use crate::{EncryptionType, Principal, random};

/// Encryption type 0: in the clear, as MIT krb5's clients have it (RFC
/// 6448). The authenticator around it is encrypted.
const NOT_ENCRYPTED: EncryptionType = EncryptionType(0);

/// As long as that of an ordinary ticket. No KDC of this realm reads it.
const CIPHER: usize = 300;

/// A forwarded ticket-granting ticket of `client`'s, begun and ended as the
/// options say.
pub(super) fn krb_cred(
    options: &TicketOptions,
    client: &Principal,
    now: SystemTime,
) -> Result<Zeroizing<Vec<u8>>, ClientError> {
    let encoding = |_| ClientError::encoding("KRB-CRED");
    let session = fresh_key(options.session_type())?;
    let (begin, end) = options.times(now);
    let begin = KerberosTime(unix_seconds(begin));
    let own = TicketFlags::FORWARDABLE | TicketFlags::FORWARDED | TicketFlags::PRE_AUTHENT;
    let names = texts(client);
    let service = [Text(b"krbtgt"), Text(client.realm())];
    let sname = PrincipalName {
        name_type: Principal::NT_SRV_INST,
        name_string: List::of(&service),
    };
    let info = [KrbCredInfo {
        key: EncryptionKey {
            keytype: session.etype(),
            keyvalue: Octets(session.expose()),
        },
        prealm: Some(Text(client.realm())),
        pname: Some(PrincipalName {
            name_type: client.name_type(),
            name_string: List::of(&names),
        }),
        flags: Some(Flags(own.bits() | options.flags())),
        authtime: Some(begin),
        starttime: Some(begin),
        endtime: Some(KerberosTime(unix_seconds(end))),
        renew_till: None,
        srealm: Some(Text(client.realm())),
        sname: Some(sname),
        caddr: None,
    }];
    let part = EncKrbCredPart {
        ticket_info: List::of(&info),
        nonce: None,
        timestamp: None,
        usec: None,
        s_address: None,
        r_address: None,
    };
    let part = Zeroizing::new(part.encode().map_err(encoding)?);
    message(&part, sname, session.etype(), client)
}

/// The message with one ticket and its encrypted part, which is in the clear.
fn message(
    part: &[u8],
    sname: PrincipalName<'_>,
    etype: EncryptionType,
    client: &Principal,
) -> Result<Zeroizing<Vec<u8>>, ClientError> {
    let mut cipher = [0; CIPHER];
    random::fill(&mut cipher);
    let tickets = [Ticket {
        tkt_vno: Number,
        realm: Text(client.realm()),
        sname,
        enc_part: EncryptedData {
            etype,
            kvno: Some(1),
            cipher: Octets(&cipher),
        },
    }];
    let message = KrbCred {
        pvno: Number,
        msg_type: Number,
        tickets: List::of(&tickets),
        enc_part: EncryptedData {
            etype: NOT_ENCRYPTED,
            kvno: None,
            cipher: Octets(part),
        },
    };
    let encoded = message.encode();
    encoded
        .map(Zeroizing::new)
        .map_err(|_| ClientError::encoding("KRB-CRED"))
}

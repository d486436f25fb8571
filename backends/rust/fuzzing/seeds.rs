//! Good input to begin with, written by the encoders.

use super::super::kerberos::codec::cred::{EncKrbCredPart, KrbCred, KrbCredInfo};
use super::super::kerberos::codec::messages::{EncApRepPart, KrbError, Ticket};
use super::super::kerberos::codec::parts::{EncryptedData, EncryptionKey, PrincipalName};
use super::super::kerberos::codec::tgt::TgtRequest;
use super::super::kerberos::codec::wire::{Flags, KerberosTime, List, Number, Octets, Text};
use super::super::kerberos::codec::{authdata, gss};
use super::super::spnego::codec::{encode_hints, encode_mech_types};
use super::forge::{CLIENT, NOW, Plan, REALM, SERVICE};
use super::handshake::keytab_file;
use crate::etype::EncryptionType;

/// Plans by name: options, etypes, and the flags of the GSS checksum.
pub(super) const PLANS: [(&str, u16, u8, u32); 14] = [
    ("raw", 0x0000, 0x00, 0x3E),
    ("delegating", 0x0000, 0x00, 0x3F),
    ("raw-aes128", 0x0010, 0x15, 0x3C),
    ("mutual-sha2", 0x0018, 0x2A, 0x3E),
    ("spnego", 0x0011, 0x00, 0x3E),
    ("spnego-mic", 0x1011, 0x00, 0x3E),
    ("spnego-late", 0x0801, 0x00, 0x3C),
    ("strict-bound", 0x0097, 0x00, 0x3E),
    ("user-to-user", 0x001C, 0x00, 0x3E),
    ("user-to-user-spnego", 0x001D, 0x00, 0x3E),
    ("keyed-checksum", 0x0048, 0x00, 0x00),
    ("dce", 0x8010, 0x15, 0x103C),
    ("dce-spnego", 0x8011, 0x00, 0x103E),
    ("dce-spnego-mic", 0x9011, 0x2A, 0x103E),
];

/// A plan as fuzz input, without edits.
pub(super) fn plan(options: u16, etypes: u8, gss_flags: u32, ctime: i16) -> Vec<u8> {
    let mut input = options.to_be_bytes().to_vec();
    input.push(etypes);
    input.extend([0; 4]);
    input.extend(ctime.to_be_bytes());
    input.extend([0; 4]);
    input.extend(gss_flags.to_be_bytes());
    input.extend(0x1234_5678_u32.to_be_bytes());
    input.extend([1, 0, 2, 0, 4, 0]);
    input
}

pub(super) fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut seeds = super::ntlm::seeds();
    seeds.extend(super::moved::seeds());
    seeds.extend(planned());
    let request = tgt_request();
    let caller = plan(0x001C, 0, 0x3E, 0);
    let mut legs = vec![0];
    let asked = gss::frame_message(gss::KRB5_U2U, gss::token_id::TGT_REQUEST, &request);
    for leg in [asked, Plan::read(&caller).token()] {
        legs.extend(u16::try_from(leg.len()).expect("short").to_be_bytes());
        legs.extend(leg);
    }
    seeds.push(("handshake", "asks-for-the-tgt", legs));
    seeds.push(("tgt_request", "named", request));
    seeds.push(("forged_handshake", "skew", plan(0, 0, 0x3E, 1000)));
    seeds.push(("keytab", "four-keys", keytab_file()));
    seeds.push(("replies", "krb-error", krb_error()));
    seeds.push(("replies", "inside", inside()));
    seeds.push(("spnego", "hints", encode_hints(&[]).expect("hints")));
    seeds.push(("spnego", "list", encode_mech_types(&[]).expect("a list")));
    seeds.push((
        "transited",
        "rfc4120",
        b"\x01A.EDU\0B.COM\0EDU,MIT.,/COM".to_vec(),
    ));
    let etypes = authdata::encode_etype_list(&EncryptionType::DEFAULT).expect("a list");
    seeds.push(("authorization_data", "etypes", etypes));
    seeds.extend(pacs());
    let mut body = vec![16, 0, 0, 0];
    body.extend([0; 16]);
    body.extend([
        0x3F, 0, 0, 0, 1, 0, 2, 0, 0xAA, 0xBB, 0, 0, 0, 1, 0, 0, 0, 1, 0xCC,
    ]);
    seeds.push(("gss_checksum", "delegation-and-extension", body));
    seeds.push(("cred", "plain", krb_cred()));
    seeds.extend(messages());
    seeds.push(("rc4_messages", "sealed", vec![2, 0]));
    seeds.push(("rc4_messages", "signed-dce", vec![1, 0]));
    seeds
}

/// What the plans forge.
fn planned() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (name, options, etypes, flags) in PLANS {
        let input = plan(options, etypes, flags, 0);
        let plan = Plan::read(&input);
        let leg = plan.first();
        seeds.push(("gss_token", name, plan.token()));
        seeds.push(("enc_ticket_part", name, plan.ticket_part()));
        seeds.push(("authenticator", name, plan.authenticator()));
        if options & super::forge::option::SPNEGO != 0 {
            seeds.push(("spnego", name, leg.clone()));
            seeds.push((
                "spnego",
                "response",
                plan.later(Some(b"token"), Some(b"mic")),
            ));
        }
        let length = u16::try_from(leg.len()).expect("a short token");
        let mut legs = vec![u8::from(options & super::forge::option::STRICT != 0)];
        legs.extend(length.to_be_bytes());
        legs.extend(leg);
        seeds.push(("handshake", name, legs));
        seeds.push(("forged_handshake", name, input));
    }
    seeds
}

/// Messages, whole and in parts.
fn messages() -> [(&'static str, &'static str, Vec<u8>); 5] {
    [
        ("messages", "as-sent", vec![4, 0]),
        ("messages", "signed", vec![0, 0]),
        ("parts", "rpc", vec![0x0C, 3, 1, 24, 0, 48, 1, 8]),
        (
            "parts",
            "straddling",
            vec![0x06, 4, 0, 5, 1, 3, 0, 11, 0, 40],
        ),
        ("parts", "signed", vec![0x01, 2, 1, 24, 0, 48]),
    ]
}

fn tgt_request() -> Vec<u8> {
    let name = SERVICE.map(Text);
    let request = TgtRequest {
        pvno: Number,
        msg_type: Number,
        server_name: Some(PrincipalName {
            name_type: 2,
            name_string: List::of(&name),
        }),
        realm: Some(Text(REALM)),
    };
    request.encode().expect("a KERB-TGT-REQUEST")
}

fn krb_error() -> Vec<u8> {
    let error = KrbError {
        pvno: Number,
        msg_type: Number,
        ctime: Some(KerberosTime(NOW)),
        cusec: Some(1),
        stime: KerberosTime(NOW),
        susec: 2,
        error_code: 37,
        crealm: Some(Text(REALM)),
        cname: None,
        realm: Text(REALM),
        sname: PrincipalName {
            name_type: 2,
            name_string: List::of(&[Text(b"HTTP"), Text(b"web")]),
        },
        e_text: Some(Text(b"skew")),
        e_data: Some(Octets(gss::KRB5)),
    };
    error.encode().expect("a KRB-ERROR")
}

/// A forwarded ticket-granting ticket of the client's, in the clear.
pub(super) fn krb_cred() -> Vec<u8> {
    let service = [Text(b"krbtgt"), Text(REALM)];
    let client = [Text(CLIENT)];
    let name = |name_type, parts| PrincipalName {
        name_type,
        name_string: List::of(parts),
    };
    let info = [KrbCredInfo {
        key: EncryptionKey {
            keytype: EncryptionType(18),
            keyvalue: Octets(&[7; 32]),
        },
        prealm: Some(Text(REALM)),
        pname: Some(name(1, &client)),
        flags: Some(Flags(0x6000_0000)),
        authtime: Some(KerberosTime(NOW)),
        starttime: Some(KerberosTime(NOW)),
        endtime: Some(KerberosTime(NOW + 3600)),
        renew_till: None,
        srealm: Some(Text(REALM)),
        sname: Some(name(2, &service)),
        caddr: None,
    }];
    let part = EncKrbCredPart {
        ticket_info: List::of(&info),
        nonce: Some(1),
        timestamp: Some(KerberosTime(NOW)),
        usec: Some(2),
        s_address: None,
        r_address: None,
    };
    let part = part.encode().expect("a KRB-CRED's inside");
    let sealed = |etype, cipher| EncryptedData {
        etype: EncryptionType(etype),
        kvno: None,
        cipher: Octets(cipher),
    };
    let ticket = [Ticket {
        tkt_vno: Number,
        realm: Text(REALM),
        sname: name(2, &service),
        enc_part: sealed(18, &[9; 40]),
    }];
    let message = KrbCred {
        pvno: Number,
        msg_type: Number,
        tickets: List::of(&ticket),
        enc_part: sealed(0, &part),
    };
    message.encode().expect("a KRB-CRED")
}

fn inside() -> Vec<u8> {
    let part = EncApRepPart {
        ctime: KerberosTime(NOW),
        cusec: 1,
        subkey: None,
        seq_number: Some(7),
    };
    part.encode().expect("an AP-REP's inside")
}

/// The seeds are what they say, and the targets pass them.
/// A PAC and claims of Windows.
fn pacs() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let hex = [
        (
            "plain",
            include_str!("../../../tests/data/pac/claims-plain.hex"),
        ),
        (
            "compressed",
            include_str!("../../../tests/data/pac/claims-compressed.hex"),
        ),
    ];
    let claims = hex.map(|(name, digits)| ("claims", name, from_hex(digits)));
    let pac = include_bytes!("../../../tests/data/pac/windows-2003.pac");
    let mut seeds = vec![("pac", "windows-2003", pac.to_vec())];
    seeds.extend(claims);
    seeds
}

/// The bytes of a file of hexadecimal digits.
fn from_hex(digits: &str) -> Vec<u8> {
    let digits = digits.trim().as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits");
            u8::from_str_radix(pair, 16).expect("digits")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{PLANS, all, plan};
    use crate::backends::rust::fuzzing;

    #[test]
    fn every_good_plan_is_let_in() {
        for (name, options, etypes, flags) in PLANS {
            let input = plan(options, etypes, flags, 0);
            assert!(fuzzing::forged_handshake(&input), "{name}");
        }
    }

    #[test]
    fn a_wrong_clock_is_told_the_right_one_and_let_in() {
        assert!(fuzzing::forged_handshake(&plan(0, 0, 0x3E, 1000)));
    }

    /// DCE style: the number is the last thing in the client's AP-REP.
    #[test]
    fn one_bit_of_the_number_keeps_the_client_out() {
        for options in [0x8010, 0x8011] {
            let mut input = plan(options, 0, 0x103E, 0);
            assert!(fuzzing::forged_handshake(&input));
            input.extend([7, 0xFF, 0xFF, 0, 1, 1]);
            assert!(!fuzzing::forged_handshake(&input), "{options:x}");
        }
    }

    /// An edit is a layer, a place, a kind, and counted bytes.
    #[test]
    fn one_bit_at_any_sealed_layer_keeps_the_client_out() {
        for layer in [3_u8, 4] {
            let mut input = plan(0, 0, 0x3E, 0);
            // The last byte of a token belongs to the authenticator's MAC.
            input.extend([layer, 0xFF, 0xFF, 0, 1, 1]);
            assert!(!fuzzing::forged_handshake(&input), "layer {layer}");
        }
    }

    #[test]
    fn the_targets_pass_their_seeds() {
        for (target, name, bytes) in all() {
            match target {
                "keytab" => fuzzing::keytab(&bytes),
                "gss_token" => fuzzing::gss_token(&bytes),
                "enc_ticket_part" => fuzzing::enc_ticket_part(&bytes),
                "authenticator" => fuzzing::authenticator(&bytes),
                "cred" => fuzzing::cred(&bytes),
                "gss_checksum" => fuzzing::gss_checksum(&bytes),
                "authorization_data" => fuzzing::authorization_data(&bytes),
                "pac" => fuzzing::pac(&bytes),
                "claims" => fuzzing::claims(&bytes),
                "replies" => fuzzing::replies(&bytes),
                "spnego" => fuzzing::spnego(&bytes),
                "tgt_request" => fuzzing::tgt_request(&bytes),
                "transited" => fuzzing::transited(&bytes),
                "messages" => fuzzing::messages(&bytes),
                "parts" => fuzzing::parts(&bytes),
                "ntlm_handshake" => fuzzing::ntlm_handshake(&bytes),
                "ntlm_messages" => fuzzing::ntlm_messages(&bytes),
                "handshake" => fuzzing::handshake(&bytes),
                "rc4_messages" => fuzzing::rc4_messages(&bytes),
                "context_data" => fuzzing::context_data(&bytes),
                "suspended" => fuzzing::suspended(&bytes),
                "forged_handshake" => drop(fuzzing::forged_handshake(&bytes)),
                other => panic!("{other}/{name} has no target"),
            }
        }
    }
}

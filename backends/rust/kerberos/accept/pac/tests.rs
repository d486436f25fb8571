//! Against PACs of Windows and Samba (tests/data/pac), which their own keys
//! signed.

use super::{Found, verify};
use crate::authorization::{Authorization, Evidence, PacSignatures, SignatureCheck};
use crate::backends::rust::kerberos::codec::authdata;
use crate::backends::rust::kerberos::codec::messages::EncTicketPart;
use crate::backends::rust::kerberos::codec::parts::PrincipalName;
use crate::backends::rust::kerberos::codec::wire::{Flags, KerberosTime, List, Text};
use crate::backends::rust::kerberos::crypto::Key;
use crate::backends::rust::kerberos::keys::PacKey;
use crate::error::AuthorizationProblem as Problem;
use crate::etype::EncryptionType as Etype;
use crate::hex::hex;
use crate::pac::{Pac, kind};
use crate::secret::Secret;

pub(super) fn key(etype: Etype, digits: &str) -> PacKey {
    PacKey::new(Key::new(etype, Secret::from(hex(digits))).unwrap())
}

pub(super) const AES256: Etype = Etype::AES256_CTS_HMAC_SHA1_96;
pub(super) const WEB: &str = "a245ed2f204d66dea7933bfef9928a39dc85da2414843bbfc30b66a12dc14641";

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../../tests/data/pac/", $name)).as_slice()
    };
}

/// Tickets that Samba 4.17 issued, and the keys of their services.
pub(super) fn samba() -> Vec<(&'static str, &'static [u8], PacKey)> {
    let aes128 = Etype::AES128_CTS_HMAC_SHA1_96;
    vec![
        ("alice", capture!("alice.enc-part"), key(AES256, WEB)),
        ("bloat", capture!("bloat.enc-part"), key(AES256, WEB)),
        ("üser", capture!("ueser.enc-part"), key(AES256, WEB)),
        // cname is alice@ad.test (NT-ENTERPRISE).
        ("alice", capture!("ent.enc-part"), key(AES256, WEB)),
        (
            "alice",
            capture!("aes128.enc-part"),
            key(aes128, "51d5c9ba34e33c798d5d010c86eb04d2"),
        ),
        (
            "alice",
            capture!("rc4.enc-part"),
            key(Etype::RC4_HMAC, "5c5a63bcdfd74a6ce76858f9d1fba885"),
        ),
    ]
}

pub(super) fn pac_of<'a>(part: &EncTicketPart<'a>) -> &'a [u8] {
    let list = part.authorization_data.unwrap();
    let mut all = authdata::walk(&list).map(Result::unwrap);
    all.find(|found| found.ad_type == 128).unwrap().data
}

/// The account is the directory's, also where the ticket has an enterprise
/// name (rule 27).
#[test]
fn rule_26_pacs_of_samba_verify() {
    for (account, plain, key) in samba() {
        let part = EncTicketPart::decode(plain).unwrap();
        let pac = pac_of(&part);
        let signatures = verify(Found::One(pac), &part, &key, &[]).unwrap();
        let all = Authorization::from_verified_pac(pac, Evidence::Pac(signatures)).unwrap();
        assert_eq!(all.account.user, account);
        assert_eq!(all.account.domain, "ADTEST");
    }
}

/// Windows Server 2003's, as MIT krb5's t_pac.c has it: name, time and key.
#[test]
fn rule_26_a_pac_of_windows_verifies() {
    let components = [Text(b"w2003final$")];
    let plain = capture!("alice.enc-part");
    let mut part = EncTicketPart::decode(plain).unwrap();
    part.crealm = Text(b"WIN2K3.THINKER.LOCAL");
    part.cname = PrincipalName {
        name_type: 1,
        name_string: List::of(&components),
    };
    part.authtime = KerberosTime(1_120_440_609);
    let pac = capture!("windows-2003.pac");
    let key = key(Etype::RC4_HMAC, "d217faeae5e6b5f95ccc94077ab8a5fc");
    let verified = verify(Found::One(pac), &part, &key, &[]);
    assert_eq!(verified, Ok(PacSignatures::server()));
}

/// All of the PAC is under the server's signature but the value of the KDC's,
/// which only the KDC's own keys can tell (MS-PAC 2.8).
#[test]
fn rule_26_no_bit_of_a_pac_can_be_changed() {
    for (account, plain, key) in samba() {
        let part = EncTicketPart::decode(plain).unwrap();
        let pac = pac_of(&part);
        // Bloat's repeats one structure 400 times; every 16th byte will do.
        let step = if account == "bloat" { 16 } else { 1 };
        let place = Pac::parse(pac).unwrap().place(kind::KDC_SIGNATURE).unwrap();
        let free = place.start + 4..place.end;
        let mut changed = pac.to_vec();
        for byte in (0..pac.len()).step_by(step) {
            for bit in 0..8 {
                changed[byte] ^= 1 << bit;
                let verified = verify(Found::One(&changed), &part, &key, &[]);
                let expected = free.contains(&byte);
                assert_eq!(
                    verified.is_ok(),
                    expected,
                    "{account}: byte {byte} bit {bit}"
                );
                changed[byte] ^= 1 << bit;
            }
        }
        for length in 0..pac.len() {
            assert!(verify(Found::One(&pac[..length]), &part, &key, &[]).is_err());
        }
        let longer = [pac, &[0]].concat();
        assert!(verify(Found::One(&longer), &part, &key, &[]).is_err());
    }
}

/// MS-PAC 2.7: name and authtime are the ticket's.
#[test]
fn rule_26_a_pac_of_another_client_or_logon_is_not_believed() {
    let (_, plain, key) = samba().swap_remove(0);
    let part = EncTicketPart::decode(plain).unwrap();
    let pac = Found::One(pac_of(&part));
    assert!(verify(pac, &part, &key, &[]).is_ok());
    for name in [
        &[Text(b"alicf")][..],
        &[Text(b"alic")],
        &[Text(b"alice2")],
        &[Text(b"alice"), Text(b"")],
        &[Text(b""), Text(b"alice")],
        &[Text(b"Alice")],
        &[Text(b"ali\xC3")],
    ] {
        let mut other = part;
        other.cname.name_string = List::of(name);
        let problem = verify(pac, &other, &key, &[]).unwrap_err();
        assert!(matches!(problem, Problem::ClientName { .. }), "{problem}");
    }
    for seconds in [-1, 1] {
        let mut other = part;
        other.authtime = KerberosTime(part.authtime.0 + seconds);
        assert_eq!(verify(pac, &other, &key, &[]), Err(Problem::LogonTime));
    }
}

/// Name components are joined by a slash that nothing escapes: MIT krb5 writes
/// `host/web` so (KRB5_PRINCIPAL_UNPARSE_DISPLAY).
#[test]
fn rule_26_a_name_of_several_components_is_joined() {
    let name = "host/web@x";
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut pac = vec![1, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0];
    let length = u32::try_from(10 + units.len()).unwrap();
    pac.extend(length.to_le_bytes());
    pac.extend(24_u64.to_le_bytes());
    pac.extend([0; 8]);
    pac.extend(u16::try_from(units.len()).unwrap().to_le_bytes());
    pac.extend(units);
    let info = Pac::parse(&pac).unwrap().client_info().unwrap();
    assert_eq!(info.name().unwrap(), name);
    assert!(info.is_named([b"host".as_slice(), b"web@x"].into_iter()));
    assert!(info.is_named([b"host/web@x".as_slice()].into_iter()));
    assert!(!info.is_named([b"host".as_slice(), b"web"].into_iter()));
    assert!(!info.is_named([b"hostweb@x".as_slice()].into_iter()));
    assert!(!info.is_named(core::iter::empty()));
}

#[test]
fn rule_26_another_key_is_told_from_a_wrong_one() {
    let (_, plain, _) = samba().swap_remove(0);
    let part = EncTicketPart::decode(plain).unwrap();
    let pac = Found::One(pac_of(&part));
    let wrong = key(AES256, &WEB.replace('4', "5"));
    let signature = "server";
    let problem = Problem::Signature { signature };
    assert_eq!(verify(pac, &part, &wrong, &[]), Err(problem));
    let rc4 = key(Etype::RC4_HMAC, "5c5a63bcdfd74a6ce76858f9d1fba885");
    let problem = Problem::SignatureType {
        signature,
        found: 16,
        expected: -138,
    };
    assert_eq!(verify(pac, &part, &rc4, &[]), Err(problem));
}

#[test]
fn rule_15_of_two_pacs_none_counts() {
    let (_, plain, key) = samba().swap_remove(0);
    let part = EncTicketPart::decode(plain).unwrap();
    let pac = pac_of(&part);
    let mut found = Found::default();
    assert_eq!(verify(found, &part, &key, &[]), Err(Problem::Absent));
    found.add(pac);
    assert!(verify(found, &part, &key, &[]).is_ok());
    found.add(pac);
    assert_eq!(verify(found, &part, &key, &[]), Err(Problem::Several));
    found.add(pac);
    assert_eq!(verify(found, &part, &key, &[]), Err(Problem::Several));
}

/// The domain's own key, which signs with etype 18 whatever the service has.
fn krbtgt() -> [PacKey; 1] {
    [key(
        AES256,
        "36d89987ac6f9885b053b6b963645f0d42ff7a2719bc02af0007888a2f41252b",
    )]
}

/// KDC, ticket and full signature (MS-PAC 2.8.2 to 2.8.4).
#[test]
fn rule_26_all_signatures_of_samba_verify() {
    for (account, plain, own) in samba() {
        let part = EncTicketPart::decode(plain).unwrap();
        let pac = pac_of(&part);
        let checked = verify(Found::One(pac), &part, &own, &krbtgt()).unwrap();
        let all = (checked.kdc, checked.ticket, checked.full);
        let valid = SignatureCheck::Valid;
        assert_eq!(all, (valid, valid, valid), "{account}");
        // An older key of krbtgt's beside it changes nothing.
        let [new] = krbtgt();
        let old = key(AES256, WEB);
        let rc4 = key(Etype::RC4_HMAC, "5c5a63bcdfd74a6ce76858f9d1fba885");
        let checked = verify(Found::One(pac), &part, &own, &[rc4, old, new]).unwrap();
        assert_eq!(checked.kdc, valid);
    }
}

/// With krbtgt's key, no bit at all.
#[test]
fn rule_26_no_bit_can_be_changed_where_krbtgt_is_known() {
    let (_, plain, own) = samba().swap_remove(0);
    let part = EncTicketPart::decode(plain).unwrap();
    let krbtgt = krbtgt();
    let mut changed = pac_of(&part).to_vec();
    for byte in 0..changed.len() {
        for bit in 0..8 {
            changed[byte] ^= 1 << bit;
            let verified = verify(Found::One(&changed), &part, &own, &krbtgt);
            assert!(verified.is_err(), "byte {byte} bit {bit}");
            changed[byte] ^= 1 << bit;
        }
    }
    assert!(verify(Found::One(&changed), &part, &own, &krbtgt).is_ok());
}

/// The server's key is enough to sign what the server believes; each of the
/// KDC's signatures tells that the KDC did not write it.
#[test]
fn rule_26_what_a_server_signs_itself_is_not_the_kdcs() {
    let (_, plain, own) = samba().swap_remove(0);
    let part = EncTicketPart::decode(plain).unwrap();
    let pac = pac_of(&part);
    let krbtgt = krbtgt();
    let verify = |pac: &[u8], part: &EncTicketPart<'_>, keys: &[PacKey]| {
        verify(Found::One(pac), part, &own, keys)
    };
    // Another flag in the ticket: only its own signature covers that.
    let mut other = part;
    other.flags = Flags(part.flags.0 ^ 0x4000_0000);
    assert!(verify(pac, &other, &[]).is_ok());
    let signature = "ticket";
    let problem = Problem::Signature { signature };
    assert_eq!(verify(pac, &other, &krbtgt), Err(problem));
    // Another key of krbtgt's, and one of another type.
    let signature = "KDC";
    let problem = Problem::Signature { signature };
    assert_eq!(verify(pac, &part, &[key(AES256, WEB)]), Err(problem));
    let problem = Problem::SignatureType {
        signature,
        found: 16,
        expected: -138,
    };
    let rc4 = key(Etype::RC4_HMAC, "5c5a63bcdfd74a6ce76858f9d1fba885");
    assert_eq!(verify(pac, &part, &[rc4]), Err(problem));
    // Administrators' group in place of another, signed anew by the server.
    let forged = resign(pac, &own, |pac| {
        let place = Pac::parse(pac).unwrap().place(kind::LOGON_INFO).unwrap();
        let rid = 1116_u32.to_le_bytes();
        let at = place.start + pac[place].windows(4).position(|word| word == rid).unwrap();
        pac[at..at + 4].copy_from_slice(&512_u32.to_le_bytes());
    });
    assert!(verify(&forged, &part, &[]).is_ok());
    let problem = Problem::Signature { signature: "KDC" };
    assert_eq!(verify(&forged, &part, &krbtgt), Err(problem));
}

/// The full signature, where all others hold: nobody but krbtgt's key can make
/// it, and what it is over is the whole PAC.
#[test]
fn rule_26_a_full_signature_that_is_wrong_is_noticed() {
    let (_, plain, own) = samba().swap_remove(0);
    let part = EncTicketPart::decode(plain).unwrap();
    let [krbtgt] = krbtgt();
    let resigned = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut pac = resign(pac_of(&part), &own, change);
        let parsed = Pac::parse(&pac).unwrap();
        let server = parsed.place(kind::SERVER_SIGNATURE).unwrap();
        let kdc = parsed.place(kind::KDC_SIGNATURE).unwrap();
        let server = pac[server.start + 4..server.end].to_vec();
        let sum = krbtgt.checksum();
        sum.sign(&[&server], &mut pac[kdc.start + 4..kdc.end])
            .unwrap();
        verify(
            Found::One(&pac),
            &part,
            &own,
            core::slice::from_ref(&krbtgt),
        )
    };
    assert_eq!(resigned(&|_| ()).unwrap().full, SignatureCheck::Valid);
    let problem = Problem::Signature { signature: "full" };
    for kind in [kind::FULL_SIGNATURE, kind::LOGON_INFO] {
        let changed = resigned(&|pac| {
            let place = Pac::parse(pac).unwrap().place(kind).unwrap();
            pac[place.end - 1] ^= 1;
        });
        assert_eq!(changed, Err(problem.clone()), "buffer {kind}");
    }
}

/// Windows Server 2003's: server and KDC, and no more.
#[test]
fn rule_26_the_kdc_signature_of_windows_verifies() {
    let pac = Pac::parse(capture!("windows-2003.pac")).unwrap();
    let part = EncTicketPart::decode(capture!("alice.enc-part")).unwrap();
    let krbtgt = [key(Etype::RC4_HMAC, "b286757148af7fd252c53603a150b7e7")];
    let checked = super::kdc::verify(&pac, &part, &krbtgt).unwrap();
    assert_eq!(checked.kdc, SignatureCheck::Valid);
    let absent = (SignatureCheck::Absent, SignatureCheck::Absent);
    assert_eq!((checked.ticket, checked.full), absent);
}

/// The PAC as `change` leaves it, with a fresh signature of the server's.
fn resign(pac: &[u8], key: &PacKey, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut changed = pac.to_vec();
    change(&mut changed);
    let parsed = Pac::parse(&changed).unwrap();
    let server = parsed.place(kind::SERVER_SIGNATURE).unwrap();
    let kdc = parsed.place(kind::KDC_SIGNATURE).unwrap();
    let mut zeroed = changed.clone();
    for place in [&server, &kdc] {
        zeroed[place.start + 4..place.end].fill(0);
    }
    let sum = key.checksum();
    let value = &mut changed[server.start + 4..server.end];
    sum.sign(&[&zeroed], value).unwrap();
    changed
}

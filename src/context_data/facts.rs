//! Facts that go along with a context. In order:
//!
//! | what | |
//! |---|---|
//! | mechanism | 1 byte: 1 Kerberos, 2 NTLM |
//! | framing | 1 byte: 0 raw, 1 SPNEGO |
//! | peer | 1 byte: 0 anonymous, 1 a principal, 2 user and domain, 3 the platform's text |
//! | target | may be missing: a principal |
//! | client target | may be missing: text, and 1 byte: 1 if it is trusted |
//! | granted | 4 bytes: the `ASC_RET_*` flags |
//! | expiry | may be missing (never): a time; 1 byte: 1 if it is an upper bound |
//! | bindings | 1 byte |
//! | delegation | 1 byte: 0 not asked, 1 usable, 2 unusable and why, as text |
//! | authorization | 1 byte: 0 unknown, 1 verified, 2 not there and why |
//! | undisclosed | 8 bytes: the `ASC_REQ_*` flags that the backend cannot tell |
//!
//! A principal is its realm, 4 bytes of name type, 1 byte with the number of
//! its components, and these.

use crate::encoding::{Reader, Writer};
use crate::error::{AuthorizationProblem, DelegationProblem};
use crate::facts::{
    AuthorizationFact, BindingFact, ClientTarget, DelegationFact, ExpiryPrecision, Facts,
    TargetSource, Undisclosed,
};
use crate::mechanism::{Framing, Mechanism};
use crate::name::{Name, Principal};
use crate::requirements::{Granted, Requirements};
use crate::time::Expiry;

pub(crate) fn write_facts(writer: &mut Writer, facts: &Facts) {
    // Named one by one, so that nobody adds a fact which stays behind.
    let Facts {
        mechanism,
        framing,
        peer,
        target,
        client_target,
        granted,
        expiry,
        expiry_precision,
        bindings,
        delegation,
        authorization,
        undisclosed: Undisclosed { flags },
    } = facts;
    writer.u8(match mechanism {
        Mechanism::Kerberos => 1,
        Mechanism::Ntlm => 2,
    });
    writer.flag(*framing == Framing::Spnego);
    write_name(writer, peer);
    writer.option(target.as_ref(), write_principal);
    writer.option(client_target.as_ref(), |writer, target| {
        writer.text(&target.name);
        writer.flag(target.source == TargetSource::Trusted);
    });
    writer.u32(granted.bits());
    let end = match expiry {
        Expiry::At(end) => Some(*end),
        Expiry::Never => None,
    };
    writer.option(end, Writer::time);
    writer.flag(*expiry_precision == ExpiryPrecision::UpperBound);
    writer.u8(binding_number(*bindings));
    match delegation {
        DelegationFact::NotAsked => writer.u8(0),
        DelegationFact::Usable => writer.u8(1),
        DelegationFact::Unusable(problem) if **problem == DelegationProblem::LeftBehind => {
            writer.u8(3);
        }
        DelegationFact::Unusable(problem) => {
            writer.u8(2);
            writer.text(&problem.to_string());
        }
    }
    match authorization {
        AuthorizationFact::Unknown => writer.u8(0),
        AuthorizationFact::Verified => writer.u8(1),
        AuthorizationFact::Unusable(problem) => {
            writer.u8(2);
            write_problem(writer, problem);
        }
    }
    writer.u64(flags.bits());
}

pub(crate) fn read_facts(reader: &mut Reader<'_>) -> Option<Facts> {
    let mechanism = match reader.u8()? {
        1 => Mechanism::Kerberos,
        2 => Mechanism::Ntlm,
        _ => return None,
    };
    let framing = if reader.flag()? {
        Framing::Spnego
    } else {
        Framing::Raw
    };
    let peer = read_name(reader)?;
    let target = reader.option(read_principal)?;
    let client_target = reader.option(|reader| {
        let name = reader.text()?.into();
        let source = if reader.flag()? {
            TargetSource::Trusted
        } else {
            TargetSource::Untrusted
        };
        Some(ClientTarget { name, source })
    })?;
    // A flag that this version does not know is one it cannot keep.
    let granted = Granted::from_bits(reader.u32()?)?;
    let expiry = reader.option(Reader::time)?;
    let precision = reader.flag()?;
    let bindings = binding_fact(reader.u8()?)?;
    let delegation = match reader.u8()? {
        0 => DelegationFact::NotAsked,
        1 => DelegationFact::Usable,
        2 => DelegationFact::Unusable(Box::new(DelegationProblem::Reported {
            text: reader.text()?.into(),
        })),
        3 => DelegationFact::Unusable(Box::new(DelegationProblem::LeftBehind)),
        _ => return None,
    };
    let authorization = match reader.u8()? {
        0 => AuthorizationFact::Unknown,
        1 => AuthorizationFact::Verified,
        2 => AuthorizationFact::Unusable(Box::new(read_problem(reader)?)),
        _ => return None,
    };
    let flags = Requirements::from_bits(reader.u64()?)?;
    Some(Facts {
        framing,
        target,
        client_target,
        granted,
        expiry_precision: if precision {
            ExpiryPrecision::UpperBound
        } else {
            ExpiryPrecision::Exact
        },
        bindings,
        delegation,
        authorization,
        undisclosed: Undisclosed { flags },
        ..Facts::new(mechanism, peer, expiry.map_or(Expiry::Never, Expiry::At))
    })
}

/// Why nothing is known of account and groups: what is no fault as itself,
/// all others by their words.
pub(crate) fn write_problem(writer: &mut Writer, problem: &AuthorizationProblem) {
    let plain = PLAIN_PROBLEMS.iter().find(|(_, plain)| plain == problem);
    writer.u8(plain.map_or(0, |(number, _)| *number));
    if plain.is_none() {
        writer.text(&problem.to_string());
    }
}

pub(crate) fn read_problem(reader: &mut Reader<'_>) -> Option<AuthorizationProblem> {
    let number = reader.u8()?;
    if number == 0 {
        let text = reader.text()?.into();
        return Some(AuthorizationProblem::Platform { text });
    }
    let plain = PLAIN_PROBLEMS.iter().find(|(plain, _)| *plain == number);
    plain.map(|(_, problem)| problem.clone())
}

const PLAIN_PROBLEMS: [(u8, AuthorizationProblem); 6] = [
    (1, AuthorizationProblem::Unsupported),
    (2, AuthorizationProblem::Absent),
    (3, AuthorizationProblem::Several),
    (4, AuthorizationProblem::Anonymous),
    (5, AuthorizationProblem::LogonTime),
    // As of every KDC that is not an Active Directory's.
    (6, AuthorizationProblem::Incomplete { part: "logon info" }),
];

fn write_name(writer: &mut Writer, name: &Name) {
    match name {
        Name::Anonymous => writer.u8(0),
        Name::Kerberos(principal) => {
            writer.u8(1);
            write_principal(writer, principal);
        }
        Name::Ntlm { user, domain } => {
            writer.u8(2);
            writer.text(user);
            writer.text(domain);
        }
        Name::Native(text) => {
            writer.u8(3);
            writer.text(text);
        }
        Name::Undisclosed => writer.u8(4),
    }
}

fn read_name(reader: &mut Reader<'_>) -> Option<Name> {
    Some(match reader.u8()? {
        0 => Name::Anonymous,
        1 => Name::Kerberos(read_principal(reader)?),
        2 => Name::Ntlm {
            user: reader.text()?.into(),
            domain: reader.text()?.into(),
        },
        3 => Name::Native(reader.text()?.into()),
        4 => Name::Undisclosed,
        _ => return None,
    })
}

/// A name that came in through a ticket has 32 components at the most.
fn write_principal(writer: &mut Writer, principal: &Principal) {
    writer.short(principal.realm());
    writer.i32(principal.name_type());
    let count = principal.components().len();
    writer.u8(u8::try_from(count).unwrap_or(u8::MAX));
    for component in principal.components() {
        writer.short(component);
    }
}

fn read_principal(reader: &mut Reader<'_>) -> Option<Principal> {
    let realm = reader.short()?;
    let name_type = reader.i32()?;
    let count = reader.u8()?;
    let mut components = Vec::new();
    for _ in 0..count {
        components.push(reader.short()?);
    }
    Some(Principal::new(realm, &components, name_type))
}

/// The binding facts by number.
const BINDINGS: [(u8, BindingFact); 8] = [
    (0, BindingFact::Absent),
    (1, BindingFact::Bound),
    (2, BindingFact::AbsentThoughPromised),
    (
        3,
        BindingFact::Mismatch {
            null_address_type: false,
        },
    ),
    (
        4,
        BindingFact::Mismatch {
            null_address_type: true,
        },
    ),
    (5, BindingFact::PresentNotCompared),
    (6, BindingFact::NotCompared),
    (7, BindingFact::Undisclosed),
];

fn binding_number(fact: BindingFact) -> u8 {
    let found = BINDINGS.iter().find(|(_, known)| *known == fact);
    // One without a number would be none that a reader takes.
    found.map_or(u8::MAX, |(number, _)| *number)
}

fn binding_fact(number: u8) -> Option<BindingFact> {
    let found = BINDINGS.iter().find(|(known, _)| *known == number);
    found.map(|(_, fact)| *fact)
}

#[cfg(test)]
mod tests {
    use super::{BINDINGS, read_facts, write_facts};
    use crate::encoding::{Reader, Writer};
    use crate::error::{AuthorizationProblem, DelegationProblem};
    use crate::facts::{
        AuthorizationFact, ClientTarget, DelegationFact, ExpiryPrecision, Facts, TargetSource,
        Undisclosed,
    };
    use crate::mechanism::{Framing, Mechanism};
    use crate::name::{Name, Principal};
    use crate::requirements::{Granted, Requirements};
    use crate::time::{Expiry, from_unix_seconds};

    fn again(facts: &Facts) -> Facts {
        let mut writer = Writer::new();
        write_facts(&mut writer, facts);
        let bytes = writer.finish();
        for length in 0..bytes.len() {
            let mut reader = Reader::new(&bytes.expose()[..length]);
            let whole = read_facts(&mut reader).and_then(|_| reader.finish());
            assert!(whole.is_none(), "cut off at {length}");
        }
        let mut reader = Reader::new(bytes.expose());
        let read = read_facts(&mut reader).expect("facts");
        assert!(reader.finish().is_some());
        read
    }

    fn full() -> Facts {
        let end = Expiry::At(from_unix_seconds(1_750_000_000));
        let alice = Principal::new("R", &["al/ice".as_bytes(), &[0xFF, 0, 1]], 10);
        let mut facts = Facts::new(Mechanism::Kerberos, Name::Kerberos(alice), end);
        facts.framing = Framing::Spnego;
        facts.target = Some("HTTP/web@R".parse().unwrap());
        facts.client_target = Some(ClientTarget {
            name: "HTTP/web\u{e4}".into(),
            source: TargetSource::Untrusted,
        });
        facts.granted = Granted::INTEGRITY | Granted::CONFIDENTIALITY;
        facts.expiry_precision = ExpiryPrecision::UpperBound;
        facts.delegation = DelegationFact::Usable;
        facts.undisclosed = Undisclosed {
            flags: Requirements::REPLAY_DETECT,
        };
        facts
    }

    /// `Debug` prints every field; name types, which it leaves out, apart.
    #[test]
    fn every_fact_is_read_again() {
        let facts = full();
        let read = again(&facts);
        assert_eq!(format!("{read:?}"), format!("{facts:?}"));
        let types = |facts: &Facts| {
            let peer = facts.peer.principal().map(Principal::name_type);
            (peer, facts.target.as_ref().map(Principal::name_type))
        };
        assert_eq!(types(&read), types(&facts));
        for peer in [
            Name::Anonymous,
            Name::Undisclosed,
            Name::Native("somebody".into()),
            Name::Ntlm {
                user: "al\u{ef}ce".into(),
                domain: String::new(),
            },
        ] {
            let facts = Facts::new(Mechanism::Ntlm, peer, Expiry::Never);
            assert_eq!(format!("{:?}", again(&facts)), format!("{facts:?}"));
        }
        for (_, fact) in BINDINGS {
            let mut facts = full();
            facts.bindings = fact;
            assert_eq!(again(&facts).bindings, fact);
        }
    }

    #[test]
    fn a_problem_of_delegation_keeps_its_words() {
        let mut facts = full();
        let problem = DelegationProblem::NoTicketGrantingTicket;
        let words = problem.to_string();
        facts.delegation = DelegationFact::Unusable(Box::new(problem));
        match again(&facts).delegation {
            DelegationFact::Unusable(problem) => assert_eq!(problem.to_string(), words),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_problem_of_authorization_keeps_its_words() {
        for problem in [
            AuthorizationProblem::Absent,
            AuthorizationProblem::LogonTime,
            AuthorizationProblem::Signature { signature: "KDC" },
        ] {
            let mut facts = full();
            let words = problem.to_string();
            facts.authorization = AuthorizationFact::Unusable(Box::new(problem));
            match again(&facts).authorization {
                AuthorizationFact::Unusable(problem) => assert_eq!(problem.to_string(), words),
                other => panic!("{other:?}"),
            }
        }
        let mut facts = full();
        facts.authorization = AuthorizationFact::Verified;
        assert_eq!(again(&facts).authorization, AuthorizationFact::Verified);
    }

    /// What another version may write is refused whole, not in part.
    #[test]
    fn numbers_that_nobody_wrote_are_refused() {
        let mut writer = Writer::new();
        write_facts(&mut writer, &full());
        let bytes = writer.finish();
        // Mechanism, framing, kind of name.
        for at in 0..3 {
            let mut changed = bytes.expose().to_vec();
            changed[at] = 9;
            assert!(read_facts(&mut Reader::new(&changed)).is_none(), "{at}");
        }
        // The highest bit of the undisclosed flags is nobody's.
        let mut changed = bytes.expose().to_vec();
        let last = changed.len() - 8;
        changed[last] = 0x80;
        assert!(read_facts(&mut Reader::new(&changed)).is_none());
    }
}

//! Names: who the client is, which service it asked for.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, Misuse, is_unprintable};

/// A Kerberos principal name (RFC 4120 6.1, 6.2): a realm and components, all
/// of them bytes. Active Directory puts UTF-8 into what RFC 4120 calls a
/// GeneralString, so no character set is assumed.
///
/// Two principals are equal when realm and components are, component by
/// component; the name type is a hint (RFC 4120 6.2) and is not compared.
/// Text is for people: decide on [`realm`](Self::realm) and
/// [`components`](Self::components), never on the displayed form.
#[derive(Clone)]
pub struct Principal {
    /// The realm, then every component, one after the other.
    bytes: Box<[u8]>,
    /// Where the realm and each component end in `bytes`.
    ends: Ends,
    name_type: i32,
}

impl Principal {
    /// NT-PRINCIPAL: a user (RFC 4120 6.2).
    pub const NT_PRINCIPAL: i32 = 1;
    /// NT-SRV-INST: a service and other unique instance, such as krbtgt.
    pub const NT_SRV_INST: i32 = 2;
    /// NT-SRV-HST: a service with a host name as instance.
    pub const NT_SRV_HST: i32 = 3;
    /// NT-ENTERPRISE: one component that looks like a mail address (RFC 6806).
    pub const NT_ENTERPRISE: i32 = 10;
    /// NT-WELLKNOWN: reserved names such as WELLKNOWN/ANONYMOUS (RFC 6111).
    pub const NT_WELLKNOWN: i32 = 11;

    /// A principal from its parts.
    #[must_use]
    pub fn new<R, C>(realm: R, components: &[C], name_type: i32) -> Self
    where
        R: AsRef<[u8]>,
        C: AsRef<[u8]>,
    {
        let realm = realm.as_ref();
        let length = realm.len() + components.iter().map(|c| c.as_ref().len()).sum::<usize>();
        let mut bytes = Vec::with_capacity(length);
        let mut ends = Ends::new(components.len() + 1);
        let mut places = ends.iter_mut();
        let mut add = |part: &[u8]| {
            bytes.extend_from_slice(part);
            if let Some(end) = places.next() {
                *end = end_of(&bytes);
            }
        };
        add(realm);
        for part in components {
            add(part.as_ref());
        }
        Self {
            bytes: bytes.into_boxed_slice(),
            ends,
            name_type,
        }
    }

    /// The realm's bytes.
    #[must_use]
    pub fn realm(&self) -> &[u8] {
        self.part(0)
    }

    /// The components' bytes, in order.
    #[must_use]
    pub fn components(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        (1..self.ends.len()).map(|index| self.part(index))
    }

    /// The name type, a hint of what the components mean (RFC 4120 6.2).
    #[must_use]
    pub fn name_type(&self) -> i32 {
        self.name_type
    }

    /// Whether this is the anonymous principal of RFC 6112 3, in any realm.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.components()
            .eq([b"WELLKNOWN".as_slice(), b"ANONYMOUS".as_slice()])
    }

    /// Whether the components are `other`'s, whatever the realms.
    #[must_use]
    pub fn same_components(&self, other: &Self) -> bool {
        self.components().eq(other.components())
    }

    fn part(&self, index: usize) -> &[u8] {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |&end| end as usize);
        self.bytes
            .get(start..self.ends.get(index).map_or(start, |&end| end as usize))
            .unwrap_or_default()
    }
}

/// The ends of a name's parts: those of a name with three components fit in.
#[derive(Clone)]
enum Ends {
    Few(u8, [u32; 4]),
    Many(Box<[u32]>),
}

impl Ends {
    fn new(count: usize) -> Self {
        match u8::try_from(count) {
            Ok(few @ ..=4) => Self::Few(few, [0; 4]),
            _ => Self::Many(vec![0; count].into()),
        }
    }
}

impl core::ops::Deref for Ends {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            Self::Few(count, ends) => ends.get(..usize::from(*count)).unwrap_or(ends),
            Self::Many(ends) => ends,
        }
    }
}

impl core::ops::DerefMut for Ends {
    fn deref_mut(&mut self) -> &mut [u32] {
        match self {
            Self::Few(count, ends) => ends.split_at_mut(usize::from(*count).min(4)).0,
            Self::Many(ends) => ends,
        }
    }
}

/// Tokens are far below 4 GiB; a longer name is cut off at what fits, and so
/// equals nothing.
fn end_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        *self.ends == *other.ends && self.bytes == other.bytes
    }
}

impl Eq for Principal {}

impl core::hash::Hash for Principal {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.ends.hash(state);
        self.bytes.hash(state);
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({self}, type {})", self.name_type)
    }
}

impl fmt::Display for Principal {
    /// As MIT's `krb5_unparse_name` writes it: components joined by `/`, the
    /// realm after `@`, and those characters, the backslash, newline, tab,
    /// backspace and NUL escaped inside a part. What is not printable UTF-8
    /// becomes `\xNN`, so that no name can forge a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, component) in self.components().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            write_escaped(f, component)?;
        }
        if !self.realm().is_empty() {
            f.write_str("@")?;
            write_escaped(f, self.realm())?;
        }
        Ok(())
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, part: &[u8]) -> fmt::Result {
    use fmt::Write as _;
    // Nearly every name: at once, not character by character.
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'/' | b'@' | b'\\');
    if part.iter().all(plain)
        && let Ok(text) = core::str::from_utf8(part)
    {
        return f.write_str(text);
    }
    for chunk in part.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '/' | '@' | '\\' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\u{8}' => f.write_str("\\b")?,
                '\0' => f.write_str("\\0")?,
                c if is_unprintable(c) => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        write!(f, "\\x{byte:02x}")?;
                    }
                }
                c => f.write_char(c)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

impl FromStr for Principal {
    type Err = Error;

    /// Reads `component/component@REALM` with the escapes of
    /// `krb5_parse_name`, and `\xNN`, so that every name that is displayed
    /// reads as itself. The realm may be missing (it is then empty).
    ///
    /// # Errors
    ///
    /// [`Misuse::Name`] for an empty name, a second `@`, or a backslash at
    /// the end.
    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = || Error::from(Misuse::Name { text: text.into() });
        let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
        let mut in_realm = false;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let current = parts.last_mut().ok_or_else(fail)?;
            match character {
                '\\' => {
                    let literal = match characters.next().ok_or_else(fail)? {
                        'n' => '\n',
                        't' => '\t',
                        'b' => '\u{8}',
                        '0' => '\0',
                        'x' => {
                            if let Some(byte) = hex_byte(characters.as_str()) {
                                current.push(byte);
                                characters.nth(1);
                                continue;
                            }
                            'x'
                        }
                        other => other,
                    };
                    current.extend_from_slice(literal.encode_utf8(&mut [0; 4]).as_bytes());
                }
                '/' if !in_realm => parts.push(Vec::new()),
                '@' if in_realm => return Err(fail()),
                '@' => {
                    in_realm = true;
                    parts.push(Vec::new());
                }
                other => current.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        let realm = if in_realm {
            parts.pop().unwrap_or_default()
        } else {
            Vec::new()
        };
        if parts.iter().all(Vec::is_empty) {
            return Err(fail());
        }
        let name_type = if parts.len() > 1 {
            Self::NT_SRV_HST
        } else {
            Self::NT_PRINCIPAL
        };
        Ok(Self::new(realm, &parts, name_type))
    }
}

/// The byte that two hexadecimal digits at the front of `text` say.
fn hex_byte(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then_some(())?;
    u8::from_str_radix(digits, 16).ok()
}

/// A service name that an acceptor answers to (rule: a server may restrict
/// which principals of its keytab count).
///
/// Keep in mind what this separates: the service name in a ticket is clear
/// text, and all service principal names of one Active Directory account
/// share one key. Names keep apart only principals whose keys differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServiceName {
    /// Every principal whose first component is this service: `HTTP`.
    Service(Vec<u8>),
    /// This service on this host, in any realm: `HTTP@web.example.com`
    /// (GSS-API's host-based form, RFC 2743 4.1) or `HTTP/web.example.com`.
    Host {
        /// The service class.
        service: Vec<u8>,
        /// The host name.
        host: Vec<u8>,
    },
    /// Exactly this principal: `HTTP/web.example.com@EXAMPLE.COM`.
    Principal(Principal),
}

impl ServiceName {
    /// Whether `principal` is one that this name stands for, byte for byte.
    #[must_use]
    pub fn covers(&self, principal: &Principal) -> bool {
        let mut components = principal.components();
        match self {
            Self::Service(service) => components.next() == Some(service.as_slice()),
            Self::Host { service, host } => components.eq([service.as_slice(), host.as_slice()]),
            Self::Principal(own) => own == principal,
        }
    }

    /// Whether a target as the client's user typed it (`HTTP/web`, perhaps
    /// with a realm) means this name. Host and service compare without
    /// regard to ASCII case, as the client's side of it does.
    #[must_use]
    pub fn covers_target(&self, target: &str) -> bool {
        let Ok(target) = target.parse::<Principal>() else {
            return false;
        };
        let mut parts = target.components();
        let same = |a: &[u8], b: Option<&[u8]>| b.is_some_and(|b| a.eq_ignore_ascii_case(b));
        match self {
            Self::Service(service) => same(service, parts.next()),
            Self::Host { service, host } => {
                same(service, parts.next()) && same(host, parts.next()) && parts.next().is_none()
            }
            Self::Principal(own) => {
                own.components().len() == parts.len()
                    && own.components().all(|part| same(part, parts.next()))
                    && (target.realm().is_empty()
                        || own.realm().eq_ignore_ascii_case(target.realm()))
            }
        }
    }
}

impl FromStr for ServiceName {
    type Err = Error;

    /// `HTTP`, `HTTP@host`, `HTTP/host` or `HTTP/host@REALM`.
    ///
    /// # Errors
    ///
    /// [`Misuse::Name`] when it is none of these.
    fn from_str(text: &str) -> Result<Self, Error> {
        let principal: Principal = text.parse()?;
        let parts: Vec<&[u8]> = principal.components().collect();
        Ok(match (parts.as_slice(), principal.realm()) {
            ([service], []) => Self::Service(service.to_vec()),
            ([service], host) => Self::Host {
                service: service.to_vec(),
                host: host.to_vec(),
            },
            ([service, host], []) => Self::Host {
                service: service.to_vec(),
                host: host.to_vec(),
            },
            (_, []) => {
                return Err(Misuse::Name { text: text.into() }.into());
            }
            _ => Self::Principal(principal.clone()),
        })
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write_escaped(f, service),
            Self::Host { service, host } => {
                write_escaped(f, service)?;
                f.write_str("/")?;
                write_escaped(f, host)
            }
            Self::Principal(principal) => principal.fmt(f),
        }
    }
}

/// Who the client is, as its mechanism names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Name {
    /// A Kerberos principal.
    Kerberos(Principal),
    /// A user of a Windows domain, or of a server on its own (MS-NLMP).
    Ntlm {
        /// The user, by the name that the source of accounts has for it.
        user: String,
        /// The domain, likewise; empty for an account of this server's own.
        domain: String,
    },
    /// Nobody in particular: anonymous Kerberos (RFC 6112) or a null session.
    Anonymous,
    /// A name that only the platform can read further.
    Native(String),
    /// Somebody whose name the platform's library keeps to itself. Two such
    /// are not the same client: decide nothing on it.
    Undisclosed,
}

impl Name {
    /// The Kerberos principal, where it is one.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Kerberos(principal) => Some(principal),
            _ => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kerberos(principal) => principal.fmt(f),
            Self::Ntlm { user, domain } => {
                if !domain.is_empty() {
                    write_escaped(f, domain.as_bytes())?;
                    f.write_str("\\")?;
                }
                write_escaped(f, user.as_bytes())
            }
            Self::Anonymous => f.write_str("anonymous"),
            Self::Native(text) => write_escaped(f, text.as_bytes()),
            Self::Undisclosed => f.write_str("(a name that the platform does not tell)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, Principal, ServiceName};

    /// Rule 2: separators inside a component survive and display escapes
    /// them; expected forms from MIT's `krb5_unparse_name`.
    #[test]
    fn separators_inside_a_component_are_escaped() {
        let principal = Principal::new("R", &["a/b", "c@d", "e\\f"], 1);
        assert_eq!(principal.to_string(), r"a\/b/c\@d/e\\f@R");
        assert_eq!(
            principal.to_string().parse::<Principal>().unwrap(),
            principal
        );
        assert_eq!(principal.components().len(), 3);
    }

    /// The bytes that MIT's `krb5_unparse_name` escapes, and those that no terminal shows as
    /// themselves; every other one stands for itself, alone and within a name.
    #[test]
    fn every_byte_is_shown_or_escaped() {
        for byte in 0..=u8::MAX {
            let shown = match byte {
                b'/' | b'@' | b'\\' => format!("\\{}", char::from(byte)),
                b'\n' => r"\n".into(),
                b'\t' => r"\t".into(),
                8 => r"\b".into(),
                0 => r"\0".into(),
                b' '..=b'~' => char::from(byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            };
            let principal = Principal::new(b"R", &[&[b'a', byte, b'z'][..], &[byte]], 1);
            assert_eq!(principal.to_string(), format!("a{shown}z/{shown}@R"));
        }
    }

    #[test]
    fn a_name_cannot_forge_a_log_line() {
        let principal = Principal::new(b"R", &[b"a\nb\r\x1b\xff".as_slice()], 1);
        assert_eq!(principal.to_string(), r"a\nb\x0d\x1b\xff@R");
        // A line separator and a right-to-left override, in UTF-8.
        let principal = Principal::new("R", &["a\u{2028}b\u{202E}c"], 1);
        let shown = principal.to_string();
        assert_eq!(shown, r"a\xe2\x80\xa8b\xe2\x80\xaec@R");
        assert_eq!(shown.parse::<Principal>().unwrap(), principal);
        assert_eq!(
            r"a\xg\x4".parse::<Principal>().unwrap().to_string(),
            "axgx4"
        );
    }

    #[test]
    fn components_are_compared_one_by_one() {
        let two = Principal::new("R", &["ab", "c"], 1);
        assert_ne!(two, Principal::new("R", &["a", "bc"], 1));
        assert_ne!(two, Principal::new("Ra", &["b", "c"], 1));
        assert_eq!(two, Principal::new("R", &["ab", "c"], 3));
    }

    #[test]
    fn a_name_without_realm_or_text_is_told_apart() {
        assert_eq!("alice".parse::<Principal>().unwrap().realm(), b"");
        for bad in ["", "a@b@c", "a\\", "/", "@R"] {
            assert!(bad.parse::<Principal>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_service_name_covers_what_it_says() {
        let web: Principal = "HTTP/web.example.com@EXAMPLE.COM".parse().unwrap();
        for (name, covers) in [
            ("HTTP", true),
            ("host", false),
            ("HTTP@web.example.com", true),
            ("HTTP/web.example.com", true),
            ("HTTP/other.example.com", false),
            ("HTTP/web.example.com@EXAMPLE.COM", true),
            ("HTTP/web.example.com@EXAMPLE.ORG", false),
        ] {
            let service: ServiceName = name.parse().unwrap();
            assert_eq!(service.covers(&web), covers, "{name}");
        }
        let service: ServiceName = "HTTP/web".parse().unwrap();
        assert!(service.covers_target("http/WEB"));
        assert!(!service.covers_target("http/webb"));
        assert!(!service.covers_target(""));
    }

    #[test]
    fn names_display_as_people_write_them() {
        let ntlm = Name::Ntlm {
            user: "alice".into(),
            domain: "AD".into(),
        };
        assert_eq!(ntlm.to_string(), r"AD\alice");
    }
}
